/** Workers that Dask and Ray start on this machine: how many, and what they find in their environment. */
import type { ScheduledFact } from '../core/launchGraph.ts';
import type { FanOutFact } from '../core/fact.ts';
import type { Machine } from '../core/machine.ts';
import type { PlanNumber, Provenance } from '../core/plan.ts';
import type { Value } from '../core/value.ts';
import { joblibCpus, known, notKnown, reason } from './pools.ts';
import { evaluateIn, type EnvironmentState } from './precedence.ts';

type Scheduled = ScheduledFact & { readonly fact: FanOutFact };

export interface Workers {
  readonly count: PlanNumber;
  /** Threads in each worker that run tasks; absent = one. */
  readonly threads?: PlanNumber;
  /** What is not certain about the count, for people; null when nothing is. */
  readonly doubt: string | null;
}

export function isTaskRuntime(fact: FanOutFact): boolean {
  return fact.api.startsWith('dask.') || fact.api === 'ray.remote';
}

export function readWorkers(scheduled: Scheduled, before: readonly ScheduledFact[], environment: EnvironmentState, machine: Machine): Workers {
  const number = (value: Value | null | undefined, what: string): PlanNumber | null => {
    if (value === null || value === undefined) return null;
    const { result } = evaluateIn(value, { machine, environment, inShell: false, uri: scheduled.anchor.uri });
    if (result.kind === 'known' && result.value === null) return null;
    const here: Provenance = { anchor: scheduled.anchor, text: `\`${scheduled.fact.api}\`` };
    return result.kind === 'known' && typeof result.value === 'number' && result.value >= 0 ? known(result.value, { ...here, text: `${what}=${result.value}` }) : notKnown(`${what} ${result.kind === 'unknown' ? result.why : 'has several possible values'}`, [here]);
  };
  return scheduled.fact.api === 'ray.remote' ? rayWorkers(scheduled, before, machine, number) : daskWorkers(scheduled, machine, number);
}

type Numbers = (value: Value | null | undefined, what: string) => PlanNumber | null;

/** As `LocalCluster` of distributed 2026.8 divides the CPUs of mask and quota. */
function daskWorkers({ fact, anchor }: Scheduled, machine: Machine, number: Numbers): Workers {
  const here: Provenance = { anchor, text: `\`${fact.api}\`` };
  const cpus = joblibCpus(machine, null);
  const workers = number(fact.count, 'n_workers');
  const threads = number(fact.threadsEach, 'threads_per_worker');
  const unknown = (what: string): PlanNumber => notKnown(`${what} depends on the CPUs, whose number is not known`, [here]);
  if (fact.what === 'thread') {
    // The threads of all workers are threads of this process.
    const count = workers ?? known(1, here);
    const each = threads ?? (cpus === null ? unknown('the number of threads of the workers') : known(Math.max(1, Math.ceil(cpus / (count.value ?? 1))), here, reason(`its default: ${cpus} CPUs`)));
    const missing = [count, each].find(({ value }) => value === null);
    return { count: missing ?? known((count.value ?? 1) * (each.value ?? 1), ...count.from, ...each.from), doubt: null };
  }
  if (workers !== null) {
    const default_ = cpus === null || workers.value === null || workers.value === 0 ? unknown('the number of threads of each worker') : known(Math.max(1, Math.ceil(cpus / workers.value)), here, reason(`Dask's default: ${cpus} CPUs divided by n_workers, rounded up`));
    return { count: workers, threads: threads ?? default_, doubt: null };
  }
  if (cpus === null) return { count: unknown('the number of workers'), threads: threads ?? unknown('the number of threads of each worker'), doubt: null };
  if (threads !== null) return { count: threads.value === null || threads.value === 0 ? notKnown(threads.unknown ?? 'threads_per_worker is 0', threads.from) : known(Math.max(1, Math.floor(cpus / threads.value)), here, reason(`Dask's default: ${cpus} CPUs divided by threads_per_worker`)), threads, doubt: null };
  const processes = cpus <= 4 ? cpus : factorsOf(cpus).find((factor) => factor >= Math.sqrt(cpus)) ?? cpus;
  return { count: known(processes, here, reason(`Dask's default for ${cpus} CPUs`)), threads: known(Math.floor(cpus / processes), here, reason(`Dask's default for ${cpus} CPUs`)), doubt: null };
}

function factorsOf(number: number): readonly number[] {
  return Array.from({ length: number }, (_, i) => i + 1).filter((factor) => number % factor === 0);
}

/** Tasks run as many at a time as their reserved CPUs fit into those of Ray; actors without `num_cpus` reserve none once they run. */
function rayWorkers({ fact, anchor }: Scheduled, before: readonly ScheduledFact[], machine: Machine, number: Numbers): Workers {
  const here: Provenance = { anchor, text: `\`${fact.worker?.split('.', 1)[0] ?? ''}.remote()\`` };
  const copies = number(fact.count, 'the number of calls') ?? notKnown('the number of calls is not known', [here]);
  const reserved = number(fact.reserved, 'num_cpus') ?? known(fact.stays === true ? 0 : 1, here, reason('Ray\'s default'));
  if (reserved.value === 0) return { count: copies, doubt: null };
  const total = rayCpus(before, machine, number, here);
  if (total.value === null || reserved.value === null) return { count: notKnown((total.value === null ? total.unknown : reserved.unknown) ?? 'it depends on the CPUs of Ray', [here]), doubt: null };
  const slots = Math.floor(total.value / reserved.value);
  const from: readonly [Provenance, ...Provenance[]] = [here, ...[...total.from, ...reserved.from].filter(({ text }) => text !== here.text)];
  // What reserves more than there is waits forever.
  if (slots === 0) return { count: notKnown(`it reserves ${reserved.value} CPUs of ${total.value}, so that it never runs`, from), doubt: null };
  if (copies.value !== null) return { count: known(Math.min(copies.value, slots), ...from), doubt: null };
  return { count: known(slots, ...from), doubt: `How often \`${fact.worker ?? 'it'}\` is called is not known; Ray runs ${slots} at a time when there are enough.` };
}

/** The CPUs that Ray counts: `num_cpus` of `ray.init`, else those of the machine; null when it connects to a cluster. */
function rayCpus(before: readonly ScheduledFact[], machine: Machine, number: Numbers, here: Provenance): PlanNumber {
  const started = before.findLast(({ fact }) => fact.kind === 'call' && fact.callee === 'ray.init')?.fact;
  if (started?.kind === 'call' && started.args.some(({ name, value }) => (name === 'address' || name === null) && !(value.kind === 'known' && value.value === 'local'))) return notKnown('Ray may run on other machines', [here]);
  const given = before.findLast(({ fact }) => fact.kind === 'setting' && fact.name === 'ray.init.num_cpus')?.fact;
  const set = given?.kind === 'setting' ? number(given.value, '`ray.init` with num_cpus') : null;
  if (set !== null) return set;
  const cpus = joblibCpus(machine, null);
  return cpus === null ? notKnown('the number of CPUs is not known', [here]) : known(cpus, here, reason(`Ray's default: ${cpus} CPUs`));
}

/** What a worker finds in its environment, besides that of the program. */
export function passEnvironment(environment: EnvironmentState, { fact, anchor }: Scheduled, machine: Machine): void {
  if (fact.what === 'thread') return;
  for (const { name, value, span } of fact.passed ?? []) {
    const from: readonly Provenance[] = [{ anchor: { uri: anchor.uri, span }, text: `${name} for the workers of \`${fact.api}\`` }];
    const { result } = evaluateIn(value, { machine, environment, inShell: false, uri: anchor.uri });
    environment.apply(name, 'set', result.kind === 'known' ? { possible: [String(result.value)], unknown: null, from, assumed: false } : { possible: null, unknown: `${name} ${result.kind === 'unknown' ? result.why : 'has several possible values'}`, from, assumed: false }, false);
  }
  if (fact.api === 'ray.remote') {
    const reserved = fact.reserved === null || fact.reserved === undefined ? 1 : knownNumber(fact.reserved, environment, machine, anchor.uri);
    const from: readonly Provenance[] = [{ anchor, text: 'OMP_NUM_THREADS, which Ray sets to the reserved CPUs when it is unset' }];
    environment.apply('OMP_NUM_THREADS', 'default', { possible: reserved === null ? null : [String(Math.max(1, Math.floor(reserved)))], unknown: reserved === null ? 'the CPUs that Ray reserves are not known' : null, from, assumed: false }, false);
    return;
  }
  for (const name of ['OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS']) {
    environment.apply(name, 'default', { possible: ['1'], unknown: null, from: [{ anchor, text: `${name}=1, which Dask's nanny sets when it is unset` }], assumed: false }, false);
  }
}

function knownNumber(value: Value, environment: EnvironmentState, machine: Machine, uri: string): number | null {
  const { result } = evaluateIn(value, { machine, environment, inShell: false, uri });
  return result.kind === 'known' && typeof result.value === 'number' ? result.value : null;
}
