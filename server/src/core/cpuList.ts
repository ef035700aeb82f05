/** CPU lists as Linux writes them: `0-3,8`, `0-14:2`. */

/** Parses a list; null when it is not one. `max` bounds the size so that `0-999999999` cannot fill memory. */
export function parseCpuList(text: string, max = 65536): readonly number[] | null {
  const cpus = new Set<number>();
  for (const part of text.trim().split(/[\s,]+/)) {
    const match = /^(\d+)(?:-(\d+)(?::(\d+))?)?$/.exec(part);
    if (!match) return null;
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    const step = match[3] === undefined ? 1 : Number(match[3]);
    if (last < first || step < 1 || (last - first) / step > max) return null;
    for (let cpu = first; cpu <= last; cpu += step) cpus.add(cpu);
  }
  return [...cpus].sort((a, b) => a - b);
}

/** Writes a list in its shortest form. */
export function formatCpuList(cpus: readonly number[]): string {
  const sorted = [...new Set(cpus)].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length; ) {
    let j = i;
    while (sorted[j + 1] === (sorted[j] ?? 0) + 1) j++;
    parts.push(j > i ? `${sorted[i]}-${sorted[j]}` : String(sorted[i]));
    i = j + 1;
  }
  return parts.join(',');
}
