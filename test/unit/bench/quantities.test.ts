/** Sizes as people write them. */
import { strict as assert } from 'node:assert';
import { bytesOf, bytesText } from '../../../server/src/bench/quantities.ts';

describe('sizes of memory', () => {
  it('are read with and without units', () => {
    assert.deepEqual(['4GiB', '4 gib', '1.5G', '512m', '300KB', '1024', '2TiB'].map(bytesOf), [4 * 2 ** 30, 4 * 2 ** 30, 1.5e9, 512e6, 300e3, 1024, 2 * 2 ** 40]);
  });

  it('are refused when they are none', () => {
    assert.deepEqual(['', '0', '-1G', '4 X', 'G', '1e9', 'i', '99999TiB', '4GiBs'].map(bytesOf), Array(9).fill(null));
  });

  it('are written with the unit that fits', () => {
    assert.deepEqual([bytesText(200 * 2 ** 20), bytesText(4 * 2 ** 30)], ['200 MiB', '4.0 GiB']);
  });
});
