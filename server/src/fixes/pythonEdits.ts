/** Removes, moves and inserts Python statements so that what is left still compiles and finds its names. */
import type { Refusal } from '../core/reader.ts';
import type { TextEdit } from '../core/sourceText.ts';
import type { TextRange } from '../core/span.ts';
import { lineBreakOf } from '../core/textLines.ts';
import { pythonLines, type PythonLine, type PythonPiece } from './pythonLines.ts';
import { importBindings, namesBound, namesUsed } from './pythonNames.ts';

interface Located {
  readonly line: PythonLine;
  readonly index: number;
  readonly piece: PythonPiece;
  readonly pieceIndex: number;
}

/** Edits of one Python text. Several requests share it, so that an import that two of them need moves once. */
export class PythonEdits {
  readonly #text: string;
  readonly #lines: readonly PythonLine[];
  readonly #removed = new Set<PythonPiece>();
  readonly #emptied = new Map<PythonLine, TextEdit>();
  readonly #edits: TextEdit[] = [];
  readonly #moved: { readonly statement: string; readonly to: number }[] = [];

  constructor(text: string) {
    this.#text = text;
    this.#lines = pythonLines(text);
  }

  /** Everything asked for so far, inserts at one place joined. */
  result(): readonly TextEdit[] {
    const joined: TextEdit[] = [];
    for (const edit of [...this.#edits, ...this.#emptied.values()].sort((a, b) => a.start - b.start || a.end - b.end)) {
      const last = joined.at(-1);
      if (last && last.start === last.end && edit.start === edit.end && last.start === edit.start) joined[joined.length - 1] = { ...last, newText: last.newText + edit.newText };
      else joined.push(edit);
    }
    return joined;
  }

  /** Removes the statement that holds `range`, with its line and comment when it is alone there. */
  remove(range: TextRange): Refusal | null {
    const found = this.#locate(range);
    if (!found) return gone();
    this.#removeLocated(found);
    return null;
  }

  /** Moves the statement that holds `range` to a line of its own above the one that holds `before`. */
  moveBefore(range: TextRange, before: TextRange): Refusal | null {
    const source = this.#locate(range);
    const target = this.#locate(before);
    if (!source || !target) return gone();
    if (source.piece === target.piece || this.#removed.has(source.piece)) return null;
    if (source.piece.start < target.piece.start) return { refused: 'It stands before that line already.' };
    if (source.line.opensBlock || (source.line.holdsBody && source.pieceIndex === 0)) return { refused: 'A whole block cannot be moved on its own.' };
    if (this.#lines.some((line, index) => index >= target.index && /^from\s+__future__\b/.test(this.#text.slice(line.start, line.end)))) return { refused: '`from __future__` has to stay the first statement.' };
    const statement = this.#text.slice(source.piece.start, source.piece.end);
    const imports = this.#importsFor(statement, source, target);
    if ('refused' in imports) return imports;
    for (const needed of imports.needed) this.#insertAt(target, needed);
    for (const line of imports.moving) {
      const piece = line.pieces[0];
      if (piece) this.#removeLocated({ line, index: this.#lines.indexOf(line), piece, pieceIndex: 0 });
    }
    const alone = source.line.pieces.length === 1;
    const comment = alone ? this.#comment(source.line) : '';
    this.#insertAt(target, statement, comment);
    this.#removeLocated(source);
    return null;
  }

  /** Inserts statements on lines of their own above the statement that holds `before`. */
  insertBefore(before: TextRange, statements: string): Refusal | null {
    const target = this.#locate(before);
    if (!target) return gone();
    this.#insertAt(target, statements, '', true);
    return null;
  }

  /** Inserts statements on lines of their own below the statement that ends at `after`. */
  insertAfter(after: TextRange, statements: string): Refusal | null {
    const found = this.#locate({ start: Math.max(after.start, after.end - 1), end: after.end });
    if (!found) return gone();
    const { line, piece } = found;
    const lineBreak = lineBreakOf(this.#text);
    if (line.opensBlock) return { refused: 'A statement cannot follow the head of a block.' };
    if (line.holdsBody || found.pieceIndex < line.pieces.length - 1) {
      this.#edits.push({ start: piece.end, end: piece.end, newText: `; ${oneLine(statements)}` });
      return null;
    }
    const body = indent(statements, line.indentation, lineBreak, true);
    const closed = line.next > line.end && /[\r\n]/.test(this.#text[line.next - 1] ?? '');
    this.#edits.push({ start: line.next, end: line.next, newText: closed ? body + lineBreak : lineBreak + body });
    return null;
  }

  #insertAt(target: Located, statements: string, comment = '', everyLine = false): void {
    if (this.#moved.some((moved) => moved.statement === statements && moved.to <= target.piece.start)) return;
    this.#moved.push({ statement: statements, to: target.piece.start });
    const lineBreak = lineBreakOf(this.#text);
    // Between `;` there is no line to stand on; behind the head of a block the line itself is the place.
    if (target.pieceIndex > 0 && !target.line.holdsBody && !statements.includes('\n')) {
      this.#edits.push({ start: target.piece.start, end: target.piece.start, newText: `${statements}; ` });
      return;
    }
    const line = this.#withDecorators(target.index);
    this.#edits.push({ start: line.lineStart, end: line.lineStart, newText: indent(statements, line.indentation, lineBreak, everyLine) + (comment === '' ? '' : `  ${comment}`) + lineBreak });
  }

  #withDecorators(index: number): PythonLine {
    let at = index;
    const { indentation } = this.#lines[index] as PythonLine;
    while (this.#lines[at - 1]?.indentation === indentation && this.#text[this.#lines[at - 1]?.start ?? 0] === '@') at--;
    return this.#lines[at] as PythonLine;
  }

  /** The imports that have to go along, or why the statement cannot stand above `target`. */
  #importsFor(statement: string, source: Located, target: Located): Refusal | { readonly needed: readonly string[]; readonly moving: readonly PythonLine[] } {
    const used = namesUsed(statement);
    const needed: string[] = [];
    const moving: PythonLine[] = [];
    const assigns = namesBound(this.#text, { ...source.line, pieces: [source.piece] });
    for (const name of used) {
      if (this.#boundAbove(name, target)) continue;
      for (let index = target.index; index < source.index; index++) {
        const line = this.#lines[index];
        if (!line) continue;
        const binding = importBindings(this.#text, line)?.find((candidate) => candidate.name === name);
        if (binding) {
          if (!binding.harmless) return { refused: `It uses \`${name}\`, which is imported only below that line.` };
          if (needed.includes(binding.statement)) break;
          needed.push(binding.statement);
          if (binding.alone && index > target.index && line.indentation === target.line.indentation) moving.push(line);
          break;
        }
      }
    }
    // What is bound between the two places has another value, or none, above.
    for (let index = target.index; index < source.index; index++) {
      const line = this.#lines[index];
      if (!line) continue;
      for (const name of namesBound(this.#text, line)) {
        if (used.has(name) && !assigns.has(name)) return { refused: `It uses \`${name}\`, which is set only below that line.` };
        if (assigns.has(name)) return { refused: `\`${name}\` is set in between too, so the order matters.` };
      }
    }
    if (this.#innerBlock(source, target)) return { refused: 'It runs only under a condition or in another function there.' };
    return { needed, moving };
  }

  /** True when the statement stands in a block that the target is outside of, other than the `__main__` guard. */
  #innerBlock(source: Located, target: Located): boolean {
    if (source.line.holdsBody) return true;
    let width = source.line.indentation.length;
    for (let index = source.index - 1; index >= 0 && width > 0; index--) {
      const line = this.#lines[index];
      if (!line || line.indentation.length >= width || !line.opensBlock) continue;
      width = line.indentation.length;
      const inside = index < target.index && target.line.indentation.length > width && this.#lines.slice(index + 1, target.index + 1).every((other) => other.indentation.length > width);
      if (inside) return false;
      if (!/^if\s+__name__\s*==/.test(this.#text.slice(line.start, line.end))) return true;
    }
    return false;
  }

  #boundAbove(name: string, target: Located): boolean {
    for (let index = 0; index < target.index; index++) {
      const line = this.#lines[index];
      if (!line) continue;
      // A binding inside another function does not count here.
      if (line.indentation.length > target.line.indentation.length) continue;
      if (importBindings(this.#text, line)?.some((binding) => binding.name === name)) return true;
    }
    return false;
  }

  #removeLocated({ line, index, piece, pieceIndex }: Located): void {
    if (this.#removed.has(piece)) return;
    this.#removed.add(piece);
    const left = line.pieces.filter((other) => !this.#removed.has(other));
    const header = line.holdsBody ? line.pieces[0] : undefined;
    if (left.length === 0) {
      // Everything on the line is gone, so single removals make way for one of the whole line.
      for (let i = this.#edits.length - 1; i >= 0; i--) {
        const edit = this.#edits[i];
        if (edit && edit.newText === '' && edit.start >= line.start && edit.end <= line.next && edit.end > edit.start) this.#edits.splice(i, 1);
      }
      this.#edits.push({ start: line.lineStart, end: line.next, newText: '' });
      this.#keepBlock(index);
      return;
    }
    if (header && left.length === 1 && left[0] === header) {
      this.#edits.push({ start: piece.start, end: piece.end, newText: 'pass' });
      return;
    }
    const next = line.pieces[pieceIndex + 1];
    const previous = line.pieces[pieceIndex - 1];
    const afterHeader = header !== undefined && pieceIndex === 1;
    if (next) this.#edits.push({ start: piece.start, end: next.start, newText: '' });
    else if (previous && !afterHeader) this.#edits.push({ start: previous.end, end: piece.end, newText: '' });
    else this.#edits.push({ start: piece.start, end: piece.end, newText: 'pass' });
  }

  /** A block that lost its last statement needs `pass`. */
  #keepBlock(index: number): void {
    const line = this.#lines[index] as PythonLine;
    const width = line.indentation.length;
    let head = index - 1;
    while (head >= 0 && (this.#lines[head]?.indentation.length ?? 0) >= width) head--;
    const opener = this.#lines[head];
    if (!opener?.opensBlock) return;
    let last = head + 1;
    while (this.#lines[last] && (this.#lines[last]?.indentation.length ?? 0) > opener.indentation.length) last++;
    const body = this.#lines.slice(head + 1, last);
    if (body.some((other) => other.pieces.some((piece) => !this.#removed.has(piece)))) return;
    const edit = this.#edits.findIndex((other) => other.start === line.lineStart && other.end === line.next && other.newText === '');
    if (edit >= 0) {
      const lineBreak = line.next > line.end && /[\r\n]/.test(this.#text[line.next - 1] ?? '') ? lineBreakOf(this.#text) : '';
      this.#edits[edit] = { start: line.lineStart, end: line.next, newText: `${line.indentation}pass${lineBreak}` };
    }
  }

  #comment(line: PythonLine): string {
    return /#[^\r\n]*/.exec(this.#text.slice(line.end, line.next))?.[0].trimEnd() ?? '';
  }

  #locate(range: TextRange): Located | null {
    const index = this.#lines.findIndex((line) => range.start < line.next && range.start >= line.lineStart);
    const line = this.#lines[index];
    if (!line) return null;
    const pieceIndex = line.pieces.findIndex((piece) => range.start < piece.end || piece === line.pieces.at(-1));
    const piece = line.pieces[pieceIndex];
    return piece ? { line, index, piece, pieceIndex } : null;
  }
}

function gone(): Refusal {
  return { refused: 'The statement is not there any more.' };
}

/** Further lines of a statement that moves keep their form, because they may be inside a string; those of new text do not. */
function indent(statements: string, indentation: string, lineBreak: string, everyLine: boolean): string {
  const [first = '', ...rest] = statements.trimEnd().split(/\r\n|\r|\n/);
  return [indentation + first.trimStart(), ...rest.map((line) => (everyLine && line !== '' ? indentation + line : line))].join(lineBreak);
}

function oneLine(statements: string): string {
  return statements.trim().split(/\s*(?:\r\n|\r|\n)\s*/).join('; ');
}
