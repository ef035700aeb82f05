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

/** Parses and copies; null when the parser gives up. */
export function parsePython(parser: SyntaxParser, text: string): PythonNode | null {
  const tree = parser.parse(text);
  if (tree === null) return null;
  try {
    const cursor = tree.walk();
    try {
      return copy(cursor, 0);
    } finally {
      cursor.delete();
    }
  } finally {
    tree.delete();
  }
}

type Cursor = ReturnType<NonNullable<ReturnType<SyntaxParser['parse']>>['walk']>;

function copy(cursor: Cursor, depth: number): PythonNode {
  const type = cursor.nodeType;
  const children: PythonNode[] = [];
  const node = { type, field: cursor.currentFieldName, start: cursor.startIndex, end: cursor.endIndex, missing: cursor.nodeIsMissing, children };
  if (depth < MAX_DEPTH && !OPAQUE.has(type) && cursor.gotoFirstChild()) {
    do {
      if (cursor.nodeIsNamed || cursor.nodeIsMissing || cursor.currentFieldName !== null || cursor.nodeType === 'async') children.push(copy(cursor, depth + 1));
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
