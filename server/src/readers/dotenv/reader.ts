/** Reads `.env` files: every assignment with the value that python-dotenv and debugpy give it. */
import type { Fact, Gap, SuppressionFact } from '../../core/fact.ts';
import { TOP_LEVEL } from '../../core/fact.ts';
import type { Reader } from '../../core/reader.ts';
import type { Span } from '../../core/span.ts';
import { stringValue, type Value } from '../../core/value.ts';
import { parseSuppression } from '../../core/suppression.ts';
import { lineEndAt, lineStartAt, nextLineAt } from '../../core/textLines.ts';
import { parseDotenv } from './entries.ts';
import { entryAt, placeDotenv, removeEntry } from './place.ts';

/** What one dotenv text says. */
export interface DotenvSyntax {
  readonly facts: readonly Fact[];
  readonly gaps: readonly Gap[];
}

// Files whose name starts with `.env.` but that hold a programming language.
const OTHER_LANGUAGE = /\.(?:[cm]?[jt]sx?|json|ya?ml|py|sh|bash|md|toml|d\.ts)$/i;

/** The reader for dotenv files. It knows no launches; others name the file as `envFile`. */
export const dotenvReader: Reader<DotenvSyntax> = {
  id: 'dotenv',
  claims(file) {
    if (file.languageId === 'dotenv') return 'certain';
    const name = file.uri.slice(file.uri.lastIndexOf('/') + 1);
    if (OTHER_LANGUAGE.test(name)) return 'no';
    return name === '.env' || name.startsWith('.env.') || name.endsWith('.env') ? 'certain' : 'no';
  },
  split(text) {
    return [{ start: 0, end: text.length }];
  },
  read: readDotenv,
  isEmpty(syntax) {
    return syntax.facts.length === 0 && syntax.gaps.length === 0;
  },
  assemble(_uri, chunks) {
    return { facts: chunks.flatMap((c) => c.syntax.facts), gaps: chunks.flatMap((c) => c.syntax.gaps) };
  },
  place(intent, text) {
    return placeDotenv(intent, text);
  },
  statementAt(range, text) {
    return entryAt(range, text);
  },
  remove(range, text) {
    return removeEntry(range, text);
  },
};

function readDotenv(text: string): DotenvSyntax {
  const parts = parseDotenv(text);
  const facts: Fact[] = [];
  const seen = new Map<string, Value>();
  for (const entry of parts.entries) {
    const value = interpolate(entry.text, seen);
    seen.set(entry.name, value);
    facts.push({
      kind: 'setting',
      name: entry.name,
      channel: 'env',
      operation: 'set',
      value,
      raw: text.slice(entry.valueStart, entry.valueEnd),
      span: span(entry.start, entry.end),
      nameSpan: span(entry.nameStart, entry.nameEnd),
      valueSpan: span(entry.valueStart, entry.valueEnd),
      exported: true,
      args: [],
      scope: TOP_LEVEL,
    });
  }
  for (const comment of parts.comments) {
    const suppression = parseSuppression(text.slice(comment.start, comment.end));
    if (suppression) facts.push(suppressionFact(text, comment, suppression));
  }
  facts.sort((a, b) => a.span.start - b.span.start);
  const gaps = parts.bad.map((line): Gap => ({ span: span(line.start, line.end), reason: 'syntax', message: 'This line is not `KEY=VALUE`, so dotenv loaders skip it.' }));
  return { facts, gaps };
}

function suppressionFact(text: string, comment: { start: number; end: number; trailing: boolean }, suppression: { rules: readonly string[] | null; reason: string }): SuppressionFact {
  const from = comment.trailing ? lineStartAt(text, comment.start) : nextLineAt(text, comment.end);
  return { kind: 'suppression', ...suppression, span: span(comment.start, comment.end), target: span(from, lineEndAt(text, from)), scope: TOP_LEVEL };
}

/** `${X}` and `${X:-default}` as python-dotenv reads them: the process's variable first, then the file's own earlier one. */
function interpolate(text: string, earlier: ReadonlyMap<string, Value>): Value {
  const parts: Value[] = [];
  let at = 0;
  for (const match of text.matchAll(/\$\{([^}:]*)(?::-([^}]*))?\}/g)) {
    if (match.index > at) parts.push(stringValue(text.slice(at, match.index)));
    const name = match[1] ?? '';
    parts.push({ kind: 'environment', name, fallback: earlier.get(name) ?? stringValue(match[2] ?? '') });
    at = match.index + match[0].length;
  }
  if (at < text.length || parts.length === 0) parts.push(stringValue(text.slice(at)));
  const only = parts[0];
  return parts.length === 1 && only ? only : { kind: 'concatenation', parts };
}

function span(start: number, end: number): Span {
  return { chunk: 0, start, end };
}
