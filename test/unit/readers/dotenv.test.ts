/** The dotenv reader: values as python-dotenv gives them, spans, placement, and texts that are broken. */
import assert from 'node:assert/strict';
import type { Reader } from '../../../server/src/core/reader.ts';
import { dotenvReader } from '../../../server/src/readers/dotenv/reader.ts';
import { mutate, place, randomNumbers, readText, settings } from './readText.ts';

const reader = dotenvReader as Reader;

/** Name, value and raw text of each assignment. */
function read(text: string): [string, unknown, string | null][] {
  return settings(readText(reader, text)).map((fact) => [fact.name, fact.value.kind === 'known' ? fact.value.value : fact.value, fact.raw]);
}

describe('dotenv reader', () => {
  it('reads values as python-dotenv does', () => {
    // Values checked against python-dotenv 1.2.4.
    const text = [
      'A=1',
      'export B=2',
      ' C = 3 ',
      'D="4"',
      "E='5'",
      'F=6 # comment',
      'G="7 # no comment" # comment',
      'H=',
      'I=a b',
      'J="a\\nb\\"c"',
      "K='a\\nb'",
      'L=#x',
      "'M'=1",
      'N=a#b',
      'O= # empty',
    ].join('\n');
    assert.deepEqual(read(text), [
      ['A', '1', '1'],
      ['B', '2', '2'],
      ['C', '3', '3'],
      ['D', '4', '"4"'],
      ['E', '5', "'5'"],
      ['F', '6', '6'],
      ['G', '7 # no comment', '"7 # no comment"'],
      ['H', '', ''],
      ['I', 'a b', 'a b'],
      ['J', 'a\nb"c', '"a\\nb\\"c"'],
      ['K', 'a\\nb', "'a\\nb'"],
      ['L', '#x', '#x'],
      ['M', '1', '1'],
      ['N', 'a#b', 'a#b'],
      ['O', '', ''],
    ]);
  });

  it('gives spans of the key and of the value alone, with CRLF, a byte order mark and lines above', () => {
    const text = '\uFEFF# x\r\nexport OMP_NUM_THREADS = "8"  # eight\r\nB=2\r\n';
    const [omp, b] = settings(readText(reader, text));
    assert.ok(omp?.valueSpan && b?.valueSpan);
    assert.equal(text.slice(omp.nameSpan.start, omp.nameSpan.end), 'OMP_NUM_THREADS');
    assert.equal(text.slice(omp.valueSpan.start, omp.valueSpan.end), '"8"');
    assert.equal(text.slice(omp.span.start, omp.span.end), 'export OMP_NUM_THREADS = "8"');
    assert.equal(text.slice(b.valueSpan.start, b.valueSpan.end), '2');
  });

  it('reads a quoted value over several lines', () => {
    assert.deepEqual(read('A="x\ny"\nB=1\n').map(([name, value]) => [name, value]), [
      ['A', 'x\ny'],
      ['B', '1'],
    ]);
  });

  it('takes `${X}` from the process first, then from the file', () => {
    const [, b] = settings(readText(reader, 'A=4\nB=${A}\nC=${D:-2}x\n'));
    assert.deepEqual(b?.value, { kind: 'environment', name: 'A', fallback: { kind: 'known', value: '4', type: 'string' } });
    const c = settings(readText(reader, 'C=${D:-2}x\n'))[0];
    assert.equal(c?.value.kind, 'concatenation');
  });

  it('leaves a gap for a line that is no assignment and reads the rest', () => {
    const { facts } = readText(reader, 'A=1\nthis is not one\nB="open\nC=3\n');
    assert.deepEqual(facts.facts.map((fact) => fact.kind === 'setting' && fact.name), ['A', 'C']);
    assert.deepEqual(facts.gaps.map((gap) => gap.reason), ['syntax', 'syntax']);
  });

  it('reads suppressions', () => {
    const { facts } = readText(reader, '# threadgauge: ignore[omp-num-threads-invalid] measured\nOMP_NUM_THREADS=auto\n');
    const suppression = facts.facts.find((fact) => fact.kind === 'suppression');
    assert.deepEqual(suppression?.rules, ['omp-num-threads-invalid']);
    assert.equal(suppression?.reason, 'measured');
  });

  it('claims environment files and no others', () => {
    const claims = (name: string): string => reader.claims({ uri: `file:///w/${name}`, languageId: '', head: '' });
    for (const name of ['.env', '.env.local', 'prod.env', '.env.example']) assert.equal(claims(name), 'certain', name);
    for (const name of ['env.py', '.env.ts', 'environment', '.envrc']) assert.equal(claims(name), 'no', name);
  });

  it('places a variable: changed where it stands, else at the end', () => {
    assert.equal(place(reader, 'A=1\r\nOMP_NUM_THREADS="8" # x\r\nB=2', '', 'OMP_NUM_THREADS', '4'), 'A=1\r\nOMP_NUM_THREADS="4" # x\r\nB=2');
    assert.equal(place(reader, 'A=1\r\nB=2', '', 'OMP_NUM_THREADS', '4'), 'A=1\r\nB=2\r\nOMP_NUM_THREADS=4\r\n');
    assert.equal(place(reader, 'X= # none\n', '', 'X', '4'), 'X=4 # none\n');
    assert.equal(place(reader, '', '', 'OMP_NUM_THREADS', '4'), 'OMP_NUM_THREADS=4\n');
    assert.equal(place(reader, 'X=1\nX=2\nY=3\n', '', 'X', '5'), 'X=1\nX=5\nY=3\n');
    assert.equal(place(reader, 'X=1\nY=3\nexport X=2 # two\n', '', 'X', null), 'Y=3\n');
    assert.equal(place(reader, 'A=1\n', '', 'KMP_AFFINITY', 'granularity=fine,compact,1,0'), 'A=1\nKMP_AFFINITY=granularity=fine,compact,1,0\n');
    assert.equal(place(reader, 'A=1\n', '', 'X', 'a #b'), 'A=1\nX="a #b"\n');
  });

  it('refuses what loaders would read differently', () => {
    assert.ok(typeof place(reader, 'A=1\n', '', 'X', 'a\nb') !== 'string');
    assert.ok(typeof place(reader, 'A=1\n', '', 'BAD NAME', '1') !== 'string');
  });

  it('round trip: what is placed is read back, and taking it out gives the bytes back', () => {
    const random = randomNumbers(7);
    const base = '\uFEFF# head\r\nA=1\r\n\r\nexport B="two" # note\r\nC=\r\n';
    let placed = 0;
    for (let i = 0; i < 400; i++) {
      const text = i === 0 ? base : mutate(base, random);
      const value = ['4', 'a b', 'TRUE', 'close', "it's", ''][i % 6] ?? '';
      const result = place(reader, text, '', 'OMP_NUM_THREADS', value);
      if (typeof result !== 'string') continue;
      placed++;
      const fact = settings(readText(reader, result)).findLast((candidate) => candidate.name === 'OMP_NUM_THREADS');
      assert.deepEqual(fact?.value, { kind: 'known', value, type: 'string' }, JSON.stringify(text));
      const back = place(reader, result, '', 'OMP_NUM_THREADS', null);
      assert.ok(back === text || (typeof back === 'string' && /^[\r\n]*$/.test(back.slice(text.length)) && back.startsWith(text)), JSON.stringify([text, result, back]));
    }
    assert.ok(placed > 300, `${placed} of 400 were placed`);
  });

  it('is linear in the text', () => {
    const started = performance.now();
    readText(reader, 'A="\n'.repeat(100_000));
    readText(reader, `A='${'x'.repeat(2_000_000)}`);
    assert.ok(performance.now() - started < 3000);
  });
});
