/** Exact (Clopper-Pearson) bounds of a share, and order statistics of a sample. */

/** Both ends of the 95 % interval of a share of which `hits` of `trials` were seen. */
export function shareInterval(hits: number, trials: number, beyond = 0.025): readonly [number, number] {
  return [hits === 0 ? 0 : solve((p) => 1 - below(hits - 1, trials, p) - beyond), upperBound(hits, trials, beyond)];
}

/** The share that is exceeded with the probability `beyond` only: one-sided. */
export function upperBound(hits: number, trials: number, beyond = 0.05): number {
  return hits >= trials ? 1 : solve((p) => beyond - below(hits, trials, p));
}

/** Probability of at most `hits` of `trials`. */
function below(hits: number, trials: number, p: number): number {
  if (p <= 0) return 1;
  if (p >= 1) return hits >= trials ? 1 : 0;
  let sum = 0;
  let log = trials * Math.log1p(-p);
  for (let k = 0; k <= hits; k++) {
    sum += Math.exp(log);
    log += Math.log((trials - k) / (k + 1)) + Math.log(p) - Math.log1p(-p);
  }
  return Math.min(1, sum);
}

/** Where a rising function of 0 to 1 crosses zero. */
function solve(rising: (p: number) => number): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (rising(middle) < 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? Number.NaN) + high) / 2;
}

/** The value below which a share of the sample lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN;
}

/** The exact 95 % interval of the median by order statistics; the whole range below six values. */
export function medianInterval(values: readonly number[]): readonly [number, number] {
  const sorted = [...values].sort((a, b) => a - b);
  let rank = 0;
  while (rank + 1 < sorted.length / 2 && below(rank, sorted.length, 0.5) <= 0.025) rank++;
  return [sorted[Math.max(0, rank - 1)] ?? Number.NaN, sorted[Math.min(sorted.length - 1, sorted.length - rank)] ?? Number.NaN];
}

export function percent(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)} %`;
}
