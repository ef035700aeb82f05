/** Facts at other places are the same facts only when no comparison of places can tell. */
import { strict as assert } from 'node:assert';
import { TOP_LEVEL, type Fact, type FileFacts } from '../../../server/src/core/fact.ts';
import type { Span } from '../../../server/src/core/span.ts';
import { MovedResults, movesBetween } from '../../../server/src/engine/spanMoves.ts';

const uri = 'file:///w/a.py';
const span = (start: number, end: number, chunk = 0): Span => ({ chunk, start, end });

function call(whole: Span, callee: Span, name = 'time.time'): Fact {
  return { kind: 'call', span: whole, scope: TOP_LEVEL, callee: name, calleeSpan: callee, args: [], result: null };
}

function file(...facts: Fact[]): FileFacts {
  return { uri, reader: 'python', facts, gaps: [] };
}

describe('facts that moved', () => {
  it('map every span, also what lies within one that kept its length', () => {
    const moves = movesBetween(file(call(span(10, 30), span(14, 23))), file(call(span(15, 36), span(19, 28))));
    assert.deepEqual(moves?.move(span(10, 30)), span(15, 36));
    assert.deepEqual(moves?.move(span(15, 20)), span(20, 25));
    assert.deepEqual(moves?.move(span(14, 14)), span(19, 19));
    assert.equal(moves?.move(span(14, 25)), null, 'between two ends whose distance changed');
    assert.equal(moves?.move(span(2, 10)), null, 'in front of every end');
    assert.deepEqual(moves?.move(span(2, 3, 1)), span(2, 3, 1), 'another chunk');
  });

  it('are other facts when they differ in more than places, or places compare differently', () => {
    const old = file(call(span(10, 30), span(14, 23)));
    assert.equal(movesBetween(old, file(call(span(15, 36), span(19, 28), 'time.monotonic'))), null);
    assert.equal(movesBetween(old, file(call(span(10, 27), span(14, 20)))), null, 'the name is written in another way');
    assert.equal(movesBetween(old, file(call(span(10, 30, 1), span(14, 23, 1)))), null, 'another chunk');
    assert.equal(movesBetween(old, file()), null);
    const neighbours = file(call(span(0, 9), span(0, 9)), call(span(9, 18), span(9, 18)));
    assert.equal(movesBetween(neighbours, file(call(span(0, 9), span(0, 9)), call(span(10, 19), span(10, 19)))), null, 'they no longer touch');
    const apart = file(call(span(0, 9), span(0, 9)), call(span(20, 29), span(20, 29)));
    assert.equal(movesBetween(apart, file(call(span(20, 29), span(20, 29)), call(span(0, 9), span(0, 9)))), null, 'another order');
  });

  it('take results along, and refuse where a place has no file', () => {
    const fact = call(span(10, 30), span(14, 23));
    const now = call(span(15, 35), span(19, 28));
    const moves = movesBetween(file(fact), file(now));
    assert.ok(moves);
    const results = new MovedResults(new Map([[uri, moves]]));
    const other = { uri: 'file:///w/b.py', span: span(1, 2) };
    const result = { placed: { anchor: { uri, span: span(10, 30) }, fact }, at: { uri, span: span(14, 23) }, list: [other], made: { anchor: { uri, span: span(10, 30) }, fact: { ...fact } } };
    assert.deepEqual(results.copy(result), { placed: { anchor: { uri, span: span(15, 35) }, fact: now }, at: { uri, span: span(19, 28) }, list: [other], made: { anchor: { uri, span: span(15, 35) }, fact: now } });
    assert.equal(results.copy(other), other);
    // Files with equal text share facts; only one of them moved.
    const elsewhere = { anchor: { uri: other.uri, span: span(10, 30) }, fact };
    assert.equal(results.copy(elsewhere), elsewhere);
    assert.equal(results.copy({ at: { uri, span: span(0, 3) } }), null);
    assert.equal(results.copy({ bare: span(14, 23) }), null);
  });
});
