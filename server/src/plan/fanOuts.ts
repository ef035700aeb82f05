/** Processes and threads that a script starts itself, and what runs in them. */
import type { FanOutFact } from '../core/fact.ts';
import type { Launch, LaunchGraph, ScheduledFact } from '../core/launchGraph.ts';
import type { Machine } from '../core/machine.ts';
import type { PlanNumber } from '../core/plan.ts';
import { evaluateIn, type EnvironmentState } from './precedence.ts';
import { joblibContext } from './joblibContext.ts';
import { joblibCpus, known, notKnown, reason } from './pools.ts';
import { scheduleWorker } from './schedule.ts';
import { isTaskRuntime, readWorkers } from './taskRuntimes.ts';

export interface FanOut {
  readonly scheduled: ScheduledFact & { readonly fact: FanOutFact };
  readonly kind: 'dataLoader' | 'processes' | 'threads' | 'server';
  readonly count: PlanNumber;
  /** How processes start; null when it depends on the platform. */
  readonly start: 'fork' | 'spawn' | null;
  /** Whether the workers run a library's operations: `unknown` when the worker function was not found. */
  readonly computes: 'yes' | 'no' | 'unknown';
  /** Of joblib: threads that each worker is told to use. */
  readonly inner?: PlanNumber;
  /** Of Dask: threads in each worker that run tasks. */
  readonly threads?: PlanNumber;
  /** What is not certain about the count, for people. */
  readonly doubt?: string;
}

export interface FanOutContext {
  readonly launch: Launch;
  readonly graph: LaunchGraph;
  readonly machine: Machine;
  /** What the program has executed before; absent = not known to matter. */
  readonly before?: readonly ScheduledFact[];
}

/** Reads a fan-out in the environment of the moment it is started. */
export function readFanOut(scheduled: ScheduledFact & { readonly fact: FanOutFact }, environment: EnvironmentState, context: FanOutContext): FanOut {
  const { fact } = scheduled;
  const kind = kindOf(fact);
  if (isTaskRuntime(fact)) {
    const { count, threads, doubt } = readWorkers(scheduled, context.before ?? [], environment, context.machine);
    return { scheduled, kind, count, start: fact.what === 'process' ? 'spawn' : null, computes: computesIn(scheduled, context), ...(threads ? { threads } : {}), ...(doubt === null ? {} : { doubt }) };
  }
  const joblib = /^joblib\./.test(fact.api) ? joblibContext(scheduled, context.before ?? [], environment, context.machine) : null;
  const count = countOf(scheduled, kind, environment, context.machine, joblib?.jobs ?? null);
  return {
    scheduled,
    kind,
    count,
    start: startOf(fact, context.machine),
    // A single job runs where it is started.
    computes: joblib !== null && count.value === 1 ? 'no' : computesIn(scheduled, context),
    ...(joblib?.inner ? { inner: joblib.inner } : {}),
  };
}

function kindOf(fact: FanOutFact): FanOut['kind'] {
  if (/(?:^|\.)DataLoader$/.test(fact.api)) return 'dataLoader';
  if (/^(?:uvicorn|gunicorn|hypercorn)\b/.test(fact.api)) return 'server';
  return fact.what === 'thread' ? 'threads' : 'processes';
}

function countOf(scheduled: ScheduledFact & { readonly fact: FanOutFact }, kind: FanOut['kind'], environment: EnvironmentState, machine: Machine, jobs: PlanNumber | null): PlanNumber {
  const { fact } = scheduled;
  const here = { anchor: scheduled.anchor, text: `\`${fact.api}\`` };
  if (fact.count !== null) {
    const { result } = evaluateIn(fact.count, { machine, environment, inShell: false, uri: scheduled.anchor.uri });
    if (result.kind === 'known' && typeof result.value === 'number' && Number.isInteger(result.value)) {
      if (/^joblib\./.test(fact.api) && result.value < 0) return joblibCount(result.value, environment, machine, here);
      return known(result.value, { anchor: scheduled.anchor, text: `\`${fact.api}\` with ${result.value}` });
    }
    if (!(result.kind === 'known' && result.value === null)) return notKnown(`the number of workers of \`${fact.api}\` ${result.kind === 'unknown' ? result.why : 'has several possible values'}`, [here]);
  }
  if (jobs !== null && jobs.value !== null && jobs.value < 0) return joblibCount(jobs.value, environment, machine, here);
  return jobs ?? defaultCount(fact, kind, machine, here);
}

/** joblib's `cpu_count()` under `LOKY_MAX_CPU_COUNT`; null when not known. */
export function joblibCpusIn(environment: EnvironmentState, machine: Machine): number | null {
  const limit = environment.get('LOKY_MAX_CPU_COUNT').possible;
  if (limit === null || limit.length > 1) return null;
  const [text] = limit;
  return joblibCpus(machine, text !== null && text !== undefined && /^\d+$/.test(text) ? Number(text) : null);
}

function joblibCount(jobs: number, environment: EnvironmentState, machine: Machine, here: { anchor: ScheduledFact['anchor']; text: string }): PlanNumber {
  const cpus = joblibCpusIn(environment, machine);
  return cpus === null ? notKnown('the number of CPUs is not known', [here]) : known(Math.max(1, cpus + 1 + jobs), here, reason(`n_jobs=${jobs} of ${cpus} CPUs`));
}

function defaultCount(fact: FanOutFact, kind: FanOut['kind'], machine: Machine, here: { anchor: ScheduledFact['anchor']; text: string }): PlanNumber {
  const name = fact.api.split('.').pop() ?? '';
  if (kind === 'dataLoader') return known(0, here, reason('DataLoader\'s default: no worker'));
  if (name === 'Process' || name === 'Thread' || name === 'fork' || name === 'spawn' || kind === 'server') {
    if (fact.scope.loop) return notKnown(`how often the loop starts \`${fact.api}\` is not known`, [here]);
    return known(1, here);
  }
  if (/^joblib\./.test(fact.api)) return known(1, here, reason('joblib\'s default: n_jobs=1'));
  if (fact.api === 'piscina' || fact.api === 'tinypool') {
    const available = machine.affinity?.length ?? machine.logicalCores;
    if (available === null) return notKnown('the number of CPUs is not known', [here]);
    return fact.api === 'piscina' ? known(Math.ceil(available * 1.5), here, reason('its default: 1.5 times the CPUs')) : known(available, here, reason(`its default: ${available} CPUs`));
  }
  if (fact.api === 'workerpool.pool' && machine.logicalCores !== null) return known(Math.max(1, machine.logicalCores - 1), here, reason('its default: one less than the CPUs'));
  const cpus = machine.logicalCores;
  if (cpus === null) return notKnown('the number of CPUs is not known', [here]);
  if (name === 'ThreadPoolExecutor') return known(Math.min(32, cpus + 4), here, reason('its default: min(32, CPUs + 4)'));
  if (/start_multi_process_pool$/.test(name)) return known(4, here, reason('its default without a GPU: 4 processes'));
  return known(cpus, here, reason(`its default: ${cpus} logical CPUs`));
}

function startOf(fact: FanOutFact, machine: Machine): 'fork' | 'spawn' | null {
  if (fact.startMethod !== null) return fact.startMethod === 'fork' ? 'fork' : 'spawn';
  if (/^torch\.multiprocessing\.spawn$|start_multi_process_pool$|^joblib\./.test(fact.api)) return 'spawn';
  if (fact.api === 'os.fork') return 'fork';
  // Python before 3.14 forks on Linux; later versions and other systems start afresh.
  return machine.os === 'linux' ? 'fork' : machine.os === null ? null : 'spawn';
}

function computesIn(scheduled: ScheduledFact & { readonly fact: FanOutFact }, context: FanOutContext): FanOut['computes'] {
  const { fact, anchor } = scheduled;
  if (fact.worker === null) return /^torch\.multiprocessing\.spawn$|start_multi_process_pool$/.test(fact.api) ? 'yes' : 'unknown';
  const worker = scheduleWorker(context.launch, context.graph, { uri: anchor.uri, name: fact.worker, func: fact.scope.func }, 'there');
  if (worker.body.some((item) => item.fact.kind === 'compute')) return 'yes';
  // A worker process may compute in threads of its own.
  if (fact.what === 'process' && worker.body.some((item) => item.fact.kind === 'fanOut' && item.fact.what === 'thread' && computesIn({ ...item, fact: item.fact }, context) === 'yes')) return 'yes';
  if (/^torch\.multiprocessing\.spawn$/.test(fact.api)) return 'yes';
  return worker.found ? 'no' : 'unknown';
}
