/** A quota of one CPU: what a quota does to threads, and whether the answer is fooled by it. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { doubtSentence } from '../../server/src/bench/benchText.ts';
import { logicalCapacity } from '../../server/src/core/machine.ts';
import { median } from './exactBounds.ts';
import { quiet, TOO_BUSY, tooBusy } from './machineLoad.ts';
import { arm, demand, foreignCpus, measure, scriptRequest } from './measure.ts';
import type { Part, PartResult, Surroundings } from './part.ts';

interface Group {
  readonly directory: string;
  readonly version: 1 | 2;
}

interface Calls {
  readonly threads: number;
  readonly median: number;
  readonly p95: number;
  readonly mean: number;
}

export const quota: Part = {
  name: 'quota',
  title: 'A quota of one CPU',
  async run(surroundings: Surroundings): Promise<PartResult> {
    const cpus = logicalCapacity(surroundings.machine);
    if (surroundings.python === null) return { table: [], checks: [], notes: [], impossible: ['There is no Python with torch here.'] };
    if (cpus === null || cpus < 2) return { table: [], checks: [], notes: [], impossible: ['A quota of one CPU changes nothing on one CPU.'] };
    const group = makeGroup();
    if (group === null) return { table: [], checks: [], notes: [], impossible: ['A control group with a CPU quota cannot be made here; it takes root, or a cgroup handed to this user.'] };
    try {
      const before = surroundings.quick ? 0 : await quiet(0.15, 60_000);
      if (before > TOO_BUSY) return { table: [], checks: [], notes: [], impossible: [tooBusy(before)] };
      const inside = path.join(surroundings.folder, 'runner-inside.sh');
      writeFileSync(inside, `#!/bin/sh\necho $$ > '${group.directory}/cgroup.procs' && exec '${surroundings.runner}' "$@"\n`);
      chmodSync(inside, 0o755);
      const out = (threads: number): string => path.join(surroundings.folder, `calls-${threads}`);
      const arms = [cpus, 1].map((threads) => arm(`${threads} thread${threads === 1 ? '' : 's'}`, threads, { OMP_NUM_THREADS: String(threads), CALIBRATION_OUT: out(threads) }));
      const limits = surroundings.quick ? { max_blocks: 2, confirm_blocks: 3, budget_s: 60 } : { budget_s: 240 };
      const request = scriptRequest(surroundings, 'spinning.py', { CALIBRATION_WORK: surroundings.quick ? '500' : '6000' }, { arms, mode: 'search', seed: surroundings.seed, limits });
      const state = demand(await measure(request, inside));
      const calls = [cpus, 1].map((threads) => readCalls(out(threads)));
      const medians = calls.map((list) => median(list.map(({ median: value }) => value)));
      const lure = (medians[1] ?? Number.NaN) / (medians[0] ?? Number.NaN);
      const throttled = state.doubts.find((doubt) => doubt.kind === 'throttled');
      const answer = state.verdict?.outcome === 'inconclusive' ? null : (state.arms[state.verdict?.best ?? -1]?.arm.threads ?? null);
      const periods = state.observed.map(({ arm: index, throttled_periods: seen }) => (seen ? `${state.arms[index ?? 0]?.arm.label ?? ''}: ${seen[0]} of ${seen[1]}` : null)).filter((text) => text !== null);
      const found = state.hello?.machine.cpuQuota ?? null;
      return {
        table: [
          ['setting', 'run (median)', 'ratio to best', 'one call: median', 'mean', '95 %', 'runs'],
          ...arms.map(({ label }, index) => {
            const summary = state.arms[index]?.summary;
            const ms = (pick: (call: Calls) => number): string => `${(1000 * median((calls[index] ?? []).map(pick))).toFixed(3)} ms`;
            return [label, summary && summary.median_ns > 0 ? `${(summary.median_ns / 1e6).toFixed(0)} ms` : 'stopped early', summary?.ratio_to_best?.toFixed(2) ?? '', ms((call) => call.median), ms((call) => call.mean), ms((call) => call.p95), String(summary?.runs ?? 0)];
          }),
        ],
        checks: surroundings.quick
          ? [{ what: `the quota is seen (${found ?? 'none'})`, holds: found === 1 }]
          : [
              { what: `the quota is seen (${found ?? 'none'} CPU)`, holds: found === 1 },
              { what: `throttling is told (${throttled ? doubtSentence(throttled, state) : 'not said'}${periods.length > 0 ? ` Periods: ${periods.join(', ')}.` : ''})`, holds: throttled !== undefined || state.observed.some(({ throttled_periods: seen }) => (seen?.[0] ?? 0) > 0) },
              { what: `1 thread is recommended (${answer ?? 'nothing was'}) although the median call of ${cpus} threads looks ${lure.toFixed(2)} times as fast`, holds: answer === 1 },
            ],
        notes: [state.verdict?.sentence ?? 'no verdict', `Control group version ${group.version}; other programs used ${before.toFixed(2)} CPUs before and ${foreignCpus(state).toFixed(2)} during the run.`],
        impossible: [],
      };
    } finally {
      removeGroup(group);
    }
  },
};

/** A control group with one CPU; null where none can be made. */
function makeGroup(): Group | null {
  const name = `threadgauge-calibration-${process.pid}`;
  for (const [version, parent] of [[1, '/sys/fs/cgroup/cpu'], [1, '/sys/fs/cgroup/cpu,cpuacct'], [2, ownGroup()]] as const) {
    if (parent === null || !existsSync(parent)) continue;
    const directory = path.join(parent, name);
    try {
      mkdirSync(directory);
      if (version === 1) {
        writeFileSync(path.join(directory, 'cpu.cfs_period_us'), '100000');
        writeFileSync(path.join(directory, 'cpu.cfs_quota_us'), '100000');
      } else {
        writeFileSync(path.join(directory, 'cpu.max'), '100000 100000');
      }
      return { directory, version };
    } catch {
      removeGroup({ directory, version });
    }
  }
  return null;
}

/** This process's group of version 2; null when there is none. */
function ownGroup(): string | null {
  const line = existsSync('/proc/self/cgroup') ? readFileSync('/proc/self/cgroup', 'utf8').split('\n').find((text) => text.startsWith('0::')) : undefined;
  return line === undefined ? null : path.join('/sys/fs/cgroup', line.slice(3));
}

function removeGroup({ directory }: Group): void {
  try {
    rmdirSync(directory);
  } catch {
    // It was never made, or a process is still on its way out.
  }
}

function readCalls(file: string): readonly Calls[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  rmSync(file);
  return lines.map((line) => JSON.parse(line) as Calls);
}
