/** Computes the effective thread plan of one launch on one machine. */
import type { ConstantFact, Fact, FileFacts, SettingFact } from '../core/fact.ts';
import type { Library } from '../core/knob.ts';
import type { EnvironmentLayer, Launch, LaunchGraph, LaunchWrapper, ScheduledFact } from '../core/launchGraph.ts';
import type { Machine } from '../core/machine.ts';
import type { Certainty, KnobState, Plan, PlanNumber, Provenance, RuntimePlan, Shadowed } from '../core/plan.ts';
import { ask } from '../core/watchedFiles.ts';
import { factsOfKind } from '../core/factsOfKind.ts';
import { knobByCall, knobByEnv } from '../knobs/catalogue.ts';
import { libraryName } from '../knobs/libraryNames.ts';
import { displayPath, workspaceFolderOf } from '../link/fileIndex.ts';
import { isHandlerDecorator } from '../link/programs.ts';
import { joblibCpusIn, readFanOut, type FanOut } from './fanOuts.ts';
import { isTaskRuntime, passEnvironment } from './taskRuntimes.ts';
import { ctranslate2, faiss, jax, llamaCpp, openCv, openVino, scikitLearn, sharesPool } from './libraryPools.ts';
import { limitMachine } from './machineLimits.ts';
import { torchServeWorkers, tritonModels, type TritonModels } from './modelServers.ts';
import { runsAsEsModule } from './moduleSystem.ts';
import { computeThreads, known, limitedTeam, maskThreads, notKnown, numexprThreads, onnxThreads, openBlasThreads, plainOpenMpThreads, rayonThreads, reason, torchThreads, uvThreads } from './pools.ts';
import { assigned, EnvironmentState, evaluateIn, isUnset, severalValues, single } from './precedence.ts';
import { ProcessState } from './processState.ts';
import { ProgramValues } from './programValues.ts';
import { schedule, scheduleWorker } from './schedule.ts';
import { scriptedFork } from './scriptedFork.ts';
import { tensorflow } from './tensorflowPool.ts';

const SET_THREADS = 'torch.set_num_threads';
const SET_INTEROP = 'torch.set_num_interop_threads';
const ORT_INTRA = 'onnxruntime.SessionOptions.intra_op_num_threads';
const ORT_INTER = 'onnxruntime.SessionOptions.inter_op_num_threads';
const ORT_MODE = 'onnxruntime.SessionOptions.execution_mode';
/** The same options as onnxruntime-node spells them. */
const ORT_NODE = 'onnxruntime-node.SessionOptions';

/** The effective thread plan; every number says where it comes from, and what is not known says why. Never throws. */
export function planLaunch(launch: Launch, graph: LaunchGraph, machine: Machine): Plan {
  return new Planner(launch, graph, machine).plan();
}

/** What one process of the launch comes to. */
interface ProcessPlan {
  readonly intraOp: PlanNumber;
  readonly interOp: PlanNumber;
  readonly library: Library | null;
  /** Of a library whose callers wait for threads of its own: how many those are. */
  readonly total?: PlanNumber;
  readonly runtimes: readonly RuntimePlan[];
}

/** What gunicorn's configuration file sets. */
interface GunicornConfig {
  readonly uri: string;
  readonly workers: SettingFact | ConstantFact | null;
  readonly threads: SettingFact | ConstantFact | null;
  readonly workerClass: SettingFact | ConstantFact | null;
  /** True when nothing in the file could set more. */
  readonly complete: boolean;
}

/** Names under which the Python reader takes a file for gunicorn's configuration. */
function isGunicornConfig(uri: string): boolean {
  return /\/gunicorn[\w.-]*\.py$/.test(uri);
}

/** Threads of one process that run operations side by side. */
interface AppThreads {
  readonly count: PlanNumber;
  /** True when the main thread computes too while they run. */
  readonly mainComputes: boolean;
  /** Team size the worker function sets for its own thread; null when it sets none. */
  readonly team: PlanNumber | null;
  /** True when each of them makes a model of its own, with a pool of its own. */
  readonly ownModels?: boolean;
}

/** A process that the script starts. */
interface ChildPlan extends ProcessPlan {
  readonly appThreads: AppThreads | null;
}

/** The defaults of other platforms are known from the libraries' sources and were not run. */
function isMeasured({ os, arch }: Machine): boolean {
  return (os === null || os === 'linux') && (arch === null || arch === 'x86_64');
}

class Planner {
  readonly #launch: Launch;
  readonly #graph: LaunchGraph;
  readonly #given: Machine;
  readonly #unknowns: string[] = [];
  #likely = false;
  /** Facts that processes started by the script execute. */
  readonly #inChildren = new Set<ScheduledFact['fact']>();

  constructor(launch: Launch, graph: LaunchGraph, machine: Machine) {
    this.#launch = launch;
    this.#graph = graph;
    this.#given = machine;
  }

  plan(): Plan {
    const launch = this.#launch;
    const environment = this.#environment();
    const copies = this.#copies(environment);
    // Whether ranks are bound to cores depends on the MPI that is installed.
    if (launch.wrappers.some((wrapper) => wrapper.kind === 'copies' && /^(?:mpi|horovod)/.test(wrapper.text))) this.#likely = true;
    const limits = limitMachine(launch, this.#given, environment, copies);
    this.#unknowns.push(...launch.unresolved.map((item) => item.message), ...limits.unknowns);
    const { machine } = limits;
    const launched = this.#launchedProcesses(environment, machine, copies);
    this.#launcher(environment, launched, machine);
    environment.program = new ProgramValues(launch, this.#graph, machine, environment.copy());
    const scheduled = schedule(launch, this.#graph);
    this.#gaps();

    const state = new ProcessState(launch, environment, machine);
    const fanOuts: FanOut[] = [];
    const children = new Map<FanOut, ChildPlan>();
    for (const [index, item] of scheduled.entries()) {
      state.step(item);
      if (item.fact.kind !== 'fanOut') continue;
      const fanOut = readFanOut({ ...item, fact: item.fact }, environment, { launch, graph: this.#graph, machine, before: scheduled.slice(0, index) });
      fanOuts.push(fanOut);
      if (fanOut.kind === 'processes') children.set(fanOut, this.#childPlan(fanOut, state, machine));
    }
    if (state.assumed || !isMeasured(machine) || machine.physicalCores === null) this.#likely = true;
    const own = this.#processPlan(state, scheduled, machine);
    const counted = this.#count(launched, own, fanOuts, children, scheduled);
    const cores = limits.cores;
    const total = counted.total;
    const ratio = total.value !== null && cores.value !== null && cores.value > 0 ? total.value / cores.value : null;
    const certainty: Certainty = counted.intraOp.value === null || counted.processes.value === null || total.value === null ? 'unknown' : this.#likely ? 'likely' : 'certain';
    for (const [name, number] of [['intra-op threads', counted.intraOp], ['processes', counted.processes]] as const) {
      if (number.unknown !== null) this.#unknowns.push(`The number of ${name} is not known: ${number.unknown}.`);
    }
    return {
      launch,
      machine,
      processes: counted.processes,
      ...(counted.appThreads ? { appThreads: counted.appThreads } : {}),
      intraOp: counted.intraOp,
      interOp: own.interOp,
      ...(launch.program === 'node' ? { nodePool: uvThreads(this.#nodePoolReads(state)) } : {}),
      totalThreads: total,
      cores,
      physicalCores: limits.physicalCores,
      ratio,
      certainty,
      runtimes: own.runtimes,
      values: this.#values(state, own),
      schedule: scheduled,
      unknowns: [...new Set(this.#unknowns)],
    };
  }

  /** The environment the program starts with: every layer in order. */
  #environment(): EnvironmentState {
    const environment = new EnvironmentState();
    for (const layer of this.#launch.layers) {
      if (layer.incomplete) {
        this.#likely = true;
        this.#unknowns.push(`Part of ${layer.label} could not be read, so other variables may be set there.`);
      }
      for (const { anchor, fact, maybe } of layer.settings) {
        const next = assigned(fact, anchor, layer.label, { machine: this.#given, environment, inShell: layer.origin === 'export' || layer.origin === 'prefix' });
        if (next.assumed) this.#likely = true;
        environment.apply(fact.name, fact.operation, next, maybe ?? false);
      }
    }
    return environment;
  }

  /** Processes the launch itself starts: server workers, torchrun ranks, copies of a loop. */
  #launchedProcesses(environment: EnvironmentState, machine: Machine, copies: PlanNumber): PlanNumber {
    const { program, wrappers } = this.#launch;
    const workers = last(wrappers.filter((wrapper) => wrapper.kind === 'workers'));
    let processes: PlanNumber;
    if (workers) processes = this.#wrapperCount(workers, environment, machine);
    else if (program === 'gunicorn') processes = this.#defaultWorkers(environment, this.#gunicornConfig());
    else if (program === 'uvicorn') processes = this.#defaultWorkers(environment, null);
    else if (program === 'torchserve') processes = torchServeWorkers(this.#launch, this.#configFile(), environment, machine);
    else if (program === 'celery') processes = this.#celeryWorkers(environment, machine);
    else processes = known(1, reason(program === 'torchrun' ? "torchrun's default: one process" : 'one process'));
    return multiply(processes, copies);
  }

  /** How often the launch runs side by side: loops, replicas. */
  #copies(environment: EnvironmentState): PlanNumber {
    const counts = this.#launch.wrappers.filter((wrapper) => wrapper.kind === 'copies').map((wrapper) => this.#wrapperCount(wrapper, environment, this.#given));
    return counts.reduce(multiply, known(1, reason('one process')));
  }

  /** `worker_concurrency` of the application, else one process per CPU. */
  #celeryWorkers(environment: EnvironmentState, machine: Machine): PlanNumber {
    for (const uri of this.#launch.reachable) {
      const fact = factsOfKind(this.#graph.files.get(uri), 'setting').findLast(({ name }) => name === 'celery.worker_concurrency');
      if (!fact) continue;
      const here: Provenance = { anchor: { uri, span: fact.span }, text: `worker_concurrency in ${displayPath(uri, workspaceFolderOf(uri))}` };
      const { result } = evaluateIn(fact.value, { machine, environment, inShell: false, uri });
      return result.kind === 'known' && typeof result.value === 'number' && !fact.scope.conditional ? known(result.value, here) : notKnown('`worker_concurrency` has no single value', [here]);
    }
    const cpus = machine.logicalCores;
    return cpus === null ? notKnown('the number of CPUs is not known') : known(cpus, { anchor: this.#launch.anchor, text: `celery's default: one process for each of the ${cpus} CPUs` });
  }

  #wrapperCount(wrapper: LaunchWrapper, environment: EnvironmentState, machine: Machine): PlanNumber {
    const here: Provenance = { anchor: wrapper.anchor, text: wrapper.text };
    if (typeof wrapper.value === 'number') return known(wrapper.value, here);
    if (typeof wrapper.value === 'string') {
      const text = wrapper.value.trim();
      if (text === 'nodes' || text === 'node') {
        const { physicalCores } = machine;
        const numaNodes = machine.numaNodes ?? machine.nodes?.length ?? null;
        if (numaNodes === null || physicalCores === null) return notKnown(`\`${wrapper.text}\` depends on the machine's NUMA nodes, which are not known`, [here]);
        return text === 'nodes' ? known(numaNodes, here, reason(`${numaNodes} NUMA nodes`)) : known(Math.max(1, Math.floor(physicalCores / numaNodes)), here, reason(`the cores of one NUMA node`));
      }
      if (this.#launch.program === 'torchrun' && (text === 'cpu' || text === 'auto') && machine.logicalCores !== null) {
        if (text === 'auto') this.#likely = true;
        return known(machine.logicalCores, here, reason(`\`${text}\` is ${machine.logicalCores} CPUs where there is no GPU`));
      }
      return notKnown(`\`${wrapper.text}\` is no number`, [here]);
    }
    if (!wrapper.given) return notKnown(`the number in \`${wrapper.text}\` is missing`, [here]);
    const { result, assumed } = evaluateIn(wrapper.given, { machine, environment, inShell: true });
    if (assumed) this.#likely = true;
    const value = result.kind === 'known' ? Number(result.value) : Number.NaN;
    if (Number.isInteger(value)) return known(value, here);
    return notKnown(`the number in \`${wrapper.text}\` ${result.kind === 'unknown' ? result.why : 'has several possible values'}`, [here]);
  }

  #defaultWorkers(environment: EnvironmentState, config: GunicornConfig | null): PlanNumber {
    const { program } = this.#launch;
    const extra = program === 'gunicorn' ? environment.get('GUNICORN_CMD_ARGS') : null;
    if (extra && !isUnset(extra)) {
      const match = /(?:--workers[= ]|-w ?)(\d+)/.exec(single(extra) ?? '');
      if (match) return known(Number(match[1]), ...nonEmpty(extra.from, 'GUNICORN_CMD_ARGS'));
      if (extra.possible === null) return notKnown(extra.unknown ?? 'GUNICORN_CMD_ARGS is not known', extra.from);
    }
    if (config) {
      const value = config.workers?.value;
      const name = displayPath(config.uri, workspaceFolderOf(config.uri));
      if (config.workers?.scope.conditional) return notKnown(`\`workers\` in ${name} is set under a condition`, [{ anchor: { uri: config.uri, span: config.workers.span }, text: `workers in ${name}` }]);
      if (config.workers && value) {
        const here: Provenance = { anchor: { uri: config.uri, span: config.workers.span }, text: `workers in ${name}` };
        const { result } = evaluateIn(value, { machine: this.#given, environment, inShell: false });
        return result.kind === 'known' && typeof result.value === 'number' ? known(result.value, here) : notKnown(`\`workers\` in ${name} ${result.kind === 'unknown' ? result.why : 'has several possible values'}`, [here]);
      }
      if (!config.complete) return notKnown(`${name} may set the number of workers`);
    }
    const web = environment.get('WEB_CONCURRENCY');
    if (web.possible === null || web.possible.length > 1) return notKnown(web.unknown ?? severalValues('WEB_CONCURRENCY', web), web.from);
    const text = single(web);
    if (text !== null) return /^\s*\d+\s*$/.test(text) ? known(Number(text), ...nonEmpty(web.from, 'WEB_CONCURRENCY')) : notKnown(`WEB_CONCURRENCY=${text} is no number`, web.from);
    return known(1, reason(`${program}'s default: 1 worker`));
  }

  #gunicornConfig(): GunicornConfig | null {
    const uri = this.#launch.configFile;
    if (uri === null) return null;
    const last = (name: string): SettingFact | ConstantFact | null =>
      this.#graph.files.get(uri)?.facts.findLast((fact): fact is SettingFact | ConstantFact => fact.scope.func === null && ((fact.kind === 'setting' && fact.channel === 'field' && fact.name === `gunicorn.${name}`) || (fact.kind === 'constant' && fact.name === name))) ?? null;
    // Of a file under another name only constants are known.
    return { uri, workers: last('workers'), threads: last('threads'), workerClass: last('worker_class'), complete: isGunicornConfig(uri) && (this.#graph.files.get(uri)?.gaps.length ?? 1) === 0 };
  }

  /** What libuv reads: an ES module sets the variable when its loader has started the pool already. */
  #nodePoolReads(state: ProcessState): EnvironmentState {
    const { entry } = this.#launch;
    return entry !== null && runsAsEsModule(entry, this.#graph) === true ? this.#environment() : state.environment;
  }

  /** What torchrun and accelerate add to the environment. */
  #launcher(environment: EnvironmentState, processes: PlanNumber, machine: Machine): void {
    const omp = environment.get('OMP_NUM_THREADS');
    if (this.#launch.program === 'torchrun') {
      const from: readonly Provenance[] = [{ anchor: this.#launch.anchor, text: 'OMP_NUM_THREADS=1, which torchrun sets when it is unset and there are several processes' }];
      if (processes.value === null) {
        if (!isKnownSet(omp)) environment.apply('OMP_NUM_THREADS', 'default', { possible: null, unknown: 'torchrun sets OMP_NUM_THREADS=1 only for several processes, and their number is not known', from, assumed: false }, false);
      } else if (processes.value > 1) {
        environment.apply('OMP_NUM_THREADS', 'default', { possible: ['1'], unknown: null, from, assumed: false }, false);
      }
    }
    const threads = this.#launch.program === 'python' ? last(this.#launch.wrappers.filter((wrapper) => wrapper.kind === 'threads')) : undefined;
    if (threads) {
      const count = threads.value === null && !threads.given ? notKnown(`\`${threads.text}\` chooses OMP_NUM_THREADS itself`) : this.#wrapperCount(threads, environment, machine);
      const from: readonly Provenance[] = [{ anchor: threads.anchor, text: threads.text }];
      environment.apply('OMP_NUM_THREADS', 'default', count.value === null ? { possible: null, unknown: count.unknown, from, assumed: false } : { possible: [String(count.value)], unknown: null, from, assumed: false }, false);
    }
  }

  #gaps(): void {
    const { uri: own, anchor } = this.#launch;
    for (const uri of new Set([own, ...this.#launch.reachable])) {
      // An unresolved part of a launch file says so in the launches it concerns; manifests of one file stand for themselves.
      const gap = ask(this.#graph.files, uri, (file) => file?.gaps.find((candidate) => candidate.reason !== 'unresolved' && (uri !== own || file.reader !== 'kubernetes' || candidate.span.chunk === anchor.span.chunk)));
      if (!gap) continue;
      this.#likely = true;
      this.#unknowns.push(`Part of ${displayPath(uri, workspaceFolderOf(this.#launch.uri))} could not be read: ${gap.message}`);
    }
  }

  /** The plan of a process that a fan-out of the script starts. */
  #childPlan(fanOut: FanOut, parent: ProcessState, machine: Machine): ChildPlan {
    const { fact, anchor } = fanOut.scheduled;
    const worker = { uri: anchor.uri, name: fact.worker, initializer: fact.initializer, func: fact.scope.func };
    const threads = (environment: EnvironmentState, body: readonly ScheduledFact[]): AppThreads | null => {
      const inner = body.flatMap((item) => (item.fact.kind === 'fanOut' ? [readFanOut({ ...item, fact: item.fact }, environment, { launch: this.#launch, graph: this.#graph, machine })] : []));
      return this.#threadPools(inner, body);
    };
    const spawned = (): ChildPlan => {
      const environment = parent.environment.copy();
      if (/^joblib\./.test(fact.api)) this.#lokyEnvironment(environment, fanOut, machine);
      if (isTaskRuntime(fact)) passEnvironment(environment, fanOut.scheduled, machine);
      const state = new ProcessState(this.#launch, environment, machine);
      const run = scheduleWorker(this.#launch, this.#graph, worker, fact.api === 'ray.remote' ? 'sent' : 'imported');
      for (const item of run.facts) this.#inChildren.add(item.fact);
      state.run(run.facts);
      const plan = this.#processPlan(state, run.facts, machine);
      return { ...plan, ...(run.initialised ? {} : { intraOp: unfollowed(fanOut) }), appThreads: fanOut.threads && fanOut.threads.value !== 1 ? { count: fanOut.threads, mainComputes: false, team: null } : threads(environment, run.body) };
    };
    const forked = (): ChildPlan => {
      const run = scheduleWorker(this.#launch, this.#graph, worker, 'there');
      for (const item of run.facts) this.#inChildren.add(item.fact);
      const child = new ProcessState(this.#launch, parent.environment.copy(), machine);
      child.run(run.facts);
      const set = child.lastCall(SET_THREADS);
      const inherited = { ...this.#processPlan(parent, [], machine), appThreads: threads(child.environment, run.body) };
      if (!run.initialised) return { ...inherited, intraOp: unfollowed(fanOut) };
      return set ? { ...inherited, intraOp: limitedTeam(set, parent.readBy('openmp')) } : inherited;
    };
    if (fanOut.start === 'spawn') return spawned();
    if (fanOut.start === 'fork') return forked();
    const [a, b] = [spawned(), forked()];
    return a.intraOp.value === b.intraOp.value ? a : { ...a, intraOp: notKnown('it depends on how this system starts processes') };
  }

  /** loky gives each worker its share of the CPUs, for variables that are not set; `inner_max_num_threads` replaces them all. */
  #lokyEnvironment(environment: EnvironmentState, { count, inner, scheduled }: FanOut, machine: Machine): void {
    const cpus = joblibCpusIn(environment, machine);
    const share = cpus === null || count.value === null || count.value < 1 ? null : Math.max(1, Math.floor(cpus / count.value));
    for (const name of ['OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'BLIS_NUM_THREADS', 'VECLIB_MAXIMUM_THREADS', 'NUMBA_NUM_THREADS', 'NUMEXPR_NUM_THREADS']) {
      if (inner) {
        environment.apply(name, 'set', { possible: inner.value === null ? null : [String(inner.value)], unknown: inner.unknown, from: inner.from, assumed: false }, false);
        continue;
      }
      const from: readonly Provenance[] = [{ anchor: scheduled.anchor, text: `${name}, which joblib sets to CPUs divided by n_jobs when it is unset` }];
      environment.apply(name, 'default', { possible: share === null ? null : [String(share)], unknown: share === null ? 'joblib\'s share of the CPUs is not known' : null, from, assumed: false }, false);
    }
  }

  #processPlan(state: ProcessState, facts: readonly ScheduledFact[], machine: Machine): ProcessPlan {
    const runtimes: RuntimePlan[] = [];
    const lazyTorch = state.lazily('torch');
    if (state.loaded('torch') || lazyTorch !== null) {
      if (!state.loaded('torch')) {
        this.#likely = true;
        this.#unknowns.push(`\`${lazyTorch}\` is taken to load PyTorch, which it does when a model is used.`);
      }
      runtimes.push({ library: 'torch', intraOp: this.#torchIntraOp(state, machine), interOp: this.#torchInterOp(state, machine) });
    }
    if (state.loaded('onnxruntime')) runtimes.push(this.#onnx(state, machine));
    if (state.loaded('tensorflow')) runtimes.push(tensorflow(state, this.#launch, this.#graph));
    if (state.loaded('ctranslate2')) runtimes.push(ctranslate2(state));
    if (state.loaded('llamacpp')) runtimes.push(llamaCpp(state));
    if (state.loaded('openvino')) runtimes.push(openVino(state));
    if (state.loaded('jax')) runtimes.push(jax(state));
    if (state.loaded('numba')) runtimes.push({ library: 'numba', intraOp: state.lastCall('numba.set_num_threads') ?? maskThreads('NUMBA_NUM_THREADS', state.environment, machine), interOp: null });
    if (state.loaded('numexpr')) runtimes.push({ library: 'numexpr', intraOp: state.lastCall('numexpr.set_num_threads') ?? numexprThreads(state.readBy('numexpr'), machine), interOp: null });
    if (state.loaded('polars')) runtimes.push({ library: 'polars', intraOp: rayonThreads(['POLARS_MAX_THREADS'], state.readBy('polars'), machine), interOp: null });
    if (state.loaded('tokenizers')) runtimes.push({ library: 'tokenizers', intraOp: rayonThreads(['RAYON_NUM_THREADS', 'RAYON_RS_NUM_CPUS'], state.environment, machine), interOp: null });
    if (state.loaded('opencv')) runtimes.push(openCv(state));
    if (state.loaded('sklearn')) runtimes.push(scikitLearn(state));
    if (state.loaded('faiss')) runtimes.push(faiss(state));
    if (state.loaded('openmp') && !(['torch', 'sklearn', 'faiss'] as const).some((library) => state.loaded(library))) runtimes.push({ library: 'openmp', intraOp: limitedTeam(plainOpenMpThreads(state.readBy('openmp'), machine), state.readBy('openmp')), interOp: null });
    if (state.loaded('openblas')) runtimes.push({ library: 'openblas', intraOp: openBlasThreads(state.readBy('openblas'), machine), interOp: null });
    const deciding = decide(runtimes, facts);
    if (!deciding) {
      if (this.#launch.program === 'container') return this.#containerPlan(state, machine);
      if (this.#launch.program === 'torchserve') return this.#torchServePlan(state, machine);
      if (this.#launch.program === 'triton') return this.#tritonPlan(state, machine);
      if (this.#launch.entry === null) return { intraOp: notKnown('the script that runs is not known'), interOp: notKnown('the script that runs is not known'), library: null, runtimes };
      const none = known(1, reason('no library known to start compute threads is imported'));
      return { intraOp: none, interOp: none, library: null, runtimes };
    }
    return { intraOp: deciding.intraOp, interOp: deciding.interOp ?? known(1, reason(`${deciding.library} has no inter-op pool`)), library: deciding.library, ...(deciding.total ? { total: deciding.total } : {}), runtimes };
  }

  /** A program that is not known is taken to follow the variables its container was given for it. */
  #containerPlan(state: ProcessState, machine: Machine): ProcessPlan {
    this.#likely = true;
    const given = ['MKL_NUM_THREADS', 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'TF_NUM_INTRAOP_THREADS', 'NUMEXPR_NUM_THREADS', 'RAYON_NUM_THREADS'].filter((name) => !isUnset(state.environment.get(name)));
    const interOp = known(1, reason('nothing is known of the program'));
    const named = given.find((name) => name === 'OMP_NUM_THREADS' || name === 'MKL_NUM_THREADS');
    // MKL counts on x86-64 only where the program brings it, so OpenMP's variable is the one that says what was meant.
    const intraOp = named !== undefined ? plainOpenMpThreads(state.environment, machine) : given[0] === 'OPENBLAS_NUM_THREADS' ? openBlasThreads(state.environment, machine) : given[0] !== undefined ? maskThreads(given[0], state.environment, machine) : notKnown('the program that runs is not known');
    return { intraOp: given.includes('OMP_NUM_THREADS') || named === undefined ? intraOp : maskThreads('MKL_NUM_THREADS', state.environment, machine), interOp, library: null, runtimes: [] };
  }

  /** Each worker loads PyTorch, and then whatever its model's archive holds. */
  #torchServePlan(state: ProcessState, machine: Machine): ProcessPlan {
    this.#likely = true;
    this.#unknowns.push('The handlers of the models are in their archives and may set a number of threads themselves.');
    const torch: RuntimePlan = { library: 'torch', intraOp: this.#torchIntraOp(state, machine), interOp: this.#torchInterOp(state, machine) };
    return { intraOp: torch.intraOp, interOp: torch.interOp ?? known(1, reason('PyTorch')), library: 'torch', runtimes: [torch] };
  }

  #tritonPlan(state: ProcessState, machine: Machine): ProcessPlan {
    this.#likely = true;
    const { intraOp, library } = this.#triton(state.environment, machine);
    const interOp = known(1, reason('inter-op pools of Triton\'s backends are not counted'));
    return { intraOp, interOp, library, runtimes: library === null ? [] : [{ library, intraOp, interOp: null }] };
  }

  #triton(environment: EnvironmentState, machine: Machine): TritonModels {
    return tritonModels(this.#launch, this.#launch.reachable.flatMap((uri) => this.#graph.files.get(uri) ?? []).filter(({ reader }) => reader === 'triton'), environment, machine);
  }

  #configFile(): FileFacts | null {
    const { configFile } = this.#launch;
    return configFile === null ? null : (this.#graph.files.get(configFile) ?? null);
  }

  #torchIntraOp(state: ProcessState, machine: Machine): PlanNumber {
    const reads = state.readBy('torch');
    const initial = torchThreads(reads, machine);
    let current = initial;
    for (const call of state.calls) {
      if (call.name !== SET_THREADS || call.raises !== null) continue;
      if (call.scheduled.certainty === 'always' || (current.value !== null && current.value === call.number.value)) current = call.number;
      else current = notKnown('`torch.set_num_threads` is called under a condition or in a loop', [...call.number.from, ...current.from]);
    }
    return limitedTeam(current, reads);
  }

  #torchInterOp(state: ProcessState, machine: Machine): PlanNumber {
    const first = state.firstCall(SET_INTEROP);
    const fallback = machine.physicalCores === null ? notKnown('the number of physical cores is not known') : known(machine.physicalCores, reason(`PyTorch's default: the machine's ${machine.physicalCores} physical cores`));
    if (!first) return fallback;
    if (first.scheduled.certainty === 'always' || first.number.value === fallback.value) return first.number;
    return notKnown('`torch.set_num_interop_threads` is called under a condition or in a loop', first.number.from);
  }

  #onnx(state: ProcessState, machine: Machine): RuntimePlan {
    const intraOp = onnxThreads(state.lastCall(ORT_INTRA) ?? state.lastCall(`${ORT_NODE}.intraOpNumThreads`), state.environment, machine);
    const mode = state.calls.findLast((call) => call.name === ORT_MODE || call.name === `${ORT_NODE}.executionMode`);
    const parallel = mode !== undefined && (mode.scheduled.fact.raw?.includes('ORT_PARALLEL') === true || (mode.name !== ORT_MODE && mode.text === '"parallel"'));
    if (!parallel) return { library: 'onnxruntime', intraOp, interOp: known(1, reason('ONNX Runtime runs operators one after another unless its execution mode is parallel')) };
    const set = state.lastCall(ORT_INTER) ?? state.lastCall(`${ORT_NODE}.interOpNumThreads`);
    const fallback = machine.physicalCores === null ? notKnown('the number of physical cores is not known') : known(machine.physicalCores, reason(`ONNX Runtime's default: the machine's ${machine.physicalCores} physical cores`));
    const interOp = set && set.value !== 0 ? set : fallback;
    return { library: 'onnxruntime', intraOp, interOp };
  }

  /** Multiplies processes, application threads and teams. */
  #count(launched: PlanNumber, own: ProcessPlan, fanOuts: readonly FanOut[], children: ReadonlyMap<FanOut, ChildPlan>, scheduled: readonly ScheduledFact[]): { readonly processes: PlanNumber; readonly appThreads: PlanNumber | null; readonly intraOp: PlanNumber; readonly total: PlanNumber } {
    const pools = fanOuts.filter((fanOut) => this.#counts(fanOut, 'processes'));
    const server = fanOuts.find((fanOut) => fanOut.kind === 'server' && fanOut.count.value !== 1);
    let processes = launched;
    let intraOp = own.intraOp;
    let appThreads: AppThreads | null;
    if (pools.length > 0) {
      const group = largestGroup(pools);
      const child = children.get(group.fanOut);
      processes = multiply(launched, group.count);
      intraOp = child?.intraOp ?? own.intraOp;
      appThreads = child?.appThreads ?? null;
      if (isDoubtful(group.fanOut, scheduled) || group.fanOut.doubt !== undefined) this.#likely = true;
      if (group.fanOut.doubt !== undefined) this.#unknowns.push(group.fanOut.doubt);
    } else {
      if (server) processes = multiply(launched, server.count);
      appThreads = this.#serverThreads() ?? this.#threadPools(fanOuts, scheduled);
    }
    const computing = pools.length > 0 ? (children.get(largestGroup(pools).fanOut) ?? own) : own;
    // Where only the application threads compute, their own team is the one that counts.
    if (appThreads?.team && !appThreads.mainComputes) intraOp = appThreads.team;
    const loaders = fanOuts.filter((fanOut) => fanOut.kind === 'dataLoader' && fanOut.count.value !== 0);
    const loader = loaders.reduce<PlanNumber | null>((most, fanOut) => (most === null || (fanOut.count.value ?? Infinity) > (most.value ?? Infinity) ? fanOut.count : most), null);
    this.#doubts(own, scheduled);
    const interOpUsed = own.library === 'torch' && this.#usesScriptedFork() ? own.interOp : null;
    return { processes, appThreads: appThreads?.count ?? null, intraOp, total: this.#total(processes, intraOp, appThreads, loader, interOpUsed, computing) };
  }

  #counts(fanOut: FanOut, kind: FanOut['kind']): boolean {
    if (fanOut.kind !== kind) return false;
    if (fanOut.computes === 'unknown') {
      this.#likely = true;
      this.#unknowns.push(`Whether the workers of \`${fanOut.scheduled.fact.api}\` compute is not known, so they are not counted.`);
    }
    return fanOut.computes === 'yes' && fanOut.count.value !== 0;
  }

  /** `gunicorn --threads`: requests run side by side in one worker. */
  #serverThreads(): AppThreads | null {
    if (this.#launch.program === 'triton') return { count: this.#triton(this.#environment(), this.#given).instances, mainComputes: false, team: null, ownModels: true };
    if (this.#launch.program !== 'gunicorn' && this.#launch.program !== 'celery') return null;
    const threads = last(this.#launch.wrappers.filter((wrapper) => wrapper.kind === 'threads'));
    if (!threads) return this.#configuredThreads(this.#gunicornConfig());
    const count = this.#wrapperCount(threads, new EnvironmentState(), this.#given);
    return count.value === null || count.value > 1 ? { count, mainComputes: false, team: null } : null;
  }

  /** `threads` of gunicorn's configuration file, which other worker classes than its own ignore. */
  #configuredThreads(config: GunicornConfig | null): AppThreads | null {
    if (!config?.threads) return null;
    const { threads, workerClass, uri } = config;
    if (workerClass && !(workerClass.value.kind === 'known' && /^(?:sync|gthread)$/.test(String(workerClass.value.value)))) return null;
    const name = displayPath(uri, workspaceFolderOf(uri));
    const here: Provenance = { anchor: { uri, span: threads.span }, text: `threads in ${name}` };
    const { result } = evaluateIn(threads.value, { machine: this.#given, environment: this.#environment(), inShell: false });
    const value = result.kind === 'known' && typeof result.value === 'number' && !threads.scope.conditional ? result.value : null;
    if (value === null) return { count: notKnown(`\`threads\` in ${name} ${result.kind === 'unknown' ? result.why : 'has several possible values'}`, [here]), mainComputes: false, team: null };
    return value > 1 ? { count: known(value, here), mainComputes: false, team: null } : null;
  }

  /** Thread pools whose workers compute; `facts` are those of the thread that starts them. */
  #threadPools(fanOuts: readonly FanOut[], facts: readonly ScheduledFact[]): AppThreads | null {
    const pools = fanOuts.filter((fanOut) => this.#counts(fanOut, 'threads'));
    const [first] = pools;
    if (!first) return null;
    const group = largestGroup(pools);
    if (pools.some((pool) => isDoubtful(pool, facts))) this.#likely = true;
    const started = facts.findIndex((item) => item.fact === first.scheduled.fact);
    const mainComputes = facts.slice(started + 1).some((item) => item.fact.kind === 'compute' && item.fact.certain);
    // Whether the main thread waits for the pool first is not visible in facts.
    if (mainComputes) this.#likely = true;
    return { count: group.count, mainComputes, ...this.#threadTeam(group.fanOut) };
  }

  /** `torch.set_num_threads` in the worker function holds for the thread that runs it. */
  #threadTeam(fanOut: FanOut): Pick<AppThreads, 'team' | 'ownModels'> {
    const { fact, anchor } = fanOut.scheduled;
    const run = scheduleWorker(this.#launch, this.#graph, { uri: anchor.uri, name: fact.worker, initializer: fact.initializer, func: fact.scope.func }, 'there');
    for (const item of run.facts) this.#inChildren.add(item.fact);
    const ofFile = fact.worker?.endsWith('#') === true;
    const state = new ProcessState(this.#launch, ofFile ? this.#environment() : new EnvironmentState(), this.#given);
    state.run(run.facts);
    if (ofFile) {
      // A worker of Node loads its own libraries and creates its own sessions.
      const own = run.found ? this.#processPlan(state, run.facts, this.#given) : null;
      return { team: own === null || own.library === null ? null : own.intraOp };
    }
    const ownModels = run.facts.some(makesModel);
    const session = ownModels ? state.lastCall(ORT_INTRA) : null;
    return { team: run.initialised ? (state.lastCall(SET_THREADS) ?? (session?.value === 0 ? null : session)) : unfollowed(fanOut), ownModels };
  }

  /** True when TorchScript code forks, which is what starts the inter-op pool. */
  #usesScriptedFork(): boolean {
    if (scriptedFork(this.#launch, this.#graph) === null) return false;
    this.#likely = true;
    return true;
  }

  #total(processes: PlanNumber, intraOp: PlanNumber, appThreads: AppThreads | null, loader: PlanNumber | null, interOpUsed: PlanNumber | null, computing: ProcessPlan): PlanNumber {
    const missing = [processes, intraOp, appThreads?.count, appThreads?.team, loader, interOpUsed].find((number) => number && number.value === null);
    if (missing) return notKnown(missing.unknown ?? 'a factor is not known', missing.from);
    const each = appThreads !== null && (appThreads.team !== null || appThreads.ownModels === true) ? this.#teams(intraOp, appThreads, interOpUsed) : (computing.total ?? this.#sharedPool(intraOp, appThreads, computing) ?? this.#teams(intraOp, appThreads, interOpUsed));
    if (each.value === null) return each;
    const count = processes.value ?? 0;
    const workers = loader?.value ?? 0;
    const name = this.#processName();
    const extra = workers > 0 ? ` + ${count * workers} DataLoader ${count * workers === 1 ? 'worker' : 'workers'}` : '';
    const [text, ...from] = each.from;
    return known(count * (each.value + workers), reason(`${count} ${count === 1 ? name : plural(name)} x ${text.text}${extra}`), ...processes.from, ...from, ...(workers > 0 ? (loader?.from ?? []) : []));
  }

  /** Callers work too, together with the threads of one pool. */
  #sharedPool(intraOp: PlanNumber, appThreads: AppThreads | null, { library, interOp }: ProcessPlan): PlanNumber | null {
    if (library === null || !sharesPool(library)) return null;
    const team = intraOp.value ?? 0;
    const beside = library === 'onnxruntime' ? interOp : known(1, reason('one operation at a time'));
    if (beside.value === null) return beside;
    if (appThreads === null && beside.value === 1) return null;
    const callers = (appThreads?.count.value ?? 0) + (appThreads === null || appThreads.mainComputes ? 1 : 0);
    const more = beside.value - 1;
    const parts = [appThreads === null ? null : `${appThreads.count.value} application threads`, appThreads?.mainComputes ? 'the main thread' : null, appThreads === null ? `${team} intra-op ${team === 1 ? 'thread' : 'threads'}` : team > 1 ? `${team - 1} intra-op ${team === 2 ? 'thread' : 'threads'} they share` : null, more > 0 ? `${more} more for inter-op` : null];
    return known(callers + team - 1 + more, reason(`(${parts.filter((part) => part !== null).join(' + ')})`), ...(appThreads?.count.from ?? []), ...intraOp.from, ...(more > 0 ? beside.from : []));
  }

  /** Every thread that calls has a team of its own, as with OpenMP. */
  #teams(intraOp: PlanNumber, appThreads: AppThreads | null, interOpUsed: PlanNumber | null): PlanNumber {
    const team = intraOp.value ?? 0;
    const main = appThreads === null || appThreads.mainComputes;
    const ownTeam = appThreads?.team?.value ?? team;
    const threads = computeThreads({ team: ownTeam, appThreads: appThreads?.count.value ?? 0, mainComputes: false, interOpUsed: 0 }) + computeThreads({ team, appThreads: 0, mainComputes: main, interOpUsed: interOpUsed?.value ?? 0 });
    const groups = [...(appThreads ? [`${appThreads.count.value} application threads`] : []), ...(interOpUsed ? [`${interOpUsed.value} inter-op threads`] : [])];
    if (groups.length > 0 && main) groups.push('the main thread');
    const runners = groups.length === 0 ? [] : [groups.length === 1 ? (groups[0] ?? '') : `(${groups.join(' + ')})`];
    const teamText = `${team} intra-op ${team === 1 ? 'thread' : 'threads'}`;
    const text = ownTeam === team ? [...runners, teamText].join(' x ') : `(${appThreads?.count.value} application threads x ${ownTeam} + ${teamText} of the main thread)`;
    return known(threads, reason(text), ...(appThreads?.count.from ?? []), ...(interOpUsed?.from ?? []), ...intraOp.from);
  }

  #processName(): string {
    const { program } = this.#launch;
    return program === 'gunicorn' || program === 'uvicorn' || program === 'hypercorn' || program === 'celery' ? 'worker' : program === 'torchrun' ? 'rank' : 'process';
  }

  /** What could make the plan wrong although each number of it is known. */
  #doubts(own: ProcessPlan, scheduled: readonly ScheduledFact[]): void {
    if (own.library === null) return;
    const handlers = this.#launch.program === 'uvicorn' || this.#launch.program === 'hypercorn' ? scheduled.some((item) => item.fact.kind === 'define' && !item.fact.isAsync && item.fact.decorators.some(isHandlerDecorator)) : false;
    if (handlers && own.intraOp.value !== 1) {
      this.#likely = true;
      this.#unknowns.push('Endpoints that are not async run in a pool of up to 40 threads, and each concurrent request starts a team of its own; the plan counts one request per worker.');
    }
    if (own.library !== 'torch' && own.intraOp.value !== 1 && !scheduled.some((item) => item.fact.kind === 'compute')) {
      this.#likely = true;
      this.#unknowns.push(`${libraryName(own.library)} is loaded, but no operation was seen that uses its threads.`);
    }
    const unseen = this.#unscheduledSetters(scheduled);
    for (const [name, where] of unseen) {
      this.#likely = true;
      this.#unknowns.push(`\`${name}\` also stands in ${where}, and no call that reaches it was found.`);
    }
  }

  /** Calls that would change the plan, in functions nobody is known to call. */
  #unscheduledSetters(scheduled: readonly ScheduledFact[]): ReadonlyMap<string, string> {
    const result = new Map<string, string>();
    let seen: ReadonlySet<Fact> | null = null;
    for (const uri of this.#launch.reachable) {
      for (const fact of factsOfKind(this.#graph.files.get(uri), 'setting')) {
        if (fact.channel !== 'call' || fact.name !== SET_THREADS || fact.scope.func === null) continue;
        seen ??= new Set(scheduled.map((item) => item.fact));
        if (!seen.has(fact) && !this.#inChildren.has(fact)) result.set(fact.name, `\`${fact.scope.func}\` of ${displayPath(uri, workspaceFolderOf(this.#launch.uri))}`);
      }
    }
    return result;
  }

  #values(state: ProcessState, own: ProcessPlan): readonly KnobState[] {
    const values: KnobState[] = [];
    for (const name of state.environment.names()) {
      const knob = knobByEnv(name);
      if (!knob) continue;
      const read = state.readsOf(name).get(name);
      const late = state.lateSettings(name);
      const lateAnchors = new Set(late.map((entry) => entry.anchor));
      const replacedLater = (entry: Shadowed): boolean => read.from.some((from) => from.anchor === entry.anchor);
      const shadowed = [...state.environment.shadowed(name).filter((entry) => !lateAnchors.has(entry.anchor) && !replacedLater(entry)), ...late];
      values.push({ knob: knob.id, name, value: single(read), unknown: read.possible === null ? read.unknown : read.possible.length > 1 ? severalValues(name, read) : null, from: read.from, shadowed: [...shadowed, ...this.#beaten(name, single(read), read.from, own, state)] });
    }
    for (const name of new Set(state.calls.map((call) => call.name))) {
      const knob = knobByCall(name);
      if (!knob) continue;
      const effective = name === SET_INTEROP ? (state.firstCall(name)?.number ?? null) : state.lastCall(name);
      const shadowed: Shadowed[] = [];
      for (const call of state.calls) {
        const from = call.number.from[0];
        if (call.name !== name || effective?.from.includes(from)) continue;
        const why = call.raises ?? (name === SET_INTEROP ? 'the inter-op pool can be sized once, so this call raises' : 'a later call replaces it');
        shadowed.push({ ...from, value: call.number.value === null ? null : String(call.number.value), why });
      }
      // A setting that is no count is shown as written.
      const only = knob.role === 'intraOp' || knob.role === 'interOp' || knob.role === 'limit' ? undefined : last(state.calls.filter((call) => call.name === name));
      if (only) values.push({ knob: knob.id, name, value: only.scheduled.certainty === 'always' ? only.text : null, unknown: only.scheduled.certainty === 'always' ? null : `\`${name}\` is set under a condition or in a loop`, from: only.number.from, shadowed: [] });
      else values.push({ knob: knob.id, name, value: effective?.value == null ? null : String(effective.value), unknown: effective?.unknown ?? null, from: effective?.from ?? [], shadowed });
    }
    return values;
  }

  /** Values that were read but lose against another setting of the same library. */
  #beaten(name: string, value: string | null, from: readonly Provenance[], own: ProcessPlan, state: ProcessState): readonly Shadowed[] {
    if (own.library !== 'torch' || (name !== 'OMP_NUM_THREADS' && name !== 'MKL_NUM_THREADS')) return [];
    const call = state.lastCall(SET_THREADS);
    const winner = call && call.value !== null ? call.from[0] : name === 'OMP_NUM_THREADS' ? mklWinner(state) : null;
    if (!winner || winner.anchor === null) return [];
    return from.map((origin) => ({ ...origin, value, why: `for PyTorch, ${winner.text} wins` }));
  }
}

/** True for a statement that makes a model with threads of its own. */
function makesModel({ fact }: ScheduledFact): boolean {
  if (fact.kind === 'setting') return /^(?:ctranslate2|faster_whisper|llama_cpp)\./.test(fact.name);
  return fact.kind === 'call' && /^(?:onnxruntime\.InferenceSession|faster_whisper\.WhisperModel)$/.test(fact.callee);
}

/** MKL_NUM_THREADS beats OMP_NUM_THREADS for PyTorch on x86-64. */
function mklWinner(state: ProcessState): Provenance | null {
  const mkl = state.readBy('torch').get('MKL_NUM_THREADS');
  const text = single(mkl);
  return text !== null && text !== '' && !/^0+$/.test(text) ? (mkl.from[0] ?? null) : null;
}

/** torch decides where it is loaded; otherwise the library that computes, and among the rest the first. */
function decide(runtimes: readonly RuntimePlan[], facts: readonly ScheduledFact[]): RuntimePlan | undefined {
  const torch = runtimes.find((runtime) => runtime.library === 'torch');
  if (torch) return torch;
  const computing = runtimes.find((runtime) => facts.some((item) => item.fact.kind === 'compute' && (item.fact.library === runtime.library || (item.fact.library === 'numpy' && runtime.library === 'openblas'))));
  return computing ?? runtimes[0];
}

/** Pools follow one another, single processes add up: the larger of the largest pool and all singles. */
function largestGroup(fanOuts: readonly FanOut[]): { readonly fanOut: FanOut; readonly count: PlanNumber } {
  const isSingle = (fanOut: FanOut): boolean => /(?:^|\.)(?:Process|Thread|fork)$/.test(fanOut.scheduled.fact.api);
  const singles = fanOuts.filter(isSingle);
  const groups = fanOuts.filter((fanOut) => !isSingle(fanOut)).map((fanOut) => ({ fanOut, count: fanOut.count }));
  const [firstSingle] = singles;
  if (firstSingle) groups.push({ fanOut: firstSingle, count: singles.map((fanOut) => fanOut.count).reduce(add) });
  const unknown = groups.find((group) => group.count.value === null);
  const largest = groups.reduce((a, b) => ((b.count.value ?? 0) > (a.count.value ?? 0) ? b : a));
  return unknown ?? largest;
}

/** Workers that first run something outside the workspace, which may set their threads. */
function unfollowed({ scheduled }: FanOut): PlanNumber {
  return notKnown(`the initializer of \`${scheduled.fact.api}\` is not followed`, [{ anchor: scheduled.anchor, text: `\`${scheduled.fact.api}\`` }]);
}

/** True when the fan-out itself may not happen; a loop with a known count is no doubt. */
function isDoubtful(fanOut: FanOut, facts: readonly ScheduledFact[]): boolean {
  const { certainty, fact, via } = fanOut.scheduled;
  if (certainty === 'always') return false;
  const caller = via[via.length - 1];
  const called = caller === undefined || facts.some((item) => item.anchor.uri === caller.uri && item.anchor.span === caller.span && item.certainty === 'always');
  return !called || fact.scope.conditional || fanOut.count.value === null;
}

function add(a: PlanNumber, b: PlanNumber): PlanNumber {
  if (a.value === null) return a;
  if (b.value === null) return b;
  const [first, ...rest] = a.from;
  return known(a.value + b.value, first, ...rest, ...b.from);
}

function multiply(a: PlanNumber, b: PlanNumber): PlanNumber {
  if (a.value === null) return a;
  if (b.value === null) return b;
  if (a.value === 1) return b;
  const [first, ...rest] = a.from;
  return b.value === 1 ? a : known(a.value * b.value, first, ...rest, ...b.from);
}

function isKnownSet(state: ReturnType<EnvironmentState['get']>): boolean {
  return state.possible !== null && !state.possible.includes(null);
}

function nonEmpty(from: readonly Provenance[], fallback: string): readonly [Provenance, ...Provenance[]] {
  const [first, ...rest] = from;
  return first ? [first, ...rest] : [reason(fallback)];
}

function last<T>(items: readonly T[]): T | undefined {
  return items[items.length - 1];
}

function plural(name: string): string {
  return name === 'process' ? 'processes' : `${name}s`;
}

/** Layers that set a variable, lowest precedence first; for rules about settings that shadow one another. */
export function layersSetting(launch: Launch, name: string): readonly EnvironmentLayer[] {
  return launch.layers.filter((layer) => layer.settings.some(({ fact }) => fact.name === name));
}
