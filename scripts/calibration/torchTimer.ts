/** One statement, timed by us and by torch.utils.benchmark in the same processes at the same number of threads: do both say the same? */
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { logicalCapacity } from '../../server/src/core/machine.ts';
import { agreement, differences, judge, loadDuring, type Said, unjudged } from './agreement.ts';
import { median, percent } from './exactBounds.ts';
import { quiet } from './machineLoad.ts';
import { arm, demand, foreignCpus, measure, PROGRAMS, scriptRequest } from './measure.ts';
import type { Check, Part, PartResult, Surroundings } from './part.ts';

/** Benchmarks of each size and number of threads, of four processes and more each. */
const ROUNDS = 6;
const SIZES = [256, 1024];
const PROGRAM = 'statement.py';
const STATEMENT = 'c = torch.relu(a @ b)';

/** What torch.utils.benchmark says, in seconds. */
interface Timed {
  readonly mean: number;
  readonly median: number;
  readonly cpu: number;
  readonly version: string;
}

export const torchTimer: Part = {
  name: 'torch',
  title: 'One statement, beside torch.utils.benchmark',
  async run(surroundings: Surroundings): Promise<PartResult> {
    if (surroundings.python === null) return { table: [], checks: [], notes: [], impossible: ['There is no Python with torch here.'] };
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
        const theirMedians: number[] = [];
        const theirDrifts: number[] = [];
        const own: number[] = [];
        const before: number[] = [];
        let calls = 0;
        for (let round = 0; round < rounds; round++) {
          if (!surroundings.quick) before.push(await quiet(0.15, 5_000));
          const out = path.join(surroundings.folder, 'beside');
          rmSync(out, { force: true });
          const state = demand(await measure(oneStatement(surroundings, size, threads, round, out), surroundings.runner));
          own.push(foreignCpus(state));
          // One line per process, in the order of the runs, those for warming up among them.
          const beside = readFileSync(out, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as [Timed, Timed]);
          const ended = state.trials.filter(({ region_ns }) => region_ns != null);
          if (ended.length !== beside.length) throw new Error(`${beside.length} processes told what torch.utils.benchmark says, and ${ended.length} what we say.`);
          ended.forEach(({ region_ns, region_cpu_ns, calls: made, phase }, index) => {
            const [first, last] = beside[index] ?? [];
            if (phase === 'warmup' || !first || !last) return;
            ({ version } = first);
            calls += made ?? 0;
            theirMedians.push((first.median + last.median) / (first.mean + last.mean) - 1);
            theirDrifts.push(Math.abs(last.mean / first.mean - 1));
            said.push([
              { wall: (region_ns ?? Number.NaN) / 1e9, cpu: region_cpu_ns == null ? null : region_cpu_ns / 1e9 },
              { wall: (first.mean + last.mean) / 2, cpu: (first.cpu + last.cpu) / 2 },
            ]);
          });
        }
        loads.push(...own);
        const found = agreement(said);
        const label = `${size} x ${size}, ${threads} thread${threads === 1 ? '' : 's'}`;
        const us = (side: 0 | 1): string => `${(1e6 * median(said.map((pair) => pair[side].wall))).toFixed(1)} us`;
        rows.push([label, us(0), String(calls), us(1), String(said.length), ...differences(found), percent(median(theirDrifts), 1), percent(median(theirMedians), 1)]);
        const load = loadDuring(own, before);
        const check = surroundings.quick ? null : judge(label, 'torch.utils.benchmark', found, load, threads === 1);
        if (check) checks.push(check);
        else if (!surroundings.quick) impossible.push(unjudged(label, load));
        surroundings.say(`${label}: ${percent(found.wall, 2)}`);
      }
    }
    return {
      table: [['relu(a @ b)', 'ThreadGauge', 'executions', 'torch.utils.benchmark', 'processes', 'difference (median)', 'its 95 % interval', 'in CPU time', 'its 95 % interval', 'their after to before (absolute)', 'their median to their mean'], ...rows],
      checks,
      notes: [
        `torch ${version}. Each process is timed by both: torch.utils.benchmark (blocked_autorange) before and after, ThreadGauge in between. Both figures are means of one execution; the median of blocks, which torch prints, leaves interruptions out.`,
        'A difference counts as missed when its whole interval lies beyond 2 %.',
        `Other programs used ${loadDuring(loads, loads).toFixed(2)} CPUs in the median round.`,
      ],
      impossible,
    };
  },
};

function oneStatement(surroundings: Surroundings, size: number, threads: number, round: number, out: string): ReturnType<typeof scriptRequest> {
  const file = path.join(PROGRAMS, PROGRAM);
  const line = 1 + readFileSync(file, 'utf8').split('\n').findIndex((text) => text.trim() === STATEMENT);
  const environment = { CALIBRATION_SIZE: String(size), CALIBRATION_SECONDS: surroundings.quick ? '0.1' : '0.4', CALIBRATION_OUT: out, OMP_NUM_THREADS: String(threads) };
  const arms = [arm('one', threads), arm('other', threads)];
  const request = scriptRequest(surroundings, PROGRAM, environment, { arms, mode: 'verify', seed: surroundings.seed + round, limits: { confirm_blocks: 1 } });
  const { workload } = request;
  if (!workload.python) return request;
  return { ...request, workload: { ...workload, python: { ...workload.python, region: 'selected', selection: { path: file, first_line: line, last_line: line, label: 'relu(a @ b)', ...(surroundings.quick ? { most_s: 0.5 } : {}) } } } };
}
