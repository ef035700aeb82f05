/** The launches of a workspace: configurations followed to the programs they start, and programs that nothing starts. */
import type { FileFacts } from '../core/fact.ts';
import { factsOfKind } from '../core/factsOfKind.ts';
import type { Launch, LaunchGraph } from '../core/launchGraph.ts';
import { mayHoldMainGuard } from '../core/outlinedFile.ts';
import { builtImages } from './builtImages.ts';
import { placeKey, type Composed, type LaunchPlace } from './composition.ts';
import { groupsOf, type Workspace } from './environment.ts';
import { knownText } from './commandLine.ts';
import { baseName, displayPath, folderOf, joinPath } from './fileIndex.ts';
import { indexOfFiles } from './graphIndex.ts';
import { importClosure, importedFiles } from './importClosure.ts';
import { keptLaunches, type KeptLaunches, type Program } from './keptLaunches.ts';
import { perFile } from '../core/perFile.ts';
import { concernsLaunch, hasSomethingToPlan, looksLikeProgram } from './programs.ts';
import { resolveAppModule } from './pythonModules.ts';

/**
 * Links every launch of the workspace, and adds an implicit `python file.py` for each Python file
 * with thread-related facts that looks like a program and that no launch reaches.
 * A script, target or image that another launch starts or builds on is part of that launch and none of its own.
 * Deterministic: launches come in the order of `files` and of their facts.
 */
export function buildLaunchGraph(files: ReadonlyMap<string, FileFacts>): LaunchGraph {
  const workspace: Workspace = { files, index: indexOfFiles(files), groups: groupsOf(files), images: builtImages(files) };
  const kept = keptLaunches(workspace.index);
  const launches: Launch[] = [...configuredLaunches(workspace, kept).filter((launch) => launch.program !== 'node' || concernsLaunch(launch, files))];
  for (const file of files.values()) if (isGunicornConfig(file.uri) && !launches.some((launch) => launch.configFile === file.uri)) launches.push(...implicitServer(file, workspace));
  const root = workspace.index.root;
  const reached = new Set(launches.flatMap((launch) => launch.reachable));
  const mayBeProgram = [...files.values()].filter((file) => !reached.has(file.uri) && (file.reader === 'python' || file.reader === 'script' || file.reader === 'notebook'));
  const asProgram = (file: FileFacts): Program =>
    kept.program(file, files, () => {
      const found = implicitLaunch(file, workspace);
      return { launch: found, isProgram: hasSomethingToPlan(file, found.reachable.slice(1).map((uri) => files.get(uri))) };
    });
  // Who imports what is asked last: what programs reach has been read by then, and of the rest the outline is enough.
  for (const file of mayBeProgram) if (mayHoldMainGuard(file) && looksLikeProgram(file, root) && hasMainGuard(file)) asProgram(file);
  const imported = importedFiles(files, workspace.index);
  for (const file of mayBeProgram) {
    // A module that others import is a program too when it has a main guard.
    if (imported.has(file.uri) && !hasMainGuard(file)) continue;
    // What the file says by itself first: following the imports costs more.
    if (!looksLikeProgram(file, root)) continue;
    const { launch, isProgram } = asProgram(file);
    if (isProgram) launches.push(launch);
  }
  return { launches, files };
}

/** True when the file does something only when it is run itself. */
const hasMainGuard = perFile((file) => mayHoldMainGuard(file) && file.facts.some((fact) => fact.scope.main));

function configuredLaunches(workspace: Workspace, kept: KeptLaunches): readonly Launch[] {
  const composed: { readonly place: LaunchPlace; readonly key: string; readonly result: Composed }[] = [];
  for (const file of workspace.files.values()) {
    for (const fact of factsOfKind(file, 'launch')) {
      const place = { file, fact };
      composed.push({ place, key: placeKey(place), result: kept.compose(place, workspace) });
    }
  }
  kept.keepOnly(new Set(composed.map(({ key }) => key)));
  // Only what starts a program takes the launches it goes through along.
  const startedBy = new Set(composed.filter(({ result }) => result.launches.length > 0).flatMap(({ key, result }) => [...result.started].filter((other) => other !== key)));
  const covered = new Set<string>();
  const roots = new Set<string>();
  const take = ({ key, result }: (typeof composed)[number]): void => {
    roots.add(key);
    covered.add(key);
    for (const started of result.started) covered.add(started);
  };
  for (const item of composed) if (!startedBy.has(item.key)) take(item);
  // Launches that only start one another: the first stands for all.
  for (const item of composed) if (!covered.has(item.key)) take(item);
  return composed.flatMap(({ key, result }) => (roots.has(key) ? result.launches : []));
}

function implicitLaunch(file: FileFacts, workspace: Workspace): Launch {
  const name = baseName(file.uri);
  const first = file.facts[0];
  const program = file.reader === 'script' ? 'node' : 'python';
  return {
    key: `${file.uri}#`,
    uri: file.uri,
    id: '',
    label: `${file.reader === 'notebook' ? 'notebook' : program} ${displayPath(file.uri, folderOf(file.uri))}`,
    anchor: { uri: file.uri, span: first ? { ...first.span, end: first.span.start } : { chunk: 0, start: 0, end: 0 } },
    implicit: true,
    how: 'shell',
    elsewhere: false,
    os: null,
    program,
    entry: file.uri,
    entryText: name,
    commandText: file.reader === 'notebook' ? `jupyter execute ${name}` : `${program} ${name}`,
    words: [],
    arguments: [],
    configFile: null,
    via: [],
    limits: [],
    layers: [],
    clearsEnvironment: false,
    wrappers: [],
    reachable: importClosure(file.uri, { entry: file.uri, entryText: null }, workspace.index, workspace.files),
    unresolved: [],
  };
}

function isGunicornConfig(uri: string): boolean {
  return uri.endsWith('.conf.py') && baseName(uri) === 'gunicorn.conf.py';
}

/** Modules that hold the application where a configuration does not say. */
const APPLICATIONS = ['wsgi.py', 'asgi.py', 'app.py', 'main.py', 'application.py', 'server.py'];

/** gunicorn reads its configuration from the folder it is started in: the application is the one that the file names, or stands beside it. */
function implicitServer(config: FileFacts, workspace: Workspace): readonly Launch[] {
  const named = config.facts.findLast((fact) => (fact.kind === 'setting' || fact.kind === 'constant') && (fact.name === 'gunicorn.wsgi_app' || fact.name === 'wsgi_app'));
  const text = named?.kind === 'setting' || named?.kind === 'constant' ? knownText(named.value) : null;
  const folder = folderOf(config.uri);
  const entry = text === null ? (APPLICATIONS.map((name) => workspace.index.find(joinPath(folder, name))).find((uri) => uri !== null) ?? null) : resolveAppModule(text.split(':', 1)[0] ?? '', [folder, `${folder}/src`], workspace.index);
  if (entry === null) return [];
  const application = text ?? `${baseName(entry).replace(/\.py$/, '')}:app`;
  const launch = implicitLaunch(config, workspace);
  return [
    {
      ...launch,
      label: `gunicorn ${application}`,
      program: 'gunicorn',
      entry,
      entryText: application,
      commandText: `gunicorn ${application}`,
      configFile: config.uri,
      reachable: [...new Set([entry, config.uri, ...importClosure(entry, { entry, entryText: application }, workspace.index, workspace.files)])],
    },
  ];
}
