/** How busy the machine is with other things, and waiting until it is less so. */
import { readFileSync } from 'node:fs';

/** Other programs' CPUs with which a part that needs the machine to itself is not begun. */
export const TOO_BUSY = 0.5;

export function tooBusy(cpus: number): string {
  return `Other programs used ${cpus.toFixed(1)} CPUs and did not stop; this needs the machine to itself.`;
}

/** CPU seconds of the whole machine that were not idle, and those the host took. */
function busySeconds(): number {
  const numbers = (readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '').trim().split(/\s+/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, , , irq = 0, soft = 0, steal = 0] = numbers;
  return (user + nice + system + irq + soft + steal) / 100;
}

/** CPUs that were busy over a time in which this program rests. */
export async function load(milliseconds = 1_000): Promise<number> {
  const [before, began] = [busySeconds(), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  return (busySeconds() - before) / ((performance.now() - began) / 1000);
}

/** Waits until others use less than `most` CPUs, `patience` milliseconds at the longest; the load in the end. */
export async function quiet(most: number, patience: number): Promise<number> {
  const until = performance.now() + patience;
  let now = await load();
  while (now > most && performance.now() < until) now = await load();
  return now;
}
