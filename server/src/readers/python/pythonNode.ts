/** A syntax tree as plain objects: one copy out of the parser's memory, after which the tree can be freed. */
import type { SyntaxParser } from './syntaxParser.ts';

export interface PythonNode {
  readonly type: string;
  readonly field: string | null;
  readonly start: number;
  readonly end: number;
  readonly missing: boolean;
  /** Named children, and the unnamed ones that decide meaning (operators, `async`). */
  readonly children: readonly PythonNode[];
}

/** Nothing that people write nests deeper; generated text does, and deep recursion would end the analysis. */
const MAX_DEPTH = 400;

/** Leaves of these are never looked at. */
const OPAQUE: ReadonlySet<string> = new Set(['escape_sequence', 'type', 'string_start', 'string_end']);

/** Parses and copies; null when the parser gives up. `map` moves offsets, e.g. back to a text before repair. */
export function parsePython(parser: SyntaxParser, text: string, map: (offset: number) => number = (offset) => offset): PythonNode | null {
  const tree = parser.parse(text);
  if (tree === null) return null;
  try {
    const cursor = tree.walk();
    try {
      return copy(cursor, 0, map);
    } finally {
      cursor.delete();
    }
  } finally {
    tree.delete();
  }
}

type Cursor = ReturnType<NonNullable<ReturnType<SyntaxParser['parse']>>['walk']>;

function copy(cursor: Cursor, depth: number, map: (offset: number) => number): PythonNode {
  const type = cursor.nodeType;
  const children: PythonNode[] = [];
  const node = { type, field: cursor.currentFieldName, start: map(cursor.startIndex), end: map(cursor.endIndex), missing: cursor.nodeIsMissing, children };
  if (depth < MAX_DEPTH && !OPAQUE.has(type) && cursor.gotoFirstChild()) {
    do {
      if (cursor.nodeIsNamed || cursor.nodeIsMissing || cursor.currentFieldName !== null || cursor.nodeType === 'async') children.push(copy(cursor, depth + 1, map));
    } while (cursor.gotoNextSibling());
    cursor.gotoParent();
  }
  return node;
}

/** The first child with that field name. */
export function child(node: PythonNode, field: string): PythonNode | undefined {
  for (const candidate of node.children) if (candidate.field === field) return candidate;
  return undefined;
}

/** The first child of that type. */
export function childOfType(node: PythonNode, type: string): PythonNode | undefined {
  for (const candidate of node.children) if (candidate.type === type) return candidate;
  return undefined;
}

/** How much of the text the grammar could not place, in characters; a missing part counts as one. */
export function brokenLength(node: PythonNode): number {
  if (node.missing) return 1;
  if (node.type === 'ERROR') return Math.max(1, node.end - node.start);
  let sum = 0;
  for (const part of node.children) sum += brokenLength(part);
  return sum;
}
