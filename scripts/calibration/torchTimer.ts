/** One statement, timed in turns with torch.utils.benchmark at the same number of threads: do both say the same? */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { logicalCapacity } from '../../server/src/core/machine.ts';
import { median, medianInterval, percent } from './exactBounds.ts';
import { quiet } from './machineLoad.ts';
import { arm, cleanEnvironment, demand, foreignCpus, measure, PROGRAMS, scriptRequest } from './measure.ts';
import type { Check, Part, PartResult, Surroundings } from './part.ts';

const ROUNDS = 12;
const SIZES = [256, 1024];
/** How far both may be apart. */
const AGREE = 0.02;

interface Timed {
  readonly median: number;
  readonly version: string;
}

export const torchTimer: Part = {
  name: 'torch',
  title: 'One statement, beside torch.utils.benchmark',
  async run(surroundings: Surroundings): Promise<PartResult> {
    const { python } = surroundings;
    if (python === null) return { table: [], checks: [], notes: [], impossible: ['There is no Python with torch here.'] };
    const counts = [...new Set([1, Math.min(2, logicalCapacity(surroundings.machine) ?? 1)])];
    const rounds = surroundings.quick ? 1 : (surroundings.runs ?? ROUNDS);
    const rows: string[][] = [];
    const checks: Check[] = [];
    const loads: number[] = [];
    let version = '';
    for (const size of surroundings.quick ? SIZES.slice(0, 1) : SIZES) {
      for (const threads of counts) {
        const [ours, theirs, ratios]: [number[], number[], number[]] = [[], [], []];
        let calls = 0;
        for (let round = 0; round < rounds; round++) {
          if (!surroundings.quick) await quiet(0.15, 10_000);
          const own = async (): Promise<number> => {
            const state = demand(await measure(oneStatement(surroundings, size, threads, round), surroundings.runner));
            loads.push(foreignCpus(state));
            const counted = state.trials.filter(({ status, phase }) => status === 'ok' && phase !== 'warmup');
            calls += counted.reduce((sum, trial) => sum + (trial.calls ?? 0), 0);
            return median(counted.flatMap(({ region_ns }) => (region_ns == null ? [] : [region_ns / 1e9])));
          };
          const other = (): number => {
            const timed = timeWithTorch(python, size, threads, surroundings.quick ? 0.2 : 2);
            ({ version } = timed);
            return timed.median;
          };
          // In turns, so that a machine that becomes slower slows both.
          const first = round % 2 === 0 ? await own() : other();
          const second = round % 2 === 0 ? other() : await own();
          const [mine, its] = round % 2 === 0 ? [first, second] : [second, first];
          ours.push(mine);
          theirs.push(its);
          ratios.push(mine / its);
        }
        const ratio = median(ratios);
        const [low, high] = medianInterval(ratios);
        const label = `${size} x ${size}, ${threads} thread${threads === 1 ? '' : 's'}`;
        rows.push([label, `${(1e6 * median(ours)).toFixed(1)} us`, String(calls), `${(1e6 * median(theirs)).toFixed(1)} us`, percent(ratio - 1, 2), `${percent(low - 1, 2)} to ${percent(high - 1, 2)}`]);
        if (!surroundings.quick) checks.push({ what: `${label}: within 2 % of torch.utils.benchmark (${percent(ratio - 1, 2)})`, holds: Math.abs(ratio - 1) <= AGREE || (low - 1 < AGREE && high - 1 > -AGREE) });
        surroundings.say(`${label}: ${percent(ratio - 1, 2)}`);
      }
    }
    return {
      table: [['relu(a @ b)', 'ThreadGauge', 'executions', 'torch.utils.benchmark', 'difference (median of rounds)', 'its 95 % interval'], ...rows],
      checks,
      notes: [`torch ${version}; ${rounds} rounds in turns; ours is the mean of one execution in steady state (median of four processes a round), theirs the median of blocked_autorange.`, 'A difference counts as missed when its whole interval lies beyond 2 %.', `Other programs used ${median(loads.filter((cpus) => !Number.isNaN(cpus))).toFixed(2)} CPUs in the median round.`],
      impossible: [],
    };
  },
};

function oneStatement(surroundings: Surroundings, size: number, threads: number, round: number): ReturnType<typeof scriptRequest> {
  const file = path.join(PROGRAMS, 'statement.py');
  const last = readFileSync(file, 'utf8').trimEnd().split('\n').length;
  const environment = { CALIBRATION_SIZE: String(size), OMP_NUM_THREADS: String(threads) };
  const arms = [arm('one', threads), arm('other', threads)];
  const request = scriptRequest(surroundings, 'statement.py', environment, { arms, mode: 'verify', seed: surroundings.seed + round, limits: { confirm_blocks: 1 } });
  const { workload } = request;
  if (!workload.python) return request;
  return { ...request, workload: { ...workload, python: { ...workload.python, region: 'selected', selection: { path: file, first_line: last, last_line: last, label: 'relu(a @ b)', ...(surroundings.quick ? { most_s: 0.5 } : {}) } } } };
}

function timeWithTorch(python: string, size: number, threads: number, seconds: number): Timed {
  const environment = { CALIBRATION_SIZE: String(size), CALIBRATION_THREADS: String(threads), CALIBRATION_SECONDS: String(seconds), OMP_NUM_THREADS: String(threads) };
  return JSON.parse(execFileSync(python, [path.join(PROGRAMS, 'torchTimer.py')], { env: cleanEnvironment(environment), encoding: 'utf8' })) as Timed;
}
