/** A look at a running process as text: what it is, what its threads do, and its plan beside it. */
import { formatCpuList } from '../core/cpuList.ts';
import type { Plan, PlanNumber } from '../core/plan.ts';
import { alignTable } from './benchText.ts';
import type { LaunchMatch } from './matchLaunch.ts';
import { shortPath } from './observedFindings.ts';
import type { InspectedProcess, Inspection, Observed, ThreadPool } from './protocol.generated.ts';
import { durationText, percentText } from './quantities.ts';

/** A plan to compare with. */
export interface InspectedPlan {
  /** The launch of the workspace; null when the plan is that of the command line itself. */
  readonly match: LaunchMatch | null;
  /** Where the launch is written, for people: `.vscode/launch.json:4:5`. */
  readonly place: string | null;
  readonly plan: Plan;
}

/** Figures below these are no news: waiting threads over all that had something to do, throttled periods, CPUs taken by others. */
const WAITING_SHARE = 0.2;
const WAITING_THREADS = 0.25;
const THROTTLED_SHARE = 0.05;
const MISSING_CPUS = 0.25;
/** Busy threads over those of the plan. */
const BUSY_RATIO = 1.5;
const LONGEST_COMMAND = 100;

/** The whole report. `plans`: that of the launch first, when there is one. */
export function inspectText(inspection: Inspection, plans: readonly InspectedPlan[]): string {
  const [root] = inspection.processes;
  if (!root) return 'Nothing was seen of the process.\n';
  const parts = [heading(root, inspection), processTable(inspection), facts(root, inspection)];
  if (plans.length > 0) parts.push(planTable(inspection, plans));
  const different = inspectionDifferences(inspection, plans);
  if (plans.length > 0 || different.length > 0) parts.push(different.length === 0 ? 'Nothing differs from the plan as far as it can be seen from outside.' : ['What stands out', ...different.map((sentence) => `- ${sentence}`)].join('\n'));
  if (inspection.missing.length > 0) parts.push(['What could not be read', ...inspection.missing.map((sentence) => `- ${sentence}`)].join('\n'));
  return `${parts.join('\n\n')}\n`;
}

function heading(root: InspectedProcess, { seconds, tree }: Inspection): string {
  const children = tree.processes - 1;
  return [`process ${root.pid}  ${shortened(root.command.join(' '))}`, `in ${root.cwd ?? 'a directory that may not be read'}; looked at for ${durationText(seconds * 1e9)}${children > 0 ? `, with ${children} ${children === 1 ? 'process' : 'processes'} below it` : ''}`].join('\n');
}

function processTable({ processes, tree }: Inspection): string {
  const header = ['process', 'threads', 'busy', 'CPUs', 'waiting', 'taken away', 'moved', ''];
  const row = (name: string, seen: Observed, last: string): string[] => [name, String(seen.peak_threads), String(busyThreads(seen)), decimal(seen.busy_cores), decimal(seen.waiting_threads), perSecond(seen.involuntary_per_s), perSecond(seen.migrations_per_s), last];
  const rows = processes.map((process) => row(String(process.pid), process.observed, shortened(process.command.join(' '), 60)));
  if (processes.length > 1) rows.push(row('all', tree, ''));
  return alignTable([header, ...rows]);
}

function facts(root: InspectedProcess, { processes, tree, machine }: Inspection): string {
  const rows: [string, string][] = [];
  rows.push(['threads', tree.pools.map(poolText).join('; ') || 'none seen']);
  const runtimes = tree.runtimes.map(({ kind, name, version, path }) => `${kind} ${name}${version == null ? '' : ` ${version}`} (${shortPath(path)})`);
  if (processes.some(({ environment }) => environment != null) || runtimes.length > 0) rows.push(['loaded', runtimes.join('; ') || 'no library with threads of its own']);
  const variables = Object.entries(root.environment ?? {});
  rows.push(['variables', root.environment == null ? 'may not be read' : variables.map(([name, value]) => `${name}=${value}`).join(' ') || 'none about threads']);
  const cpus = root.affinity == null ? 'not known' : root.affinity.length === machine.logicalCores ? `all ${root.affinity.length}` : `${formatCpuList(root.affinity)} of ${machine.logicalCores ?? 'an unknown number'}`;
  rows.push(['CPUs', `${cpus}; ${root.cpu_quota == null ? 'no quota' : `quota of ${root.cpu_quota}`}${tree.effective_cpus == null ? '' : `; ${tree.effective_cpus.toFixed(1)} to be had while it was looked at`}`]);
  return rows.map(([name, text]) => `${name.padEnd(9)} ${text}`).join('\n');
}

function poolText({ name, threads, busy, cpu_ns: cpu, run_delay_ns: delay }: ThreadPool): string {
  return `${name} ${threads}${busy === undefined ? '' : ` (${busy} busy)`}, ${durationText(cpu)} of CPU${delay == null ? '' : `, ${durationText(delay)} waiting`}`;
}

function planTable(inspection: Inspection, plans: readonly InspectedPlan[]): string {
  const { tree, processes } = inspection;
  const header = ['plan against what was seen', ...plans.map(({ match }) => (match ? 'launch' : 'command line')), 'seen', ''];
  const each = Math.max(...processes.map(({ observed }) => busyThreads(observed)));
  const rows = [
    ['processes', ...plans.map(({ plan }) => numberOf(plan.processes)), plans.some(({ plan }) => plan.processes.value === tree.processes - 1) && tree.processes > 1 ? `${tree.processes} with the one that starts them` : String(tree.processes), ''],
    ['threads of an operation', ...plans.map(({ plan }) => numberOf(plan.intraOp)), `${each} busy in one process`, ''],
    ['threads between operations', ...plans.map(({ plan }) => numberOf(plan.interOp)), '', ''],
    ['threads in all', ...plans.map(({ plan }) => numberOf(plan.totalThreads)), `${busyThreads(tree)} busy, ${tree.peak_threads} alive`, ''],
    ['CPUs', ...plans.map(({ plan }) => numberOf(plan.cores)), tree.effective_cpus == null ? '' : `${tree.effective_cpus.toFixed(1)} to be had`, ''],
  ];
  const notes = plans.flatMap(({ match, place, plan }) => (match ? [`launch: ${match.launch.label}${place === null ? '' : ` (${place})`}`] : []).concat(plan.unknowns.slice(0, 2).map((why) => `not known: ${why}`)));
  return [alignTable([header, ...rows]), ...notes].join('\n');
}

/** What differs and what costs, as full sentences; nothing that was not seen. */
export function inspectionDifferences({ tree, processes, machine }: Inspection, plans: readonly InspectedPlan[]): readonly string[] {
  const sentences: string[] = [];
  const [first] = plans;
  for (const { name, launch, process } of first?.match?.differences ?? []) sentences.push(`The launch sets ${name}=${launch ?? ''}, and the process ${process === null ? 'does not have it' : `was started with ${name}=${process}`}.`);
  const busy = busyThreads(tree);
  // The command line with the process's own environment is what really started.
  const real = plans.at(-1)?.plan;
  const planned = real?.totalThreads.value ?? null;
  if (real && real.certainty !== 'unknown' && planned !== null && busy >= planned + 2 && busy > planned * BUSY_RATIO) sentences.push(`${busy} threads are busy and the plan has ${planned}: some library or thread pool makes threads that no setting limits.`);
  const waiting = tree.waiting_threads ?? 0;
  const running = tree.busy_cores ?? 0;
  if (waiting > WAITING_THREADS && waiting / (waiting + running) > WAITING_SHARE) {
    sentences.push(`Threads wait for a CPU for ${percentText(waiting / (waiting + running))} of the time in which they have something to do: ${waiting.toFixed(1)} wait and ${running.toFixed(1)} run, on average.`);
  }
  const visible = visibleCpus(processes, machine.logicalCores ?? null);
  if (visible !== null && tree.effective_cpus != null && visible - tree.effective_cpus >= MISSING_CPUS && waiting > WAITING_THREADS) {
    const stolen = tree.stolen_cpus ?? 0;
    sentences.push(`Of ${visible === 1 ? 'the one CPU' : `${visible} CPUs`} about ${tree.effective_cpus.toFixed(1)} were to be had; other programs use the rest${stolen >= 0.05 ? `, and the host took ${stolen.toFixed(1)}` : ''}. Threads that wait for each other spin meanwhile, unless OMP_WAIT_POLICY is passive.`);
  }
  for (const { pid, observed } of processes) {
    const openmp = observed.runtimes.filter(({ kind }) => kind === 'openmp');
    if (openmp.length > 1) sentences.push(`Process ${pid} has loaded ${openmp.length} OpenMP runtimes, each with threads of its own: ${openmp.map(({ name, path }) => `${name} (${shortPath(path)})`).join(', ')}.`);
  }
  const [stopped, periods] = tree.throttled_periods ?? [0, 0];
  if (periods >= 5 && stopped / periods > THROTTLED_SHARE) sentences.push(`The CPU quota stopped it in ${stopped} of ${periods} periods (${percentText(stopped / periods)}).`);
  return sentences;
}

function visibleCpus(processes: readonly InspectedProcess[], logical: number | null): number | null {
  const masks = processes.map(({ affinity }) => affinity ?? null);
  const known = masks.every((mask) => mask !== null) ? new Set(masks.flat()).size : logical;
  const quotas = processes.flatMap(({ cpu_quota: quota }) => (quota == null ? [] : [quota]));
  return known === null ? null : Math.min(known, ...quotas);
}

function busyThreads(seen: Observed): number {
  return seen.pools.reduce((sum, pool) => sum + (pool.busy ?? 0), 0);
}

function numberOf({ value }: PlanNumber): string {
  return value === null ? 'not known' : Number.isInteger(value) ? String(value) : value.toFixed(1);
}

function decimal(value: number | null | undefined): string {
  return value == null ? '' : value.toFixed(2);
}

function perSecond(value: number | null | undefined): string {
  return value == null ? '' : `${value < 10 ? value.toFixed(1) : value.toFixed(0)}/s`;
}

function shortened(text: string, most = LONGEST_COMMAND): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= most ? line : `${line.slice(0, most - 1)}…`;
}
