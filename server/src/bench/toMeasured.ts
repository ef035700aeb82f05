/** What a finished run says about source lines and about the launch. */
import type { MeasuredAtArm, MeasuredLine } from './messages.ts';
import { formatCpuList } from '../core/cpuList.ts';
import { lineScaling, type LineScaling, passVariance, scalingDetails, scalingText } from './lineScaling.ts';
import type { Arm, LineTiming, Verdict } from './protocol.generated.ts';
import { countText, durationText, intervalText, percentText, ratioText } from './quantities.ts';
import type { RunState } from './runState.ts';

/** Lines below both bounds carry no label: share of the run's time, and nanoseconds. */
const MIN_SHARE = 0.001;
const MIN_WALL_NS = 1e6;

/** Lines that take less than this of the longest line, at every setting, are set-up: how they scale is of no interest. */
const SCALING_SHARE = 0.01;

/** Measured lines of one file. */
export interface MeasuredFile {
  readonly path: string;
  readonly sha256: string;
  readonly lines: readonly MeasuredLine[];
}

/** Lines of every file, under every arm they were measured at; the setting in force comes first. */
export function measuredFiles(state: RunState): readonly MeasuredFile[] {
  const current = state.plan?.current ?? 0;
  const measurements = [...state.lines].sort((a, b) => Number(b.arm === current) - Number(a.arm === current) || a.arm - b.arm);
  const byPath = new Map<string, { sha256: string; lines: Map<number, MeasuredAtArm[]> }>();
  for (const { arm, files } of measurements) {
    for (const { path, sha256, lines } of files) {
      let file = byPath.get(path);
      if (!file) byPath.set(path, (file = { sha256, lines: new Map() }));
      // Numbers of another version of the file do not belong beside these.
      if (file.sha256 !== sha256) continue;
      for (const timing of lines) {
        const list = file.lines.get(timing.line) ?? [];
        list.push(atArm(timing, state.arms[arm]?.arm, arm === current));
        file.lines.set(timing.line, list);
      }
    }
  }
  return [...byPath].map(([path, { sha256, lines }]) => ({ path, sha256, lines: labelled(lines, state) }));
}

function atArm(timing: LineTiming, arm: Arm | undefined, current: boolean): MeasuredAtArm {
  return {
    label: arm?.label ?? 'unknown setting',
    threads: arm?.threads ?? null,
    current,
    hits: timing.hits,
    wallNs: timing.wall_ns,
    busyCores: timing.cpu_ns == null || timing.wall_ns === 0 ? null : timing.cpu_ns / timing.wall_ns,
    waiting: timing.run_delay_per_s ?? null,
    firstNs: timing.first_ns,
    awaitedNs: timing.awaited_ns ?? null,
    processes: timing.processes ?? 1,
    onThreads: timing.threads ?? 1,
    passesNs: timing.passes_ns ?? [],
  };
}

function labelled(lines: ReadonlyMap<number, readonly MeasuredAtArm[]>, state: RunState): MeasuredLine[] {
  const shown = [...lines].flatMap(([line, arms]) => (arms[0] ? [{ line, arms, first: arms[0] }] : []));
  // A line that calls a function holds that function's lines too, so lines do not add up to the run.
  const longest = Math.max(0, ...shown.map(({ first }) => first.wallNs));
  const run = state.arms.find(({ arm }) => arm.label === shown[0]?.first.label)?.summary?.median_ns ?? 0;
  const total = Math.max(longest, run);
  const usual = usualVariance(shown.map(({ arms }) => arms));
  const longestAt = new Map<string, number>();
  for (const { label, wallNs } of shown.flatMap(({ arms }) => arms)) longestAt.set(label, Math.max(longestAt.get(label) ?? 0, wallNs));
  const matters = (arms: readonly MeasuredAtArm[]): boolean => arms.some(({ label, wallNs }) => wallNs >= SCALING_SHARE * (longestAt.get(label) ?? 0));
  return shown
    .map(({ line, arms, first }) => {
      const counts = byCount(arms);
      const scaling = matters(arms) ? lineScaling(counts, usual) : null;
      const sentence = scaling && scalingText(scaling);
      return { line: line - 1, label: [lineLabel(first, usefulCores(arms, first)), ...(sentence ? [sentence] : [])].join(' · '), hover: lineHover(arms, scaling), share: total === 0 ? 0 : first.wallNs / total, arms, ...(sentence ? { scaling: sentence } : {}) };
    })
    .filter(({ share, arms }) => share >= MIN_SHARE || arms.some((arm) => arm.wallNs >= MIN_WALL_NS))
    .sort((a, b) => a.line - b.line);
}

/** The line at each count of threads, once. */
function byCount(arms: readonly MeasuredAtArm[]): readonly (MeasuredAtArm & { readonly threads: number })[] {
  const counts = new Map<number, MeasuredAtArm & { readonly threads: number }>();
  for (const arm of arms) if (arm.threads !== null && !counts.has(arm.threads)) counts.set(arm.threads, { ...arm, threads: arm.threads });
  return [...counts.values()];
}

/** What lines of some weight vary by from pass to pass, in the middle. */
function usualVariance(lines: readonly (readonly MeasuredAtArm[])[]): number {
  const variances = lines
    .filter((arms) => arms.some(({ wallNs }) => wallNs >= MIN_WALL_NS))
    .map((arms) => passVariance(byCount(arms)))
    .filter(({ freedom }) => freedom > 0)
    .map(({ variance }) => variance)
    .sort((a, b) => a - b);
  return variances[variances.length >> 1] ?? 0;
}

/** Time with one thread over the time here: how many CPUs' worth of progress the line made. Null without a run with one thread. */
function usefulCores(arms: readonly MeasuredAtArm[], arm: MeasuredAtArm): number | null {
  const single = arms.find(({ threads }) => threads === 1);
  if (!single || single === arm || single.hits === 0 || arm.hits === 0 || arm.wallNs === 0) return null;
  return single.wallNs / single.hits / (arm.wallNs / arm.hits);
}

/** Shares of `await` below this are not told. */
const MIN_AWAITED = 0.05;

function lineLabel({ wallNs, hits, busyCores, waiting, awaitedNs, processes, onThreads }: MeasuredAtArm, useful: number | null): string {
  const parts = [durationText(wallNs), `${countText(hits)}x`];
  if (processes > 1) parts.push(`in ${processes} processes`);
  if (onThreads > 1) parts.push(`${onThreads} threads`);
  if (awaitedNs !== null && awaitedNs >= MIN_AWAITED * wallNs) parts.push(`${percentText(Math.min(1, awaitedNs / wallNs))} in await`);
  if (busyCores !== null) parts.push(`${busyCores.toFixed(1)} CPUs busy${useful === null ? '' : `, ${useful.toFixed(1)} useful`}`);
  if (waiting !== null && waiting >= 0.05) parts.push(`${waiting.toFixed(1)} waiting`);
  return parts.join(' · ');
}

function lineHover(arms: readonly MeasuredAtArm[], scaling: LineScaling | null): string {
  const awaits = arms.some(({ awaitedNs }) => awaitedNs !== null);
  const rows = arms.map((arm) => {
    const useful = usefulCores(arms, arm);
    const cells = [`${arm.label}${arm.current ? ' (in force)' : ''}`, durationText(arm.wallNs), countText(arm.hits), arm.busyCores?.toFixed(2) ?? '', arm.waiting?.toFixed(2) ?? '', useful === null ? '' : ratioText(useful), durationText(arm.firstNs), ...(awaits ? [arm.awaitedNs === null ? '' : durationText(arm.awaitedNs)] : [])];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  const heads = ['setting', 'time per run', 'executions', 'CPUs busy', 'threads waiting', 'vs 1 thread', 'first execution', ...(awaits ? ['in await'] : [])];
  const table = [`| ${heads.join(' | ')} |`, `|---|${heads.slice(1).map(() => '---:|').join('')}`, ...rows].join('\n');
  return scaling ? `${table}\n\n${scalingDetails(scaling)}` : table;
}

/** What a verdict offers for the launch. */
export interface MeasuredGain {
  readonly old: Arm;
  readonly best: Arm;
  /** `1.9x faster, measured (95 % CI 1.8-2.0, 16 runs)`. */
  readonly proof: string;
}

/** The setting to change to, when the run showed a better one. */
export function measuredGain(state: RunState): MeasuredGain | null {
  const { verdict } = state;
  if (verdict?.outcome !== 'faster' || verdict.best === verdict.current) return null;
  const old = state.arms[verdict.current]?.arm;
  const best = state.arms[verdict.best]?.arm;
  return old && best ? { old, best, proof: `${proofText(verdict)}` } : null;
}

/** What a setting needs beside variables and thread counts, which no edit of a launch brings about, as a sentence; null when it needs nothing. */
export function stepsByHand(arm: Arm): string | null {
  const copies = arm.instances ?? 1;
  const steps = [
    ...(arm.torch_num_interop_threads == null ? [] : [`call torch.set_num_interop_threads(${arm.torch_num_interop_threads}) right after import torch`]),
    ...(arm.flush_denormal == null ? [] : [`call torch.set_flush_denormal(${arm.flush_denormal ? 'True' : 'False'}) right after import torch`]),
    ...((arm.arguments?.length ?? 0) === 0 ? [] : [`add ${(arm.arguments ?? []).join(' ')} to the command line`]),
    ...(copies > 1 ? [`start ${copies} copies, each on CPUs of its own`] : arm.cpus?.[0] === undefined ? [] : [`start it with taskset -c ${formatCpuList(arm.cpus[0])}`]),
  ];
  if (steps.length === 0) return null;
  const variables = Object.entries(arm.env).map(([name, value]) => (value === null ? `${name} removed` : `${name}=${value}`));
  return `This needs changes by hand: ${[...(variables.length > 0 ? [`set ${variables.join(' ')}`] : []), ...steps].join('; ')}.`;
}

function proofText({ speedup, interval, pairs }: Verdict): string {
  const details = [...(interval ? [`95 % CI ${intervalText(interval)}`] : []), `${2 * pairs} runs`];
  return `${speedup == null ? 'faster' : `${ratioText(speedup)} faster`}, measured (${details.join(', ')})`;
}

/** The verdict in a few words for a lens: `best 2 threads: 1.9x (95 % CI 1.8-2.0)`. */
export function verdictLabel(state: RunState): string | null {
  const { verdict } = state;
  if (!verdict) return null;
  const best = state.arms[verdict.best]?.arm;
  const name = best?.instances != null ? best.label : best?.threads == null ? (best?.label ?? 'unknown') : `${best.threads} thread${best.threads === 1 ? '' : 's'}`;
  switch (verdict.outcome) {
    case 'faster':
      return `best ${name}: ${verdict.speedup == null ? 'faster' : ratioText(verdict.speedup)}${verdict.interval ? ` (95 % CI ${intervalText(verdict.interval)})` : ''}`;
    case 'current_is_best':
      return `${name} in force is best`;
    case 'no_difference':
      return 'no difference on this machine';
    case 'slower':
      return `slower: ${verdict.speedup == null ? 'verified' : ratioText(verdict.speedup)}`;
    case 'inconclusive':
      return 'inconclusive';
  }
}
