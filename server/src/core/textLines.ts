/** Lines of a text around an offset; a line ends at `\n`, `\r\n` or a lone `\r`. */

/** Offset at which the line that holds `offset` starts. */
export function lineStartAt(text: string, offset: number): number {
  let start = offset;
  while (start > 0 && !isBreak(text, start - 1, offset)) start--;
  return start;
}

/** Offset at which the line that holds `offset` ends, its line break not included. */
export function lineEndAt(text: string, offset: number): number {
  let end = offset;
  while (end < text.length && text[end] !== '\n' && text[end] !== '\r') end++;
  return end;
}

/** Offset behind the line break that ends the line that holds `offset`; the end of the text on the last line. */
export function nextLineAt(text: string, offset: number): number {
  const end = lineEndAt(text, offset);
  if (text[end] === '\r' && text[end + 1] === '\n') return end + 2;
  return Math.min(end + 1, text.length);
}

/** The line break a text uses: that of its first line, `\n` when it has one line only. */
export function lineBreakOf(text: string): '\n' | '\r\n' | '\r' {
  const end = lineEndAt(text, 0);
  if (text[end] === '\r') return text[end + 1] === '\n' ? '\r\n' : '\r';
  return '\n';
}

/** White space (blanks and tabs) at the start of the line that holds `offset`. */
export function indentationAt(text: string, offset: number): string {
  const start = lineStartAt(text, offset);
  let end = start;
  while (text[end] === ' ' || text[end] === '\t') end++;
  return text.slice(start, end);
}

/** True when only blanks and tabs stand before `offset` on its line. A byte order mark does not count. */
export function startsLine(text: string, offset: number): boolean {
  return /^\uFEFF?[ \t]*$/.test(text.slice(lineStartAt(text, offset), offset));
}

// A `\r` directly before `\n` is half a break: an offset between the two still belongs to the line they end.
function isBreak(text: string, at: number, offset: number): boolean {
  if (text[at] === '\n') return true;
  return text[at] === '\r' && !(text[at + 1] === '\n' && offset === at + 1);
}
