/** Joins edits made one after another into one list against the text they started from. */
import type { TextEdit } from '../core/sourceText.ts';

type Piece = { readonly start: number; readonly end: number } | { readonly text: string };

/** A text under edit. Each `apply` takes offsets of the text as it is by then. */
export class EditSequence {
  readonly #original: string;
  #pieces: Piece[];

  constructor(original: string) {
    this.#original = original;
    this.#pieces = original === '' ? [] : [{ start: 0, end: original.length }];
  }

  /** The text as it is now. */
  get text(): string {
    return this.#pieces.map((piece) => ('text' in piece ? piece.text : this.#original.slice(piece.start, piece.end))).join('');
  }

  /** Applies edits that do not overlap one another. Throws a RangeError when they do. */
  apply(edits: readonly TextEdit[]): void {
    const sorted = [...edits].sort((a, b) => a.start - b.start || a.end - b.end);
    for (let i = 1; i < sorted.length; i++) {
      if ((sorted[i]?.start ?? 0) < (sorted[i - 1]?.end ?? 0)) throw new RangeError(`edits overlap at offset ${sorted[i]?.start}`);
    }
    // From the last to the first, so that earlier offsets stay what they were; inserts at one place keep their order.
    for (const edit of sorted.reverse()) this.#applyOne(edit);
  }

  /** One list of edits from the original to the current text, in order, neighbours joined. */
  edits(): readonly TextEdit[] {
    const result: TextEdit[] = [];
    let at = 0;
    let inserted = '';
    const flush = (to: number): void => {
      if (inserted !== '' || to > at) {
        if (this.#original.slice(at, to) !== inserted) result.push({ start: at, end: to, newText: inserted });
      }
      inserted = '';
    };
    for (const piece of this.#pieces) {
      if ('text' in piece) {
        inserted += piece.text;
        continue;
      }
      flush(piece.start);
      at = piece.end;
    }
    flush(this.#original.length);
    return result;
  }

  #applyOne(edit: TextEdit): void {
    const before: Piece[] = [];
    const after: Piece[] = [];
    let at = 0;
    for (const piece of this.#pieces) {
      const length = 'text' in piece ? piece.text.length : piece.end - piece.start;
      const head = Math.min(length, Math.max(0, edit.start - at));
      const tail = Math.min(length, Math.max(0, at + length - edit.end));
      if (head > 0) before.push(slice(piece, 0, head));
      if (tail > 0 && head + tail <= length) after.push(slice(piece, length - tail, length));
      at += length;
    }
    this.#pieces = edit.newText === '' ? [...before, ...after] : [...before, { text: edit.newText }, ...after];
  }
}

function slice(piece: Piece, from: number, to: number): Piece {
  return 'text' in piece ? { text: piece.text.slice(from, to) } : { start: piece.start + from, end: piece.start + to };
}
