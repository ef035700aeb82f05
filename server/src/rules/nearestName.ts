/** Finds the known name that a misspelt one most likely means. */

/** The closest candidate within `limit` edits (a swap of neighbours counts as one), or null when none or several are that close. */
export function nearest(name: string, candidates: readonly string[], limit: number): string | null {
  let best: string | null = null;
  let distance = limit + 1;
  let tie = false;
  for (const candidate of candidates) {
    const d = editDistance(name, candidate, distance);
    if (d < distance) {
      best = candidate;
      distance = d;
      tie = false;
    } else if (d === distance && d <= limit) tie = true;
  }
  return tie ? null : best;
}

/** Optimal string alignment distance; gives up with `limit + 1`. */
export function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let d = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) d = Math.min(d, (beforeLast[j - 2] ?? 0) + 1);
      row.push(d);
    }
    // No way back below the limit once a whole row is above it.
    if (Math.min(...row) > limit) return limit + 1;
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? limit + 1;
}
