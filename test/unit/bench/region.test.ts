/** Which statements a selection, a function, a mark or a cell stands for; and what a benchmark of them starts and says. */
import assert from 'node:assert/strict';
import { armTable, callLines } from '../../../server/src/bench/benchText.ts';
import type { Envelope } from '../../../server/src/bench/protocol.generated.ts';
import { markedRegions, parseRegion, type RegionTarget, resolveRegion } from '../../../server/src/bench/region.ts';
import { initialRunState, reduce } from '../../../server/src/bench/runState.ts';
import type { Reader } from '../../../server/src/core/reader.ts';
import { loadParsers } from '../../../server/src/host/node/grammars.ts';
import { createPythonReader } from '../../../server/src/readers/python/pythonReader.ts';
import { prepared } from './launches.ts';

const TEXT = `import os

# A comment.
@decorated
def outer(a):
    """Doc."""
    for i in a:
        x = f(
            i,
        )
        if x:
            y = 1
        elif i:
            y = 2; z = 3
        else:
            z = 4

    return x


class C:
    def method(self):
        return 1
    async def other(self):
        try:
            await self.method()
        except ValueError:
            pass
        finally:
            self.end()
match os:
    case 1:
        print(1)
    case _:
        print(2)
print(outer([1]))
`;

describe('regions', () => {
  let reader: Reader;
  before(async () => (reader = createPythonReader((await loadParsers()).python) as Reader));

  function resolve(text: string, target: RegionTarget): string {
    const found = resolveRegion(target, text, reader.statements?.(text) ?? [], 'a.py');
    return 'problem' in found ? found.problem : `${found.first}-${found.last} ${found.label}${found.function ? ' (function)' : ''}`;
  }
  const lines = (text: string, first: number, last = first): string => resolve(text, { kind: 'lines', first, last });

  // The probe finds the same for these lines: native/python/tests/test_selection.py.
  for (const [first, last, found] of [
    [8, 8, '8-10 x = f('],
    [9, 9, '8-10 x = f('],
    [12, 12, '12-12 y = 1'],
    [11, 11, '11-16 if x:'],
    [13, 13, '13-16 elif i:'],
    [14, 16, '13-16 elif i:'],
    [16, 16, '16-16 z = 4'],
    [8, 12, '8-16 lines 8 to 16'],
    [7, 7, '7-16 for i in a:'],
    [17, 19, '18-18 return x'],
    [4, 4, '5-5 function outer (function)'],
    [22, 22, '22-22 function C.method (function)'],
    [26, 26, '26-26 await self.method()'],
    [28, 30, '25-30 try:'],
    [33, 33, '33-33 print(1)'],
    [32, 32, '31-35 match os:'],
    [36, 40, '36-36 print(outer([1]))'],
    [2, 3, 'There is no statement at lines 2 to 3 of a.py.'],
    [17, 17, 'There is no statement at line 17 of a.py.'],
    [21, 21, 'The class C only defines; choose one of its methods, or a call.'],
  ] as const) {
    it(`finds lines ${first} to ${last}`, () => assert.equal(lines(TEXT, first, last), found));
  }

  it('leaves out what must stay first', () => {
    const text = '"""Doc."""\nfrom __future__ import annotations\nx = 1\n';
    assert.equal(lines(text, 1, 3), '3-3 x = 1');
    assert.equal(lines(text, 1, 2), 'There is no statement at lines 1 to 2 of a.py.');
  });

  it('finds functions by name', () => {
    assert.equal(resolve(TEXT, { kind: 'function', name: 'outer' }), '5-5 function outer (function)');
    assert.equal(resolve(TEXT, { kind: 'function', name: 'C.other' }), '24-24 function C.other (function)');
    assert.equal(resolve(TEXT, { kind: 'function', name: 'method' }), '22-22 function C.method (function)');
    assert.equal(resolve(TEXT, { kind: 'function', name: 'infer' }), 'a.py has no function infer; it has outer, C.method, C.other.');
    assert.equal(resolve('def f(): pass\nclass A:\n    def f(self): pass\n', { kind: 'function', name: 'f' }), 'a.py has 2 functions f, at lines 1, 3; name the lines of one.');
  });

  it('finds what is marked', () => {
    const text = 'a = 1\n# threadgauge: begin warm\nb = 2\nc = 3\n# threadgauge: end\n  # Threadgauge: Begin\nif a:\n    d = 4\n# threadgauge: end warm\n# threadgauge: begin empty\n# threadgauge: end\n';
    assert.deepEqual(markedRegions(text), [{ name: 'warm', begin: 2, end: 5 }, { name: null, begin: 6, end: 9 }, { name: 'empty', begin: 10, end: 11 }]);
    assert.equal(resolve(text, { kind: 'mark', name: 'warm' }), '3-4 warm');
    assert.equal(resolve(text, { kind: 'mark', name: 'cold' }), 'a.py has no mark cold; it has warm, one without a name, empty.');
    assert.equal(resolve(text, { kind: 'mark', name: null }), 'a.py marks more than one part (lines 2, 6, 10); give the marks names of their own.');
    assert.equal(resolve(text, { kind: 'mark', name: 'empty' }), 'The mark at line 10 of a.py holds no statement.');
    assert.equal(resolve('# threadgauge: begin\nx = 1\n', { kind: 'mark', name: null }), '2-2 x = 1', 'to the end of the file');
    assert.equal(resolve('x = 1\n', { kind: 'mark', name: 'a' }), 'a.py has no "# threadgauge: begin".');
  });

  it('reads what people name', () => {
    assert.deepEqual(parseRegion('12-20'), { kind: 'lines', first: 12, last: 20 });
    assert.deepEqual(parseRegion('7'), { kind: 'lines', first: 7, last: 7 });
    assert.deepEqual(parseRegion('Model.forward'), { kind: 'function', name: 'Model.forward' });
    assert.deepEqual(parseRegion('mark:my part'), { kind: 'mark', name: 'my part' });
    assert.deepEqual(parseRegion('mark'), { kind: 'mark', name: null });
    assert.deepEqual(parseRegion('cell:3'), { kind: 'cell', cell: 3, lines: null });
    assert.deepEqual(parseRegion('cell:3:2-4'), { kind: 'cell', cell: 3, lines: { kind: 'lines', first: 2, last: 4 } });
    for (const [text, problem] of [['0', /no lines 0 to 0/], ['9-3', /no lines 9 to 3/], ['cell:0', /Cells count from 1/], ['a b', /names no part/], ['', /names no part/]] as const) {
      const found = parseRegion(text);
      assert.match('problem' in found ? found.problem : '', problem);
    }
  });
});

describe('a benchmark of a region', () => {
  const SCRIPT = 'import torch\nx = torch.ones(64, 64)\ny = x @ x\n';
  const region = { path: '/w/infer.py', first: 3, last: 3, label: 'y = x @ x', function: false };

  it('asks the probe to repeat it, and times no lines', () => {
    const { request, preview } = prepared({ 'infer.py': SCRIPT, 'run.sh': 'python infer.py\n' }, null, { region });
    assert.equal(request?.workload.python?.region, 'selected');
    assert.deepEqual(request?.workload.python?.selection, { path: '/w/infer.py', first_line: 3, last_line: 3, label: 'y = x @ x', function: false, tight: 0.01, most_s: 3, fewest_calls: 5 });
    assert.equal(request?.lines?.enabled, false);
    assert.deepEqual(preview.region, { path: '/w/infer.py', first: 3, last: 3, label: 'y = x @ x' });
    assert.match(preview.estimate.sentence, /until it reaches the selected code/);
  });

  it('is refused where the probe cannot take part', () => {
    const { preview } = prepared({ 'infer.py': SCRIPT, 'run.sh': 'python infer.py\n' }, null, { region }, { probeDirectory: null });
    assert.match(preview.refusal ?? '', /A part of a program can be measured by itself where Python starts a script/);
  });

  it('is refused for several instances and for lines', () => {
    const files = { 'infer.py': SCRIPT, 'run.sh': 'python infer.py\n' };
    assert.match(prepared(files, null, { region, mode: 'grid' }).preview.refusal ?? '', /measured in one process at a time/);
    assert.match(prepared(files, null, { region, mode: 'lines' }).preview.refusal ?? '', /Lines are timed over the whole program/);
  });

  it('is told by the call', () => {
    const arm = { label: 'OMP_NUM_THREADS=2', threads: 2, env: {}, reason: 'x' };
    const trial = { arm: 0, phase: 'race' as const, status: 'ok' as const, wall_ns: 1, cpu_ns: 1, peak_threads: 2 };
    const events = [
      { v: 1, type: 'plan', data: { arms: [arm], current: 0, mode: 'search', max_trials: 9, seed: 1, command: [], region: 'selected', selection: { ...{ path: '/a.py', first_line: 1, last_line: 1, label: 'x' }, unit: 'call' } } },
      ...[0, 1, 2, 3, 4, 5].map((number) => ({ v: 1, type: 'trial_finished', data: { ...trial, trial: number } })),
      { v: 1, type: 'arm_summary', data: { arm: 0, runs: 6, scores_ns: [], median_ns: 1_840_000, mean_ns: 1_840_000, mad_ns: 0, min_ns: 1, max_ns: 2, peak_threads: 2, dropped: false, failures: 0, median_interval_ns: [1_829_000, 1_851_000], cold_median_ns: 12_300_000, p95_median_ns: 1_900_000, calls: 240 } },
    ] as unknown as readonly Envelope[];
    const state = events.reduce(reduce, initialRunState());
    assert.deepEqual(callLines(state), ['OMP_NUM_THREADS=2 (in force): 1.84 ms per call (95 % ± 0.6 %, 240 calls in 6 processes); 95 of 100 within 1.90 ms; first call 12.3 ms']);
    assert.equal(armTable(state).length, 2);
    assert.deepEqual(callLines(initialRunState()), []);
  });
});
