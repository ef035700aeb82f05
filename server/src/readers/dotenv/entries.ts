/** Splits a dotenv text into assignments, comments and lines that are neither, by python-dotenv's grammar. */
import { lineEndAt, nextLineAt } from '../../core/textLines.ts';

/** One `KEY=VALUE`. All offsets are absolute. */
export interface DotenvEntry {
  /** From `export` or the key to the end of the value. */
  readonly start: number;
  readonly end: number;
  readonly name: string;
  readonly nameStart: number;
  readonly nameEnd: number;
  /** Quotes included; an empty range behind `=` when there is no value. */
  readonly valueStart: number;
  readonly valueEnd: number;
  readonly quote: '"' | "'" | '';
  /** The value with quotes, escapes and a trailing comment gone; `${X}` is still in it. */
  readonly text: string;
}

/** What a text consists of, in document order. */
export interface DotenvParts {
  readonly entries: readonly DotenvEntry[];
  readonly comments: readonly { readonly start: number; readonly end: number; readonly trailing: boolean }[];
  /** Lines that python-dotenv refuses. */
  readonly bad: readonly { readonly start: number; readonly end: number }[];
}

const KEY = /(?:export[ \t\v\f]+)?('[^'\r\n]+'|[^=#\s'][^=#\s]*)[ \t\v\f]*/y;
const DOUBLE = /"((?:\\"|[^"])*)"/y;
const SINGLE = /'((?:\\'|[^'])*)'/y;
const TAIL = /[ \t\v\f]*(#[^\r\n]*)?(?=[\r\n]|$)/y;
const ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** Reads a whole text. Never throws; time is linear in the text. */
export function parseDotenv(text: string): DotenvParts {
  const entries: DotenvEntry[] = [];
  const comments: { start: number; end: number; trailing: boolean }[] = [];
  const bad: { start: number; end: number }[] = [];
  // An unclosed quote would otherwise be searched for to the end of the text once per line.
  const lastQuote = { '"': text.lastIndexOf('"'), "'": text.lastIndexOf("'") };
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  while (at < text.length) {
    const lineEnd = lineEndAt(text, at);
    let start = at;
    while (start < lineEnd && /\s/.test(text[start] ?? '')) start++;
    if (start === lineEnd) {
      at = nextLineAt(text, lineEnd);
      continue;
    }
    if (text[start] === '#') {
      comments.push({ start, end: lineEnd, trailing: false });
      at = nextLineAt(text, lineEnd);
      continue;
    }
    const key = matchAt(KEY, text, start);
    const keyText = key?.[1] ?? '';
    const afterKey = start + (key?.[0].length ?? 0);
    if (!key || afterKey > lineEnd || (text[afterKey] !== '=' && !endsLine(text, afterKey))) {
      bad.push({ start, end: lineEnd });
      at = nextLineAt(text, lineEnd);
      continue;
    }
    if (text[afterKey] !== '=') {
      // A key alone: python-dotenv reads it as "no value" and sets nothing.
      const tail = matchAt(TAIL, text, afterKey);
      if (tail?.[1]) comments.push({ start: lineEnd - tail[1].length, end: lineEnd, trailing: true });
      at = nextLineAt(text, lineEnd);
      continue;
    }
    let valueStart = afterKey + 1;
    while (valueStart < lineEnd && /[ \t\v\f]/.test(text[valueStart] ?? '')) valueStart++;
    const quoteChar = text[valueStart];
    const quote = quoteChar === '"' || quoteChar === "'" ? quoteChar : '';
    let valueEnd: number;
    let value: string;
    let comment: string | undefined;
    if (quote !== '') {
      const match = lastQuote[quote] > valueStart ? matchAt(quote === '"' ? DOUBLE : SINGLE, text, valueStart) : null;
      const tail = match ? matchAt(TAIL, text, valueStart + match[0].length) : null;
      if (!match || !tail) {
        if (!match) lastQuote[quote] = Math.min(lastQuote[quote], valueStart);
        bad.push({ start, end: lineEnd });
        at = nextLineAt(text, lineEnd);
        continue;
      }
      valueEnd = valueStart + match[0].length;
      value = decodeEscapes(match[1] ?? '', quote);
      comment = tail[1];
    } else {
      // A `#` starts a comment behind a blank only: `L=#x` has a value, `L= #x` has none.
      const raw = text.slice(afterKey + 1, lineEnd);
      const hash = /\s#/.exec(raw);
      const code = hash ? raw.slice(0, hash.index) : raw;
      value = code.trim();
      valueStart = Math.min(valueStart, afterKey + 1 + code.length);
      valueEnd = valueStart + value.length;
      comment = hash ? raw.slice(hash.index + 1) : undefined;
    }
    const nameStart = start + key[0].lastIndexOf(keyText);
    const quotedKey = keyText.startsWith("'");
    if (value === '' && quote === '') valueStart = valueEnd = afterKey + 1;
    entries.push({
      start,
      end: valueEnd,
      name: quotedKey ? keyText.slice(1, -1) : keyText,
      nameStart: nameStart + (quotedKey ? 1 : 0),
      nameEnd: nameStart + keyText.length - (quotedKey ? 1 : 0),
      valueStart,
      valueEnd,
      quote,
      text: value,
    });
    const end = lineEndAt(text, valueEnd);
    if (comment !== undefined) comments.push({ start: end - comment.length, end, trailing: true });
    at = nextLineAt(text, end);
  }
  return { entries, comments, bad };
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function endsLine(text: string, at: number): boolean {
  return matchAt(TAIL, text, at) !== null;
}

function decodeEscapes(text: string, quote: '"' | "'"): string {
  if (quote === "'") return text.replace(/\\([\\'])/g, '$1');
  return text.replace(/\\([\\'"abfnrtv])/g, (_, char: string) => ESCAPES[char] ?? char);
}
