/** The calibration runs: its bounds are those of the tables, and its parts work on few repetitions. What it finds is not judged here. */
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { median, medianInterval, quantile, shareInterval, upperBound } from '../scripts/calibration/exactBounds.ts';
// @ts-expect-error Plain JavaScript, because it also runs before Node 24 is there.
import { pythonWithTorch } from '../scripts/bootstrap.mjs';
import { findRunner } from '../server/src/host/node/findRunner.ts';

const near = (actual: number, expected: number): void => assert.ok(Math.abs(actual - expected) < 5e-4, `${actual} instead of ${expected}`);

describe('exact bounds', () => {
  it('of a share are those of Clopper and Pearson', () => {
    const [low, high] = shareInterval(95, 100);
    near(low, 0.8872);
    near(high, 0.9836);
    near(shareInterval(0, 20)[1], 0.1684);
    assert.equal(shareInterval(0, 20)[0], 0);
    near(shareInterval(20, 20)[0], 0.8316);
    assert.equal(shareInterval(20, 20)[1], 1);
    // The rule of three, exactly.
    near(upperBound(0, 300), 1 - 0.05 ** (1 / 300));
    assert.ok(upperBound(0, 299) < 0.01 && upperBound(0, 298) > 0.01);
  });

  it('of a median are order statistics', () => {
    const values = Array.from({ length: 20 }, (_, i) => i + 1);
    assert.equal(median(values), 10.5);
    // The sixth from both ends: 95.86 %.
    assert.deepEqual(medianInterval(values), [6, 15]);
    assert.deepEqual(medianInterval([3, 1, 2]), [1, 3]);
    assert.equal(quantile(values, 0.95), 19);
  });
});

describe('calibration', function () {
  this.timeout(400_000);

  it('runs every part that this machine allows', function () {
    if (process.platform !== 'linux' || 'problem' in findRunner(undefined) || !existsSync(pythonWithTorch() as string)) this.skip();
    const script = path.resolve(import.meta.dirname, '../scripts/benchCalibration.ts');
    // A turn of its own: the figures of this run are not looked at.
    const turns = mkdtempSync(path.join(tmpdir(), 'calibration-turns-'));
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--quick', '--part', 'aa,quota,coverage,known'], { encoding: 'utf8', env: { ...process.env, THREADGAUGE_LOCK_DIR: turns } });
    rmSync(turns, { recursive: true });
    assert.ok(!/^FAIL/m.test(stdout), `${stdout}\n${stderr}`);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^all +3 +0 /m);
    assert.match(stdout, /^ok +the quota is seen \(1\)$|^not possible here: A control group/m);
    assert.match(stdout, /^real, asleep/m);
  });

  it('names the parts there are', () => {
    const script = path.resolve(import.meta.dirname, '../scripts/benchCalibration.ts');
    const { status, stderr } = spawnSync(process.execPath, [script, '--part', 'nonsense'], { encoding: 'utf8' });
    assert.equal(status, 2);
    assert.match(stderr, /there is no part nonsense; there are aa, /);
  });
});
