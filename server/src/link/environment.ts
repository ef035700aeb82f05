/** The layers of a launch's environment: env files, configuration or exports, prefixes, `env K=V`, lowest precedence first. */
import type { Fact, FileFacts, LaunchFact, LinkFact, SettingFact } from '../core/fact.ts';
import type { EnvironmentLayer, PlacedSetting } from '../core/launchGraph.ts';
import { factsOfKind } from '../core/factsOfKind.ts';
import type { Anchor } from '../core/span.ts';
import { stringValue, unknownValue } from '../core/value.ts';
import { factAt } from '../core/watchedFiles.ts';
import type { BuiltImage } from './builtImages.ts';
import { knownText, type CommandLine } from './commandLine.ts';
import type { ComposeVariables } from './composeVariables.ts';
import { displayPath, joinPath, workspaceFolderOf, type FileIndex } from './fileIndex.ts';
import { perFile } from '../core/perFile.ts';
import { replaced, settingWithArguments, type ScriptArguments } from './scriptArguments.ts';

/** How deep `source` may nest. */
const MAX_DEPTH = 4;

export interface LinkedEnvironment {
  readonly layers: readonly EnvironmentLayer[];
  readonly unresolved: readonly { readonly anchor: Anchor; readonly message: string }[];
  /** Files whose settings take part. */
  readonly files: readonly string[];
}

/** What linking may look at. */
export interface Workspace {
  readonly files: ReadonlyMap<string, FileFacts>;
  readonly index: FileIndex;
  /** Files that define a named set of settings (`ConfigMap app-config`). */
  readonly groups: ReadonlyMap<string, readonly FileFacts[]>;
  /** Images that a command of the workspace builds, by name. */
  readonly images: ReadonlyMap<string, BuiltImage>;
}

/** One launch fact, where its paths are meant, and the words its script was started with. */
export interface EnvironmentSource {
  readonly launch: LaunchFact;
  readonly file: FileFacts;
  /** Folders that relative paths may be meant against, most likely first. */
  readonly bases: readonly string[];
  readonly given: ScriptArguments;
  /** Of a compose file: what its `${X}` come to. */
  readonly variables: ComposeVariables | null;
}

const groupNames = perFile((file) => new Set([...factsOfKind(file, 'setting'), ...factsOfKind(file, 'limit')].flatMap(({ group }) => group ?? [])));

/** Named sets of settings by their name. */
export function groupsOf(files: ReadonlyMap<string, FileFacts>): ReadonlyMap<string, readonly FileFacts[]> {
  const groups = new Map<string, FileFacts[]>();
  for (const file of files.values()) {
    for (const name of groupNames(file)) {
      const known = groups.get(name);
      if (known) known.push(file);
      else groups.set(name, [file]);
    }
  }
  return groups;
}

/** The layers of one launch fact's own environment. */
export function linkEnvironment(source: EnvironmentSource, workspace: Workspace): LinkedEnvironment {
  const builder = new LayerBuilder(source, workspace);
  for (const entry of source.launch.environment) builder.add(factAt(source.file, entry.fact), entry.from, entry.maybe ?? false);
  return builder.result();
}

/** `env K=V` words that the reader did not already turn into settings. */
export function assignmentLayers(command: CommandLine, layers: readonly EnvironmentLayer[], scope: LaunchFact['scope']): readonly EnvironmentLayer[] {
  const settings = command.assignments
    .filter(({ name, anchor, nameSpan }) => !layers.some((layer) => layer.settings.some((setting) => setting.anchor.uri === anchor.uri && setting.fact.name === name && setting.fact.span.chunk === anchor.span.chunk && setting.fact.nameSpan.start === nameSpan.start)))
    .map(({ name, value, anchor, nameSpan, valueSpan }): PlacedSetting => {
      const fact: SettingFact = { kind: 'setting', name, channel: 'env', operation: 'set', value, raw: knownText(value), span: anchor.span, nameSpan, valueSpan, scope, exported: true, args: [] };
      return { anchor, fact };
    });
  const first = settings[0];
  return first ? [{ origin: 'wrapper', label: `\`env\` in ${fileName(first.anchor.uri)}`, settings, incomplete: false }] : [];
}

/** The drop-ins of a unit in the order systemd reads them; of several units of one name, each has those beside it. */
export function dropInsOf(uri: string, files: readonly FileFacts[]): readonly FileFacts[] {
  const beside = files.filter((file) => file.uri.startsWith(`${uri}.d/`));
  const name = (file: FileFacts): string => file.uri.slice(file.uri.lastIndexOf('/') + 1);
  return [...(beside.length > 0 ? beside : files)].sort((a, b) => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0));
}

/** Variables of files that the command line itself names: those that replace what is set, and those that fill in what is missing. */
export function fileLayers(command: CommandLine, uri: string, bases: readonly string[], workspace: Workspace): { readonly under: readonly EnvironmentLayer[]; readonly over: readonly EnvironmentLayer[]; readonly files: readonly string[] } {
  const under: EnvironmentLayer[] = [];
  const over: EnvironmentLayer[] = [];
  const files: string[] = [];
  for (const { path, anchor, overrides } of command.environmentFiles) {
    const found = path === null ? null : findPath(path, anchor.uri === '' ? uri : anchor.uri, bases, workspace.index);
    const file = found === null ? undefined : workspace.files.get(found);
    const settings = (file?.facts ?? []).flatMap((fact): readonly PlacedSetting[] => (fact.kind === 'setting' && fact.channel === 'env' && found !== null ? [{ anchor: { uri: found, span: fact.span }, fact }] : []));
    if (found !== null) files.push(found);
    // A `.env` that nobody named need not be there.
    if (!file && path === '.env') continue;
    const layer: EnvironmentLayer = { origin: 'envFile', label: found === null ? (path ?? 'an env file') : fileName(found), settings, incomplete: !file || file.gaps.length > 0 };
    if (overrides) over.push(layer);
    // Of files that give way to what is set, the first that names a variable wins.
    else under.unshift(layer);
  }
  return { under, over, files };
}

/** A file of a launch as messages name it. */
export function fileName(uri: string): string {
  return displayPath(uri, workspaceFolderOf(uri)).replace(/^\.vscode\//, '');
}

/** A path as a launch file writes it, resolved against the first base that has it; the first candidate when none does. */
export function findPath(text: string, uri: string, bases: readonly string[], index: FileIndex): string | null {
  const folder = workspaceFolderOf(uri);
  const variable = /^\$\{(?:workspaceFolder|workspaceRoot)(?::[^}]*)?\}[\\/]?/.exec(text);
  if (variable) return index.find(joinPath(folder, text.slice(variable[0].length).replaceAll('\\', '/')));
  if (text.includes('${')) return null;
  for (const base of bases) {
    const found = index.find(joinPath(base, text));
    if (found !== null) return found;
  }
  return null;
}

/** The words with which a format's own environment is named in messages, by reader. */
const NAMES: Readonly<Record<string, string>> = { compose: '`environment`', devcontainer: 'the variables', systemd: '`Environment=`', supervisord: '`environment=`', slurm: 'the job', packageJson: 'the command' };

class LayerBuilder {
  readonly #source: EnvironmentSource;
  readonly #workspace: Workspace;
  readonly #layers: { origin: EnvironmentLayer['origin']; label: string; settings: PlacedSetting[]; incomplete: boolean }[] = [];
  readonly #unresolved: { anchor: Anchor; message: string }[] = [];
  readonly #used = new Set<string>();

  constructor(source: EnvironmentSource, workspace: Workspace) {
    this.#source = source;
    this.#workspace = workspace;
  }

  add(fact: Fact | undefined, from: 'setting' | 'file', maybe: boolean): void {
    if (from === 'file' && fact?.kind === 'link') {
      if (fact.relation === 'configMap') this.#group(fact, maybe);
      else this.#linked(fact, this.#source.file.uri, maybe, 0);
    } else if (from === 'setting' && fact?.kind === 'setting') this.#setting(fact, maybe);
  }

  result(): LinkedEnvironment {
    return { layers: this.#layers, unresolved: this.#unresolved, files: [...this.#used] };
  }

  #setting(fact: SettingFact, maybe: boolean): void {
    const { launch, file } = this.#source;
    const name = fileName(file.uri);
    const inShell = file.reader === 'shell' || file.reader === 'batch' || file.reader === 'powershell';
    const inside = inShell && fact.span.chunk === launch.span.chunk && fact.span.start >= launch.span.start && fact.span.end <= launch.span.end;
    const origin = file.reader === 'dockerfile' ? 'image' : inside ? 'prefix' : inShell ? 'export' : 'configuration';
    const label = origin === 'configuration' ? `${NAMES[file.reader] ?? '`env`'} of "${launch.label}" in ${name}` : origin === 'prefix' ? `the command line in ${name}` : name;
    const { variables } = this.#source;
    const own = variables && fact.operation !== 'unset' ? { ...fact, value: variables.valueOf(fact.value) } : fact;
    this.#append(origin, label, { uri: file.uri, span: fact.span }, settingWithArguments(own, this.#source.given), maybe);
  }

  /** `envFrom` and `valueFrom`: settings of a set that stands anywhere in the workspace. */
  #group(link: LinkFact, maybe: boolean): void {
    const anchor = { uri: this.#source.file.uri, span: link.targetSpan };
    const name = knownText(link.target);
    const files = name === null ? [] : (this.#workspace.groups.get(name) ?? []);
    if (this.#source.file.reader === 'systemd') {
      for (const dropIn of dropInsOf(anchor.uri, files)) this.#take(dropIn, link, name ?? '', null, maybe);
      return;
    }
    // A set of the same file is meant before one of another file.
    const file = files.find((candidate) => candidate.uri === anchor.uri) ?? files[0];
    const key = link.part ? knownText(link.part) : null;
    if (!file || name === null || (link.part && key === null)) {
      if (link.implied) return;
      if (link.variable === undefined) this.#layers.push({ origin: 'configuration', label: name ?? 'a set of variables', settings: [], incomplete: true });
      else this.#append('configuration', name ?? 'a set of variables', anchor, unknownSetting(link, link.variable, `comes from ${name ?? 'a set of variables'}, which is not in the workspace`), maybe);
      if (link.variable === undefined) this.#unresolved.push({ anchor, message: `${name ?? 'A set of variables'} was not found in the workspace, so the variables it sets are not known.` });
      return;
    }
    this.#take(file, link, name, key, maybe);
  }

  #take(file: FileFacts, link: LinkFact, name: string, key: string | null, maybe: boolean): void {
    this.#used.add(file.uri);
    const label = `${name} in ${fileName(file.uri)}`;
    for (const fact of file.facts) {
      if (fact.kind !== 'setting' || fact.group !== name || (key !== null && fact.name !== key)) continue;
      const called = link.variable ?? `${link.prefix ?? ''}${fact.name}`;
      const own = called === fact.name ? fact : { ...fact, name: called };
      this.#append('configuration', label, { uri: file.uri, span: fact.span }, own, maybe);
    }
  }

  #linked(link: LinkFact, uri: string, maybe: boolean, depth: number): void {
    const anchor = { uri, span: link.targetSpan };
    const text = this.#configuredFile(link) ?? knownText(replaced(link.target, this.#source.given));
    if (text === null) {
      this.#layers.push({ origin: 'envFile', label: 'an env file', settings: [], incomplete: true });
      this.#unresolved.push({ anchor, message: 'The environment file depends on values that are not known here.' });
      return;
    }
    const { index, files } = this.#workspace;
    const target = findPath(text, uri, this.#source.bases, index);
    const found = target === null ? undefined : files.get(target);
    if (target === null || !found) {
      // A virtual environment's activate script sets paths only; an implied file need not exist.
      if (link.implied || /(?:^|[\\/])activate(?:\.\w+)?$/.test(text)) return;
      this.#layers.push({ origin: link.relation === 'source' ? 'export' : 'envFile', label: text, settings: [], incomplete: true });
      this.#unresolved.push({ anchor, message: `\`${text}\` was not found in the workspace, so the variables it sets are not known.` });
      return;
    }
    this.#used.add(target);
    const origin = link.relation === 'source' ? 'export' : 'envFile';
    const label = displayPath(target, workspaceFolderOf(this.#source.file.uri));
    if (found.gaps.length > 0) this.#layers.push({ origin, label, settings: [], incomplete: true });
    // Of an editor's settings only the set for terminals of this system is meant.
    const part = link.part === undefined ? undefined : (knownText(link.part) ?? undefined);
    for (const fact of found.facts) {
      if (fact.kind === 'setting' && fact.channel === 'env' && fact.group === part && (link.relation === 'envFile' || fact.exported)) {
        const value = link.keepsQuotes && fact.raw !== null ? stringValue(fact.raw) : replaced(fact.value, null);
        const conditional = maybe || (link.relation === 'source' && fact.scope.conditional);
        this.#append(origin, label, { uri: target, span: fact.span }, value === fact.value ? fact : { ...fact, value }, conditional);
      } else if (fact.kind === 'link' && link.relation === 'source' && (fact.relation === 'source' || fact.relation === 'envFile') && depth < MAX_DEPTH && fact.scope.func === null) {
        this.#linked(fact, target, maybe || fact.scope.conditional, depth + 1);
      }
    }
  }

  /** For a debugger's implied `.env`, the file that the workspace's settings name instead (`python.envFile`). */
  #configuredFile(link: LinkFact): string | null {
    if (link.implied !== true || link.part !== undefined || knownText(link.target) !== '${workspaceFolder}/.env') return null;
    const { file, bases } = this.#source;
    const { index, files } = this.#workspace;
    const settings = findPath('${workspaceFolder}/.vscode/settings.json', file.uri, bases, index);
    const constant = settings === null ? undefined : files.get(settings)?.facts.find((fact) => fact.kind === 'constant' && fact.name === 'python.envFile');
    return constant?.kind === 'constant' ? knownText(constant.value) : null;
  }

  #append(origin: EnvironmentLayer['origin'], label: string, anchor: Anchor, fact: SettingFact, maybe: boolean): void {
    const setting: PlacedSetting = { anchor, fact, ...(maybe ? { maybe } : {}) };
    const last = this.#layers[this.#layers.length - 1];
    if (last && last.origin === origin && last.label === label && !last.incomplete) last.settings.push(setting);
    else this.#layers.push({ origin, label, settings: [setting], incomplete: false });
  }
}

/** A variable that is set, but not to what. */
function unknownSetting(link: LinkFact, name: string, why: string): SettingFact {
  return { kind: 'setting', name, channel: 'env', operation: 'set', value: unknownValue(why), raw: null, span: link.span, nameSpan: link.span, valueSpan: null, scope: link.scope, exported: true, args: [] };
}
