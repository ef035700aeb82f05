/** Programs whose true ratio is known: how often the 95 % interval holds it. */
import type { BenchRequest, SimulatedWorkload } from '../../server/src/bench/protocol.generated.ts';
import type { RunState } from '../../server/src/bench/runState.ts';
import { within } from './aa.ts';
import { median, percent, shareInterval } from './exactBounds.ts';
import { arm, demand, foreignCpus, measure, scriptRequest } from './measure.ts';
import type { Check, Part, PartResult, Surroundings } from './part.ts';

/** Noise of single runs, as `bench:search` has it. */
const NOISES: Readonly<Record<string, Pick<SimulatedWorkload, 'noise' | 'outliers' | 'drift'>>> = {
  quiet: { noise: 0.01, outliers: 0.01, drift: 0.01 },
  cloud: { noise: 0.03, outliers: 0.05, drift: 0.03 },
  laptop: { noise: 0.04, outliers: 0.08, drift: 0.08 },
};
const RATIOS = [1, 1.03, 1.3];
const SIMULATED_RUNS = 400;
const REAL_RUNS = 100;
/** The real program: seconds of the setting in force, and how much longer it takes than the other. */
const SECONDS = 0.08;
const REAL_RATIO = 1.05;
const SLEEP_NOISE = 0.03;

interface Outcome {
  readonly label: string;
  readonly truth: number;
  readonly states: readonly RunState[];
  readonly load: string;
}

export const coverage: Part = {
  name: 'coverage',
  title: 'Intervals of ratios that are known, simulated',
  async run(surroundings: Surroundings): Promise<PartResult> {
    const outcomes: Outcome[] = [];
    const simulated = surroundings.quick ? 10 : (surroundings.runs ?? SIMULATED_RUNS);
    for (const [name, noise] of Object.entries(NOISES)) {
      for (const [index, truth] of RATIOS.entries()) {
        const states: RunState[] = [];
        for (let run = 0; run < simulated; run++) states.push(demand(await measure(simulatedRequest(noise, truth, surroundings.seed + 7919 * run + 104_729 * (index + RATIOS.length * Object.keys(NOISES).indexOf(name))), surroundings.runner)));
        outcomes.push({ label: `simulated, ${name}`, truth, states, load: '' });
      }
      surroundings.say(`simulated with ${name} noise: done`);
    }
    return summary(outcomes, surroundings.quick);
  },
};

export const known: Part = {
  name: 'known',
  title: 'Intervals of ratios that are known, real programs',
  async run(surroundings: Surroundings): Promise<PartResult> {
    const outcomes: Outcome[] = [];
    const real = surroundings.quick ? 1 : (surroundings.runs ?? REAL_RUNS);
    for (const kind of ['sleep', 'spin'] as const) {
      const states: RunState[] = [];
      for (let run = 0; run < real; run++) {
        const arms = [REAL_RATIO, 1].map((factor) => arm(`${factor}`, null, { CALIBRATION_SECONDS: String(SECONDS * factor) }));
        const limits = surroundings.quick ? { confirm_blocks: 5 } : {};
        const request = scriptRequest(surroundings, 'known.py', { CALIBRATION_KIND: kind, CALIBRATION_NOISE: String(SLEEP_NOISE) }, { arms, mode: 'verify', seed: surroundings.seed + run, limits });
        states.push(demand(await measure(request, surroundings.runner)));
        if ((run + 1) % 10 === 0) surroundings.say(`${kind}: ${run + 1} of ${real} runs`);
      }
      outcomes.push({ label: kind === 'sleep' ? `real, asleep (noise ${percent(SLEEP_NOISE, 0)})` : 'real, computing (noise of this machine)', truth: REAL_RATIO, states, load: median(states.map(foreignCpus).filter((cpus) => !Number.isNaN(cpus))).toFixed(2) });
    }
    return summary(outcomes, surroundings.quick);
  },
};

function summary(outcomes: readonly Outcome[], quick: boolean): PartResult {
  const checks: Check[] = quick ? [] : groups(outcomes).map(({ label, held, count }) => ({ what: `${label}: 93 to 97 % of the intervals hold the truth (${held} of ${count} = ${percent(held / count)})`, holds: within(held / count, count) }));
  return {
    table: [['program', 'true ratio', 'runs', 'intervals that hold it', 'exact 95 % bounds', 'half width (median)', 'bias (median)', 'other load, CPUs'], ...outcomes.map(row)],
    checks,
    notes: ['Each run is a comparison of two settings in 8 mirrored blocks, whose interval is the exact one of the signed-rank test.', 'A range counts as missed when even the bounds of the share lie outside 93 to 97 %.'],
    impossible: [],
  };
}

function simulatedRequest(noise: Pick<SimulatedWorkload, 'noise' | 'outliers' | 'drift'>, truth: number, seed: number): BenchRequest {
  return {
    workload: { argv: ['simulated'], cwd: '/', env: {}, simulated: { seconds_by_threads: { '1': truth, '2': 1 }, ...noise } },
    arms: [arm('1', 1), arm('2', 2)],
    current: 0,
    mode: 'verify',
    limits: { budget_s: 1e6, trial_s: 1e4 },
    seed,
  };
}

function holds({ verdict }: RunState, truth: number): boolean | null {
  return verdict?.interval ? verdict.interval[0] <= truth && verdict.interval[1] >= truth : null;
}

function tally({ states, truth }: Outcome): { readonly held: number; readonly count: number } {
  const known = states.map((state) => holds(state, truth)).filter((held) => held !== null);
  return { held: known.filter(Boolean).length, count: known.length };
}

/** All simulated ones together, and each real one. */
function groups(outcomes: readonly Outcome[]): readonly { readonly label: string; readonly held: number; readonly count: number }[] {
  const simulated = outcomes.filter(({ label }) => label.startsWith('simulated')).map(tally);
  const sum = { label: 'simulated', held: simulated.reduce((n, { held }) => n + held, 0), count: simulated.reduce((n, { count }) => n + count, 0) };
  return [...(simulated.length > 0 ? [sum] : []), ...outcomes.filter(({ label }) => label.startsWith('real')).map((outcome) => ({ label: outcome.label, ...tally(outcome) }))];
}

function row(outcome: Outcome): string[] {
  const { held, count } = tally(outcome);
  const [low, high] = shareInterval(held, count);
  const verdicts = outcome.states.flatMap(({ verdict }) => (verdict?.interval && verdict.speedup != null ? [{ width: (verdict.interval[1] - verdict.interval[0]) / 2, speedup: verdict.speedup }] : []));
  return [outcome.label, String(outcome.truth), String(outcome.states.length), count === 0 ? '' : percent(held / count), count === 0 ? '' : `${percent(low)} to ${percent(high)}`, verdicts.length === 0 ? '' : percent(median(verdicts.map(({ width }) => width)), 2), verdicts.length === 0 ? '' : percent(median(verdicts.map(({ speedup }) => speedup)) / outcome.truth - 1, 2), outcome.load];
}
