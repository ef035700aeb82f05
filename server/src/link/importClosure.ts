/** The workspace files that the imports of a program reach. */
import type { FileFacts } from '../core/fact.ts';
import { outlinedImports } from '../core/outlinedFile.ts';
import type { Launch } from '../core/launchGraph.ts';
import { ancestors, folderOf, type FileIndex } from './fileIndex.ts';
import { isScriptUri } from './jsModules.ts';
import { loadedEnvironmentFile } from './programEnvironment.ts';
import { importRoots, resolveModule } from './pythonModules.ts';

/** Bounds the import closure of one launch. */
const MAX_REACHABLE = 500;
/** How far above a file its package.json may be. */
const MANIFEST_DEPTH = 12;

/** The entry and every workspace file its imports reach, in order of discovery. */
export function importClosure(entry: string, launch: Pick<Launch, 'entry' | 'entryText'>, index: FileIndex, files: ReadonlyMap<string, FileFacts>): readonly string[] {
  const roots = importRoots(launch);
  const seen = new Set([entry]);
  // A Set visits what is added while it is walked.
  for (const uri of seen) {
    if (seen.size > MAX_REACHABLE) break;
    const file = files.get(uri);
    if (file) for (const found of importsOf(file, roots, index)) seen.add(found);
  }
  // Whether a file is an ES module stands in the package.json above it.
  for (const uri of [...seen]) {
    if (!isScriptUri(uri)) continue;
    const own = folderOf(uri);
    const manifest = [own, ...ancestors(own, MANIFEST_DEPTH)].map((folder) => index.find(`${folder}/package.json`)).find((found) => found !== null);
    if (manifest) seen.add(manifest);
  }
  return [...seen];
}

/** Files that some other file of the workspace imports. */
export function importedFiles(files: ReadonlyMap<string, FileFacts>, index: FileIndex): ReadonlySet<string> {
  const imported = new Set<string>();
  for (const file of files.values()) {
    const roots = importRoots({ entry: file.uri, entryText: null });
    const outlined = outlinedImports(file);
    for (const found of outlined === null ? importsOf(file, roots, index) : outlined.flatMap((module) => resolveModule(module, file.uri, roots, index))) if (found !== file.uri) imported.add(found);
  }
  return imported;
}

const known = new WeakMap<FileIndex, WeakMap<readonly string[], WeakMap<FileFacts, readonly string[]>>>();

/** What the imports of one file name in the workspace. Remembered for as long as the file says the same and no file comes or goes. */
function importsOf(file: FileFacts, roots: readonly string[], index: FileIndex): readonly string[] {
  let byRoots = known.get(index);
  if (!byRoots) known.set(index, (byRoots = new WeakMap()));
  let byFile = byRoots.get(roots);
  if (!byFile) byRoots.set(roots, (byFile = new WeakMap()));
  let imports = byFile.get(file);
  if (!imports) byFile.set(file, (imports = [...findImports(file, roots, index)]));
  return imports;
}

function* findImports(file: FileFacts, roots: readonly string[], index: FileIndex): Iterable<string> {
  for (const fact of file.facts) {
    if (fact.kind === 'load') yield* resolveModule(fact.module, file.uri, roots, index);
    // A worker of JavaScript runs a file of its own.
    else if (fact.kind === 'fanOut' && fact.worker?.endsWith('#') === true) yield* resolveModule(fact.worker, file.uri, roots, index);
    else if (fact.kind === 'link' && fact.relation === 'envFile') {
      const found = loadedEnvironmentFile(fact, file.uri, index);
      if (found !== null) yield found;
    }
  }
}
