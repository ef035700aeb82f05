/** Two recorded runs side by side: the same settings, measured at different times. */
import type { Machine } from './protocol.generated.ts';
import { percentText, ratioText } from './quantities.ts';
import type { Recording } from './recording.ts';
import type { ArmState, RunState } from './runState.ts';
import { FEWEST_SCORES, ratioOfSamples, type SampleRatio } from './twoSamples.ts';

/** One setting in both runs. */
export interface ComparedArm {
  readonly label: string;
  /** What the setting was called in the first run, when the launch has another one in force by now. */
  readonly firstLabel: string;
  /** In force in the second run. */
  readonly current: boolean;
  readonly firstMedianNs: number;
  readonly secondMedianNs: number;
  /** Second over first; null with too few runs. */
  readonly ratio: SampleRatio | null;
}

export interface Comparison {
  readonly arms: readonly ComparedArm[];
  /** Why the times mean different things, as full sentences; a gate refuses then. */
  readonly incomparable: readonly string[];
  /** What else differs, as full sentences. */
  readonly differences: readonly string[];
  /** Other programs took so much of the machine in the second run that a slowdown may be theirs: a full sentence. */
  readonly disturbed: string | null;
}

/** What a gate says. `regression` only when the slowdown is beyond noise and above the threshold. */
export interface GateVerdict {
  readonly outcome: 'regression' | 'pass' | 'cannot_tell' | 'report';
  readonly sentence: string;
}

/** Compares what is in force in both, and every other setting that both measured. */
export function compareRuns(first: Recording, second: Recording): Comparison {
  const before = new Map(first.state.arms.map((arm) => [arm.arm.label, arm]));
  const inForce = first.state.arms.find(({ current }) => current);
  const arms: ComparedArm[] = [];
  for (const arm of merged(second.state)) {
    const other = arm.current ? inForce : before.get(arm.arm.label);
    if (!other?.summary || !arm.summary || other.summary.runs === 0 || arm.summary.runs === 0) continue;
    arms.push({ label: arm.arm.label, firstLabel: other.arm.label, current: arm.current, firstMedianNs: other.summary.median_ns, secondMedianNs: arm.summary.median_ns, ratio: ratioOfSamples(other.summary.scores_ns, arm.summary.scores_ns) });
  }
  return { arms, ...surroundings(first, second), disturbed: disturbance(second.state) };
}

/** As the runner's own verdict has it: from half of the CPUs on nothing is concluded. */
function disturbance({ doubts, hello }: RunState): string | null {
  const load = doubts.find((doubt) => doubt.kind === 'foreign_load');
  const machine = hello?.machine;
  const cpus = machine?.affinity?.length ?? machine?.logicalCores ?? null;
  if (!load || cpus === null || load.cpus <= cpus / 2) return null;
  return `Other programs used ${load.cpus.toFixed(1)} of ${cpus} CPUs meanwhile.`;
}

/** The arms, where one was measured twice under the same setting as one with all its scores. */
function merged(state: RunState): readonly ArmState[] {
  const current = state.arms.find((arm) => arm.current);
  const again = state.arms.find((arm) => arm !== current && current !== undefined && arm.arm.label === againLabel(current.arm.label));
  if (!current?.summary || !again?.summary) return state.arms;
  // In the order measured, roughly: the two took turns.
  const [a, b] = [current.summary.scores_ns, again.summary.scores_ns];
  const scores = a.flatMap((score, i) => [score, ...(b[i] === undefined ? [] : [b[i]])]).concat(b.slice(a.length));
  const sorted = [...scores].sort((x, y) => x - y);
  const summary = { ...current.summary, runs: scores.length, scores_ns: scores, median_ns: sorted[sorted.length >> 1] ?? current.summary.median_ns };
  return state.arms.filter((arm) => arm !== again).map((arm) => (arm === current ? { ...arm, summary } : arm));
}

/** What the second turn of a setting is called that is measured against itself. */
export function againLabel(label: string): string {
  return `${label} (again)`;
}

function surroundings(first: Recording, second: Recording): Pick<Comparison, 'incomparable' | 'differences'> {
  const incomparable: string[] = [];
  const differences: string[] = [];
  const [a, b] = [first.state, second.state];
  if (a.plan && b.plan) {
    const covers = (state: RunState): string => (state.plan?.region === 'selected' ? `${state.plan.selection?.label ?? 'a selection'}` : state.plan?.region === 'after_imports' ? 'the program after its imports' : 'the whole process');
    if (covers(a) !== covers(b)) incomparable.push(`One covers ${covers(a)}, the other ${covers(b)}.`);
    const name = (state: RunState): string => (state.plan?.command ?? []).map((word) => word.replace(/^.*[\\/]/, '')).join(' ');
    if (name(a) !== name(b)) differences.push(`The command was \`${name(a)}\` and is \`${name(b)}\`.`);
  }
  const machines = a.hello && b.hello ? machineDifferences(a.hello.machine, b.hello.machine) : [];
  if (machines.length > 0) incomparable.push(`They were measured on different machines (${machines.join('; ')}).`);
  const [before, after] = [a.environment, b.environment];
  if (before && after) {
    const changes: string[] = [];
    if (before.runtime !== after.runtime) changes.push(change(before.runtime ?? 'unknown runtime', after.runtime ?? 'unknown runtime'));
    for (const name of new Set([...Object.keys(before.libraries), ...Object.keys(after.libraries)])) if (before.libraries[name] !== after.libraries[name]) changes.push(`${name} ${change(before.libraries[name] ?? 'none', after.libraries[name] ?? 'none')}`);
    if (changes.length > 0) differences.push(`Other versions ran: ${changes.join(', ')}.`);
    if (before.system !== after.system) differences.push(`The system was ${before.system ?? 'unknown'} and is ${after.system ?? 'unknown'}.`);
    if (before.governor !== after.governor) differences.push(`The clock governor was ${before.governor ?? 'unknown'} and is ${after.governor ?? 'unknown'}.`);
    if (before.turbo !== after.turbo) differences.push('The clock boost was switched.');
    if (machines.length === 0 && changes.length === 0 && before.fingerprint !== after.fingerprint) differences.push('The fingerprints of machine and versions differ.');
  }
  if (a.hello && b.hello && a.hello.version !== b.hello.version) differences.push(`The runner was ${a.hello.version} and is ${b.hello.version}.`);
  if (first.header?.interpreter && second.header?.interpreter && first.header.interpreter.path !== second.header.interpreter.path) differences.push(`The interpreter was ${first.header.interpreter.path} and is ${second.header.interpreter.path}.`);
  for (const [state, which] of [[a, 'first'], [b, 'second']] as const) if (state.status !== 'finished') differences.push(`The ${which} run did not come to its end.`);
  return { incomparable, differences };
}

function change(before: string, after: string): string {
  return `${before} -> ${after}`;
}

function machineDifferences(a: Machine, b: Machine): string[] {
  const shown = (value: unknown): string => (value == null ? 'unknown' : typeof value === 'object' ? JSON.stringify(value) : String(value as string | number));
  const fields: readonly [string, (machine: Machine) => unknown][] = [
    ['processor', ({ model }) => model],
    ['system', ({ os, arch }) => [os, arch].filter(Boolean).join(' ')],
    ['physical cores', ({ physicalCores }) => physicalCores],
    ['CPUs', ({ logicalCores }) => logicalCores],
    ['quota', ({ cpuQuota }) => cpuQuota ?? 'none'],
    ['CPUs allowed', ({ affinity }) => affinity?.length ?? 'all'],
  ];
  return fields.flatMap(([name, of]) => (shown(of(a)) === shown(of(b)) ? [] : [`${name}: ${shown(of(a))} and ${shown(of(b))}`]));
}

/** What the setting in force says about `threshold` (0.05 = 5 %); null reports without judging. */
export function gateVerdict(comparison: Comparison, threshold: number | null): GateVerdict {
  const arm = comparison.arms.find(({ current }) => current);
  if (!arm) return { outcome: 'cannot_tell', sentence: 'Cannot tell: the setting in force was not measured in both runs.' };
  const { ratio } = arm;
  if (!ratio) return { outcome: 'cannot_tell', sentence: `Cannot tell: ${arm.label} needs at least ${FEWEST_SCORES} runs on either side.` };
  const [low, high] = ratio.interval;
  const between = `95 % interval ${signedPercent(low)} to ${signedPercent(high)}`;
  const change = ratio.ratio >= 1 ? `${percentText(ratio.ratio - 1)} slower` : `${percentText(1 - ratio.ratio)} faster`;
  const now = `The launch takes ${ratioText(ratio.ratio)} the time of the baseline, ${change} (${between}).`;
  const changed = arm.firstLabel === arm.label ? '' : ` It ran with ${arm.firstLabel} then and runs with ${arm.label} now.`;
  if (threshold === null) {
    const beyond = low > 1 ? 'Slower, beyond noise. ' : high < 1 ? 'Faster, beyond noise. ' : 'No difference beyond noise. ';
    return { outcome: 'report', sentence: `${beyond}${now}${changed}` };
  }
  const allowed = percentText(threshold);
  // A neighbour makes a launch slower, never faster.
  if (low > 1 + threshold && comparison.disturbed !== null) return { outcome: 'cannot_tell', sentence: `Cannot tell: slower by more than the ${allowed} allowed, but that may be due to the load. ${comparison.disturbed} ${now}${changed}` };
  if (low > 1 + threshold) return { outcome: 'regression', sentence: `Slower by more than the ${allowed} allowed, beyond noise. ${now}${changed}` };
  if (high <= 1 + threshold) return { outcome: 'pass', sentence: `Not slower by more than the ${allowed} allowed. ${now}${changed}` };
  return { outcome: 'cannot_tell', sentence: `Cannot tell whether it is slower by more than the ${allowed} allowed: noise is larger than that question. ${now}${changed}` };
}

function signedPercent(ratio: number): string {
  return `${ratio >= 1 ? '+' : '-'}${percentText(Math.abs(ratio - 1))}`;
}
