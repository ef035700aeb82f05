/** The statements of Python, with the blocks inside them, as the probe's `ast` has them. */
import type { Statement } from '../../core/reader.ts';
import type { SyntaxParser } from '../syntaxParser.ts';
import { parsePython, type PythonNode } from './pythonNode.ts';
import { split } from './split.ts';

const STATEMENT = /_(?:statement|definition)$/;
const CLAUSE = /^(?:except_clause|except_group_clause|finally_clause|else_clause|case_clause)$/;
const LOOPS: ReadonlySet<string> = new Set(['for_statement', 'while_statement']);

/** See `Reader.statements`. Parts that cannot be parsed are left out. */
export function statements(parser: SyntaxParser, text: string): readonly Statement[] {
  return split(text).flatMap((chunk) => {
    const root = parsePython(parser, text.slice(chunk.start, chunk.end), (offset) => chunk.start + offset);
    return root === null ? [] : block(root, text);
  });
}

function block(node: PythonNode, text: string): Statement[] {
  return node.children.flatMap((child) => (STATEMENT.test(child.type) ? [statement(child, text)] : []));
}

function statement(node: PythonNode, text: string): Statement {
  if (node.type === 'decorated_definition') {
    const definition = node.children.find((child) => STATEMENT.test(child.type));
    if (definition) return { ...statement(definition, text), start: node.start };
  }
  const blocks = node.type === 'if_statement' ? branches(node, text) : blocksOf(node, text);
  const end = blocks.length === 0 ? node.end : Math.max(...blocks.flat().map((inner) => inner.end), node.start);
  const kind = node.type === 'function_definition' ? 'function' : node.type === 'class_definition' ? 'class' : LOOPS.has(node.type) ? 'loop' : 'other';
  const name = kind === 'function' || kind === 'class' ? node.children.find((child) => child.field === 'name') : undefined;
  return { start: node.start, end, head: node.start, kind, name: name ? text.slice(name.start, name.end) : null, blocks };
}

function blocksOf(node: PythonNode, text: string): Statement[][] {
  return node.children.flatMap((child): Statement[][] => {
    if (CLAUSE.test(child.type)) return blocksOf(child, text);
    if (child.type !== 'block') return [];
    const cases = child.children.filter(({ type }) => type === 'case_clause');
    if (cases.length > 0) return cases.flatMap((one) => blocksOf(one, text));
    const inner = block(child, text);
    return inner.length > 0 ? [inner] : [];
  });
}

/** The branches of an `if`: an `elif` is an `if` by itself, within the branch for all other cases. */
function branches(node: PythonNode, text: string): Statement[][] {
  const clauses = node.children.filter(({ type }) => type === 'elif_clause' || type === 'else_clause');
  const own = blocksOf({ ...node, children: node.children.filter((child) => !clauses.includes(child)) }, text);
  const rest = clauses.reduceRight<Statement[] | null>((after, clause) => {
    const inner = blocksOf(clause, text);
    if (clause.type === 'else_clause') return inner[0] ?? null;
    const blocks = [...inner, ...(after ? [after] : [])];
    return [{ start: clause.start, end: Math.max(clause.start, ...blocks.flat().map(({ end }) => end)), head: clause.start, kind: 'other', name: null, blocks }];
  }, null);
  return rest ? [...own, rest] : own;
}
