/** Tells Python files that say nothing by themselves, and what those import, so that they are read in full only when a program reaches them. */
import { topModule } from '../../knobs/modules.ts';
import { child } from '../syntaxNode.ts';
import type { FileOutline } from '../../core/outlinedFile.ts';
import { conditionOf, importItems, modulesLoadedBy } from './imports.ts';
import { ARGUMENT_SETTINGS, CONFIGURABLE, SETTERS } from './interest.ts';
import type { PythonNode } from './pythonNode.ts';
import { isSilent } from './silence.ts';

const lastPart = (name: string): string => name.slice(name.lastIndexOf('.') + 1);
const anyOf = (names: Iterable<string>): string => [...new Set(names)].join('|');

/** Without one of these a text states no setting, launch, link or suppression, times no work, and asks for no module by a computed name. */
const SPEAKS = new RegExp(
  [
    'environ|putenv|unsetenv|dotenv',
    anyOf([...SETTERS].map(lastPart)),
    `\\b(?:${anyOf([...[...ARGUMENT_SETTINGS.keys()].map(topModule), ...[...CONFIGURABLE].map(topModule), 'openvino'])})\\b`,
    // Dask's scheduler under its own name; `torch.distributed` is another.
    '(?:from|import|,)[ \\t]+distributed\\b',
    'worker_concurrency|config_from_',
    'subprocess|import_module|__import__',
    '\\bos(?:[ \\t]+as\\b|[\\s\\\\]*\\.[\\s\\\\]*(?:system|popen|exec))|\\bfrom[ \\t]+os[ \\t]+import\\b',
    'perf_counter|monotonic|timeit|\\bfrom[ \\t]+time\\b|\\bimport\\b[^\\n]*\\btime\\b|\\btime\\b[^\\n]*\\bimport\\b',
  ].join('|'),
);

const SUPPRESSES = /threadgauge:/i;

/** The outline of a text that says nothing by itself; null for other texts. `parse` gives the chunks that can matter with their trees, null for what is not common Python. */
export function outlineOf(text: string, parse: (text: string) => Iterable<{ readonly chunk: string; readonly tree: PythonNode | null }>): FileOutline | null {
  // What can say nothing at all is not parsed either way.
  if (SPEAKS.test(text) || SUPPRESSES.test(text) || isSilent(text)) return null;
  return {
    mayHoldMainGuard: text.includes('__main__'),
    imports() {
      const modules = new Set<string>();
      for (const { chunk, tree } of parse(text)) {
        if (tree === null) return null;
        if (chunk.includes('import')) collect(tree, chunk, true, modules);
      }
      return [...modules];
    },
  };
}

/** The modules that the statements of a block load; `runs` is false below `if TYPE_CHECKING`. */
function collect(block: PythonNode, text: string, runs: boolean, modules: Set<string>): void {
  for (const node of block.children) {
    switch (node.type) {
      case 'import_statement':
      case 'import_from_statement':
        for (const item of importItems(node, text)) if (runs) for (const module of modulesLoadedBy(item)) modules.add(module);
        break;
      case 'if_statement': {
        const rest = branch(node, text, runs, modules);
        for (const part of node.children) {
          if (part.field !== 'alternative' || !rest) continue;
          if (part.type === 'elif_clause') branch(part, text, runs, modules);
          else collect(part, text, runs, modules);
        }
        break;
      }
      case 'while_statement': {
        const condition = child(node, 'condition');
        const never = condition !== undefined && conditionOf(condition, text) === 'never';
        for (const part of node.children) if (part.type === 'else_clause' || (part.field === 'body' && !never)) collect(part, text, runs, modules);
        break;
      }
      default:
        if (HOLDS_STATEMENTS.has(node.type)) collect(node, text, runs, modules);
    }
  }
}

/** Statements and clauses of which some part holds statements. */
const HOLDS_STATEMENTS: ReadonlySet<string> = new Set(['block', 'decorated_definition', 'function_definition', 'class_definition', 'for_statement', 'with_statement', 'try_statement', 'except_clause', 'except_group_clause', 'else_clause', 'finally_clause']);

/** What an `if` or `elif` does when its condition holds; false when nothing behind it runs. */
function branch(node: PythonNode, text: string, runs: boolean, modules: Set<string>): boolean {
  const condition = child(node, 'condition');
  const known = condition ? conditionOf(condition, text) : 'unknown';
  const body = child(node, 'consequence');
  if (body && known !== 'never') collect(body, text, runs && known !== 'never-runs', modules);
  return known !== 'always';
}
