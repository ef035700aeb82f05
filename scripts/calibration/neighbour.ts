/** A busy neighbour: another program takes a CPU, and threads that wait for each other spin against it. */
import { type ChildProcess, spawn } from 'node:child_process';
import process from 'node:process';
import { doubtSentence } from '../../server/src/bench/benchText.ts';
import { logicalCapacity } from '../../server/src/core/machine.ts';
import type { RunState } from '../../server/src/bench/runState.ts';
import { quiet, TOO_BUSY, tooBusy } from './machineLoad.ts';
import { arm, demand, foreignCpus, measure, scriptRequest } from './measure.ts';
import type { Part, PartResult, Surroundings } from './part.ts';

/** Milliseconds to wait for a quieter machine before the run without a neighbour. */
const PATIENCE = 60_000;

export const neighbour: Part = {
  name: 'neighbour',
  title: 'A busy neighbour',
  async run(surroundings: Surroundings): Promise<PartResult> {
    const cpus = logicalCapacity(surroundings.machine);
    if (surroundings.python === null) return { table: [], checks: [], notes: [], impossible: ['There is no Python with torch here.'] };
    if (cpus === null || cpus < 2) return { table: [], checks: [], notes: [], impossible: ['On one CPU no threads wait for each other.'] };
    const before = surroundings.quick ? 0 : await quiet(0.15, PATIENCE);
    if (before > TOO_BUSY) return { table: [], checks: [], notes: [], impossible: [tooBusy(before)] };
    const arms = [arm(`${cpus} threads (default)`, cpus), arm(`${cpus} threads, passive waiting`, cpus, { OMP_WAIT_POLICY: 'passive' }), arm('1 thread', 1, { OMP_NUM_THREADS: '1' })];
    const limits = surroundings.quick ? { max_blocks: 1, confirm_blocks: 3, budget_s: 60 } : { budget_s: 240 };
    const environment = { CALIBRATION_WORK: surroundings.quick ? '200' : '4000' };
    const search = async (): Promise<RunState> => demand(await measure(scriptRequest(surroundings, 'spinning.py', environment, { arms, mode: 'search', seed: surroundings.seed, limits }), surroundings.runner));
    const alone = await search();
    surroundings.say(`alone: ${alone.verdict?.sentence ?? 'no verdict'}`);
    const busy = cpus - 1;
    const neighbours = Array.from({ length: busy }, startBusyLoop);
    let beside: RunState;
    try {
      beside = await search();
    } finally {
      await Promise.all(neighbours.map(end));
    }
    surroundings.say(`beside a neighbour: ${beside.verdict?.sentence ?? 'no verdict'}`);
    const effective = beside.doubts.find((doubt) => doubt.kind === 'fewer_effective_cpus');
    const best = beside.verdict?.best ?? beside.verdict?.current ?? 0;
    const slowdown = ratio(beside, 0);
    const told = beside.doubts.map((doubt) => doubtSentence(doubt, beside));
    return {
      table: [
        ['setting', 'alone: time (mean of medians)', 'ratio to best', 'beside: time', 'ratio to best', 'CPUs busy', 'threads waiting'],
        ...arms.map(({ label }, index) => {
          const [here, there] = [alone.arms[index]?.summary, beside.arms[index]?.summary];
          const ms = (ns: number | undefined): string => (ns === undefined || ns === 0 ? 'stopped early' : `${(ns / 1e6).toFixed(0)} ms`);
          return [label, ms(here?.median_ns), here?.ratio_to_best?.toFixed(2) ?? '', ms(there?.median_ns), there?.ratio_to_best == null ? '' : `${there.ratio_is_lower_bound ? '≥ ' : ''}${there.ratio_to_best.toFixed(2)}`, there?.busy_cores?.toFixed(1) ?? '', there?.waiting_threads?.toFixed(1) ?? ''];
        }),
      ],
      checks: surroundings.quick
        ? []
        : [
            { what: `the doubts say how many CPUs are effective (${effective && 'effective' in effective ? `${effective.effective.toFixed(2)} of ${effective.visible.toFixed(0)}` : 'not said'})`, holds: effective !== undefined && 'effective' in effective && Math.abs(effective.effective - (cpus - busy * 0.75)) < 0.75 },
            { what: `the load of other programs is told (${foreignCpus(beside).toFixed(2)} CPUs)`, holds: beside.doubts.some(({ kind }) => kind === 'foreign_load') },
            { what: `the default is not recommended beside a neighbour while it takes ${slowdown === null ? 'an unknown time' : `${slowdown.toFixed(2)} times the best`}`, holds: slowdown === null || slowdown < 1.1 || best !== 0 || beside.verdict?.outcome === 'inconclusive' },
            { what: 'that waiting threads spin is told', holds: told.some((sentence) => /spin|wait(?:ing|s)? actively/i.test(sentence)) || beside.observed.some(({ spinning, cpu_inflation }) => (spinning ?? 0) > 0.05 || (cpu_inflation ?? 1) > 1.3) },
          ],
      notes: [`Alone: ${alone.verdict?.sentence ?? 'no verdict'}`, `Beside ${busy} busy loop${busy === 1 ? '' : 's'} in a session of ${busy === 1 ? 'its' : 'their'} own: ${beside.verdict?.sentence ?? 'no verdict'}`, ...told.map((sentence) => `doubt: ${sentence}`), `Other programs used ${before.toFixed(2)} CPUs before, ${foreignCpus(alone).toFixed(2)} during the run alone and ${foreignCpus(beside).toFixed(2)} beside the neighbour.`],
      impossible: [],
    };
  },
};

function ratio(state: RunState, index: number): number | null {
  return state.arms[index]?.summary?.ratio_to_best ?? null;
}

/** A loop that uses one CPU, in a session of its own, and ends by itself should this program be killed. */
function startBusyLoop(): ChildProcess {
  return spawn('sh', ['-c', `while kill -0 ${process.pid} 2>/dev/null; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; done`], { detached: true, stdio: 'ignore' });
}

async function end(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.on('exit', resolve));
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await gone;
}
