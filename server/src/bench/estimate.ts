/** How long a run will take: trials times what one took, before anything was started. */
import type { BenchRequest } from './protocol.generated.ts';
import type { RunState } from './runState.ts';

export interface Estimate {
  /** Runs of the program at the most. */
  readonly maxTrials: number;
  /** Runs that are usual: slow settings leave the race early. */
  readonly usualTrials: number;
  readonly budgetSeconds: number;
  /** Seconds the run is likely to take; null while nothing is known of the program. */
  readonly seconds: number | null;
  readonly sentence: string;
}

/** Blocks that a setting stays in the race on average: most leave after the first two. */
const USUAL_BLOCKS = 2.2;
const USUAL_CONFIRMATION = 10;
/** Blocks in which a further setting is looked at on average, and runs that test one that is promising. */
const USUAL_VARY_BLOCKS = 2;
const USUAL_TEST = 16;

/** The estimate for a request. `trialSeconds`: what a run took the last time, start included; `repeatSeconds`: how long selected code is repeated in each. */
export function estimateOf(request: BenchRequest, trialSeconds: number | null, repeatSeconds: number | null = null): Estimate {
  const maxTrials = mostTrials(request);
  const usualTrials = Math.min(maxTrials, Math.round(usual(request)));
  const budgetSeconds = request.limits?.budget_s ?? 900;
  const seconds = trialSeconds === null ? null : Math.min(budgetSeconds, trialSeconds * usualTrials);
  const times = usualTrials < maxTrials ? `about ${usualTrials} times, ${maxTrials} at the most,` : `up to ${maxTrials} times`;
  const what = repeatSeconds === null ? `Runs the program ${times} and` : `Starts the program ${times.replace(/,?$/, ',')} each time until it reaches the selected code, repeats that for about ${repeatSeconds} seconds and ends the program there;`;
  const runs = `${what} stops after ${duration(budgetSeconds)} at the latest.`;
  const known = seconds === null ? 'The first run will tell how long that takes.' : `At ${duration(trialSeconds ?? 0)} a run, as the last time, that takes ${seconds >= budgetSeconds ? 'the whole of it' : `about ${duration(seconds)}`}.`;
  return { maxTrials, usualTrials, budgetSeconds, seconds, sentence: `${runs} ${known}` };
}

/** What a run of the program took, median over the runs that counted; null when there are none. */
export function trialSecondsOf(state: RunState): number | null {
  const walls = state.trials.filter(({ status, phase }) => status === 'ok' && phase !== 'warmup' && phase !== 'lines').map(({ wall_ns }) => wall_ns / 1e9).sort((a, b) => a - b);
  return walls[Math.floor(walls.length / 2)] ?? null;
}

function mostTrials({ arms, limits, mode, lines, variations, grid }: BenchRequest): number {
  const confirm = 4 * (limits?.confirm_blocks ?? 8);
  const lineTrials = lines?.enabled ? 6 : 0;
  if (mode === 'lines') return 2 * arms.length + 1;
  if (mode === 'verify') return confirm + 2;
  if (mode === 'grid') return 1 + (arms.length + (grid?.exhaustive ? 0 : GRID_FILL)) * (grid?.blocks ?? 4) + confirm;
  const factors = new Set((variations ?? []).map(({ factor }) => factor)).size;
  const vary = variations && variations.length > 0 ? 4 * (1 + variations.length) + 40 * factors : 0;
  return arms.length * (1 + (limits?.max_blocks ?? 6)) + 2 * confirm + vary + lineTrials;
}

/** Cells that a bisection on the latency limit adds. */
const GRID_FILL = 5;

function usual({ arms, limits, mode, lines, variations, grid }: BenchRequest): number {
  if (mode === 'lines' || mode === 'verify') return Infinity;
  const lineTrials = lines?.enabled ? 6 : 0;
  const confirm = 4 * Math.min(USUAL_CONFIRMATION, limits?.confirm_blocks ?? 8);
  if (mode === 'grid') return 1 + (grid?.exhaustive ? arms.length * (grid.blocks ?? 4) : arms.length * USUAL_BLOCKS + 2 * GRID_FILL) + confirm;
  const race = limits?.exhaustive ? arms.length * (limits.max_blocks ?? 6) : arms.length * USUAL_BLOCKS + 4;
  const vary = variations && variations.length > 0 ? USUAL_VARY_BLOCKS * (1 + variations.length) + USUAL_TEST : 0;
  return 1 + race + vary + confirm + lineTrials;
}

/** `40 seconds`, `7 minutes`, `1.2 hours`. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${seconds.toFixed(1)} seconds`;
  if (seconds < 120) return `${Math.round(seconds)} second${Math.round(seconds) === 1 ? '' : 's'}`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} minutes` : `${(seconds / 3600).toFixed(1)} hours`;
}
