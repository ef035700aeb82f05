/** What a benchmark may find on a launch: configuration and comments name these findings as they name rules. */

/** One line each; `docs/measured.md` has the thresholds. */
const SUMMARIES = {
  'measured-busy-threads': 'More threads are busy at the same time than the plan has.',
  'measured-cpu-inflation': 'A piece of work takes much more CPU time than with one thread.',
  'measured-openmp-runtimes': 'One process has loaded two OpenMP runtimes.',
  'measured-quota-unseen': 'The CPU quota stops a library that made more threads than the quota has CPUs.',
  'measured-spinning': 'Threads spin while they wait for each other and for a CPU.',
  'measured-thread-count': 'PyTorch says another number of threads than the plan.',
  'measured-throttled': 'The CPU quota stops the program.',
  'measured-waiting-threads': 'Threads wait for a CPU, and it costs.',
} as const;

export type MeasuredKind = keyof typeof SUMMARIES;

/** Every kind with its line. */
export const MEASURED_KINDS: ReadonlyMap<string, string> = new Map(Object.entries(SUMMARIES));
