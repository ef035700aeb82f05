/** Kills random parts of running benchmarks and counts what is left: `npm run bench:kills -- [--runs 1000] [--seed S] [--at-once 3]`. */
import { existsSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { alignTable } from '../server/src/bench/benchText.ts';
import { killRuns } from './kills/killRuns.ts';
import { BUNDLES, type KillResult, SIGNALS, VICTIMS } from './kills/oneRun.ts';

const { values } = parseArgs({ options: { runs: { type: 'string', default: '1000' }, seed: { type: 'string', default: '1' }, 'at-once': { type: 'string', default: '3' } } });
const [runs, seed, atOnce] = [Number(values.runs), Number(values.seed), Number(values['at-once'])];
if (![runs, seed, atOnce].every(Number.isSafeInteger) || runs < 1 || atOnce < 1) {
  console.error('bench:kills: --runs, --seed and --at-once are whole numbers');
  process.exit(2);
}
if (process.platform !== 'linux') {
  console.error('bench:kills: processes are looked at through /proc, which only Linux has');
  process.exit(2);
}
const missing = Object.values(BUNDLES).filter((file) => !existsSync(file));
if (missing.length > 0) {
  console.error(`bench:kills: ${missing.join(' and ')} missing; run \`npm run build:all\` first`);
  process.exit(2);
}

const began = performance.now();
const failures: KillResult[] = [];
const { results, orphans, leftFiles } = await killRuns({
  runs,
  seed,
  atOnce,
  done: (result, count) => {
    if (isBad(result)) {
      failures.push(result);
      console.log(`run ${result.case.number}: ${describe(result)}`);
    }
    if (count % 50 === 0) console.log(`${count} of ${runs} runs, ${failures.length} bad, ${Math.round((performance.now() - began) / 1000)} s`);
  },
});

console.log(`\n${runs} runs, seed ${seed}, ${atOnce} at a time, ${Math.round((performance.now() - began) / 1000)} s\n`);
console.log(alignTable([['killed', 'with', 'runs', 'survivors', 'gone after (median)', '(95 %)', '(longest)', 'no recording', 'whole', 'cancelled or failed', 'of a killed owner', 'broken', ''], ...rows(results)]));
console.log(`\nsupervisors left without a runner: ${orphans.length}; files left for own use after one more run: ${leftFiles.length}${leftFiles.length > 0 ? ` (${leftFiles.join(', ')})` : ''}; files beside recordings: ${results.reduce((sum, { leftFiles: files }) => sum + files.length, 0)}`);
process.exit(failures.length > 0 || orphans.length > 0 || leftFiles.length > 0 ? 1 : 0);

function isBad({ survivors, recording, problem, leftFiles: files }: KillResult): boolean {
  return survivors.length > 0 || files.length > 0 || recording === 'broken' || problem !== null;
}

function describe({ case: wanted, hit, survivors, problem, leftFiles: files }: KillResult): string {
  const left = survivors.map(({ pid, command }) => `${pid} ${command.slice(0, 80)}`).join('; ');
  return `${wanted.by}, ${wanted.program}, ${hit ? `${hit.victim} hit by ${wanted.signal} after ${wanted.after} ms` : 'not hit'}: ${[left && `left alive: ${left}`, problem, files.length > 0 ? `left on disk: ${files.join(', ')}` : null].filter(Boolean).join('; ')}`;
}

function rows(all: readonly KillResult[]): string[][] {
  const groups = [...VICTIMS.flatMap((victim) => SIGNALS.map((signal) => ({ victim, signal, list: all.filter(({ hit, case: wanted }) => hit?.victim === victim && wanted.signal === signal) }))), { victim: 'ended before', signal: '', list: all.filter(({ hit }) => hit === null) }, { victim: 'all', signal: '', list: all }];
  return groups.map(({ victim, signal, list }) => {
    // A run goes on when only a part of it was hit; what counts is how long the rest takes once its owner has gone.
    const times = list.flatMap(({ goneAfter, ownerGoneAfter }) => (goneAfter === null ? [] : [Math.max(0, goneAfter - ownerGoneAfter)])).sort((a, b) => a - b);
    const at = (share: number): string => (times.length === 0 ? '' : `${Math.round(times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0)} ms`);
    const kinds = (['none', 'whole', 'cancelled or failed', 'unfinished', 'broken'] as const).map((kind) => String(list.filter(({ recording }) => recording === kind).length));
    return [victim, signal, String(list.length), String(list.filter(({ survivors }) => survivors.length > 0).length), at(0.5), at(0.95), at(1), ...kinds, ''];
  });
}
