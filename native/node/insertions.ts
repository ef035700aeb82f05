/** Text put into a source without moving any line, in a form that can be taken out again. */

const OPEN = '/*tg{*/';
const CLOSE = '/*}tg*/';
const INSERTED = /\/\*tg\{\*\/[\s\S]*?\/\*\}tg\*\//g;

/** Insertions into one text. Of those at one place, what closes stands before what opens, inner before outer. */
export class Insertions {
  readonly #opening = new Map<number, string[]>();
  readonly #closing = new Map<number, string[]>();

  /** Outer first, in the order of the calls. */
  open(at: number, text: string): void {
    const here = this.#opening.get(at);
    if (here) here.push(text);
    else this.#opening.set(at, [text]);
  }

  /** Must be called for the outer first as well. */
  close(at: number, text: string): void {
    const here = this.#closing.get(at);
    if (here) here.unshift(text);
    else this.#closing.set(at, [text]);
  }

  /** Adds what another one has, as if it had been inserted here and now. */
  add(other: Insertions): void {
    for (const [at, texts] of other.#opening) for (const text of texts) this.open(at, text);
    for (const [at, texts] of other.#closing) for (const text of [...texts].reverse()) this.close(at, text);
  }

  get isEmpty(): boolean {
    return this.#opening.size + this.#closing.size === 0;
  }

  apply(source: string): string {
    let result = '';
    let from = 0;
    for (const place of this.#places()) {
      result += source.slice(from, place) + this.#text(place);
      from = place;
    }
    return result + source.slice(from);
  }

  /** Places in the source, ascending, each with the length of all that is inserted up to it, itself included. */
  lengths(): readonly { readonly at: number; readonly until: number }[] {
    let until = 0;
    return this.#places().map((at) => ({ at, until: (until += this.#text(at).length) }));
  }

  #places(): readonly number[] {
    return [...new Set([...this.#closing.keys(), ...this.#opening.keys()])].sort((a, b) => a - b);
  }

  #text(place: number): string {
    return `${OPEN}${[...(this.#closing.get(place) ?? []), ...(this.#opening.get(place) ?? [])].join('')}${CLOSE}`;
  }
}

/** True for a text that has been through `Insertions`. */
export function hasInsertions(text: string): boolean {
  return text.includes(OPEN);
}

/** The text as it was written. */
export function withoutInsertions(text: string): string {
  return text.includes(OPEN) ? text.replace(INSERTED, '') : text;
}

/** The column (from 1) in the line as it was written. */
export function columnAsWritten(line: string, column: number): number {
  let removed = 0;
  for (const match of line.matchAll(INSERTED)) {
    if (match.index + 1 >= column) break;
    // A place within what was inserted stands for the place where it was inserted.
    removed += Math.min(match[0].length, column - 1 - match.index);
  }
  return column - removed;
}
