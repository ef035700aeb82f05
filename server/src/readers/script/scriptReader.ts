/** The reader of TypeScript and JavaScript: split at top-level statements, parse each chunk, resolve names across the file. */
import { lineCommentSuppressions } from '../../core/suppression.ts';
import { readWhole } from '../../core/readWhole.ts';
import type { FileOutline } from '../../core/outlinedFile.ts';
import type { Reader } from '../../core/reader.ts';
import { applyEdits } from '../../core/sourceText.ts';
import { holdsPlacementLaw } from '../placementLaw.ts';
import { brokenLength, parseSyntax } from '../syntaxNode.ts';
import type { SyntaxParser, SyntaxParsers } from '../syntaxParser.ts';
import { assemble } from './assemble.ts';
import { extract } from './extract.ts';
import { readHeads } from './heads.ts';
import { hasThreadToken, isGenerated, leadsNowhere } from './interest.ts';
import { place, remove, statementAt } from './place.ts';
import { openTemplate, split, splitFrom, statementStarts } from './split.ts';
import type { Item, ScriptSyntax } from './syntax.ts';

/** A chunk larger than this is generated data; parsing it would stall the editor. */
const MAX_CHUNK = 500_000;
/** A statement without a thread token is read when it is at most this long: a longer one is a program of its own that says nothing about threads. */
const MAX_TOKENLESS = 20_000;

/** Without any of these, a chunk neither binds, calls, imports nor silences anything. */
const CAN_MATTER = /[=(]|\b(?:import|export|require|function|class|delete)\b|threadgauge:/;

/** Nothing is imported and no main guard can be written without one of the words that are not there. */
const SILENT: FileOutline = { mayHoldMainGuard: false, imports: () => [] };

const EMPTY: ScriptSyntax = { items: [], gaps: [] };
const COPY = { opaque: new Set(['escape_sequence', 'type_annotation', 'interface_declaration', 'type_alias_declaration', 'ambient_declaration', 'type_arguments', 'type_parameters', 'regex', 'enum_declaration', 'jsx_text']), keywords: new Set<string>() };

/** A reader over the two parsers: casts `<T>x` are TypeScript's alone, tags are JSX's. */
export function createScriptReader({ typescript, tsx }: Pick<SyntaxParsers, 'typescript' | 'tsx'>): Reader<ScriptSyntax> {
  const reader: Reader<ScriptSyntax> = {
    id: 'script',
    claims({ uri, languageId, head }) {
      if (/\.d\.[cm]?ts$/i.test(uri) || /[.-]min\.[cm]?js$/i.test(uri) || /\/node_modules\//.test(uri)) return 'no';
      if (/\.[cm]?[jt]s$|\.[jt]sx$/i.test(uri)) return 'certain';
      if (/^(?:javascript|typescript)(?:react)?$/.test(languageId)) return 'certain';
      return languageId === '' && /^#!.*\b(?:node|deno|bun|tsx|ts-node)\b/.test(head) ? 'certain' : 'no';
    },
    split,
    splitFrom,
    outline: (_uri, text) => (!hasThreadToken(text) && leadsNowhere(text) ? SILENT : null),
    read(chunkText) {
      if (!CAN_MATTER.test(chunkText)) return EMPTY;
      const tokenless = !hasThreadToken(chunkText);
      // A whole text that says nothing about threads still leads to other files.
      if (isGenerated(chunkText)) return EMPTY;
      if (tokenless && (chunkText.length > MAX_TOKENLESS || statementStarts(chunkText, 2).length > 1)) return { items: readHeads(chunkText), gaps: [] };
      if (chunkText.length > MAX_CHUNK) {
        const kilobytes = Math.round(chunkText.length / 1000);
        return { items: [], gaps: [{ start: 0, end: Math.min(chunkText.length, 80), reason: 'too-large', message: `This statement is ${kilobytes} kB long and was not read.` }] };
      }
      try {
        const open = openTemplate(chunkText);
        const readable = open === null ? chunkText : chunkText.slice(0, open);
        const before = withSuppressions(parse(readable, typescript, tsx), readable);
        const silent = tokenless && leadsNowhere(chunkText);
        if (open === null) return { ...before, silent };
        return { ...before, silent, gaps: [...before.gaps, { start: open, end: open + 1, reason: 'syntax', message: 'This template literal is not closed; what follows was not read.' }] };
      } catch (error) {
        const detail = error instanceof Error ? error.message : String(error);
        return { items: [], gaps: [{ start: 0, end: Math.min(chunkText.length, 80), reason: 'syntax', message: `This statement could not be read (${detail}).` }] };
      }
    },
    isEmpty: (syntax) => syntax.items.length === 0 && syntax.gaps.length === 0,
    assemble: (uri, chunks) => assemble(uri, chunks),
    place(intent, text, facts, offsets) {
      const edits = place(intent, text, facts, offsets);
      // The program itself is no launch of the file.
      if ('refused' in edits || intent.launchId === '') return edits;
      const after = readWhole(reader, facts.uri, applyEdits(text, edits));
      return holdsPlacementLaw(after, { facts, offsets }, intent) ? edits : { refused: `There is no place in this file where ${intent.name} would reach this program alone.` };
    },
    statementAt,
    remove,
  };
  return reader;
}

/** The grammar with JSX reads most of TypeScript as well; what it cannot place, the other one may. */
function parse(text: string, typescript: SyntaxParser, tsx: SyntaxParser): ScriptSyntax {
  const root = parseSyntax(tsx, text, COPY);
  if (root === null) return EMPTY;
  const broken = brokenLength(root);
  if (broken > 0 && /<[\w.\s,[\]]+>\s*[\w({['"`]/.test(text)) {
    const plain = parseSyntax(typescript, text, COPY);
    if (plain !== null && brokenLength(plain) < broken) return extract(plain, text);
  }
  return extract(root, text);
}

function withSuppressions(syntax: ScriptSyntax, text: string): ScriptSyntax {
  const found = lineCommentSuppressions(text, '//+|/\\*+');
  if (found.length === 0) return syntax;
  const items: Item[] = found.map((fact) => ({ kind: 'suppress', start: fact.span.start, end: fact.span.end, scope: fact.scope, rules: fact.rules, reason: fact.reason, target: { start: fact.target.start, end: fact.target.end } }));
  return { ...syntax, items: [...syntax.items, ...items] };
}
