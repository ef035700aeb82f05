/** Annotations follow their statements through edits. */
import assert from 'node:assert/strict';
import { applyChanges, isStale, track, type Change, type Tracked } from '../../../client/src/annotate/trackedLines.ts';

interface Edit {
  readonly from: readonly [line: number, character: number];
  readonly to: readonly [line: number, character: number];
  readonly text: string;
}

const START = ['import torch', '', 'def f(x):', '    y = x @ x', '    return y', '', 'f(torch.ones(3, 3))'];

/** A document with the values 3, 4 and 6 on their lines, edited event by event. */
class Document {
  lines = [...START];
  tracked: readonly Tracked<number>[];

  constructor() {
    this.tracked = track([3, 4, 6].map((line) => ({ line, value: line })), (line) => this.lines[line]);
  }

  /** One event; its edits refer to the text before it. */
  edit(...edits: readonly Edit[]): this {
    const offset = (position: readonly [number, number]): number => this.lines.slice(0, position[0]).reduce((sum, line) => sum + line.length + 1, 0) + position[1];
    let text = this.lines.join('\n');
    for (const { from, to, text: inserted } of [...edits].sort((a, b) => offset(b.from) - offset(a.from))) {
      text = text.slice(0, offset(from)) + inserted + text.slice(offset(to));
    }
    this.lines = text.split('\n');
    const changes: Change[] = edits.map(({ from, to, text: inserted }) => ({
      start: { line: from[0], character: from[1] },
      end: { line: to[0], character: to[1] },
      insertedBreaks: inserted.split('\n').length - 1,
    }));
    this.tracked = applyChanges(this.tracked, changes, (line) => this.lines[line]);
    return this;
  }

  /** Line and staleness by value. */
  get state(): Record<number, string> {
    return Object.fromEntries(this.tracked.map((t) => [t.value, t.line === null ? 'gone' : `${t.line}${isStale(t, (line) => this.lines[line]) ? ' stale' : ''}`]));
  }
}

describe('tracked lines', () => {
  it('move with text inserted or removed above them', () => {
    assert.deepEqual(new Document().edit({ from: [1, 0], to: [1, 0], text: 'import os\n' }).state, { 3: '4', 4: '5', 6: '7' });
    assert.deepEqual(new Document().edit({ from: [0, 0], to: [2, 0], text: '' }).state, { 3: '1', 4: '2', 6: '4' });
  });

  it('move when a line is inserted directly before them, and stay when one is inserted after', () => {
    assert.deepEqual(new Document().edit({ from: [3, 0], to: [3, 0], text: '    z = 1\n' }).state, { 3: '4', 4: '5', 6: '7' });
    assert.deepEqual(new Document().edit({ from: [3, 13], to: [3, 13], text: '\n    z = 1' }).state, { 3: '3', 4: '5', 6: '7' });
  });

  it('turn stale when their own text changes, alone, and fresh again on undo', () => {
    const document = new Document().edit({ from: [3, 10], to: [3, 11], text: '*' });
    assert.deepEqual(document.state, { 3: '3 stale', 4: '4', 6: '6' });
    assert.deepEqual(document.edit({ from: [3, 10], to: [3, 11], text: '@' }).state, { 3: '3', 4: '4', 6: '6' });
  });

  it('do not turn stale by a new indentation', () => {
    assert.deepEqual(new Document().edit({ from: [3, 0], to: [3, 4], text: '\t' }).state, { 3: '3', 4: '4', 6: '6' });
  });

  it('go with their statement and come back with it', () => {
    const document = new Document().edit({ from: [3, 0], to: [5, 0], text: '' });
    assert.deepEqual(document.state, { 3: 'gone', 4: 'gone', 6: '4' });
    assert.deepEqual(document.edit({ from: [3, 0], to: [3, 0], text: '    y = x @ x\n    return y\n' }).state, { 3: '3', 4: '4', 6: '6' });
  });

  it('survive the replacement of the whole text by a formatter', () => {
    const formatted = START.join('\n').replace('import torch\n\n', 'import torch\n\n\n').replace('def f(x):', 'def f(x) -> object:');
    assert.deepEqual(new Document().edit({ from: [0, 0], to: [6, 19], text: formatted }).state, { 3: '4', 4: '5', 6: '7' });
  });

  it('follow several edits in one event', () => {
    const document = new Document().edit({ from: [0, 0], to: [0, 0], text: '# a\n' }, { from: [3, 4], to: [3, 5], text: 'w' }, { from: [5, 0], to: [6, 0], text: '' });
    assert.deepEqual(document.state, { 3: '4 stale', 4: '5', 6: '6' });
  });

  it('keep their place when the line breaks inside them', () => {
    assert.deepEqual(new Document().edit({ from: [3, 9], to: [3, 9], text: '\n' }).state, { 3: '3 stale', 4: '5', 6: '7' });
  });

  it('turn stale when any line of a statement of several lines changes, and only then', () => {
    const lines = ['with a(', '    1,', '):', '    f(', '        x,', '    )', 'g()'];
    const at = (document: readonly string[]) => (line: number): string | undefined => document[line];
    const tracked = track([{ line: 0, endLine: 2, value: 'with' }, { line: 3, endLine: 5, value: 'f' }, { line: 6, endLine: 6, value: 'g' }], at(lines));
    const after = (change: Change, document: readonly string[]): unknown => applyChanges(tracked, [change], at(document)).map((t) => [t.value, t.line, isStale(t, at(document))]);
    const inLine = (line: number): Change => ({ start: { line, character: 4 }, end: { line, character: 4 }, insertedBreaks: 0 });
    assert.deepEqual(after(inLine(1), lines.with(1, '    21,')), [['with', 0, true], ['f', 3, false], ['g', 6, false]]);
    assert.deepEqual(after(inLine(4), lines.with(4, '        y,')), [['with', 0, false], ['f', 3, true], ['g', 6, false]]);
    const added: Change = { start: { line: 4, character: 10 }, end: { line: 4, character: 10 }, insertedBreaks: 1 };
    assert.deepEqual(after(added, lines.toSpliced(5, 0, '        z,')), [['with', 0, false], ['f', 3, true], ['g', 7, false]]);
    const above: Change = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 }, insertedBreaks: 1 };
    assert.deepEqual(after(above, ['# new', ...lines]), [['with', 1, false], ['f', 4, false], ['g', 7, false]]);
  });

  it('stay inside the document through random edits', () => {
    let seed = 1;
    const random = (below: number): number => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return Math.floor((seed / 2147483648) * below);
    };
    for (let round = 0; round < 300; round++) {
      const document = new Document();
      for (let i = 0; i < 8; i++) {
        const from = random(document.lines.length);
        const to = Math.min(document.lines.length - 1, from + random(3));
        const character = random((document.lines[from] ?? '').length + 1);
        const endCharacter = from === to ? character + random((document.lines[to] ?? '').length - character + 1) : random((document.lines[to] ?? '').length + 1);
        document.edit({ from: [from, character], to: [to, endCharacter], text: ['', 'x', '\n', '    y = x @ x\n'][random(4)] ?? '' });
        const places = document.tracked.flatMap((t) => (t.line === null ? [] : [t.line]));
        for (const line of places) assert.ok(line >= 0 && line < document.lines.length, `line ${line} of ${document.lines.length}`);
      }
    }
  });
});
