/** One version of one file's text, with the line index that the rim uses. */
import type { TextRange } from './span.ts';

/** What is known about a file before it is read. */
export interface FileIdentity {
  /** A URI, e.g. `file:///work/app.py`. */
  readonly uri: string;
  /** The editor's language id (`python`, `shellscript`, `jsonc`, `dotenv`), or `''` when unknown. */
  readonly languageId: string;
}

/** An immutable snapshot of a file. Offsets are UTF-16 code units; lines and columns exist only at the rim. */
export interface SourceText extends FileIdentity {
  readonly version: number;
  readonly text: string;
}

/** A zero-based line and UTF-16 column. */
export interface LinePosition {
  readonly line: number;
  readonly column: number;
}

/** Converts between offsets and lines. Lines end at `\n`, `\r\n` or a lone `\r`. */
export class LineIndex {
  readonly #starts: number[];
  readonly #length: number;

  constructor(text: string) {
    const starts = [0];
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code === 10) starts.push(i + 1);
      else if (code === 13 && text.charCodeAt(i + 1) !== 10) starts.push(i + 1);
    }
    this.#starts = starts;
    this.#length = text.length;
  }

  get lineCount(): number {
    return this.#starts.length;
  }

  /** The position of an offset; offsets outside the text are clamped. */
  positionAt(offset: number): LinePosition {
    const clamped = Math.max(0, Math.min(offset, this.#length));
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= clamped) low = middle;
      else high = middle - 1;
    }
    return { line: low, column: clamped - (this.#starts[low] ?? 0) };
  }

  /** The offset of a position; lines and columns outside the text are clamped. */
  offsetAt(position: LinePosition): number {
    if (position.line < 0) return 0;
    const start = this.#starts[position.line];
    if (start === undefined) return this.#length;
    const next = this.#starts[position.line + 1] ?? this.#length + 1;
    return Math.min(start + Math.max(0, position.column), Math.max(start, next - 1), this.#length);
  }

  /** The offset at which a zero-based line starts. */
  lineStart(line: number): number {
    return this.#starts[line] ?? this.#length;
  }
}

/** A replacement of a range of one version of a text. */
export interface TextEdit extends TextRange {
  readonly newText: string;
}

/** Applies edits that do not overlap; order of the list does not matter. Throws a RangeError on overlap. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  const sorted = [...edits].sort((a, b) => a.start - b.start || a.end - b.end);
  let result = '';
  let position = 0;
  for (const edit of sorted) {
    if (edit.start < position) throw new RangeError(`edits overlap at offset ${edit.start}`);
    result += text.slice(position, edit.start) + edit.newText;
    position = edit.end;
  }
  return result + text.slice(position);
}
