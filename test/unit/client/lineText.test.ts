/** The text after a measured line. */
import assert from 'node:assert/strict';
import { bar, lineText, percent } from '../../../client/src/annotate/lineText.ts';

describe('line text', () => {
  it('draws shares as bars of one width', () => {
    assert.deepEqual([0, 0.5, 1, 1.2].map(bar), ['░░░░░░', '███░░░', '██████', '██████']);
  });

  it('does not call something nothing', () => {
    assert.deepEqual([0, 0.004, 0.24].map(percent), ['0 %', '<1 %', '24 %']);
  });

  it('marks what is stale without colour', () => {
    const line = { line: 3, label: '1.24 s · 2,000x · 1.9 CPUs busy', hover: '', share: 0.24, arms: [] };
    assert.equal(lineText(line, false), '█░░░░░ 24 % · 1.24 s · 2,000x · 1.9 CPUs busy');
    assert.equal(lineText(line, true), '⟳ █░░░░░ 24 % · 1.24 s · 2,000x · 1.9 CPUs busy');
  });
});
