/** Benchmarks hit by random kills leave no process and no broken recording; `npm run bench:kills` does a thousand of them. */
import { strict as assert } from 'node:assert';
import { existsSync } from 'node:fs';
import { killCases, killRuns } from '../scripts/kills/killRuns.ts';
import { BUNDLES } from '../scripts/kills/oneRun.ts';
import { findRunner } from '../server/src/host/node/findRunner.ts';

const RUNS = 20;

describe('random kills', function () {
  this.timeout(240_000);

  before(function () {
    // Built by `npm run build:all`.
    if (process.platform !== 'linux' || 'problem' in findRunner(undefined) || !Object.values(BUNDLES).every((file) => existsSync(file))) this.skip();
  });

  it('are the same again for the same seed', () => {
    assert.deepEqual(killCases(50, 7), killCases(50, 7));
    assert.notDeepEqual(killCases(50, 7), killCases(50, 8));
    assert.ok(killCases(50, 7).some(({ by }) => by === 'editor') && killCases(50, 7).some(({ by }) => by === 'cli'));
  });

  it(`leave no process, no broken recording and no files of the run's own (${RUNS} runs)`, async () => {
    const { results, orphans, leftFiles } = await killRuns({ runs: RUNS, seed: 20, atOnce: 2, patience: 20_000 });
    assert.equal(results.length, RUNS);
    assert.ok(results.filter(({ hit }) => hit !== null).length >= 5, 'something was killed');
    assert.deepEqual(results.filter(({ survivors, recording, problem, leftFiles: files }) => survivors.length > 0 || files.length > 0 || recording === 'broken' || problem !== null), []);
    assert.deepEqual(orphans, []);
    assert.deepEqual(leftFiles, []);
  });
});
