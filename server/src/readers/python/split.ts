/** Cuts Python text into its column-0 statements in one linear pass, whether or not the text is valid. */
import type { TextRange } from '../../core/span.ts';
import { isSilent } from './silence.ts';

const TAB = 9;
const LINE_FEED = 10;
const FORM_FEED = 12;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const DOUBLE_QUOTE = 34;
const HASH = 35;
const SINGLE_QUOTE = 39;
const AT = 64;
const BACKSLASH = 92;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const BYTE_ORDER_MARK = 0xfeff;

/** What the scanner has to do at an ASCII character; 0 means nothing. */
const ACTION = new Uint8Array(128);
const NEWLINE = 1;
const OPEN = 2;
const CLOSE = 3;
const QUOTE = 4;
const COMMENT = 5;
const ESCAPE = 6;
for (const [characters, action] of [
  ['\n\r', NEWLINE],
  ['([{', OPEN],
  [')]}', CLOSE],
  ['"\'', QUOTE],
  ['#', COMMENT],
  ['\\', ESCAPE],
] as const) {
  for (const character of characters) ACTION[character.charCodeAt(0)] = action;
}

/** Words that carry on the statement above: they belong to the same chunk. */
const CONTINUATIONS: ReadonlySet<string> = new Set(['else', 'elif', 'except', 'finally']);

/** Words that cannot start a line inside brackets, so that an open bracket is a mistake when one does. */
const HARD_WORDS: ReadonlySet<string> = new Set(['def', 'class', 'import', 'return', 'with', 'while', 'try', 'raise', 'del', 'assert', 'global', 'nonlocal', 'pass', 'break', 'continue']);

/** A statement head is looked for in this many characters. */
const HEAD_LIMIT = 300;

/** Words that can start a line inside brackets, but only when the line is no whole statement head. */
const STATEMENT_HEADS: ReadonlyMap<string, RegExp> = new Map([
  ['from', /^from[ \t]+[.\w]+[ \t]+import\b/],
  ['async', /^async[ \t]+(?:def|with)\b/],
  ['if', /^if\b[^#\n\r]*:[ \t]*(?:#[^\n\r]*)?$/],
  ['for', /^for\b[^#\n\r]*\bin\b[^#\n\r]*:[ \t]*(?:#[^\n\r]*)?$/],
]);

/**
 * Consecutive ranges that cover the text, one for each column-0 statement.
 *
 * Decorators stay with what they decorate, `else`/`elif`/`except`/`finally` with their head,
 * and column-0 comments with the statement that follows. A bracket left open ends at the next
 * line that can only be a statement; a triple quote left open takes the rest of the text.
 */
export function split(text: string): readonly TextRange[] {
  return statementsFrom(text, 0, () => false);
}

/** The chunks of a file from one of their starts on: its statements, or the text as a whole when it says nothing. */
export function splitFrom(text: string, from: number, isKnown: (start: number) => boolean): readonly TextRange[] {
  return isSilent(text) ? [{ start: 0, end: text.length }] : statementsFrom(text, from, isKnown);
}

/**
 * The ranges from one of the starts that `split` would find on; the scan ends where `isKnown` says that a start is known.
 * What comes before a start has no influence on what is found from there on.
 */
function statementsFrom(text: string, from: number, isKnown: (start: number) => boolean): readonly TextRange[] {
  const starts: number[] = [from];
  const length = text.length;
  let position = from === 0 && text.charCodeAt(0) === BYTE_ORDER_MARK ? 1 : from;
  let depth = 0;
  let seenStatement = false;
  let afterDecorator = false;
  let commentStart = -1;
  let continued = false;
  let lineStart = true;
  const returns = text.includes('\r');

  // Before this offset a formatted string is known not to end, so that each line is followed only once.
  let plainBefore = 0;
  const skipString = (quote: number): number => {
    const triple = endOfTriple(text, quote);
    if (triple !== null) return triple;
    if (quote >= plainBefore && isFormatted(text, quote)) {
      const end = endOfFormatted(text, quote);
      if (end > 0) return end;
      plainBefore = -end;
    }
    return endOfPlain(text, quote);
  };

  let found = 1;
  while (position < length) {
    if (lineStart) {
      lineStart = false;
      const begin = position;
      while (text.charCodeAt(position) === FORM_FEED) position++;
      const code = text.charCodeAt(position);
      if (continued || depth > 0) {
        continued = false;
        if (isWordStart(code) && isStatementLine(text, position)) {
          depth = 0;
          if (seenStatement && !afterDecorator) starts.push(begin);
          afterDecorator = false;
          commentStart = -1;
        }
      } else if (code === HASH) {
        if (commentStart < 0) commentStart = begin;
      } else if (code === SPACE || code === TAB) {
        if (!isBlankOrComment(text, position)) commentStart = -1;
      } else if (code !== LINE_FEED && code !== CARRIAGE_RETURN && position < length) {
        const word = isWordStart(code) ? wordAt(text, position) : '';
        const joins = CONTINUATIONS.has(word) || (afterDecorator && (code === AT || word === 'def' || word === 'class' || word === 'async'));
        if (seenStatement && !joins) starts.push(commentStart >= 0 ? commentStart : begin);
        commentStart = -1;
        seenStatement = true;
        afterDecorator = code === AT;
      }
      if (starts.length > found) {
        found = starts.length;
        if (isKnown(starts[found - 1] ?? 0)) return rangesOf(starts.slice(0, -1), starts[found - 1] ?? 0);
      }
    }

    const code = text.charCodeAt(position);
    switch (code < 128 ? ACTION[code] : 0) {
      case NEWLINE:
        position += code === CARRIAGE_RETURN && text.charCodeAt(position + 1) === LINE_FEED ? 2 : 1;
        lineStart = true;
        break;
      case OPEN:
        depth++;
        position++;
        break;
      case CLOSE:
        if (depth > 0) depth--;
        position++;
        break;
      case QUOTE:
        position = skipString(position);
        break;
      case COMMENT:
        position = returns ? endOfLine(text, position) : endOfLineFeed(text, position);
        break;
      case ESCAPE: {
        const next = text.charCodeAt(position + 1);
        if (next === LINE_FEED || next === CARRIAGE_RETURN) {
          continued = true;
          lineStart = true;
          position += next === CARRIAGE_RETURN && text.charCodeAt(position + 2) === LINE_FEED ? 3 : 2;
        } else position++;
        break;
      }
      default:
        position++;
    }
  }

  return rangesOf(starts, length);
}

function rangesOf(starts: readonly number[], end: number): readonly TextRange[] {
  return starts.map((start, i) => ({ start, end: starts[i + 1] ?? end }));
}

/** The offset just after the string whose quote is at `quote`. */
export function endOfString(text: string, quote: number): number {
  const triple = endOfTriple(text, quote);
  if (triple !== null) return triple;
  const end = isFormatted(text, quote) ? endOfFormatted(text, quote) : 0;
  return end > 0 ? end : endOfPlain(text, quote);
}

/** The offset just after a triple-quoted string, or null when the quote at `start` opens no such string. */
function endOfTriple(text: string, start: number): number | null {
  const quote = text.charCodeAt(start);
  if (text.charCodeAt(start + 1) !== quote || text.charCodeAt(start + 2) !== quote) return null;
  const triple = quote === DOUBLE_QUOTE ? '"""' : "'''";
  let from = start + 3;
  for (;;) {
    const end = text.indexOf(triple, from);
    if (end < 0) return text.length;
    // A backslash takes the character behind it along.
    let at = end;
    while (at > from && text.charCodeAt(at - 1) === BACKSLASH) at--;
    if ((end - at) % 2 === 0) return end + 3;
    from = end + 1;
  }
}

/** The offset just after a one-line string; one that is not closed ends with its line. */
function endOfPlain(text: string, start: number): number {
  const quote = text.charCodeAt(start);
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === BACKSLASH) {
      if (text.charCodeAt(i + 1) === CARRIAGE_RETURN && text.charCodeAt(i + 2) === LINE_FEED) i++;
      i++;
    } else if (code === quote) return i + 1;
    else if (code === LINE_FEED || code === CARRIAGE_RETURN) return i;
  }
  return text.length;
}

/** How far a formatted string is followed; only one that nests its own quotes needs to be. */
const FORMATTED_LIMIT = 1000;

/**
 * The offset just after a one-line f-string, whose braces may hold further strings with the same quotes.
 * When it does not end on its line, the negative of the offset at which that was found.
 */
function endOfFormatted(text: string, start: number): number {
  const quotes = [text.charCodeAt(start)];
  const braces = [0];
  const formatted = [true];
  const limit = Math.min(text.length, start + FORMATTED_LIMIT);
  for (let i = start + 1; i < limit; i++) {
    const code = text.charCodeAt(i);
    const top = quotes.length - 1;
    const depth = braces[top] ?? 0;
    if (code === LINE_FEED || code === CARRIAGE_RETURN) return -i;
    if (depth === 0) {
      if (code === BACKSLASH) i++;
      else if (code === quotes[top]) {
        if (top === 0) return i + 1;
        quotes.pop();
        braces.pop();
        formatted.pop();
      } else if (code === OPEN_BRACE && formatted[top] === true) {
        if (text.charCodeAt(i + 1) === OPEN_BRACE) i++;
        else braces[top] = 1;
      }
    } else if (code === OPEN_BRACE) braces[top] = depth + 1;
    else if (code === CLOSE_BRACE) braces[top] = depth - 1;
    else if (code === DOUBLE_QUOTE || code === SINGLE_QUOTE) {
      quotes.push(code);
      braces.push(0);
      formatted.push(isFormatted(text, i));
    }
  }
  return -limit;
}

/** True when the letters before a quote make it an f-string or a t-string. */
function isFormatted(text: string, quote: number): boolean {
  for (let i = quote - 1; i >= 0 && i >= quote - 2; i--) {
    const letter = text.charCodeAt(i) | 32;
    if (letter === 102 || letter === 116) return true;
    if (letter !== 114) return false;
  }
  return false;
}

function isWordStart(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95;
}

function wordAt(text: string, start: number): string {
  let end = start;
  while (end < start + 12 && isWordStart(text.charCodeAt(end))) end++;
  return text.slice(start, end);
}

/** True when a line in brackets can only be the start of a statement. */
function isStatementLine(text: string, start: number): boolean {
  const word = wordAt(text, start);
  const after = text.charCodeAt(start + word.length);
  // `pass=1` or `def_` are no statements; a keyword is followed by a blank, a colon, or the end of the line.
  if (HARD_WORDS.has(word)) return after === SPACE || after === TAB || after === 58 || after === LINE_FEED || after === CARRIAGE_RETURN || Number.isNaN(after);
  return STATEMENT_HEADS.get(word)?.test(text.slice(start, Math.min(endOfLine(text, start), start + HEAD_LIMIT))) ?? false;
}

function isBlankOrComment(text: string, start: number): boolean {
  let i = start;
  let code = text.charCodeAt(i);
  while (code === SPACE || code === TAB || code === FORM_FEED) code = text.charCodeAt(++i);
  return code === HASH || code === LINE_FEED || code === CARRIAGE_RETURN || Number.isNaN(code);
}

function endOfLineFeed(text: string, start: number): number {
  const end = text.indexOf('\n', start);
  return end < 0 ? text.length : end;
}

function endOfLine(text: string, start: number): number {
  let i = start;
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === LINE_FEED || code === CARRIAGE_RETURN) break;
  }
  return i;
}
