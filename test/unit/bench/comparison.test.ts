/** Two runs of different times: the interval of their ratio, and what a gate concludes from it. */
import { strict as assert } from 'node:assert';
import { compareRuns, gateVerdict } from '../../../server/src/bench/comparison.ts';
import { parseRecording, type Recording, recordingJson, recordingOfJson, recordingStatus, recordingText, withoutSecrets } from '../../../server/src/bench/recording.ts';
import { BETWEEN_RUNS, ratioOfSamples } from '../../../server/src/bench/twoSamples.ts';
import type { BenchRequest } from '../../../server/src/bench/protocol.generated.ts';

/** Reproducible normal numbers (mulberry32 and Box-Muller). */
function normals(seed: number): () => number {
  let a = seed >>> 0;
  const uniform = (): number => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** Scores with noise and a slow drift, as the runner's simulation has them. */
function scores(count: number, normal: () => number, median: number, noise: number, drift: number): number[] {
  let level = drift * normal();
  return Array.from({ length: count }, () => {
    level = 0.9 * level + Math.sqrt(1 - 0.81) * drift * normal();
    return median * Math.exp(noise * normal() + level);
  });
}

describe('two samples', () => {
  it('are compared by ranks: the shift, exact ends, too few', () => {
    assert.equal(ratioOfSamples([1, 1, 1], [1, 1, 1, 1]), null);
    const doubled = ratioOfSamples([1, 1.01, 0.99, 1.02, 0.98], [2, 2.02, 1.98, 2.04, 1.96]);
    assert.ok(doubled && Math.abs(doubled.ratio - 2) < 0.01);
    assert.ok(doubled.interval[0] < 2 && doubled.interval[1] > 2);
    // With 5 and 5 the tables give the second smallest and second largest of... the 25 shifts: U(0.025) = 2.
    const a = [1, 2, 4, 8, 16].map((power) => Math.exp(power / 100));
    const b = [3, 5, 9, 17, 33].map((power) => Math.exp(power / 100));
    const shifts = a.flatMap((x) => b.map((y) => Math.log(y) - Math.log(x))).sort((x, y) => x - y);
    const result = ratioOfSamples(a, b);
    const bare = (ratio: number, sign: number): number => Math.log(ratio) + sign * BETWEEN_RUNS;
    assert.ok(result && bare(result.interval[0], 1) <= (shifts[2] ?? 0) + 1e-9 && bare(result.interval[1], -1) >= (shifts[22] ?? 0) - 1e-9);
    // One accident moves it little.
    const spoilt = ratioOfSamples([1, 1.01, 0.99, 1.02, 0.98, 1, 9], [1, 1.01, 0.99, 1.02, 0.98, 1, 1]);
    assert.ok(spoilt && Math.abs(spoilt.ratio - 1) < 0.02);
  });

  it('hold what they promise: in A/A runs, also drifting ones, a gate of 5 % never fires, and a slowdown of 15 % is found', () => {
    let covered = 0;
    let fired = 0;
    let found = 0;
    const cases = 600;
    for (let seed = 0; seed < cases; seed++) {
      const normal = normals(seed);
      const [noise, drift] = [0.005 + 0.03 * ((seed % 10) / 10), 0.02 * ((seed % 7) / 7)];
      const count = 8 + (seed % 3) * 6;
      const base = scores(count, normal, 1, noise, drift);
      const same = ratioOfSamples(base, scores(count, normal, 1, noise, drift));
      const slower = ratioOfSamples(base, scores(count, normal, 1.15, noise, drift));
      if (same && same.interval[0] <= 1 && same.interval[1] >= 1) covered++;
      if (same && same.interval[0] > 1.05) fired++;
      if (slower && slower.interval[0] > 1.05) found++;
    }
    assert.ok(covered / cases >= 0.95, `covered ${covered} of ${cases}`);
    assert.equal(fired, 0);
    assert.ok(found / cases > 0.8, `found ${found} of ${cases}`);
  });
});

function recording(times: Readonly<Record<string, readonly number[]>>, extra: { readonly cpus?: number; readonly torch?: string; readonly current?: number; readonly end?: object | null; readonly region?: string } = {}): Recording {
  const labels = Object.keys(times);
  const machine = { os: 'linux', arch: 'x86_64', logicalCores: extra.cpus ?? 8 };
  const event = (type: string, data: object): string => JSON.stringify({ v: 1, type, data });
  const lines = [
    event('hello', { protocol: 1, version: '1', pid: 1, machine, missing: [] }),
    event('plan', { arms: labels.map((label) => ({ label, threads: null, env: {}, reason: '' })), current: extra.current ?? 0, mode: 'search', max_trials: 9, seed: 1, command: ['/bin/python', 'serve.py'], region: extra.region ?? 'process' }),
    event('environment', { runtime: 'CPython 3.12', libraries: { torch: extra.torch ?? '2.13.0' }, fingerprint: `${extra.torch ?? ''}` }),
    ...labels.map((label, arm) => {
      const all = times[label] ?? [];
      const sorted = [...all].sort((a, b) => a - b);
      return event('arm_summary', { arm, runs: all.length, scores_ns: all, median_ns: sorted[sorted.length >> 1], mean_ns: 1, mad_ns: 1, min_ns: sorted[0], max_ns: sorted.at(-1), peak_threads: 1, dropped: false, failures: 0 });
    }),
    ...(extra.end === null ? [] : [event('finished', extra.end ?? { cancelled: false, elapsed_s: 1, counted_trials: 9 })]),
  ];
  return parseRecording(`${lines.join('\n')}\n`);
}

const around = (median: number): number[] => Array.from({ length: 9 }, (_, i) => Math.round(median * (1 + 0.004 * (i - 4)) * 1e6));

describe('comparison of runs', () => {
  it('judges what is in force, whatever it is called by now', () => {
    const base = recording({ default: around(100), 'OMP_NUM_THREADS=4': around(50) });
    const verdict = (fresh: Recording, threshold: number | null) => gateVerdict(compareRuns(base, fresh), threshold);
    assert.equal(verdict(recording({ default: around(101) }), 0.05).outcome, 'pass');
    assert.equal(verdict(recording({ default: around(120) }), 0.05).outcome, 'regression');
    assert.equal(verdict(recording({ default: around(105.5) }), 0.05).outcome, 'cannot_tell');
    assert.equal(verdict(recording({ default: around(50) }), 0.05).outcome, 'pass');
    const changed = verdict(recording({ 'OMP_NUM_THREADS=8': around(120), 'OMP_NUM_THREADS=4': around(50) }), 0.05);
    assert.equal(changed.outcome, 'regression');
    assert.match(changed.sentence, /It ran with default then and runs with OMP_NUM_THREADS=8 now\./);
    assert.match(verdict(recording({ default: around(200) }), null).sentence, /^Slower, beyond noise\. The launch takes 2\.0x the time/);
    assert.equal(verdict(recording({ default: [1e8, 1e8] }), 0.05).outcome, 'cannot_tell');
  });

  it('blames no launch for what other programs did', () => {
    const base = recording({ default: around(100) });
    const loaded = (cpus: number): Recording => {
      const fresh = recording({ default: around(120) });
      return { ...fresh, state: { ...fresh.state, doubts: [{ kind: 'foreign_load', cpus, contaminated: 0 }] } };
    };
    assert.equal(gateVerdict(compareRuns(base, loaded(1)), 0.05).outcome, 'regression');
    const verdict = gateVerdict(compareRuns(base, loaded(5.5)), 0.05);
    assert.equal(verdict.outcome, 'cannot_tell');
    assert.match(verdict.sentence, /may be due to the load\. Other programs used 5\.5 of 8 CPUs meanwhile\./);
    // Not slower under load is not slower without.
    assert.equal(gateVerdict(compareRuns(base, { ...loaded(5.5), state: { ...loaded(5.5).state, arms: base.state.arms } }), 0.05).outcome, 'pass');
  });

  it('counts both turns of a setting that was measured against itself', () => {
    const { arms } = compareRuns(recording({ default: around(100) }), recording({ default: around(100), 'default (again)': around(101) }));
    assert.equal(arms.length, 1);
    assert.deepEqual(arms[0]?.ratio?.counts, [9, 18]);
  });

  it('says what differs, and what makes a comparison void', () => {
    const base = recording({ default: around(100) });
    assert.deepEqual(compareRuns(base, base), { ...compareRuns(base, base), incomparable: [], differences: [] });
    assert.match(compareRuns(base, recording({ default: around(100) }, { cpus: 16 })).incomparable.join(), /different machines \(CPUs: 8 and 16\)/);
    assert.match(compareRuns(base, recording({ default: around(100) }, { region: 'after_imports' })).incomparable.join(), /covers the whole process, the other the program after its imports/);
    assert.match(compareRuns(base, recording({ default: around(100) }, { torch: '2.14.0' })).differences.join(), /torch 2\.13\.0 -> 2\.14\.0/);
    assert.match(compareRuns(base, recording({ default: around(100) }, { end: { cancelled: true, elapsed_s: 1, counted_trials: 1 } })).differences.join(), /second run did not come to its end/);
  });
});

describe('recordings', () => {
  const request: BenchRequest = { workload: { argv: ['x'], cwd: '/', env: { OMP_NUM_THREADS: '1', TOKEN: 'secret', SPECIAL: '2' } }, arms: [{ label: 'a', threads: 1, env: { SPECIAL: '1' }, reason: '' }], current: 0, mode: 'search' };

  it('keep of the environment only what is about threads and what the settings are', () => {
    const { request: kept, omitted } = withoutSecrets(request, (name) => name.startsWith('OMP_'));
    assert.deepEqual(kept.workload.env, { OMP_NUM_THREADS: '1', SPECIAL: '2' });
    assert.equal(omitted, 1);
    assert.equal(request.workload.env['TOKEN'], 'secret');
  });

  it('are read back from both forms, and say how they ended', () => {
    const { state, events } = recording({ default: around(100) });
    const header = { label: 'serve', launch: null, startedAt: '2026-11-21T10:00:00.000Z', version: '1', interpreter: null, environment: [], request, omittedVariables: 2, sources: { '/a.py': { 3: 'x = 1' } } };
    const text = recordingText(header, events.map((event) => JSON.stringify(event)));
    const read = parseRecording(text);
    assert.deepEqual(read, { header, state, events });
    assert.deepEqual(recordingOfJson(recordingJson(read)), read);
    assert.equal(recordingOfJson(text), null);
    assert.equal(recordingStatus(state), 'complete');
    assert.equal(recordingStatus(recording({ default: around(1) }, { end: null }).state), 'partial');
    for (let cut = text.length - 2; cut > 300; cut -= 97) {
      // Whatever is left, it is read or named; never taken for a whole run.
      try {
        assert.notEqual(recordingStatus(parseRecording(text.slice(0, cut)).state), 'complete', String(cut));
      } catch (error) {
        assert.ok(error instanceof SyntaxError, String(error));
      }
    }
  });
});
