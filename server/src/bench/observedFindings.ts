/** What the operating system and the libraries showed of a launch as it is, beside its plan: the findings of a benchmark. */
import type { Finding, Severity } from '../core/finding.ts';
import type { Machine } from '../core/machine.ts';
import type { MeasuredKind } from '../core/measuredKinds.ts';
import type { Plan } from '../core/plan.ts';
import type { Observed } from './protocol.generated.ts';
import { percentText, ratioText } from './quantities.ts';
import type { RunState } from './runState.ts';

/**
 * Thresholds, from the experiments of this project on 2 CPUs (256² and 1024² matrix products with 1 to 32 threads, quiet, beside
 * a busy neighbour, and under a quota of one CPU): where the figure of every harmless run stayed below and that of every harmful one above.
 */
const LIMITS = {
  /** Mean number of waiting threads over the number of threads. */
  waitingShare: 0.25,
  /** CPU time of a piece of work over that of one thread, with which waiting shows as harm. */
  harmfulInflation: 1.3,
  /** Time over that of the best setting, with which waiting shows as harm. */
  harmfulRatio: 1.1,
  /** The same figure by itself. */
  inflation: 2,
  /** Periods of the quota in which the program was stopped. */
  throttledShare: 0.05,
  /** Busy threads over those of the plan. */
  busyRatio: 1.5,
} as const;
/** What was reported before stays until the figure is clearly below, so that a repeated run does not make it come and go. */
const STAYS = 0.8;
/** Fewer runs say too little, except of what is simply there. */
const FEWEST_RUNS = 2;
/** Below these a share or a ratio says nothing. */
const FEWEST_PERIODS = 5;
const FEWEST_MORE_THREADS = 2;
/** CPUs taken by others that matter. */
const MISSING_CPUS = 0.25;

/** Changes when the launch means something else than what was measured. */
export function planKey(plan: Plan): string {
  return JSON.stringify([plan.processes.value, plan.intraOp.value, plan.interOp.value, plan.values.map(({ name, value }) => [name, value])]);
}

/**
 * The findings of a finished run about the launch as it is (the setting in force). `plan` is that of the launch on the machine that measured,
 * `before` are the kinds that the run before it showed.
 */
export function observedFindings(state: RunState, plan: Plan, before: ReadonlySet<string> = new Set()): readonly Finding[] {
  const current = state.plan?.current ?? 0;
  const seen = state.observed.find((observed) => observed.arm === current);
  const arm = state.arms[current];
  if (!seen || !arm) return [];
  const runs = seen.runs ?? 0;
  const machine = state.hello?.machine;
  const measured = `Measured in ${runs} run${runs === 1 ? '' : 's'} of ${arm.arm.label} on ${machineName(machine)}.`;
  const findings: Finding[] = [];
  const { launch } = plan;
  const add = (kind: MeasuredKind, severity: Severity, ...sentences: string[]): void => void findings.push({ rule: kind, family: 'measurement', severity, confidence: 'certain', message: [...sentences, measured].join(' '), primary: launch.anchor, related: [], launches: [launch.key], fixes: [], unnecessary: false });
  const above = (kind: MeasuredKind, value: number, limit: number): boolean => value > limit * (before.has(kind) ? STAYS : 1);
  const quota = machine?.cpuQuota ?? null;
  const threads = plan.intraOp.value ?? seen.intra_op ?? null;
  const enough = runs >= FEWEST_RUNS;

  // Where the run itself stated the count, it is not the launch that says it.
  const torch = plan.certainty !== 'unknown' && arm.arm.torch_num_threads == null && plan.runtimes.some(({ library }) => library === 'torch');
  for (const [says, told, call] of [[seen.intra_op, plan.intraOp, 'torch.get_num_threads()'], [seen.inter_op, plan.interOp, 'torch.get_num_interop_threads()']] as const) {
    if (!torch || says == null || told.value === null || says === told.value) continue;
    const guess = says < told.value ? 'The library took fewer than it was told to, or something that the plan does not see changed it.' : 'Something that the plan does not see changed it.';
    add('measured-thread-count', 'information', `PyTorch says at the end of the program that it uses ${count(says, 'thread')} (${call}), and the plan of this launch says ${told.value} (${told.from[0].text}).`, guess);
  }

  const busy = (seen.pools ?? []).reduce((sum, pool) => sum + (pool.busy ?? 0), 0);
  const planned = plan.totalThreads.value;
  if (enough && planned !== null && plan.certainty !== 'unknown' && busy >= planned + FEWEST_MORE_THREADS && above('measured-busy-threads', busy / planned, LIMITS.busyRatio)) {
    add('measured-busy-threads', 'information', `${busy} threads were busy at the same time (${poolsText(seen)}; ${seen.peak_threads} alive), and the plan of this launch has ${planned}.`, 'Some library or thread pool makes threads that no setting of this launch limits.');
  }

  const openmp = seen.runtimes.filter(({ kind }) => kind === 'openmp');
  if ((seen.openmp_per_process ?? 0) > 1 && openmp.length > 1) {
    add('measured-openmp-runtimes', 'information', `One process has loaded ${seen.openmp_per_process} OpenMP runtimes: ${openmp.map(({ name, path }) => `${name} (${shortPath(path)})`).join(', ')}.`, 'Each has threads of its own, and those of one spin while the other works. A count set by a function call reaches only one of them; the environment variables reach both.');
  }

  const inflation = seen.cpu_inflation ?? null;
  const waiting = seen.waiting_threads ?? null;
  const taken = takenByOthers(seen, machine);
  const others = taken === null ? [] : [`Other programs or the host took ${taken.toFixed(1)} of the CPUs meanwhile, so that about ${(seen.effective_cpus ?? 0).toFixed(1)} were to be had.`];
  if (enough && seen.spinning != null && inflation !== null && waiting !== null) {
    add(
      'measured-spinning',
      'information',
      `Threads spin while they wait for each other: a piece of work takes ${ratioText(inflation)} the CPU time that it takes with one thread, and ${waiting.toFixed(1)} threads waited for a CPU meanwhile.`,
      ...others,
      'OMP_WAIT_POLICY=passive, or fewer threads, gives those CPUs back.',
    );
  } else if (enough && inflation !== null && above('measured-cpu-inflation', inflation, LIMITS.inflation)) {
    add('measured-cpu-inflation', 'information', `A piece of work takes ${ratioText(inflation)} the CPU time that it takes with one thread: the additional threads spin, disturb each other or wait for memory.`);
  }

  const harm = (inflation !== null && inflation > LIMITS.harmfulInflation) || (arm.summary?.ratio_to_best != null && arm.summary.ratio_to_best > LIMITS.harmfulRatio);
  if (enough && seen.spinning == null && waiting !== null && threads !== null && harm && above('measured-waiting-threads', waiting / threads, LIMITS.waitingShare)) {
    const share = waiting / Math.max(waiting + (seen.busy_cores ?? 0), 1e-9);
    add('measured-waiting-threads', 'information', `Threads waited for a CPU for ${percentText(share)} of the time in which they had something to do: ${waiting.toFixed(1)} waited and ${(seen.busy_cores ?? 0).toFixed(1)} ran, on average.`, ...others);
  }

  const [stopped, periods] = seen.throttled_periods ?? [0, 0];
  const throttled = periods >= FEWEST_PERIODS ? stopped / periods : 0;
  const quotaText = quota === null ? 'The CPU quota' : `The CPU quota of ${numberText(quota)} CPU${quota === 1 ? '' : 's'}`;
  const stoppedText = `${quotaText} stopped the program in ${stopped} of ${periods} periods (${percentText(throttled)}).`;
  const pool = seen.intra_op ?? null;
  if (quota !== null && pool !== null && pool > Math.ceil(quota) && above('measured-quota-unseen', throttled, LIMITS.throttledShare)) {
    add('measured-quota-unseen', 'information', stoppedText, `The library made ${count(pool, 'thread')}: it counts the CPUs it can see, not those the quota gives.`, 'Requests that fall into a stop take up to a whole period (mostly 100 ms) longer, which a median hides.');
  } else if (above('measured-throttled', throttled, LIMITS.throttledShare)) {
    add('measured-throttled', 'information', stoppedText, 'Requests that fall into a stop take up to a whole period (mostly 100 ms) longer, which a median hides.');
  }
  return findings;
}

/** CPUs that other programs or the host took from those this process may use; null when none worth mention. */
function takenByOthers(seen: Observed, machine: Partial<Pick<Machine, 'logicalCores'>> & { readonly affinity?: readonly number[] | null; readonly cpuQuota?: number | null } | undefined): number | null {
  const mask = machine?.affinity?.length ?? machine?.logicalCores ?? null;
  if (mask === null || seen.effective_cpus == null) return null;
  const visible = machine?.cpuQuota == null ? mask : Math.min(mask, machine.cpuQuota);
  const taken = visible - seen.effective_cpus;
  return taken >= MISSING_CPUS ? taken : null;
}

/** `python 16, ORT 2`. */
export function poolsText(seen: Pick<Observed, 'pools'>): string {
  const busy = seen.pools.filter((pool) => (pool.busy ?? 0) > 0);
  return busy.map((pool) => `${pool.name} ${pool.busy ?? 0}`).join(', ');
}

function machineName(machine: { readonly model?: string | null; readonly logicalCores?: number | null } | undefined): string {
  const cpus = machine?.logicalCores == null ? null : count(machine.logicalCores, 'CPU');
  return [machine?.model ?? 'this machine', ...(cpus === null ? [] : [cpus])].join(', ');
}

/** The part of a library's path that tells whose copy it is. */
export function shortPath(path: string): string {
  const at = Math.max(path.lastIndexOf('/site-packages/') + '/site-packages/'.length, path.lastIndexOf('/dist-packages/') + '/dist-packages/'.length, path.lastIndexOf('/node_modules/') + '/node_modules/'.length);
  const known = path.includes('/site-packages/') || path.includes('/dist-packages/') || path.includes('/node_modules/');
  return known ? path.slice(at) : path;
}

function count(n: number, unit: string): string {
  return `${n} ${unit}${n === 1 ? '' : 's'}`;
}

function numberText(n: number): string {
  return Number.isInteger(n) ? String(n) : n.toFixed(2).replace(/0$/, '');
}
