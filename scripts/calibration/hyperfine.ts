/** Whole commands, timed in turns with hyperfine: do both say the same? */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
// @ts-expect-error Plain JavaScript, because it also runs before Node 24 is there.
import { cache } from '../bootstrap.mjs';
import type { BenchRequest } from '../../server/src/bench/protocol.generated.ts';
import { median, medianInterval, percent } from './exactBounds.ts';
import { quiet } from './machineLoad.ts';
import { arm, cleanEnvironment, demand, foreignCpus, measure, PROGRAMS } from './measure.ts';
import type { Part, PartResult, Surroundings } from './part.ts';

const ROUNDS = 15;
const PER_ROUND = 8;
/** How far both may be apart. */
const AGREE = 0.02;

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
    for (const [label, argv] of commands) {
      const [ours, theirs, ratios]: [number[], number[], number[]] = [[], [], []];
      for (let round = 0; round < rounds; round++) {
        if (!surroundings.quick) await quiet(0.15, 10_000);
        const turn = {
          theirs: () => runHyperfine(program, argv, surroundings, round),
          ours: async () => {
            const state = demand(await measure(wholeCommand(argv, surroundings, round), surroundings.runner));
            loads.push(foreignCpus(state));
            return state.trials.flatMap((trial) => (trial.status === 'ok' && trial.phase !== 'warmup' ? [trial.wall_ns / 1e9] : []));
          },
        };
        // In turns, so that a machine that becomes slower slows both.
        const first = round % 2 === 0 ? await turn.ours() : turn.theirs();
        const second = round % 2 === 0 ? turn.theirs() : await turn.ours();
        const [own, other] = round % 2 === 0 ? [first, second] : [second, first];
        ours.push(...own);
        theirs.push(...other);
        ratios.push(median(own) / median(other));
      }
      const ratio = median(ratios);
      const [low, high] = medianInterval(ratios);
      rows.push([label, `${(1000 * median(ours)).toFixed(2)} ms`, String(ours.length), `${(1000 * median(theirs)).toFixed(2)} ms`, String(theirs.length), percent(ratio - 1, 2), `${percent(low - 1, 2)} to ${percent(high - 1, 2)}`]);
      if (!surroundings.quick) checks.push({ what: `${label}: within 2 % of hyperfine (${percent(ratio - 1, 2)})`, holds: Math.abs(ratio - 1) <= AGREE || (low - 1 < AGREE && high - 1 > -AGREE) });
      surroundings.say(`${label}: ${percent(ratio - 1, 2)}`);
    }
    return {
      table: [['command', 'ThreadGauge: median', 'runs', 'hyperfine: median', 'runs', 'difference (median of rounds)', 'its 95 % interval'], ...rows],
      checks,
      notes: [`${versionOf(program)}, started without a shell (-N); ${rounds} rounds in turns, ${PER_ROUND} runs of each in a round.`, `Other programs used ${median(loads.filter((cpus) => !Number.isNaN(cpus))).toFixed(2)} CPUs in the median round.`],
      impossible: [],
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

function runHyperfine(program: string, argv: readonly string[], { folder }: Surroundings, round: number): number[] {
  const report = path.join(folder, `hyperfine-${round}.json`);
  const quoted = argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  execFileSync(program, ['-N', '--style', 'none', '--warmup', '1', '--runs', String(PER_ROUND), '--export-json', report, quoted], { cwd: folder, env: commandEnvironment(), stdio: 'ignore' });
  const { results } = JSON.parse(readFileSync(report, 'utf8')) as { results: { times: number[] }[] };
  return results[0]?.times ?? [];
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
