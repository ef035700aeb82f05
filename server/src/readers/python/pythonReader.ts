/** The reader of Python files: split at top-level statements, parse each chunk, resolve names across the file. */
import type { Reader } from '../../core/reader.ts';
import { assemble, roleOf } from './assemble.ts';
import { extract } from './extract.ts';
import { brokenLength } from '../syntaxNode.ts';
import type { SyntaxParser } from '../syntaxParser.ts';
import { parseFast } from './fastParse.ts';
import { parsePython, parseWithGrammar, type PythonNode } from './pythonNode.ts';
import { closeOpenParts, openTripleQuote, originalOffset } from './repair.ts';
import { outlineOf } from './outline.ts';
import { isSilent } from './silence.ts';
import { split, splitFrom } from './split.ts';
import { statementEnds } from './statementEnds.ts';
import { statements } from './statements.ts';
import type { PythonSyntax } from './syntax.ts';

/** A chunk larger than this is generated data; parsing it would stall the editor. */
const MAX_CHUNK = 500_000;

/** Without any of these, a chunk neither binds, calls, imports nor silences anything. */
const CAN_MATTER = /[=(@]|\b(?:import|del|def|class|global)\b|threadgauge:/;

/** A name that receives a large literal of data: nothing in it can be a thread setting. */
const DATA_LITERAL = /^(?:\s*#[^\n]*\n)*\s*\w+(?:\s*:[^=\n]+)?\s*=\s*[[{("'rbf]/;
const DATA_LIMIT = 4_000;

const EMPTY: PythonSyntax = { items: [], mentions: [], gaps: [] };

/** A reader over the given parser, which must be one for Python. */
export function createPythonReader(parser: SyntaxParser): Reader<PythonSyntax> {
  return {
    id: 'python',
    claims({ uri, languageId, head }) {
      if (languageId === 'python' || /\.pyw?$/i.test(uri)) return 'certain';
      if (languageId === '' && /^#!.*\bpython[\d.]*\b/.test(head)) return 'certain';
      return 'no';
    },
    split: (text) => splitFrom(text, 0, () => false),
    splitFrom,
    outline: (uri, text) => (roleOf(uri) === null ? outlineOf(text, trees) : null),
    read(chunkText) {
      if (!canMatter(chunkText)) return EMPTY;
      // Only a text that says nothing comes as a whole.
      if (isSilent(chunkText) && split(chunkText).length > 1) return EMPTY;
      if (chunkText.length > MAX_CHUNK) {
        const kilobytes = Math.round(chunkText.length / 1000);
        return { items: [], mentions: [], gaps: [{ start: 0, end: Math.min(chunkText.length, 80), reason: 'too-large', message: `This statement is ${kilobytes} kB long and was not read.` }] };
      }
      try {
        const common = parseFast(chunkText);
        if (common !== null) return extract(common, chunkText, true);
        const open = openTripleQuote(chunkText);
        if (open === null) return parse(parser, chunkText);
        const before = parse(parser, chunkText.slice(0, open));
        return { ...before, gaps: [...before.gaps, { start: open, end: open + 3, reason: 'syntax', message: `This \`${chunkText.slice(open, open + 3)}\` is not closed; what follows was not read.` }] };
      } catch (error) {
        const detail = error instanceof Error ? error.message : String(error);
        return { items: [], mentions: [], gaps: [{ start: 0, end: Math.min(chunkText.length, 80), reason: 'syntax', message: `This statement could not be read (${detail}).` }] };
      }
    },
    isEmpty: (syntax) => syntax.items.length === 0 && syntax.gaps.length === 0 && syntax.mentions.length === 0,
    assemble: (uri, chunks, once) => assemble(uri, chunks, once),
    statementEnds: (text, lines) => statementEnds(parser, text, lines),
    statements: (text) => statements(parser, text),
  };
}

/** False for a chunk that neither binds, calls, imports nor silences anything, and for data. */
function canMatter(chunkText: string): boolean {
  if (!CAN_MATTER.test(chunkText)) return false;
  return chunkText.length <= DATA_LIMIT || !DATA_LITERAL.test(chunkText) || /[\w)\]]\s*\(|threadgauge:|\benviron\b/.test(chunkText);
}

/** The chunks of a text that can matter, with their trees; null for one that is not common Python. */
function* trees(text: string): Iterable<{ readonly chunk: string; readonly tree: PythonNode | null }> {
  for (const { start, end } of split(text)) {
    const chunk = text.slice(start, end);
    if (canMatter(chunk)) yield { chunk, tree: chunk.length > MAX_CHUNK ? null : parseFast(chunk) };
  }
}

function parse(parser: SyntaxParser, text: string): PythonSyntax {
  const root = parseWithGrammar(parser, text);
  return root === null ? EMPTY : (readRepaired(parser, text, brokenLength(root)) ?? extract(root, text));
}

/** Reads a broken chunk with its open brackets and quotes closed; null when that does not help. */
function readRepaired(parser: SyntaxParser, chunkText: string, broken: number): PythonSyntax | null {
  if (broken === 0) return null;
  const repaired = closeOpenParts(chunkText);
  if (repaired === null) return null;
  const original = originalOffset(repaired.insertions);
  // With the brackets closed the text may turn out to be several statements, of which one is broken for another reason.
  const children = split(repaired.text).flatMap(({ start, end }) => parsePython(parser, repaired.text.slice(start, end), (offset) => original(start + offset))?.children ?? []);
  const root: PythonNode = { type: 'module', field: null, start: 0, end: chunkText.length, missing: false, children };
  if (brokenLength(root) >= broken) return null;
  const syntax = extract(root, chunkText);
  const gaps = repaired.insertions.map(({ opened }) => ({ start: opened, end: opened + 1, reason: 'syntax' as const, message: `This \`${chunkText[opened] ?? ''}\` is not closed.` }));
  return { ...syntax, gaps: [...gaps.slice(0, 8), ...syntax.gaps] };
}
