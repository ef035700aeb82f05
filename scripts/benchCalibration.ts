/** Holds the measuring up against what is known: `npm run bench:calibration -- [--part aa,coverage] [--quick] [--runs N] [--seed S]`. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { alignTable } from '../server/src/bench/benchText.ts';
import { findProbeDirectory, findRunner } from '../server/src/host/node/findRunner.ts';
import { probeMachine } from '../server/src/host/node/runnerProcess.ts';
import { machineLine } from '../server/src/report/machineText.ts';
// @ts-expect-error Plain JavaScript, because it also runs before Node 24 is there.
import { pythonWithTorch } from './bootstrap.mjs';
import { aa } from './calibration/aa.ts';
import { coverage, known } from './calibration/coverage.ts';
import { hyperfine } from './calibration/hyperfine.ts';
import { load } from './calibration/machineLoad.ts';
import { neighbour } from './calibration/neighbour.ts';
import { overhead } from './calibration/overhead.ts';
import type { Part } from './calibration/part.ts';
import { quota } from './calibration/quota.ts';
import { torchTimer } from './calibration/torchTimer.ts';

const PARTS: readonly Part[] = [aa, neighbour, quota, coverage, known, torchTimer, hyperfine, overhead];

const { values } = parseArgs({ options: { part: { type: 'string' }, quick: { type: 'boolean', default: false }, runs: { type: 'string' }, seed: { type: 'string', default: '1' } } });
const wanted = values.part?.split(',') ?? PARTS.map(({ name }) => name);
const unknown = wanted.filter((name) => !PARTS.some((part) => part.name === name));
const runs = values.runs === undefined ? null : Number(values.runs);
if (unknown.length > 0 || (runs !== null && !(Number.isSafeInteger(runs) && runs > 0)) || !Number.isSafeInteger(Number(values.seed))) {
  console.error(unknown.length > 0 ? `bench:calibration: there is no part ${unknown.join(', ')}; there are ${PARTS.map(({ name }) => name).join(', ')}` : 'bench:calibration: --runs and --seed are whole numbers');
  process.exit(2);
}
const runner = findRunner(undefined);
const probeDirectory = findProbeDirectory();
const { machine } = await probeMachine(undefined);
if ('problem' in runner || probeDirectory === null || machine === null) {
  console.error(`bench:calibration: ${'problem' in runner ? runner.problem : 'the probe is missing'}; run \`npm run build:all\` first`);
  process.exit(2);
}

console.log(`machine ${machineLine(machine)}`);
console.log(`runner  ${runner.path}`);
console.log(`load    ${(await load()).toFixed(2)} of ${availableParallelism()} CPUs are busy now; mean of the last minutes ${loadavg().map((mean) => mean.toFixed(1)).join(', ')}`);
console.log(`seed    ${values.seed}${values.quick ? '; quick: this shows that everything works, not how exact it is' : ''}`);
const python = pythonWithTorch() as string;
let bad = 0;
for (const part of PARTS.filter(({ name }) => wanted.includes(name))) {
  console.log(`\n## ${part.title} (${part.name})\n`);
  const folder = mkdtempSync(path.join(tmpdir(), `calibration-${part.name}-`));
  const began = performance.now();
  try {
    const say = (line: string): void => console.error(`${part.name}: ${line}`);
    const { table, checks, notes, impossible } = await part.run({ runner: runner.path, python: existsSync(python) ? python : null, probeDirectory, machine, seed: Number(values.seed), quick: values.quick, runs, folder, say });
    if (table.length > 0) console.log(`${alignTable(table.map((row) => [...row, '']))}\n`);
    for (const { what, holds } of checks) console.log(`${holds ? 'ok  ' : 'FAIL'} ${what}`);
    for (const sentence of impossible) console.log(`not possible here: ${sentence}`);
    for (const note of notes) console.log(note);
    console.log(`${Math.round((performance.now() - began) / 1000)} s`);
    bad += checks.filter(({ holds }) => !holds).length;
  } catch (error) {
    console.log(`FAIL ${error instanceof Error ? error.message : String(error)}`);
    bad++;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
process.exit(bad > 0 ? 1 : 0);
