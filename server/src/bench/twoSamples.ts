/** How much slower one set of runs is than another that was taken at another time. */

/** Ratio of two sets of times that do not pair. */
export interface SampleRatio {
  /** Second over first. */
  readonly ratio: number;
  /** 95 % interval. */
  readonly interval: readonly [number, number];
  readonly counts: readonly [number, number];
}

/** Below this, ranks say nothing at 95 %. */
export const FEWEST_SCORES = 4;
/** What two runs of the same thing at different times may differ by although neither scatters (another memory layout, other clocks): a fraction, on either side. */
export const BETWEEN_RUNS = 0.01;
/** Above so many pairs the normal approximation of the rank sum is exact enough. */
const MANY_PAIRS = 3600;
const Z_975 = 1.959964;
/** A drift makes neighbours alike, and so an interval too narrow; it is widened up to this factor. */
const MOST_INFLATION = 3;

/**
 * The shift of the logarithms by Hodges and Lehmann with the distribution-free interval of the rank-sum test, made wider
 * by what neighbouring runs have in common and by `BETWEEN_RUNS`. Scores in the order measured; null with too few.
 */
export function ratioOfSamples(first: readonly number[], second: readonly number[]): SampleRatio | null {
  const a = first.filter((score) => score > 0).map(Math.log);
  const b = second.filter((score) => score > 0).map(Math.log);
  if (a.length < FEWEST_SCORES || b.length < FEWEST_SCORES) return null;
  const shifts = a.flatMap((x) => b.map((y) => y - x)).sort((x, y) => x - y);
  const beyond = criticalRank(a.length, b.length);
  const centre = median(shifts);
  const inflation = inflationOf([a, b]);
  const low = centre - inflation * (centre - (shifts[beyond] ?? centre)) - BETWEEN_RUNS;
  const high = centre + inflation * ((shifts[shifts.length - 1 - beyond] ?? centre) - centre) + BETWEEN_RUNS;
  return { ratio: Math.exp(centre), interval: [Math.exp(low), Math.exp(high)], counts: [a.length, b.length] };
}

/** How many of the ordered shifts lie outside at each end. */
function criticalRank(m: number, n: number): number {
  if (m * n > MANY_PAIRS) return Math.max(0, Math.floor((m * n) / 2 - Z_975 * Math.sqrt((m * n * (m + n + 1)) / 12) - 0.5));
  // Distribution of the rank sum without a difference, by the number of pairs in the wrong order.
  let ways = new Float64Array(m * n + 1);
  ways[0] = 1;
  for (let i = 1; i <= m; i++) {
    // Gaussian binomial coefficients: multiply by (1 - q^(n+i)) and divide by (1 - q^i).
    const up = new Float64Array(ways);
    for (let u = m * n; u >= n + i; u--) up[u] = (up[u] ?? 0) - (ways[u - n - i] ?? 0);
    for (let u = i; u <= m * n; u++) up[u] = (up[u] ?? 0) + (up[u - i] ?? 0);
    ways = up;
  }
  const all = ways.reduce((sum, count) => sum + count, 0);
  let below = 0;
  for (let u = 0; u <= m * n; u++) {
    below += ways[u] ?? 0;
    if (below / all > 0.025) return Math.max(0, u - 1);
  }
  return 0;
}

/** Factor by which the interval of independent values is too narrow, from the correlation of neighbours. */
function inflationOf(samples: readonly (readonly number[])[]): number {
  let products = 0;
  let squares = 0;
  for (const sample of samples) {
    const centre = median([...sample].sort((x, y) => x - y));
    const deviations = sample.map((value) => value - centre);
    // A single burst is no drift: what is far out counts no more than three times the usual.
    const usual = median(deviations.map(Math.abs).sort((x, y) => x - y)) * 3;
    const tame = deviations.map((value) => Math.max(-usual, Math.min(usual, value)));
    tame.forEach((value, i) => {
      squares += value * value;
      if (i > 0) products += value * (tame[i - 1] ?? 0);
    });
  }
  const correlation = squares === 0 ? 0 : Math.max(0, Math.min(0.9, products / squares));
  return Math.min(MOST_INFLATION, Math.sqrt((1 + correlation) / (1 - correlation)));
}

function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
