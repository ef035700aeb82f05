/** Spelling suggestions: close, and only one of them. */
import { strict as assert } from 'node:assert';
import { editDistance, nearest } from '../../../server/src/rules/nearestName.ts';

describe('nearest', () => {
  it('finds a missing, a wrong and a swapped letter', () => {
    const names = ['OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS'];
    assert.equal(nearest('OMP_NUM_THREAD', names, 2), 'OMP_NUM_THREADS');
    assert.equal(nearest('OPENBLAS_NUM_TREADS', names, 2), 'OPENBLAS_NUM_THREADS');
    assert.equal(nearest('OMP_NUM_THRAEDS', names, 2), 'OMP_NUM_THREADS');
  });

  it('says nothing when two are as close, or none is', () => {
    assert.equal(nearest('XMP_NUM_THREADS', ['OMP_NUM_THREADS', 'AMP_NUM_THREADS'], 2), null);
    assert.equal(nearest('MKL_NUM_THREADS', ['OPENBLAS_NUM_THREADS'], 2), null);
  });

  it('counts a swap of neighbours once and stops at the limit', () => {
    assert.equal(editDistance('ab', 'ba', 2), 1);
    assert.equal(editDistance('abcdef', 'ghijkl', 2) > 2, true);
    assert.equal(editDistance('abc', 'abcdefgh', 2), 3);
  });
});
