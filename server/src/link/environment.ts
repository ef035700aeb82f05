/** The layers of a launch's environment: env files, configuration or exports, prefixes, `env K=V`, lowest precedence first. */
import type { Fact, FileFacts, LaunchFact, LinkFact, SettingFact } from '../core/fact.ts';
import type { EnvironmentLayer, PlacedSetting } from '../core/launchGraph.ts';
import type { Anchor } from '../core/span.ts';
import { stringValue } from '../core/value.ts';
import { knownText, type CommandLine } from './commandLine.ts';
import { displayPath, joinPath, workspaceFolderOf, type FileIndex } from './fileIndex.ts';

/** How deep `source` may nest. */
const MAX_DEPTH = 4;

export interface LinkedEnvironment {
  readonly layers: readonly EnvironmentLayer[];
  readonly unresolved: readonly { readonly anchor: Anchor; readonly message: string }[];
  /** Files whose settings take part. */
  readonly files: readonly string[];
}

/** Builds the layers of one launch of `file`. `bases` are the folders that relative paths may be meant against, most likely first. */
export function linkEnvironment(launch: LaunchFact, file: FileFacts, command: CommandLine, bases: readonly string[], index: FileIndex, files: ReadonlyMap<string, FileFacts>): LinkedEnvironment {
  const builder = new LayerBuilder(launch, file, bases, index, files);
  for (const entry of launch.environment) builder.add(file.facts[entry.fact], entry.from, entry.maybe ?? false);
  builder.addAssignments(command);
  return builder.result();
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

class LayerBuilder {
  readonly #launch: LaunchFact;
  readonly #file: FileFacts;
  readonly #bases: readonly string[];
  readonly #index: FileIndex;
  readonly #files: ReadonlyMap<string, FileFacts>;
  readonly #layers: { origin: EnvironmentLayer['origin']; label: string; settings: PlacedSetting[]; incomplete: boolean }[] = [];
  readonly #unresolved: { anchor: Anchor; message: string }[] = [];
  readonly #used = new Set<string>();

  constructor(launch: LaunchFact, file: FileFacts, bases: readonly string[], index: FileIndex, files: ReadonlyMap<string, FileFacts>) {
    this.#launch = launch;
    this.#file = file;
    this.#bases = bases;
    this.#index = index;
    this.#files = files;
  }

  add(fact: Fact | undefined, from: 'setting' | 'file', maybe: boolean): void {
    if (from === 'file' && fact?.kind === 'link') this.#linked(fact, this.#file.uri, maybe, 0);
    else if (from === 'setting' && fact?.kind === 'setting') this.#setting(fact, maybe);
  }

  /** `env K=V` words that the reader did not already turn into settings. */
  addAssignments(command: CommandLine): void {
    const settings = command.assignments
      .filter((assignment) => !this.#layers.some((layer) => layer.settings.some(({ anchor, fact }) => anchor.uri === this.#file.uri && fact.name === assignment.name && fact.span.chunk === assignment.span.chunk && fact.nameSpan.start === assignment.nameSpan.start)))
      .map((assignment): PlacedSetting => {
        const raw = knownText(assignment.value);
        const fact: SettingFact = { kind: 'setting', name: assignment.name, channel: 'env', operation: 'set', value: assignment.value, raw, span: assignment.span, nameSpan: assignment.nameSpan, valueSpan: assignment.valueSpan, scope: this.#launch.scope, exported: true, args: [] };
        return { anchor: { uri: this.#file.uri, span: assignment.span }, fact };
      });
    if (settings.length > 0) this.#layers.push({ origin: 'wrapper', label: `\`env\` in ${this.#name()}`, settings, incomplete: false });
  }

  result(): LinkedEnvironment {
    return { layers: this.#layers, unresolved: this.#unresolved, files: [...this.#used] };
  }

  #setting(fact: SettingFact, maybe: boolean): void {
    const inside = this.#launch.how === 'shell' && fact.span.chunk === this.#launch.span.chunk && fact.span.start >= this.#launch.span.start && fact.span.end <= this.#launch.span.end;
    const origin = this.#launch.how !== 'shell' ? 'configuration' : inside ? 'prefix' : 'export';
    const label = origin === 'configuration' ? `\`env\` of "${this.#launch.label}" in ${this.#name()}` : origin === 'prefix' ? `the command line in ${this.#name()}` : this.#name();
    this.#append(origin, label, { anchor: { uri: this.#file.uri, span: fact.span }, fact, ...(maybe ? { maybe } : {}) });
  }

  #linked(link: LinkFact, uri: string, maybe: boolean, depth: number): void {
    const anchor = { uri, span: link.targetSpan };
    const text = knownText(link.target);
    if (text === null) {
      this.#layers.push({ origin: 'envFile', label: 'an env file', settings: [], incomplete: true });
      this.#unresolved.push({ anchor, message: 'The environment file depends on values that are not known here.' });
      return;
    }
    const target = findPath(text, uri, this.#bases, this.#index);
    const found = target === null ? undefined : this.#files.get(target);
    if (target === null || !found) {
      // A virtual environment's activate script sets paths only; an implied file need not exist.
      if (link.implied || /(?:^|[\\/])activate(?:\.\w+)?$/.test(text)) return;
      this.#layers.push({ origin: link.relation === 'source' ? 'export' : 'envFile', label: text, settings: [], incomplete: true });
      this.#unresolved.push({ anchor, message: `\`${text}\` was not found in the workspace, so the variables it sets are not known.` });
      return;
    }
    this.#used.add(target);
    const origin = link.relation === 'source' ? 'export' : 'envFile';
    const label = displayPath(target, workspaceFolderOf(this.#file.uri));
    if (found.gaps.length > 0) this.#layers.push({ origin, label, settings: [], incomplete: true });
    for (const fact of found.facts) {
      if (fact.kind === 'setting' && fact.channel === 'env' && (link.relation === 'envFile' || fact.exported)) {
        const value = link.keepsQuotes && fact.raw !== null ? stringValue(fact.raw) : fact.value;
        const conditional = maybe || (link.relation === 'source' && fact.scope.conditional);
        this.#append(origin, label, { anchor: { uri: target, span: fact.span }, fact: value === fact.value ? fact : { ...fact, value }, ...(conditional ? { maybe: true } : {}) });
      } else if (fact.kind === 'link' && link.relation === 'source' && (fact.relation === 'source' || fact.relation === 'envFile') && depth < MAX_DEPTH && fact.scope.func === null) {
        this.#linked(fact, target, maybe || fact.scope.conditional, depth + 1);
      }
    }
  }

  #append(origin: EnvironmentLayer['origin'], label: string, setting: PlacedSetting): void {
    const last = this.#layers[this.#layers.length - 1];
    if (last && last.origin === origin && last.label === label) last.settings.push(setting);
    else this.#layers.push({ origin, label, settings: [setting], incomplete: false });
  }

  #name(): string {
    const name = displayPath(this.#file.uri, workspaceFolderOf(this.#file.uri));
    return name.replace(/^\.vscode\//, '');
  }
}
