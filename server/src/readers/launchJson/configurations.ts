/** Finds the launch configurations of a JSONC text: nodes with offsets, nothing interpreted. */
import { parseTree, visit, type Node, type ParseError } from 'jsonc-parser';

/** A configuration and the properties that hold for Linux. */
export interface ConfigurationNode {
  readonly node: Node;
  /** Property nodes by key, the last of duplicates; those of the `linux` block replace the others, as in VS Code. */
  readonly properties: ReadonlyMap<string, Node>;
  /** Unique within the file. */
  readonly id: string;
  readonly name: string | null;
  /** The node of the name's value, else of the type, else the configuration. */
  readonly labelNode: Node;
}

export interface LaunchJsonTree {
  readonly root: Node | undefined;
  readonly configurations: readonly ConfigurationNode[];
  readonly errors: readonly ParseError[];
  readonly comments: readonly { readonly start: number; readonly end: number }[];
}

const OPTIONS = { allowTrailingComma: true, allowEmptyContent: true, disallowComments: false };

/** Reads a text as launch.json, or the `launch` section of a `.code-workspace` file. Broken text gives what could be read. */
export function parseLaunchJson(original: string): LaunchJsonTree {
  // A byte order mark is no JSON; a blank in its place keeps every offset.
  const text = original.startsWith('\uFEFF') ? ` ${original.slice(1)}` : original;
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, OPTIONS);
  const comments: { start: number; end: number }[] = [];
  visit(text, { onComment: (offset, length) => comments.push({ start: offset, end: offset + length }) }, OPTIONS);
  if (!root) return { root, configurations: [], errors, comments };
  const launch = propertiesOf(root).get('launch');
  const list = propertiesOf(root).get('configurations') ?? (launch ? propertiesOf(valueOf(launch)).get('configurations') : undefined);
  const used = new Map<string, number>();
  const configurations: ConfigurationNode[] = [];
  for (const node of arrayItems(list && valueOf(list))) {
    if (node.type !== 'object') continue;
    const own = propertiesOf(node);
    const linux = own.get('linux');
    const properties = new Map([...own, ...propertiesOf(linux && valueOf(linux))]);
    const nameNode = valueOf(own.get('name'));
    const name = typeof nameNode?.value === 'string' ? nameNode.value : null;
    const base = name ?? '(unnamed)';
    const nth = (used.get(base) ?? 0) + 1;
    used.set(base, nth);
    const labelNode = nameNode ?? valueOf(own.get('type')) ?? node;
    configurations.push({ node, properties, id: nth === 1 ? base : `${base}#${nth}`, name, labelNode });
  }
  return { root, configurations, errors, comments };
}

/** The value of a property node; undefined when it is missing, as in `"env":`. */
export function valueOf(property: Node | undefined): Node | undefined {
  return property?.children?.[1];
}

/** Property nodes of an object by key, the last of duplicates; empty for other nodes. */
export function propertiesOf(node: Node | undefined): ReadonlyMap<string, Node> {
  const result = new Map<string, Node>();
  for (const property of propertyList(node)) result.set(keyOf(property), property);
  return result;
}

/** Property nodes of an object in order; empty for other nodes. */
export function propertyList(node: Node | undefined): readonly Node[] {
  return node?.type === 'object' ? (node.children ?? []).filter((child) => child.type === 'property' && typeof child.children?.[0]?.value === 'string') : [];
}

/** The key of a property node. */
export function keyOf(property: Node): string {
  return String(property.children?.[0]?.value ?? '');
}

/** Items of an array; empty for other nodes. */
export function arrayItems(node: Node | undefined): readonly Node[] {
  return node?.type === 'array' ? (node.children ?? []) : [];
}
