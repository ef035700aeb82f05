/** One statement, timed in turns with torch.utils.benchmark at the same number of threads: do both say the same? */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { logicalCapacity } from '../../server/src/core/machine.ts';
import { agreement, differences, inTurns, judge, type Said, unjudged } from './agreement.ts';
import { median, percent } from './exactBounds.ts';
import { quiet } from './machineLoad.ts';
import { arm, cleanEnvironment, demand, foreignCpus, measure, PROGRAMS, scriptRequest } from './measure.ts';
import type { Check, Part, PartResult, Surroundings } from './part.ts';

const ROUNDS = 12;
const SIZES = [256, 1024];

interface Timed {
  readonly median: number;
  readonly cpu: number;
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
    const impossible: string[] = [];
    const loads: number[] = [];
    let version = '';
    for (const size of surroundings.quick ? SIZES.slice(0, 1) : SIZES) {
      for (const threads of counts) {
        const said: (readonly [Said, Said])[] = [];
        const own: number[] = [];
        let calls = 0;
        for (let round = 0; round < rounds; round++) {
          if (!surroundings.quick) await quiet(0.15, 5_000);
          const ours = async (): Promise<Said> => {
            const state = demand(await measure(oneStatement(surroundings, size, threads, round), surroundings.runner));
            own.push(foreignCpus(state));
            const counted = state.trials.filter(({ status, phase }) => (status === 'ok' || status === 'contaminated') && phase !== 'warmup');
            calls += counted.reduce((sum, trial) => sum + (trial.calls ?? 0), 0);
            return { wall: median(counted.flatMap(({ region_ns }) => (region_ns == null ? [] : [region_ns / 1e9]))), cpu: median(counted.flatMap(({ region_cpu_ns }) => (region_cpu_ns == null ? [] : [region_cpu_ns / 1e9]))) };
          };
          const theirs = (): Said => {
            const timed = timeWithTorch(python, size, threads, surroundings.quick ? 0.2 : 2);
            ({ version } = timed);
            return { wall: timed.median, cpu: timed.cpu };
          };
          said.push(await inTurns(round, ours, theirs));
        }
        loads.push(...own);
        const found = agreement(said);
        const label = `${size} x ${size}, ${threads} thread${threads === 1 ? '' : 's'}`;
        const us = (side: 0 | 1): string => `${(1e6 * median(said.map((pair) => pair[side].wall))).toFixed(1)} us`;
        rows.push([label, us(0), String(calls), us(1), ...differences(found)]);
        const load = median(own.filter((cpus) => !Number.isNaN(cpus)));
        const check = surroundings.quick ? null : judge(label, 'torch.utils.benchmark', found, load, threads === 1);
        if (check) checks.push(check);
        else if (!surroundings.quick) impossible.push(unjudged(label, load));
        const ratio = 1 + found.wall;
        surroundings.say(`${label}: ${percent(ratio - 1, 2)}`);
      }
    }
    return {
      table: [['relu(a @ b)', 'ThreadGauge', 'executions', 'torch.utils.benchmark', 'difference (median of rounds)', 'its 95 % interval', 'in CPU time', 'its 95 % interval'], ...rows],
      checks,
      notes: [`torch ${version}; ${rounds} rounds in turns; ours is the mean of one execution in steady state (median of four processes a round), theirs the median of blocked_autorange.`, 'A difference counts as missed when its whole interval lies beyond 2 %.', `Other programs used ${median(loads.filter((cpus) => !Number.isNaN(cpus))).toFixed(2)} CPUs in the median round.`],
      impossible,
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
