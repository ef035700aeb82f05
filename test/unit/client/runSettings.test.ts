/** What people may choose about a run, and what stays the server's choice. */
import { strict as assert } from 'node:assert';
import { agreementOf, choicesOf, countsOf, secondsOf, settingsOf, withChoice, withoutChoice } from '../../../client/src/bench/runSettings.ts';
import type { BenchParams, BenchPreview } from '../../../server/src/bench/messages.ts';

const PARAMS: BenchParams = { uri: 'file:///w/launch.json', launchId: 'a', mode: 'search' };
const PREVIEW: BenchPreview = {
  launch: { uri: PARAMS.uri, launchId: 'a', label: 'a' },
  refusal: null,
  argv: ['/bin/python', '/w/a.py'],
  cwd: '/w',
  environment: [],
  arms: [
    { label: 'OMP_NUM_THREADS=1', threads: 1, reason: 'no parallelism', current: false },
    { label: 'OMP_NUM_THREADS=2', threads: 2, reason: 'physical cores', current: false },
    { label: 'OMP_NUM_THREADS=8', threads: 8, reason: 'in force today', current: true },
  ],
  variations: [
    { factor: 'wait-policy', label: 'OMP_WAIT_POLICY=passive', reason: 'sleep', chosen: true },
    { factor: 'inter-op', label: 'torch.set_num_interop_threads(1)', reason: 'compete', chosen: false },
  ],
  interpreter: null,
  estimate: { maxTrials: 1, usualTrials: 1, budgetSeconds: 1, seconds: null, sentence: '' },
  notes: [],
};

describe('settings of a run', () => {
  const choices = choicesOf(PREVIEW);

  it('are those of the preview, except what is in force, and the proposed ones are picked', () => {
    assert.deepEqual(choices.map(({ group, label, picked }) => [group, label, picked]), [
      ['Thread counts', '1 thread', true],
      ['Thread counts', '2 threads', true],
      ['Further settings', 'OMP_WAIT_POLICY=passive', true],
      ['Further settings', 'torch.set_num_interop_threads(1)', false],
    ]);
  });

  it('stay the choice of the server when nothing is changed', () => {
    assert.deepEqual(withChoice(PARAMS, choices, choices.filter(({ picked }) => picked), []), PARAMS);
  });

  it('become exactly what was picked', () => {
    const picked = choices.filter(({ label }) => label === '2 threads' || label.startsWith('torch'));
    assert.deepEqual(withChoice(PARAMS, choices, picked, [6, 2]), { ...PARAMS, threads: [2, 6], variations: ['torch.set_num_interop_threads(1)'] });
    assert.deepEqual(withChoice(PARAMS, choices, [], []), { ...PARAMS, threads: [], variations: [] }, 'nothing is a choice too');
  });

  it('offer counts that were typed before', () => {
    assert.deepEqual(choicesOf(PREVIEW, [2, 6, 8]).slice(0, 3).map(({ value, picked }) => [value, picked]), [[1, true], [2, true], [6, false]]);
  });

  it('of a grid are counts and instances, each once', () => {
    const arms = [[1, 8, true], [1, 1, false], [2, 1, false], [1, 2, false]].map(([instances, threads, current]) => ({ label: `${instances} x ${threads}`, threads: Number(threads), instances: Number(instances), reason: '', current: current === true }));
    const offered = choicesOf({ arms, variations: [] });
    assert.deepEqual(offered.map(({ label }) => label), ['1 thread', '2 threads', '1 instance', '2 instances']);
    assert.deepEqual(withChoice({ ...PARAMS, mode: 'grid' }, offered, offered.filter(({ label }) => label !== '1 instance'), []), { ...PARAMS, mode: 'grid', instances: [2] });
  });

  it('can be taken from parameters and left out of them', () => {
    const params: BenchParams = { ...PARAMS, python: '/bin/python', threads: [1], variations: ['x'], instances: [2], latencyLimitSeconds: 1, region: { uri: 'file:///w/a.py', function: 'f' } };
    assert.deepEqual(settingsOf(params), { threads: [1], variations: ['x'], instances: [2], latencyLimitSeconds: 1, region: params.region });
    assert.deepEqual(withoutChoice(params), { ...PARAMS, python: '/bin/python', latencyLimitSeconds: 1, region: params.region });
  });

  it('that are typed are checked', () => {
    assert.deepEqual(countsOf(' 3, 6 12;3'), [3, 6, 12]);
    for (const text of ['', ' ', '0', '-1', '1.5', 'all', '10000']) assert.equal(countsOf(text), null, text);
    assert.deepEqual([secondsOf('50 ms'), secondsOf('2s'), secondsOf(' .5 s ')], [0.05, 2, 0.5]);
    for (const text of ['', '50', '0 s', '-1 s', 'soon']) assert.equal(secondsOf(text), null, text);
  });
});

describe('what people agreed to', () => {
  it('is another thing with other words, another place or another environment', () => {
    const same = agreementOf(PREVIEW);
    assert.equal(agreementOf({ ...PREVIEW, arms: PREVIEW.arms.slice(1), variations: [], notes: ['x'] }), same, 'the settings are no part of it');
    for (const other of [{ argv: ['/bin/python', '/w/b.py'] }, { cwd: '/v' }, { environment: [{ name: 'A', value: '1', from: 'launch.json' }] }]) assert.notEqual(agreementOf({ ...PREVIEW, ...other }), same);
  });

  it('is the notebook, wherever the script of its cells lies', () => {
    const of = (directory: string, notebook = 'file:///w/n.ipynb'): string => agreementOf({ ...PREVIEW, argv: ['/bin/python', `/tmp/${directory}/n.py`], script: { path: `/tmp/${directory}/n.py`, of: notebook } });
    assert.equal(of('a'), of('b'));
    assert.notEqual(of('a'), of('a', 'file:///w/m.ipynb'));
  });

  it('does not cover several copies at once', () => {
    const [arm] = PREVIEW.arms;
    assert.ok(arm);
    assert.notEqual(agreementOf({ ...PREVIEW, arms: [{ ...arm, instances: 2 }] }), agreementOf(PREVIEW));
  });
});
