/** How one line scales with threads: its own best count, and the counts at which it is slower beyond the noise of the passes. */
import { durationText, intervalText } from './quantities.ts';

/** One line at one count of threads. */
export interface LineAtCount {
  readonly threads: number;
  readonly current: boolean;
  readonly hits: number;
  readonly wallNs: number;
  /** Wall time in each pass; empty in recordings that do not hold it. */
  readonly passesNs: readonly number[];
}

/** A count at which the line is slower than at its best, beyond noise. */
export interface SlowerCount {
  readonly threads: number;
  readonly current: boolean;
  /** Time over the best time. */
  readonly ratio: number;
  /** 99 % interval of the ratio. */
  readonly interval: readonly [number, number];
}

/** What the passes say of one line. */
export interface LineScaling {
  /** Counts that cannot be told from the fastest, the fastest first. */
  readonly best: readonly number[];
  /** Time of one execution at the fastest count. */
  readonly bestNs: number;
  /** By count, fewest first; never empty. */
  readonly slower: readonly SlowerCount[];
}

/** Slower than this is not worth a word even when it is certain. */
const CLAIM_ABOVE = 1.05;
/** Two-sided 99 % points of Student's t by degrees of freedom, from 1; beyond, nearly those of the normal distribution. */
const T99 = [63.66, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.25, 3.169];

/** Variance of the logarithm of a line's time from pass to pass, and its degrees of freedom: pooled over the counts with several passes. */
export function passVariance(counts: readonly LineAtCount[]): { readonly variance: number; readonly freedom: number } {
  let sum = 0;
  let freedom = 0;
  for (const { passesNs } of counts) {
    const logs = passesNs.filter((ns) => ns > 0).map(Math.log);
    if (logs.length < 2) continue;
    const mean = logs.reduce((a, b) => a + b, 0) / logs.length;
    sum += logs.reduce((a, b) => a + (b - mean) ** 2, 0);
    freedom += logs.length - 1;
  }
  return { variance: freedom === 0 ? 0 : sum / freedom, freedom };
}

/**
 * The scaling of a line, or null when nothing can be said beyond noise. `usualVariance` is what the lines of the run
 * usually have: with few passes a line may look steadier than it is.
 */
export function lineScaling(counts: readonly LineAtCount[], usualVariance: number): LineScaling | null {
  const timed = counts.filter(({ hits, wallNs }) => hits > 0 && wallNs > 0).map((at) => ({ at, each: at.wallNs / at.hits }));
  const { variance, freedom } = passVariance(counts);
  const fastest = timed.reduce<(typeof timed)[number] | null>((a, b) => (a && a.each <= b.each ? a : b), null);
  if (!fastest || freedom === 0 || timed.length < 2) return null;
  const deviation = (T99[freedom - 1] ?? 2.8) * Math.sqrt(Math.max(variance, usualVariance));
  const compared = timed.map(({ at, each }) => {
    const ratio = each / fastest.each;
    const half = deviation * Math.sqrt(1 / Math.max(at.passesNs.length, 1) + 1 / Math.max(fastest.at.passesNs.length, 1));
    return { threads: at.threads, current: at.current, ratio, interval: [ratio * Math.exp(-half), ratio * Math.exp(half)] as const };
  });
  const slower = compared.filter(({ interval }) => interval[0] > CLAIM_ABOVE).sort((a, b) => a.threads - b.threads);
  if (slower.length === 0) return null;
  const best = compared.filter((count) => !slower.includes(count)).sort((a, b) => a.ratio - b.ratio).map(({ threads }) => threads);
  return { best, bestNs: fastest.each, slower };
}

/** The count that the sentence is about: the one in force when it is slower; else the slowest with more threads than the best. */
function worst({ best, slower }: LineScaling): SlowerCount | null {
  const most = Math.max(...best);
  const more = slower.filter(({ threads }) => threads > most);
  return slower.find(({ current }) => current) ?? more.reduce<SlowerCount | null>((a, b) => (a && a.ratio >= b.ratio ? a : b), null);
}

/** `best at 2 threads: 120 us; 3.1 times slower at 16`, or null for a line that more threads do not slow down and that is not slow today. */
export function scalingText(scaling: LineScaling): string | null {
  const slow = worst(scaling);
  return slow ? `best at ${countsText(scaling.best)}: ${durationText(scaling.bestNs)}; ${slow.ratio.toFixed(1)} times slower at ${slow.threads}${slow.current ? ' (in force)' : ''}` : null;
}

/** The whole comparison in sentences, with intervals. */
export function scalingDetails({ best, bestNs, slower }: LineScaling): string {
  const others = slower.map(({ threads, ratio, interval }) => `${ratio.toFixed(1)} times slower at ${threads} (99 % interval ${intervalText(interval)})`).join(', ');
  return `This line is fastest at ${countsText(best)}: ${durationText(bestNs)} each time. It is ${others}.${best.length > 1 ? ' The counts named first cannot be told apart.' : ''}`;
}

function countsText(counts: readonly number[]): string {
  const sorted = [...counts].sort((a, b) => a - b);
  const last = sorted.at(-1) ?? 1;
  return `${sorted.length > 1 ? `${sorted.slice(0, -1).join(', ')} or ${last}` : String(last)} thread${sorted.length === 1 && last === 1 ? '' : 's'}`;
}
