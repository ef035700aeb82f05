/** From the name in an import statement to the workspace files that it runs. */
import type { Launch } from '../core/launchGraph.ts';
import { isScriptUri, resolveScriptModule } from './jsModules.ts';
import { ancestors, folderOf, joinPath, type FileIndex } from './fileIndex.ts';

/** How many folders above the entry script count as import roots: packages installed with `pip install -e .` live there. */
const ROOT_DEPTH = 3;

/**
 * Files that `import module` runs, outermost package first; empty when it is not in the workspace.
 * `module` may go one name too far (`pkg.mod.function`): what does not exist is left off.
 */
export function resolveModule(module: string, importer: string, roots: readonly string[], files: FileIndex): readonly string[] {
  // JavaScript has rules of its own.
  if (isScriptUri(importer)) return resolveScriptModule(module, importer, files);
  // Programs come back to the same imports over and over: each question is answered once per set of files.
  let byRoots = answers.get(files);
  if (!byRoots) answers.set(files, (byRoots = new WeakMap()));
  let known = byRoots.get(roots);
  if (!known) byRoots.set(roots, (known = new Map()));
  const key = module.startsWith('.') ? `${importer}\0${module}` : module;
  let found = known.get(key);
  if (!found) known.set(key, (found = resolveAnew(module, importer, roots, files)));
  return found;
}

const answers = new WeakMap<FileIndex, WeakMap<readonly string[], Map<string, readonly string[]>>>();

function resolveAnew(module: string, importer: string, roots: readonly string[], files: FileIndex): readonly string[] {
  const dots = /^\.*/.exec(module)?.[0].length ?? 0;
  const names = module.slice(dots).split('.').filter((name) => name !== '');
  if (dots > 0) {
    let base = folderOf(importer);
    for (let i = 1; i < dots; i++) base = folderOf(base);
    const found = walk(base, names, files);
    if (found.length > 0) return found;
    const initial = files.find(joinPath(base, '__init__.py'));
    return initial !== null && initial !== importer ? [initial] : [];
  }
  // Most imports are of installed packages.
  if (!files.mayHold(names[0] ?? '')) return [];
  return files.remember(`${module}\n${roots.join('\n')}`, () => {
    for (const root of roots) {
      const found = walk(root, names, files);
      if (found.length > 0) return found;
    }
    return [];
  });
}

/** The file that runs first for `python -m module`, and the folder it was found from. */
export function resolveMainModule(module: string, roots: readonly string[], files: FileIndex): string | null {
  const path = module.split('.').join('/');
  for (const root of roots) {
    const found = files.find(joinPath(root, `${path}/__main__.py`)) ?? files.find(joinPath(root, `${path}.py`));
    if (found !== null) return found;
  }
  return null;
}

/** The file of `module` in `gunicorn module:app`. */
export function resolveAppModule(module: string, roots: readonly string[], files: FileIndex): string | null {
  const path = module.split('.').join('/');
  for (const root of roots) {
    const found = files.find(joinPath(root, `${path}.py`)) ?? files.find(joinPath(root, `${path}/__init__.py`));
    if (found !== null) return found;
  }
  return null;
}

/** Folders that imports of a launch are looked up in, most likely first. */
export function importRoots(launch: Pick<Launch, 'entry' | 'entryText'>): readonly string[] {
  if (launch.entry === null) return NO_ROOTS;
  const own = folderOf(launch.entry);
  const module = moduleName(launch.entryText);
  // One list for all programs of a folder, so that what is found from it is remembered for all of them.
  const up = module === null ? 0 : module.split('.').length - (/\/__(?:init|main)__\.py$/.test(launch.entry) ? 0 : 1);
  const key = `${module === null ? '' : up} ${own}`;
  const known = ROOTS.get(key);
  if (known) return known;
  if (ROOTS.size >= MAX_ROOTS) ROOTS.clear();
  const roots = rootsOf(own, module === null ? null : up);
  ROOTS.set(key, roots);
  return roots;
}

const NO_ROOTS: readonly string[] = [];
const ROOTS = new Map<string, readonly string[]>();
const MAX_ROOTS = 10_000;

/** `up` is how far above the entry's folder its package's root lies; null for a script. */
function rootsOf(own: string, up: number | null): readonly string[] {
  const roots: string[] = [];
  if (up !== null) {
    // `gunicorn pkg.web:app` imports from the folder that holds `pkg`.
    let root = own;
    for (let i = 0; i < up; i++) root = folderOf(root);
    roots.push(root);
  }
  for (const folder of [own, ...ancestors(own, ROOT_DEPTH)]) {
    if (!roots.includes(folder)) roots.push(folder);
    const source = `${folder}/src`;
    if (!roots.includes(source)) roots.push(source);
  }
  return roots;
}

/** The dotted module of `pkg.web:app` or `pkg.web`; null for a path. */
function moduleName(text: string | null): string | null {
  const match = text === null ? null : /^([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?::.*)?$/.exec(text);
  const name = match?.[1] ?? null;
  return name !== null && !name.endsWith('.py') ? name : null;
}

function walk(root: string, names: readonly string[], files: FileIndex): readonly string[] {
  const found: string[] = [];
  let folder = files.plain(root);
  for (const [at, name] of names.entries()) {
    const module = files.module(folder, name);
    if (!module) break;
    ({ folder } = module);
    if (module.initial !== null) found.push(module.initial);
    else if (module.file !== null) {
      found.push(module.file);
      break;
    } else if (!namespaceContinues(folder, names, at + 1, files)) break;
  }
  return found;
}

/** True when a folder without `__init__.py` holds the next module of the name: a namespace package. */
function namespaceContinues(folder: string, names: readonly string[], at: number, files: FileIndex): boolean {
  const module = files.module(folder, names[at] ?? '');
  return module !== undefined && (module.file !== null || module.initial !== null || namespaceContinues(module.folder, names, at + 1, files));
}
