/** The order in which one process of a launch executes facts: imports inline at their first load, known calls followed. */
import type { DefineFact, Fact, InvokeFact, LinkFact } from '../core/fact.ts';
import { factsOfKind } from '../core/factsOfKind.ts';
import type { Launch, LaunchGraph, ScheduledFact } from '../core/launchGraph.ts';
import type { Anchor } from '../core/span.ts';
import type { FileIndex } from '../link/fileIndex.ts';
import { graphIndex } from '../link/graphIndex.ts';
import { perFile } from '../core/perFile.ts';
import { loadedEnvironmentFile, loadedSettings } from '../link/programEnvironment.ts';
import { isHandlerDecorator } from '../link/programs.ts';
import { isEsModule, resolveScriptModule } from '../link/jsModules.ts';
import { importRoots, resolveModule } from '../link/pythonModules.ts';

const MAX_FACTS = 5000;
const MAX_DEPTH = 24;
/** A function called from many places is followed this often; more would repeat what is known. */
const MAX_EXPANSIONS = 16;

type Certainty = ScheduledFact['certainty'];

/** Facts of the launch's entry process in execution order. Functions without a known call are left out; handlers a framework calls come last, as `maybe`. */
export function schedule(launch: Launch, graph: LaunchGraph): ScheduledFact[] {
  const scheduler = new Scheduler(launch, graph);
  scheduler.runLaunch();
  return scheduler.facts;
}

/**
 * What a worker runs of the modules before its function: nothing, because they are `there` (threads, forks); the entry `imported` again, as
 * spawned children do; or only the imports of an entry whose function is `sent` as a value, and of others the module. Measured: ray 2.58, distributed 2026.8.
 */
export type WorkerModules = 'there' | 'imported' | 'sent';

/**
 * Facts of a worker process: first what it runs of the modules (without the `__main__` guard), then the initializer and the worker function. `found` is false when the function is not in the workspace, `initialised` when the initializer is not.
 */
export function scheduleWorker(launch: Launch, graph: LaunchGraph, worker: { readonly uri: string; readonly name: string | null; readonly initializer?: string | undefined; readonly func: string | null }, modules: WorkerModules): { readonly facts: readonly ScheduledFact[]; readonly body: readonly ScheduledFact[]; readonly found: boolean; readonly initialised: boolean } {
  const scheduler = new Scheduler(launch, graph);
  if (modules === 'imported' && launch.entry !== null && worker.name?.endsWith('#') !== true) scheduler.runModule(launch.entry, [], 'always', false);
  else if (modules === 'sent' && worker.uri === launch.entry) scheduler.runImports(worker.uri);
  else if (modules === 'sent') scheduler.runModule(worker.uri, [], 'always', false);
  const initialised = worker.initializer === undefined || scheduler.call(worker.initializer, worker.uri, worker.func, [], 'always');
  const before = scheduler.facts.length;
  const found = worker.name !== null && scheduler.call(worker.name, worker.uri, worker.func, [], 'always');
  return { facts: scheduler.facts, body: scheduler.facts.slice(before), found, initialised };
}

class Scheduler {
  readonly facts: ScheduledFact[] = [];
  readonly #launch: Launch;
  readonly #graph: LaunchGraph;
  readonly #index: FileIndex;
  readonly #roots: readonly string[];
  readonly #loaded = new Set<string>();
  readonly #stack: string[] = [];
  readonly #expansions = new Map<string, number>();

  constructor(launch: Launch, graph: LaunchGraph) {
    this.#launch = launch;
    this.#graph = graph;
    this.#index = graphIndex(graph);
    this.#roots = importRoots(launch);
  }

  runLaunch(): void {
    const { entry, program } = this.#launch;
    if (entry === null) return;
    const { configFile } = this.#launch;
    if (configFile !== null) this.runModule(configFile, [], 'always', false);
    const imported = program === 'gunicorn' || program === 'uvicorn' || program === 'hypercorn' || program === 'celery' || program === 'ray';
    this.runModule(entry, [], 'always', !imported);
    if (imported) {
      const application = /:([A-Za-z_]\w*)(\(.*)?$/.exec(this.#launch.entryText ?? '');
      const factory = application?.[2] !== undefined || / --factory(?: |$)/.test(this.#launch.commandText);
      if (application?.[1] !== undefined) this.call(application[1], entry, null, [], factory ? 'always' : 'maybe');
    }
    for (const uri of [...this.#loaded]) {
      for (const define of this.#definesOf(uri).values()) {
        // What the program calls itself has been followed: `cli()` below a command.
        if (define.decorators.some(isHandlerDecorator) && !this.#expansions.has(`${uri}#${define.name}`)) this.#runFunction(uri, define.name, [], 'maybe');
      }
    }
  }

  /** What the statements of a file import, without the rest of the file; which of the modules of the workspace are imported is not followed. */
  runImports(uri: string): void {
    this.#loaded.add(uri);
    for (const fact of this.#topLevel(uri)) if (fact.kind === 'load' && !fact.scope.main) this.#visit(fact, uri, [], resolveModule(fact.module, uri, this.#roots, this.#index).length > 0 ? 'maybe' : 'always');
  }

  runModule(uri: string, via: readonly Anchor[], certainty: Certainty, asMain: boolean): void {
    if (this.#loaded.has(uri) || via.length > MAX_DEPTH) return;
    this.#loaded.add(uri);
    for (const fact of this.#topLevel(uri)) if (asMain || !fact.scope.main) this.#visit(fact, uri, via, certainty);
  }

  /** The statements of a file in the order they run: the imports of an ES module come before everything else. */
  #topLevel(uri: string): readonly Fact[] {
    const body = this.#body(uri, null);
    const file = this.#graph.files.get(uri);
    if (!file || !hoists(file)) return body;
    const module = isEsModule(uri, this.#graph.files, this.#index);
    const first = (fact: Fact): boolean => fact.kind === 'load' && (fact.hoisted === 'always' || (fact.hoisted === 'esModule' && module === true));
    return [...body.filter(first), ...body.filter((fact) => !first(fact))];
  }

  /** Follows a call by name from `uri`; false when the function is not in the workspace. */
  call(callee: string, uri: string, func: string | null, via: readonly Anchor[], certainty: Certainty): boolean {
    if (callee.endsWith('#')) return this.#runWorkerFile(callee, uri, via, certainty);
    const target = this.#resolve(callee, uri, func);
    if (!target) return false;
    this.#runFunction(target.uri, target.name, via, certainty);
    return true;
  }

  /** A worker of JavaScript runs a file of its own, or this one again (`#`), from the start. */
  #runWorkerFile(module: string, uri: string, via: readonly Anchor[], certainty: Certainty): boolean {
    const [file] = resolveScriptModule(module, uri, this.#index);
    if (file === undefined) return false;
    this.runModule(file, via, certainty, false);
    return true;
  }

  #visit(fact: Fact, uri: string, via: readonly Anchor[], parent: Certainty): void {
    if (this.facts.length >= MAX_FACTS) return;
    const certainty: Certainty = parent === 'maybe' || fact.scope.conditional || fact.scope.loop ? 'maybe' : 'always';
    const anchor: Anchor = { uri, span: fact.span };
    this.facts.push({ anchor, fact, certainty, via });
    if (fact.kind === 'load') {
      for (const file of resolveModule(fact.module, uri, this.#roots, this.#index)) this.runModule(file, [...via, anchor], certainty, false);
    } else if (fact.kind === 'invoke') {
      this.#invoke(fact, uri, [...via, anchor], certainty);
    } else if (fact.kind === 'link' && fact.relation === 'envFile') {
      this.#loadEnvironment(fact, uri, [...via, anchor], certainty);
    }
  }

  /** The program loads an environment file here: its settings apply at this moment. */
  #loadEnvironment(link: LinkFact, uri: string, via: readonly Anchor[], certainty: Certainty): void {
    const found = loadedEnvironmentFile(link, uri, this.#index);
    const file = found === null ? undefined : this.#graph.files.get(found);
    if (!file) return;
    for (const fact of loadedSettings(link, file)) this.facts.push({ anchor: { uri: file.uri, span: fact.span }, fact, certainty, via });
  }

  #invoke(fact: InvokeFact, uri: string, via: readonly Anchor[], certainty: Certainty): void {
    if (via.length > MAX_DEPTH) return;
    this.call(fact.callee, uri, fact.scope.func, via, certainty);
  }

  #runFunction(uri: string, name: string, via: readonly Anchor[], certainty: Certainty): void {
    const key = `${uri}#${name}`;
    const times = this.#expansions.get(key) ?? 0;
    if (this.#stack.includes(key) || times >= MAX_EXPANSIONS || via.length > MAX_DEPTH) return;
    this.#expansions.set(key, times + 1);
    this.#stack.push(key);
    for (const fact of this.#body(uri, name)) this.#visit(fact, uri, via, certainty);
    this.#stack.pop();
  }

  #resolve(callee: string, uri: string, func: string | null): { readonly uri: string; readonly name: string } | null {
    const mark = callee.lastIndexOf('#');
    if (mark >= 0) {
      // JavaScript: `./helpers.js#run`.
      const [file] = resolveScriptModule(callee, uri, this.#index);
      const name = callee.slice(mark + 1);
      if (file === undefined) return null;
      const local = this.#resolveLocal(name, file, null);
      return local === null ? this.#resolveReexport(name, file) : { uri: file, name: local };
    }
    const local = this.#resolveLocal(callee, uri, func);
    if (local !== null) return { uri, name: local };
    const dots = /^\.*/.exec(callee)?.[0] ?? '';
    const names = callee.slice(dots.length).split('.');
    for (let split = names.length - 1; split >= 1; split--) {
      const files = resolveModule(dots + names.slice(0, split).join('.'), uri, this.#roots, this.#index);
      const file = files[files.length - 1];
      if (file === undefined || file === uri) continue;
      const name = this.#resolveLocal(names.slice(split).join('.'), file, null);
      if (name !== null) return { uri: file, name };
      const exported = this.#resolveReexport(names.slice(split).join('.'), file);
      if (exported) return exported;
    }
    return null;
  }

  /** The qualified name a call in `func` means within its own file. */
  #resolveLocal(callee: string, uri: string, func: string | null): string | null {
    const defines = this.#definesOf(uri);
    const scopes = func === null ? [] : func.split('.');
    const member = /^(?:self|cls)\.(\w+)$/.exec(callee)?.[1];
    if (member !== undefined && scopes.length > 1) return this.#function(`${scopes.slice(0, -1).join('.')}.${member}`, defines);
    for (let depth = scopes.length; depth >= 0; depth--) {
      const name = [...scopes.slice(0, depth), callee].join('.');
      const found = this.#function(name, defines);
      if (found !== null) return found;
    }
    return null;
  }

  #function(name: string, defines: ReadonlyMap<string, DefineFact>): string | null {
    if (defines.has(name)) return name;
    return defines.has(`${name}.__init__`) ? `${name}.__init__` : null;
  }

  /** `from .impl import run` in a package's `__init__` makes `package.run` callable. */
  #resolveReexport(name: string, uri: string): { readonly uri: string; readonly name: string } | null {
    for (const fact of this.#graph.files.get(uri)?.facts ?? []) {
      if (fact.kind !== 'load' || fact.scope.func !== null) continue;
      for (const file of resolveModule(fact.module, uri, this.#roots, this.#index)) {
        const found = file === uri ? null : this.#function(name, this.#definesOf(file));
        if (found !== null) return { uri: file, name: found };
      }
    }
    return null;
  }

  /** Facts of a function of a file, or of its top level. */
  #body(uri: string, func: string | null): readonly Fact[] {
    const file = this.#graph.files.get(uri);
    return file ? (bodiesOf(file).get(func) ?? []) : [];
  }

  #definesOf(uri: string): ReadonlyMap<string, DefineFact> {
    const file = this.#graph.files.get(uri);
    return file ? definesIn(file) : NO_DEFINES;
  }
}

const NO_DEFINES: ReadonlyMap<string, DefineFact> = new Map();

const definesIn = perFile((file): ReadonlyMap<string, DefineFact> => new Map(factsOfKind(file, 'define').map((fact) => [fact.name, fact])));

/** True when some import of the file runs before what stands above it. */
const hoists = perFile((file) => factsOfKind(file, 'load').some((fact) => fact.hoisted !== undefined));

/** Facts by the function they stand in. */
const bodiesOf = perFile((file): ReadonlyMap<string | null, readonly Fact[]> => {
  const bodies = new Map<string | null, Fact[]>();
  for (const fact of file.facts) {
    const body = bodies.get(fact.scope.func);
    if (body) body.push(fact);
    else bodies.set(fact.scope.func, [fact]);
  }
  return bodies;
});
