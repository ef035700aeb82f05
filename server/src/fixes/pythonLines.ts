/** Logical lines of Python text: where statements start and end, seen through strings, brackets, comments and continuations. */

/** One simple statement, or one header of a block, of a logical line. */
export interface PythonPiece {
  readonly start: number;
  readonly end: number;
}

export interface PythonLine {
  /** First character of the line, its indentation included. */
  readonly lineStart: number;
  /** First character behind the line break; the end of the text for the last line. */
  readonly next: number;
  readonly indentation: string;
  /** First and last character of code. */
  readonly start: number;
  readonly end: number;
  /** Statements between `;`. For `if x: y` the header and what follows the colon are separate pieces. */
  readonly pieces: readonly PythonPiece[];
  /** True when the line ends with the colon of a block. */
  readonly opensBlock: boolean;
  /** True when a block's header and its body stand on this one line. */
  readonly holdsBody: boolean;
}

// `match` and `case` are names as well; what follows tells.
const BLOCK = /(?:async\s+)?(?:(?:if|elif|else|for|while|try|except|finally|with|def|class)\b|(?:match|case)\b(?!\s*(?:[=:.,)\]]|$)))/my;

/** Splits a text into logical lines, blank and comment lines left out. Never throws; one pass. */
export function pythonLines(text: string): readonly PythonLine[] {
  const lines: PythonLine[] = [];
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  while (at < text.length) {
    const lineStart = at;
    let start = at;
    while (text[start] === ' ' || text[start] === '\t' || text[start] === '\f') start++;
    if (start >= text.length) break;
    if (isBreak(text, start) || text[start] === '#') {
      at = afterBreak(text, skipComment(text, start));
      continue;
    }
    const read = readLine(text, start);
    const next = afterBreak(text, skipComment(text, read.stop));
    lines.push({ lineStart, next, indentation: text.slice(lineStart, start), start, end: read.end, pieces: read.pieces, opensBlock: read.opensBlock, holdsBody: read.holdsBody });
    at = Math.max(next, at + 1);
  }
  return lines;
}

interface ReadLine {
  readonly stop: number;
  readonly end: number;
  readonly pieces: readonly PythonPiece[];
  readonly opensBlock: boolean;
  readonly holdsBody: boolean;
}

function readLine(text: string, start: number): ReadLine {
  const pieces: PythonPiece[] = [];
  BLOCK.lastIndex = start;
  let header = BLOCK.test(text);
  let holdsBody = false;
  let opensBlock = false;
  let pieceStart = start;
  let codeEnd = start;
  let depth = 0;
  let lambdas = 0;
  let at = start;
  const close = (end: number, next: number): void => {
    if (codeEnd > pieceStart) pieces.push({ start: pieceStart, end: Math.min(codeEnd, end) });
    pieceStart = next;
    while (text[pieceStart] === ' ' || text[pieceStart] === '\t') pieceStart++;
  };
  while (at < text.length) {
    const char = text[at] ?? '';
    if (char === '#') {
      if (depth === 0) break;
      at = skipComment(text, at);
      continue;
    }
    if (char === '\\' && isBreak(text, at + 1)) {
      at = afterBreak(text, at + 1);
      continue;
    }
    if (isBreak(text, at)) {
      if (depth === 0) break;
      at = afterBreak(text, at);
      continue;
    }
    if (char === '"' || char === "'") {
      at = skipString(text, at);
      codeEnd = at;
      opensBlock = false;
      continue;
    }
    if ('([{'.includes(char)) depth++;
    else if (')]}'.includes(char)) depth = Math.max(0, depth - 1);
    else if (depth === 0 && char === ';') {
      close(at, at + 1);
      at++;
      continue;
    } else if (depth === 0 && char === 'l' && /^lambda\b/.test(text.slice(at, at + 7)) && !/\w/.test(text[at - 1] ?? '')) {
      lambdas++;
    } else if (depth === 0 && char === ':' && header && text[at + 1] !== '=') {
      if (lambdas > 0) {
        lambdas--;
      } else {
        codeEnd = at + 1;
        close(at + 1, at + 1);
        header = false;
        opensBlock = true;
        at++;
        continue;
      }
    }
    if (char !== ' ' && char !== '\t' && char !== '\f') {
      codeEnd = at + 1;
      if (opensBlock) holdsBody = true;
      opensBlock = false;
    }
    at++;
  }
  close(codeEnd, at);
  return { stop: at, end: codeEnd, pieces, opensBlock, holdsBody };
}

function skipString(text: string, at: number): number {
  const quote = text[at] ?? '';
  if (text.startsWith(quote.repeat(3), at)) {
    for (let i = at + 3; i < text.length; i++) {
      if (text[i] === '\\') i++;
      else if (text.startsWith(quote.repeat(3), i)) return i + 3;
    }
    return text.length;
  }
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === '\\') {
      if (text[i + 1] === '\r' && text[i + 2] === '\n') i++;
      i++;
    } else if (text[i] === quote) return i + 1;
    else if (isBreak(text, i)) return i;
  }
  return text.length;
}

function skipComment(text: string, at: number): number {
  let end = at;
  while (end < text.length && !isBreak(text, end)) end++;
  return end;
}

function isBreak(text: string, at: number): boolean {
  return text[at] === '\n' || text[at] === '\r';
}

function afterBreak(text: string, at: number): number {
  if (text[at] === '\r' && text[at + 1] === '\n') return at + 2;
  return Math.min(at + 1, text.length);
}
