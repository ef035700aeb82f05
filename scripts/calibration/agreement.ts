/** Two tools that time the same in turns: how far they are apart by the wall clock and by CPU time, and which of the two may be judged. */
import { median, medianInterval, percent } from './exactBounds.ts';
import type { Check } from './part.ts';

/** How far both may be apart. */
const AGREE = 0.02;
/** Other programs' CPUs from which the wall clock tells of them rather than of the tools. */
const BUSY = 0.3;

/** What one tool says of one round, in seconds. */
export interface Said {
  readonly wall: number;
  /** CPU time; null when it does not tell. */
  readonly cpu: number | null;
}

/** Takes turns: who begins changes from round to round, so that a machine that becomes slower slows both. */
export async function inTurns(round: number, ours: () => Promise<Said>, theirs: () => Said): Promise<readonly [Said, Said]> {
  if (round % 2 === 0) {
    const first = await ours();
    return [first, theirs()];
  }
  const first = theirs();
  return [await ours(), first];
}

export interface Agreement {
  readonly wall: number;
  readonly wallInterval: readonly [number, number];
  readonly cpu: number | null;
  readonly cpuInterval: readonly [number, number];
}

/** Ours over theirs minus 1, by round. */
export function agreement(rounds: readonly (readonly [Said, Said])[]): Agreement {
  const walls = rounds.map(([ours, theirs]) => ours.wall / theirs.wall - 1);
  const cpus = rounds.flatMap(([ours, theirs]) => (ours.cpu === null || theirs.cpu === null ? [] : [ours.cpu / theirs.cpu - 1]));
  return { wall: median(walls), wallInterval: medianInterval(walls), cpu: cpus.length === 0 ? null : median(cpus), cpuInterval: medianInterval(cpus) };
}

/** Judged by the wall clock on a quiet machine, else by CPU time; null where neither tells: threads spin against other programs, and who sleeps uses none. */
export function judge(label: string, tool: string, { wall, wallInterval, cpu, cpuInterval }: Agreement, load: number, cpuTells: boolean): Check | null {
  const byWall = load <= BUSY;
  if (!byWall && (cpu === null || !cpuTells)) return null;
  const [difference, [low, high]] = byWall || cpu === null ? [wall, wallInterval] : [cpu, cpuInterval];
  const how = byWall ? 'by the wall clock' : `by CPU time, since other programs used ${load.toFixed(1)} CPUs`;
  const within = Math.abs(difference) <= AGREE;
  const holds = within || (low < AGREE && high > -AGREE);
  return { what: `${label}: ${within ? 'within' : holds ? 'not certainly beyond' : 'beyond'} 2 % of ${tool} ${how} (${percent(difference, 2)}, 95 % interval ${percent(low, 2)} to ${percent(high, 2)})`, holds };
}

/** Other programs' CPUs during the rounds; of commands too short to tell, those just before. */
export function loadDuring(during: readonly number[], before: readonly number[]): number {
  const told = during.filter((cpus) => !Number.isNaN(cpus));
  return median(told.length > 0 ? told : before);
}

/** What is said of a comparison that was not judged. */
export function unjudged(label: string, load: number): string {
  return `${label} is not judged: other programs used ${load.toFixed(1)} CPUs.`;
}

/** Cells of a table: the wall clock, its interval, CPU time, its interval. */
export function differences({ wall, wallInterval, cpu, cpuInterval }: Agreement): string[] {
  const interval = ([low, high]: readonly [number, number]): string => `${percent(low, 1)} to ${percent(high, 1)}`;
  return [percent(wall, 2), interval(wallInterval), cpu === null ? '' : percent(cpu, 2), cpu === null ? '' : interval(cpuInterval)];
}
