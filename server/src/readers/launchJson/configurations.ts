/** Finds the launch configurations of a JSONC text: nodes with offsets, nothing interpreted. */
import type { Node } from 'jsonc-parser';
import { arrayItems, parseJsonc, propertiesOf, valueOf, type JsoncTree } from '../jsoncTree.ts';

/** What VS Code calls the systems in a configuration. */
export type System = 'linux' | 'osx' | 'windows';

/** A configuration and the properties that hold for one system. */
export interface ConfigurationNode {
  readonly node: Node;
  /** Property nodes by key, the last of duplicates; those of the system's block replace the others, as in VS Code. */
  readonly properties: ReadonlyMap<string, Node>;
  /** Unique within the file. */
  readonly id: string;
  readonly name: string | null;
  /** The node of the name's value, else of the type, else the configuration. */
  readonly labelNode: Node;
}

export interface LaunchJsonTree extends JsoncTree {
  readonly configurations: readonly ConfigurationNode[];
}

/** Reads a text as launch.json, or the `launch` section of a `.code-workspace` file. Broken text gives what could be read. */
export function parseLaunchJson(text: string): LaunchJsonTree {
  const tree = parseJsonc(text);
  return { ...tree, configurations: configurationsOf(tree.root) };
}

/** The configurations below a file's root, as they are on `system`. */
export function configurationsOf(root: Node | undefined, system: System = 'linux'): readonly ConfigurationNode[] {
  const launch = propertiesOf(root).get('launch');
  const list = propertiesOf(root).get('configurations') ?? (launch ? propertiesOf(valueOf(launch)).get('configurations') : undefined);
  const used = new Map<string, number>();
  const configurations: ConfigurationNode[] = [];
  for (const node of arrayItems(list && valueOf(list))) {
    if (node.type !== 'object') continue;
    const own = propertiesOf(node);
    const block = own.get(system);
    const properties = new Map([...own, ...propertiesOf(block && valueOf(block))]);
    const nameNode = valueOf(own.get('name'));
    const name = typeof nameNode?.value === 'string' ? nameNode.value : null;
    const base = name ?? '(unnamed)';
    const nth = (used.get(base) ?? 0) + 1;
    used.set(base, nth);
    const labelNode = nameNode ?? valueOf(own.get('type')) ?? node;
    configurations.push({ node, properties, id: nth === 1 ? base : `${base}#${nth}`, name, labelNode });
  }
  return configurations;
}
