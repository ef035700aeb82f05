/** What is said of lines at several thread counts: only what is beyond the noise of the passes. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type LineAtCount, lineScaling, passVariance, scalingDetails, scalingText } from '../../../server/src/bench/lineScaling.ts';

function at(threads: number, passes: readonly number[], current = false): LineAtCount {
  return { threads, current, hits: 10, wallNs: passes.reduce((a, b) => a + b, 0) / passes.length, passesNs: passes };
}

describe('scaling of a line', () => {
  const steady = [at(1, [2.0e6, 2.02e6]), at(2, [1.2e6, 1.21e6], true), at(4, [1.9e6, 1.92e6]), at(16, [3.72e6])];

  it('names its own best count and how much slower it is with more threads', () => {
    const scaling = lineScaling(steady, 0);
    assert.ok(scaling);
    assert.deepEqual(scaling.best, [2]);
    assert.equal(scalingText(scaling), 'best at 2 threads: 121 us; 3.1 times slower at 16');
    assert.match(scalingDetails(scaling), /^This line is fastest at 2 threads: 121 us each time\. It is 1\.7 times slower at 1 \(99 % interval .*\), 1\.6 times slower at 4 \(.*\), 3\.1 times slower at 16 \(/);
  });

  it('speaks of the setting in force when that one is slower', () => {
    const scaling = lineScaling(steady.map((count) => ({ ...count, current: count.threads === 4 })), 0);
    assert.equal(scaling && scalingText(scaling), 'best at 2 threads: 121 us; 1.6 times slower at 4 (in force)');
  });

  it('claims nothing within the noise of the passes', () => {
    assert.equal(lineScaling([at(1, [1.0e6, 1.3e6]), at(2, [0.9e6, 1.2e6]), at(16, [1.6e6])], 0), null);
    // The same line is steady by luck; the lines of the run usually are not.
    assert.equal(lineScaling([at(1, [1.0e6, 1.001e6]), at(2, [0.9e6, 0.901e6]), at(4, [1.0e6, 1.001e6])], 0.2 ** 2), null);
    assert.notEqual(lineScaling([at(1, [1.0e6, 1.001e6]), at(2, [0.9e6, 0.901e6]), at(4, [1.0e6, 1.001e6])], 0), null);
  });

  it('claims nothing where noise is not known: one pass each, or one count', () => {
    assert.equal(lineScaling([at(1, [1e6]), at(2, [9e6])], 0), null);
    assert.equal(lineScaling([at(2, [1e6, 1.1e6])], 0), null);
    assert.equal(lineScaling([{ ...at(1, [1e6, 1e6]), hits: 0 }, at(2, [1e6, 1.1e6])], 0), null);
  });

  it('says of counts that cannot be told apart that they are equal, and nothing when only fewer threads are slower', () => {
    const scaling = lineScaling([at(1, [4e6, 4.1e6]), at(2, [1e6, 1.02e6]), at(4, [1.01e6, 1.03e6]), at(8, [5e6])], 0);
    assert.equal(scaling && scalingText(scaling), 'best at 2 or 4 threads: 101 us; 5.0 times slower at 8');
    const scales = lineScaling([at(1, [4e6, 4.1e6]), at(2, [2e6, 2.02e6]), at(4, [1.01e6, 1.03e6])], 0);
    assert.ok(scales);
    assert.equal(scalingText(scales), null);
  });

  it('hardly ever claims a difference of lines that do not differ', () => {
    // A generator of its own, so that the test is the same each time.
    let seed = 7;
    const uniform = (): number => (seed = (seed * 48271) % 2147483647) / 2147483647;
    const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    const pass = (): number => 1e6 * Math.exp(0.08 * normal());
    let claims = 0;
    for (let i = 0; i < 1000; i++) if (lineScaling([at(1, [pass(), pass()]), at(2, [pass(), pass()]), at(4, [pass(), pass()]), at(8, [pass()]), at(3, [pass()])], 0.08 ** 2)) claims++;
    assert.ok(claims <= 20, `${claims} of 1000`);
  });

  it('pools the variance of the counts that have several passes', () => {
    assert.deepEqual(passVariance([at(1, [1]), at(2, [])]), { variance: 0, freedom: 0 });
    const { variance, freedom } = passVariance([at(1, [1, Math.E]), at(2, [5, 5, 5])]);
    assert.equal(freedom, 3);
    assert.ok(Math.abs(variance - 0.5 / 3) < 1e-12);
  });

  it('takes any numbers', () => {
    const count = fc.record({ threads: fc.integer({ min: 1, max: 512 }), current: fc.boolean(), hits: fc.nat(), wallNs: fc.nat(), passesNs: fc.array(fc.nat(), { maxLength: 3 }) });
    fc.assert(
      fc.property(fc.array(count, { maxLength: 6 }), fc.double({ min: 0, max: 1, noNaN: true }), (counts, usual) => {
        const scaling = lineScaling(counts, usual);
        if (!scaling) return;
        assert.ok(scaling.best.length > 0 && scaling.slower.length > 0);
        assert.doesNotMatch(`${scalingText(scaling)}${scalingDetails(scaling)}`, /NaN|undefined|Infinity/);
      }),
    );
  });
});
