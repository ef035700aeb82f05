/** Keeps numbers beside the statements they belong to while a document is edited. Knows lines and text, not the editor. */

/** A replacement as the editor reports it; lines and characters are zero-based and refer to the text before the event. */
export interface Change {
  readonly start: { readonly line: number; readonly character: number };
  readonly end: { readonly line: number; readonly character: number };
  /** Line breaks in the new text. */
  readonly insertedBreaks: number;
}

/** Something that belongs to the statement on a line. */
export interface Tracked<T> {
  /** Where it is now; null while the statement is not in the document (deleted, perhaps to be undone). */
  readonly line: number | null;
  /** Characters before the statement on its line. */
  readonly indent: number;
  /** The statement's lines without surrounding blanks, as they were measured; of a compound statement those of its head. */
  readonly text: string;
  readonly value: T;
}

/** Reads a line of the document; undefined beyond its end. */
export type LineAt = (line: number) => string | undefined;

function indentOf(text: string): number {
  return text.length - text.trimStart().length;
}

/** The values on the lines they were measured at. Lines beyond the end are left out. */
export function track<T>(values: readonly { readonly line: number; readonly endLine?: number | undefined; readonly value: T }[], lineAt: LineAt): readonly Tracked<T>[] {
  return values.flatMap(({ line, endLine, value }) => {
    const first = lineAt(line);
    const text = textOf(line, Math.max(1, (endLine ?? line) - line + 1), lineAt);
    return first === undefined || text === undefined ? [] : [{ line, indent: indentOf(first), text, value }];
  });
}

/** So many lines from one on, each without surrounding blanks; undefined when they are not all there. */
function textOf(line: number, count: number, lineAt: LineAt): string | undefined {
  const texts: string[] = [];
  for (let i = 0; i < count; i++) {
    const text = lineAt(line + i);
    if (text === undefined) return undefined;
    texts.push(text.trim());
  }
  return texts.join('\n');
}

/** True when the tracked statement stands on that line, whole and as it was measured. */
function standsAt(tracked: Tracked<unknown>, line: number, lineAt: LineAt): boolean {
  return textOf(line, tracked.text.split('\n').length, lineAt) === tracked.text;
}

/** True when the statement no longer reads as it did when it was measured. */
export function isStale(tracked: Tracked<unknown>, lineAt: LineAt): boolean {
  return tracked.line !== null && !standsAt(tracked, tracked.line, lineAt);
}

/** The lines after the changes of one event, which do not overlap; `lineAt` reads the document after all of them. */
export function applyChanges<T>(lines: readonly Tracked<T>[], changes: readonly Change[], lineAt: LineAt): readonly Tracked<T>[] {
  const ascending = [...changes].sort((a, b) => a.start.line - b.start.line || a.start.character - b.start.character);
  const moved = lines.map((tracked): Tracked<T> => (tracked.line === null ? tracked : { ...tracked, line: movedLine(tracked.line, tracked.indent, ascending) }));
  const inserted: number[] = [];
  let shift = 0;
  for (const change of ascending) {
    for (let i = 0; i <= change.insertedBreaks; i++) inserted.push(change.start.line + shift + i);
    shift += change.insertedBreaks - (change.end.line - change.start.line);
  }
  return revive(moved, inserted, lineAt).map((tracked) => {
    const text = tracked.line === null ? undefined : lineAt(tracked.line);
    return text === undefined ? tracked : { ...tracked, indent: indentOf(text) };
  });
}

function movedLine(line: number, indent: number, ascending: readonly Change[]): number | null {
  let shift = 0;
  for (const { start, end, insertedBreaks } of ascending) {
    if (start.line > line || (start.line === line && start.character > indent)) break;
    const endsBefore = end.line < line || (end.line === line && end.character <= indent);
    if (!endsBefore) {
      // The beginning of the statement was replaced: within one line that is an edited statement, over several it may be gone.
      if (start.line === end.line && insertedBreaks === 0) continue;
      return null;
    }
    shift += insertedBreaks - (end.line - start.line);
  }
  return line + shift;
}

/** Finds lost statements again among the inserted lines, in their order: undo, reformatting, moving a block. */
function revive<T>(lines: readonly Tracked<T>[], candidates: readonly number[], lineAt: LineAt): readonly Tracked<T>[] {
  const taken = new Set(lines.map((tracked) => tracked.line));
  return lines.map((tracked) => {
    if (tracked.line !== null || tracked.text === '') return tracked;
    const line = candidates.find((candidate) => !taken.has(candidate) && standsAt(tracked, candidate, lineAt));
    if (line === undefined) return tracked;
    taken.add(line);
    return { ...tracked, line };
  });
}
