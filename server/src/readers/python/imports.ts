/** What an import statement binds and loads, and what can be told of a condition around it. */
import { child } from '../syntaxNode.ts';
import { EXTERNAL } from './interest.ts';
import type { PythonNode } from './pythonNode.ts';
import type { ImportItem } from './syntax.ts';

export type ImportedName = Pick<ImportItem, 'module' | 'member' | 'bound' | 'target'>;

/** The names of one import statement, in order. */
export function* importItems(node: PythonNode, text: string): Iterable<ImportedName> {
  const source = ({ start, end }: PythonNode): string => text.slice(start, end);
  const from = child(node, 'module_name');
  const module = from ? source(from).replaceAll(/\s/g, '') : null;
  for (const part of node.children) {
    if (part.type === 'wildcard_import' && module !== null) yield { module, member: '*', bound: '*', target: module };
    if (part.field !== 'name') continue;
    const aliased = part.type === 'aliased_import';
    const nameNode = aliased ? child(part, 'name') : part;
    const aliasNode = aliased ? child(part, 'alias') : undefined;
    if (!nameNode || nameNode.missing) continue;
    const name = source(nameNode).replaceAll(/\s/g, '');
    const alias = aliasNode ? source(aliasNode) : null;
    if (module === null) {
      const head = name.split('.', 1)[0] ?? name;
      yield { module: name, member: null, bound: alias ?? head, target: alias === null ? head : name };
    } else {
      yield { module, member: name, bound: alias ?? name, target: module.endsWith('.') ? module + name : `${module}.${name}` };
    }
  }
}

/** The modules that an imported name loads: `from . import helpers` loads the package, then the module of that name. */
export function modulesLoadedBy({ module, member, target }: ImportedName): readonly string[] {
  return member !== null && member !== '*' && !EXTERNAL.has(module.split('.', 1)[0] ?? '') ? [module, target] : [module];
}

export type Condition = 'always' | 'never' | 'never-runs' | 'main' | 'maybe-main' | 'unknown';

/** What is known of a condition without running anything. */
export function conditionOf(node: PythonNode, text: string): Condition {
  const source = (): string => text.slice(node.start, node.end);
  switch (node.type) {
    case 'true':
      return 'always';
    case 'false':
      return 'never';
    case 'integer':
      return source() === '0' ? 'never' : 'always';
    case 'identifier':
    case 'attribute':
      return /(?:^|\.)TYPE_CHECKING$/.test(source()) ? 'never-runs' : 'unknown';
    case 'parenthesized_expression':
      return node.children[0] ? conditionOf(node.children[0], text) : 'unknown';
    case 'comparison_operator':
      return /^(?:__name__\s*==\s*(["'])__main__\1|(["'])__main__\2\s*==\s*__name__)$/.test(source()) ? 'main' : 'unknown';
    case 'boolean_operator':
      return node.children.some((part) => part.type === 'comparison_operator' && conditionOf(part, text) === 'main') && source().includes(' and ') ? 'maybe-main' : 'unknown';
    default:
      return 'unknown';
  }
}
