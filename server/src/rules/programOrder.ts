/** Questions about the order in which one process executes its facts. */
import { isTaskRuntime } from '../plan/taskRuntimes.ts';
import { librariesLoadedBy, librariesReachedThrough, topModule } from '../knobs/modules.ts';
import type { ComputeFact, Fact, FanOutFact } from '../core/fact.ts';
import type { Knob, Library } from '../core/knob.ts';
import type { ScheduledFact } from '../core/launchGraph.ts';
import type { Plan } from '../core/plan.ts';

/** Modules of the standard library load no compute threads; what is not listed here may. */
const STANDARD = new Set(
  '__future__ abc argparse array ast asyncio atexit base64 bisect builtins bz2 calendar cmath codecs collections concurrent configparser contextlib contextvars copy csv ctypes dataclasses datetime decimal difflib dis email enum errno faulthandler fcntl filecmp fnmatch fractions functools gc getopt getpass gettext glob gzip hashlib heapq hmac html http importlib inspect io ipaddress itertools json keyword linecache locale logging lzma math mimetypes mmap multiprocessing numbers operator os pathlib pickle pkgutil platform pprint profile pstats queue random re resource runpy sched secrets select selectors shelve shlex shutil signal site socket sqlite3 ssl stat statistics string struct subprocess sys sysconfig tarfile tempfile textwrap threading time timeit token tokenize tomllib traceback tracemalloc types typing unicodedata unittest urllib uuid venv warnings wave weakref webbrowser xml zipfile zlib zoneinfo'.split(' '),
);

/** True for a module of Python's standard library. */
export function isStandardModule(top: string): boolean {
  return STANDARD.has(top);
}

/** True when importing the module makes the knob's consumer read it. */
export function importReads(module: string, knob: Knob): boolean {
  return knob.readByModules.includes(topModule(module));
}

/** An import that may load a library this table cannot tell: neither the standard library nor the workspace nor a module whose loads are known. */
export function mayLoad(module: string, library: Library, workspace: ReadonlySet<string>): boolean {
  const top = topModule(module);
  if (module.startsWith('.') || STANDARD.has(top) || workspace.has(top)) return false;
  const known = librariesLoadedBy(module);
  return known.includes(library) || librariesReachedThrough(module).includes(library) || known.length === 0;
}

/** Names of the modules and packages that the launch's own files define. */
export function workspaceModules(plan: Plan): ReadonlySet<string> {
  const known = ownModules.get(plan.launch.reachable);
  if (known) return known;
  const names = new Set<string>();
  for (const uri of plan.launch.reachable) {
    const parts = uri.split('/');
    names.add(parts.at(-1)?.replace(/\.py$/, '') ?? '');
    for (const part of parts.slice(0, -1)) names.add(part);
  }
  ownModules.set(plan.launch.reachable, names);
  return names;
}

const ownModules = new WeakMap<readonly string[], ReadonlySet<string>>();

interface Loaded {
  /** Libraries that the process is certain to load. */
  readonly libraries: ReadonlySet<Library>;
  /** Top modules that are imported anywhere in the process. */
  readonly modules: ReadonlySet<string>;
}

const loaded = new WeakMap<Plan['schedule'], Loaded>();

/** What a schedule loads; most rules ask, and schedules are long. */
function loadedBy({ schedule }: Plan): Loaded {
  let known = loaded.get(schedule);
  if (!known) {
    const libraries = new Set<Library>();
    const modules = new Set<string>();
    for (const { certainty, fact } of schedule) {
      if (fact.kind !== 'load') continue;
      modules.add(topModule(fact.module));
      if (certainty === 'always') for (const library of librariesLoadedBy(fact.module)) libraries.add(library);
    }
    loaded.set(schedule, (known = { libraries, modules }));
  }
  return known;
}

/** True when the process is certain to load the library. */
export function loads(plan: Plan, library: Library): boolean {
  return loadedBy(plan).libraries.has(library);
}

/** True when a module of that name (or below it) is imported anywhere in the process. */
export function imports(plan: Plan, ...names: readonly string[]): boolean {
  const { modules } = loadedBy(plan);
  return names.some((name) => modules.has(name));
}

/** Work that is certain to run on PyTorch's threads before an index of the schedule. */
export function torchWorkBefore(plan: Plan, index: number): (ScheduledFact & { readonly fact: ComputeFact }) | undefined {
  return plan.schedule.slice(0, index).find((s): s is ScheduledFact & { readonly fact: ComputeFact } => s.certainty === 'always' && s.fact.kind === 'compute' && s.fact.library === 'torch' && s.fact.certain);
}

/** Fan-outs of one kind, in the order they execute. */
export function fanOuts(plan: Plan, what: FanOutFact['what']): readonly { readonly index: number; readonly scheduled: ScheduledFact; readonly fact: FanOutFact }[] {
  return plan.schedule.flatMap((scheduled, index) => (scheduled.fact.kind === 'fanOut' && scheduled.fact.what === what ? [{ index, scheduled, fact: scheduled.fact }] : []));
}

/** True for workers whose environment says how many threads they use: joblib, Dask and Ray set what is missing. */
export function setsWorkerThreads(fact: FanOutFact): boolean {
  return isTaskRuntime(fact) || fact.api.startsWith('joblib.');
}

/** Facts of the body of a function and of the functions of the same file that it calls, directly or not. */
export function factsRunBy(func: string, facts: readonly Fact[]): readonly Fact[] {
  const names = new Set([func]);
  for (let grown = true; grown; ) {
    grown = false;
    for (const fact of facts) {
      if (fact.kind !== 'invoke' || fact.scope.func === null || !names.has(fact.scope.func) || names.has(fact.callee)) continue;
      names.add(fact.callee);
      grown = true;
    }
  }
  return facts.filter((f) => f.scope.func !== null && names.has(f.scope.func));
}

/** True when the process is certain to put its work on a GPU, so that CPU threads do little of it. */
export function runsOnGpu(plan: Plan): boolean {
  return plan.schedule.some(({ fact, certainty }) => certainty === 'always' && fact.kind === 'call' && fact.callee === 'gpu.use' && fact.args.some(({ value }) => value.kind === 'known' && value.value === true));
}

/** True when the process puts work on a GPU if there is one, so that its CPU threads matter only where there is none. */
export function mayRunOnGpu(plan: Plan): boolean {
  return plan.schedule.some(({ fact }) => fact.kind === 'call' && fact.callee === 'gpu.use');
}
