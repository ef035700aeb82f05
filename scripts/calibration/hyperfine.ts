/** Whole commands, timed in turns with hyperfine: do both say the same? */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
// @ts-expect-error Plain JavaScript, because it also runs before Node 24 is there.
import { cache } from '../bootstrap.mjs';
import type { BenchRequest } from '../../server/src/bench/protocol.generated.ts';
import { agreement, differences, inTurns, judge, loadDuring, type Said, unjudged } from './agreement.ts';
import { median, percent } from './exactBounds.ts';
import { quiet } from './machineLoad.ts';
import { arm, cleanEnvironment, demand, foreignCpus, measure, PROGRAMS } from './measure.ts';
import type { Part, PartResult, Surroundings } from './part.ts';

const ROUNDS = 15;
const PER_ROUND = 8;

export const hyperfine: Part = {
  name: 'hyperfine',
  title: 'Whole commands, beside hyperfine',
  async run(surroundings: Surroundings): Promise<PartResult> {
    const program = findHyperfine(surroundings);
    if (program === null) return { table: [], checks: [], notes: [], impossible: ['hyperfine is not installed, and apt could not fetch it; put it on PATH.'] };
    const python = surroundings.python ?? 'python3';
    const commands: readonly (readonly [string, readonly string[]])[] = [
      ['sleep 0.1', ['sleep', '0.1']],
      ['pure Python', [python, path.join(PROGRAMS, 'busy.py')]],
      ...(surroundings.python === null ? [] : [['numpy', [python, path.join(PROGRAMS, 'matrices.py')]] as const]),
    ];
    const rounds = surroundings.quick ? 1 : (surroundings.runs ?? ROUNDS);
    const rows: string[][] = [];
    const checks: PartResult['checks'][number][] = [];
    const loads: number[] = [];
    const impossible: string[] = [];
    for (const [label, argv] of commands) {
      const said: (readonly [Said, Said])[] = [];
      const own: number[] = [];
      const before: number[] = [];
      let runs = 0;
      for (let round = 0; round < rounds; round++) {
        if (!surroundings.quick) before.push(await quiet(0.15, 5_000));
        const ours = async (): Promise<Said> => {
          const state = demand(await measure(wholeCommand(argv, surroundings, round), surroundings.runner));
          own.push(foreignCpus(state));
          const counted = state.trials.filter(({ status, phase }) => (status === 'ok' || status === 'contaminated') && phase !== 'warmup');
          runs += counted.length;
          // Means of CPU time, since hyperfine tells no other.
          return { wall: median(counted.map(({ wall_ns }) => wall_ns / 1e9)), cpu: counted.reduce((sum, { cpu_ns }) => sum + cpu_ns / 1e9, 0) / counted.length };
        };
        said.push(await inTurns(round, ours, () => runHyperfine(program, argv, surroundings, round)));
      }
      loads.push(...own);
      const found = agreement(said);
      const ms = (side: 0 | 1): string => `${(1000 * median(said.map((pair) => pair[side].wall))).toFixed(2)} ms`;
      rows.push([label, ms(0), String(runs), ms(1), String(rounds * PER_ROUND), ...differences(found)]);
      const load = loadDuring(own, before);
      const check = surroundings.quick ? null : judge(label, 'hyperfine', found, load, !label.startsWith('sleep'));
      if (check) checks.push(check);
      else if (!surroundings.quick) impossible.push(unjudged(label, load));
      const ratio = 1 + found.wall;
      surroundings.say(`${label}: ${percent(ratio - 1, 2)}`);
    }
    return {
      table: [['command', 'ThreadGauge: median', 'runs', 'hyperfine: median', 'runs', 'difference (median of rounds)', 'its 95 % interval', 'in CPU time', 'its 95 % interval'], ...rows],
      checks,
      notes: [`${versionOf(program)}, started without a shell (-N); ${rounds} rounds in turns, ${PER_ROUND} runs of each in a round.`, `Other programs used ${median(loads.filter((cpus) => !Number.isNaN(cpus))).toFixed(2)} CPUs in the median round.`],
      impossible,
    };
  },
};

/** Two equal settings, so that each run of the program is timed from its start to its end. */
function wholeCommand(argv: readonly string[], { seed, folder }: Surroundings, round: number): BenchRequest {
  return {
    workload: { argv: [...argv], cwd: folder, env: commandEnvironment() },
    arms: [arm('one', null), arm('other', null)],
    current: 0,
    mode: 'verify',
    limits: { confirm_blocks: Math.ceil(PER_ROUND / 4) },
    seed: seed + round,
  };
}

function commandEnvironment(): Record<string, string> {
  return cleanEnvironment({ OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' });
}

function runHyperfine(program: string, argv: readonly string[], { folder }: Surroundings, round: number): Said {
  const report = path.join(folder, `hyperfine-${round}.json`);
  const quoted = argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  execFileSync(program, ['-N', '--style', 'none', '--warmup', '1', '--runs', String(PER_ROUND), '--export-json', report, quoted], { cwd: folder, env: commandEnvironment(), stdio: 'ignore' });
  const { results } = JSON.parse(readFileSync(report, 'utf8')) as { results: { times: number[]; user: number; system: number }[] };
  const [result] = results;
  if (!result) throw new Error('hyperfine reported nothing');
  return { wall: median(result.times), cpu: result.user + result.system };
}

/** On PATH, or in our cache, fetched by apt without installing it. */
function findHyperfine({ say }: Surroundings): string | null {
  const onPath = (process.env['PATH'] ?? '').split(path.delimiter).map((directory) => path.join(directory, 'hyperfine')).find(existsSync);
  if (onPath !== undefined) return onPath;
  const directory = path.join(cache as string, 'hyperfine');
  const cached = path.join(directory, 'usr/bin/hyperfine');
  if (existsSync(cached)) return cached;
  try {
    mkdirSync(directory, { recursive: true });
    say('fetching hyperfine with apt-get download');
    execFileSync('apt-get', ['download', 'hyperfine'], { cwd: directory, stdio: 'ignore', timeout: 120_000 });
    const file = readdirSync(directory).find((name) => name.endsWith('.deb'));
    if (file === undefined) return null;
    execFileSync('dpkg', ['-x', file, '.'], { cwd: directory, stdio: 'ignore' });
    return existsSync(cached) ? cached : null;
  } catch {
    return null;
  }
}

function versionOf(program: string): string {
  return spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout.trim() || 'hyperfine';
}
