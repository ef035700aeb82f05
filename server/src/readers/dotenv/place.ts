/** Puts a variable into a dotenv file, or takes it out, and leaves every other byte alone. */
import type { PlaceIntent, Refusal } from '../../core/reader.ts';
import { applyEdits, type TextEdit } from '../../core/sourceText.ts';
import type { TextRange } from '../../core/span.ts';
import { lineBreakOf, lineStartAt, nextLineAt } from '../../core/textLines.ts';
import { parseDotenv, type DotenvEntry } from './entries.ts';

/** Edits that make the file give `intent.name` the value `intent.value`; null takes every line of it away. */
export function placeDotenv(intent: PlaceIntent, text: string): readonly TextEdit[] | Refusal {
  const { name, value } = intent;
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return { refused: `\`${name}\` cannot be written as a key of an environment file.` };
  const same = parseDotenv(text).entries.filter((entry) => entry.name === name);
  if (value === null) return same.map((entry) => removeLine(text, entry));
  const written = writeValue(value, same.at(-1)?.quote ?? '');
  if (written === null) return { refused: `This value of ${name} cannot be written to an environment file so that every loader reads it the same.` };
  const edits = assign(text, same.at(-1), name, written);
  const now = parseDotenv(applyEdits(text, edits)).entries.findLast((entry) => entry.name === name);
  return now?.text === value ? edits : { refused: `${name} cannot be set here, because a line above it is not closed.` };
}

/** The assignment around a range; the range itself when none is there. */
export function entryAt(range: TextRange, text: string): TextRange {
  return parseDotenv(text).entries.find((entry) => entry.start <= range.start && range.start <= entry.end) ?? range;
}

/** Edits that remove the assignment at a range with its line. */
export function removeEntry(range: TextRange, text: string): readonly TextEdit[] | Refusal {
  const entry = parseDotenv(text).entries.find((candidate) => candidate.start <= range.start && range.start <= candidate.end);
  return entry ? [removeLine(text, entry)] : { refused: 'There is no assignment on this line any more.' };
}

function removeLine(text: string, entry: DotenvEntry): TextEdit {
  return { start: lineStart(text, entry), end: nextLineAt(text, entry.end), newText: '' };
}

function assign(text: string, last: DotenvEntry | undefined, name: string, written: string): TextEdit[] {
  if (last) {
    if (text.slice(last.valueStart, last.valueEnd) === written) return [];
    // `KEY=# note` would turn the note into the value, and `KEY=4# note` a note into a part of it.
    const space = last.valueStart === last.valueEnd && /[^\s]/.test(text[last.valueEnd] ?? '\n') ? ' ' : '';
    return [{ start: last.valueStart, end: last.valueEnd, newText: written + space }];
  }
  const lineBreak = lineBreakOf(text);
  const open = text === '' || text === '\uFEFF' || /[\r\n]$/.test(text) ? '' : lineBreak;
  return [{ start: text.length, end: text.length, newText: `${open}${name}=${written}${lineBreak}` }];
}

function lineStart(text: string, entry: DotenvEntry): number {
  const start = lineStartAt(text, entry.start);
  return text[start] === '\uFEFF' ? start + 1 : start;
}

/** The value as the loaders agree on it, in the quotes that stood there if possible; null when they would disagree. */
function writeValue(value: string, quote: '"' | "'" | ''): string | null {
  if (/[\r\n\\]|\$\{/.test(value)) return null;
  const plain = /^[^\s#'"][^\s#'"]*(?:[ \t]+[^\s#'"]+)*$/.test(value) || value === '';
  if (quote === '' && plain) return value;
  const preferred = quote === '' ? '"' : quote;
  if (!value.includes(preferred)) return preferred + value + preferred;
  const other = preferred === '"' ? "'" : '"';
  return value.includes(other) ? null : other + value + other;
}
