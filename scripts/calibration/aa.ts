/** Settings that are all the same, on real programs: how often something is called faster, and whether the intervals hold 1. */
import type { RunState } from '../../server/src/bench/runState.ts';
import { median, percent, quantile, shareInterval, upperBound } from './exactBounds.ts';
import { arm, demand, foreignCpus, measure, scriptRequest } from './measure.ts';
import type { Part, PartResult, Surroundings } from './part.ts';

interface Kind {
  readonly label: string;
  readonly script: string;
  readonly mode: 'verify' | 'search';
  /** Settings that differ in nothing that the program looks at. */
  readonly arms: number;
}

const KINDS: readonly Kind[] = [
  { label: 'pure Python, two settings compared', script: 'busy.py', mode: 'verify', arms: 2 },
  { label: 'numpy in 2 threads, two settings compared', script: 'matrices.py', mode: 'verify', arms: 2 },
  { label: 'numpy in 2 threads, search over three settings', script: 'matrices.py', mode: 'search', arms: 3 },
];
const RUNS = 300;

export const aa: Part = {
  name: 'aa',
  title: 'Equal settings on real programs (A/A)',
  async run(surroundings: Surroundings): Promise<PartResult> {
    if (surroundings.python === null) return { table: [], checks: [], notes: [], impossible: ['There is no Python with numpy here.'] };
    const runs = surroundings.runs ?? (surroundings.quick ? 3 : RUNS);
    const seen = new Map<Kind, RunState[]>(KINDS.map((kind) => [kind, []]));
    for (let run = 0; run < runs; run++) {
      const kind = KINDS[run % KINDS.length];
      if (!kind) break;
      const arms = Array.from({ length: kind.arms }, (_, i) => arm(`equal ${i + 1}`, kind.mode === 'search' ? 2 ** i : null, { CALIBRATION_ARM: String(i) }));
      const limits = surroundings.quick ? { confirm_blocks: 3, max_blocks: 3 } : {};
      const state = demand(await measure(scriptRequest(surroundings, kind.script, { OMP_NUM_THREADS: '2', OPENBLAS_NUM_THREADS: '2' }, { arms, mode: kind.mode, seed: surroundings.seed + run, limits, current: kind.mode === 'search' ? kind.arms - 1 : 0 }), surroundings.runner));
      seen.get(kind)?.push(state);
      if ((run + 1) % 10 === 0) surroundings.say(`${run + 1} of ${runs} runs`);
    }
    const all = [...seen.values()].flat();
    const rows = [...seen].map(([kind, states]) => row(kind.label, states));
    const claims = all.filter(isClaim).length;
    const bound = upperBound(claims, all.length);
    const covered = intervals(all);
    const coverage = covered.filter(Boolean).length / covered.length;
    const loads = all.map(foreignCpus).filter((cpus) => !Number.isNaN(cpus));
    return {
      table: [['program', 'runs', 'called faster', 'slower', 'inconclusive', 'largest claim', 'intervals that hold 1', 'half width (median)', 'other load, CPUs (median)'], ...rows, row('all', all)],
      checks: [
        { what: `at most 1 % called faster (${claims} of ${all.length} = ${percent(claims / all.length)}, exact 95 % upper bound ${percent(bound, 2)})`, holds: claims <= 0.01 * all.length },
        ...(covered.length < 100 ? [] : [{ what: `93 to 97 % of the 95 % intervals hold 1 (${percent(coverage)})`, holds: within(coverage, covered.length) }]),
      ],
      notes: [`Other programs used ${median(loads).toFixed(2)} CPUs in the median run and ${quantile(loads, 0.95).toFixed(2)} in the worst twentieth.`, `A bound below 1 % takes 299 runs without a claim; these were ${all.length}.`],
      impossible: [],
    };
  },
};

/** In the range, or not certainly outside it with so few intervals. */
export function within(share: number, count: number): boolean {
  const [low, high] = shareInterval(Math.round(share * count), count);
  return high >= 0.93 && low <= 0.97;
}

function isClaim({ verdict }: RunState): boolean {
  return verdict?.outcome === 'faster';
}

/** Whether each interval of the ratio of equal settings holds 1. */
function intervals(states: readonly RunState[]): readonly boolean[] {
  return states.flatMap(({ verdict }) => (verdict?.interval && verdict.pairs >= 10 ? [verdict.interval[0] <= 1 && verdict.interval[1] >= 1] : []));
}

function row(label: string, states: readonly RunState[]): string[] {
  const count = (outcome: string): string => String(states.filter(({ verdict }) => verdict?.outcome === outcome).length);
  const largest = Math.max(0, ...states.filter(isClaim).map(({ verdict }) => (verdict?.speedup ?? 1) - 1));
  const held = intervals(states);
  const widths = states.flatMap(({ verdict }) => (verdict?.interval && verdict.pairs >= 10 ? [(verdict.interval[1] - verdict.interval[0]) / 2] : []));
  const loads = states.map(foreignCpus).filter((cpus) => !Number.isNaN(cpus));
  return [label, String(states.length), count('faster'), count('slower'), count('inconclusive'), largest === 0 ? '' : percent(largest), held.length === 0 ? '' : `${held.filter(Boolean).length} of ${held.length}`, widths.length === 0 ? '' : percent(median(widths), 2), median(loads).toFixed(2)];
}
