/** What becomes of several findings at one place. */
import { strict as assert } from 'node:assert';
import type { Finding } from '../../../server/src/core/finding.ts';
import { mergeFindings } from '../../../server/src/engine/mergeFindings.ts';

function finding(given: Partial<Finding>): Finding {
  return {
    rule: 'env-set-after-import',
    family: 'ineffective-order',
    severity: 'warning',
    confidence: 'certain',
    message: 'late',
    primary: { uri: 'file:///a.py', span: { chunk: 0, start: 0, end: 4 } },
    related: [],
    launches: [],
    fixes: [],
    unnecessary: false,
    ...given,
  };
}

describe('mergeFindings', () => {
  it('reports a cause once and names the launches', () => {
    const merged = mergeFindings([finding({ launches: ['a'] }), finding({ launches: ['b'], confidence: 'likely' })]);
    assert.equal(merged.length, 1);
    assert.deepEqual(merged[0]?.launches, ['a', 'b']);
    assert.equal(merged[0]?.confidence, 'certain');
  });

  it('keeps the more severe wording when launches differ in their numbers', () => {
    const merged = mergeFindings([finding({ launches: ['a'], severity: 'information', message: 'only children', confidence: 'certain' }), finding({ launches: ['b'], message: 'no effect', confidence: 'likely' })]);
    assert.deepEqual(merged.map((f) => [f.message, f.severity, f.confidence, f.launches]), [['no effect', 'warning', 'likely', ['b', 'a']]]);
  });

  it('keeps two statements about one place of one file apart', () => {
    assert.equal(mergeFindings([finding({ message: 'first option' }), finding({ message: 'second option' })]).length, 2);
    assert.equal(mergeFindings([finding({ message: 'x', launches: ['a'] }), finding({ message: 'y', launches: ['a'] })]).length, 2);
  });

  it('keeps rules and places apart', () => {
    const elsewhere = { uri: 'file:///b.py', span: { chunk: 0, start: 0, end: 4 } };
    assert.equal(mergeFindings([finding({}), finding({ rule: 'other-rule' }), finding({ primary: elsewhere })]).length, 3);
  });
});
