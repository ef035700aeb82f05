/** Measured numbers stay with their lines while text above and below changes. */
import { strict as assert } from 'node:assert';
import type { MeasuredLine } from '../../server/src/bench/messages.ts';
import { MeasuredStore } from '../../server/src/lsp/measuredStore.ts';

const TEXT = 'a\nb\nc\nd\n';
const at = (line: number): MeasuredLine => ({ line, label: `line ${line}`, hover: '', share: 0.5, arms: [] });

function moved(text: string, eol = '\n'): string[] {
  const store = new MeasuredStore();
  store.set('u', { runId: 'r', launch: { uri: 'u', launchId: '', label: '' }, sha256: 'h', lines: [at(0), at(1), at(3)] }, TEXT.replaceAll('\n', eol));
  store.update('u', text);
  return store.get('u')?.lines.map(({ line, label }) => `${label} at ${line}`) ?? [];
}

describe('measured lines', () => {
  it('move with what is inserted above', () => assert.deepEqual(moved('x\ny\na\nb\nc\nd\n'), ['line 0 at 2', 'line 1 at 3', 'line 3 at 5']));
  it('stay when text below changes', () => assert.deepEqual(moved('a\nb\nc\nd\ne\n'), ['line 0 at 0', 'line 1 at 1', 'line 3 at 3']));
  it('are dropped with the line they measured', () => assert.deepEqual(moved('a\nB\nc\nd\n'), ['line 0 at 0', 'line 3 at 3']));
  it('are dropped when any line of their statement changes, and move whole', () => {
    const store = (): MeasuredStore => {
      const made = new MeasuredStore();
      made.set('u', { runId: 'r', launch: { uri: 'u', launchId: '', label: '' }, sha256: 'h', lines: [{ ...at(1), endLine: 2 }, at(3)] }, TEXT);
      return made;
    };
    const after = (...texts: readonly string[]): unknown => {
      const made = store();
      for (const text of texts) made.update('u', text);
      return made.get('u')?.lines.map(({ line, endLine }) => [line, endLine]);
    };
    assert.deepEqual(after('a\nb\nC\nd\n'), [[3, undefined]]);
    assert.deepEqual(after('a\nb\nx\nc\nd\n'), [[4, undefined]]);
    assert.deepEqual(after('x\na\nb\nc\nd\n'), [[2, 3], [4, undefined]]);
    assert.deepEqual(after('x\na\nb\nc\nd\n', 'x\na\nb\nC\nd\n'), [[4, undefined]]);
    assert.deepEqual(after('a\nb\nc\nD\n'), [[1, 2]]);
  });
  it('survive a change of line ends', () => assert.deepEqual(moved(TEXT, '\r\n'), ['line 0 at 0', 'line 1 at 1', 'line 3 at 3']));
  it('follow a sequence of edits', () => {
    const store = new MeasuredStore();
    store.set('u', { runId: 'r', launch: { uri: 'u', launchId: '', label: '' }, sha256: 'h', lines: [at(3)] }, TEXT);
    for (const text of ['x\na\nb\nc\nd\n', 'x\na\nc\nd\n', 'x\na\nc\nd\nq\n']) store.update('u', text);
    assert.deepEqual(store.get('u')?.lines.map(({ line }) => line), [3]);
    assert.deepEqual(store.clear(), ['u']);
    assert.equal(store.get('u'), undefined);
  });
  it('are not shown for a text that did not run', () => {
    const store = new MeasuredStore();
    store.setStale('u', { runId: 'r', launch: { uri: 'u', launchId: '', label: '' }, sha256: 'h', lines: [at(0)] });
    assert.equal(store.get('u')?.stale, true);
    assert.deepEqual(store.get('u')?.lines, []);
  });
});
