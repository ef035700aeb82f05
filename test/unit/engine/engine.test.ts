/** The engine's promises: nothing runs twice for equal facts, nothing that fails takes the rest along. */
import { strict as assert } from 'node:assert';
import type { Reader } from '../../../server/src/core/reader.ts';
import { applyEdits } from '../../../server/src/core/sourceText.ts';
import { combineSafeFixes } from '../../../server/src/engine/combineFixes.ts';
import { type Engine, fillTemplate, MAX_FILE_SIZE } from '../../../server/src/engine/engine.ts';
import { defineRule, type FileInput, type PlanInput, type Report, type Rule } from '../../../server/src/rules/rule.ts';
import { RULES } from '../../../server/src/rules/index.ts';
import { MACHINE, READERS, everything, realEngine, uriOf } from './realEngine.ts';

const LATE = `import os\nimport torch\n\nos.environ["OMP_NUM_THREADS"] = "4"\n\n\ndef main():\n    """Docs."""\n    print(torch.ones(3) @ torch.ones(3))\n\n\nif __name__ == "__main__":\n    main()\n`;

function rulesFound(engine: Engine, file: string): string[] {
  return engine.findings(uriOf(file)).map((finding) => finding.rule);
}

describe('engine', () => {
  it('finds what a file shows, and forgets it with the file', () => {
    const engine = realEngine({ 'late.py': LATE });
    assert.ok(rulesFound(engine, 'late.py').includes('env-set-after-import'));
    engine.close(uriOf('late.py'));
    assert.deepEqual(engine.findings(), []);
    assert.deepEqual(engine.plans(), []);
    assert.equal(engine.facts(uriOf('late.py')), undefined);
  });

  it('does nothing downstream when an edit leaves the facts as they are', () => {
    const engine = realEngine({ 'late.py': LATE });
    const before = everything(engine);
    const { generation } = engine;
    const { reads: readsBefore, ...downstreamBefore } = engine.counters;
    // A blank line between statements, and another word in a docstring.
    const at = LATE.indexOf('\nos.environ');
    const word = LATE.indexOf('Docs');
    engine.change(uriOf('late.py'), 2, [
      { start: at, end: at, newText: '\n' },
      { start: word, end: word + 4, newText: 'Text' },
    ]);
    assert.equal(engine.findings().length > 0, true);
    const { reads, ...downstream } = engine.counters;
    assert.deepEqual(downstream, downstreamBefore);
    assert.ok(reads > readsBefore && reads - readsBefore <= 3, `${reads - readsBefore} chunks were read again`);
    assert.equal(engine.generation, generation);
    assert.notDeepEqual(everything(engine), before, 'offsets follow the text');
  });

  it('computes nothing again when facts move within their statement, and everything when one changes', () => {
    const text = 'import os\nimport torch\n\n\ndef main():\n    os.environ["OMP_NUM_THREADS"] = "4"\n    print(torch.ones(3) @ torch.ones(3))\n\n\nif __name__ == "__main__":\n    main()\n';
    const engine = realEngine({ 'late.py': text });
    const [before] = engine.findings();
    assert.equal(before?.rule, 'env-set-after-import');
    const { links, plans, rules } = engine.counters;
    const { generation } = engine;
    const at = text.indexOf('    os.environ');
    engine.change(uriOf('late.py'), 2, [{ start: at, end: at, newText: '    count = 1\n' }]);
    const edited = engine.text(uriOf('late.py'))?.text ?? '';
    const [after] = engine.findings();
    assert.ok(after);
    const { start, end } = engine.resolve(after.primary);
    const old = engine.resolve(before.primary);
    assert.equal(edited.slice(start, end), edited.slice(old.start + 14, old.end + 14), 'the finding moved with its text');
    assert.ok(edited.slice(start, end).includes('OMP_NUM_THREADS'));
    assert.deepEqual([engine.counters.links, engine.counters.plans, engine.counters.rules], [links, plans, rules]);
    assert.ok(engine.generation > generation, 'places may have changed');
    assert.deepEqual(everything(engine), everything(realEngine({ 'late.py': edited })));
    // Back again, then a real change.
    engine.change(uriOf('late.py'), 3, [{ start: at, end: at + 14, newText: '' }]);
    assert.deepEqual(everything(engine), everything(realEngine({ 'late.py': text })));
    assert.equal(engine.counters.links, links);
    const value = text.indexOf('"4"') + 1;
    engine.change(uriOf('late.py'), 4, [{ start: value, end: value + 1, newText: '8' }]);
    assert.deepEqual(everything(engine), everything(realEngine({ 'late.py': text.replace('"4"', '"8"') })));
    assert.equal(engine.counters.links, links + 1);
  });

  it('computes anew when the place of a finding cannot be followed', () => {
    const meta = { id: 'odd', family: 'typo', severity: 'warning', stage: 'stable', since: '0', fix: 'none', summary: '', sources: [''], messages: { m: 'odd' }, needs: 'file' } as const;
    // A place that no fact has: the first character of the second line of the body.
    const odd = defineRule({ ...meta, check: ({ file }: FileInput, report: (r: Report<'m'>) => void) => { const fact = file.facts.find((f) => f.kind === 'setting'); if (fact) report({ messageId: 'm', at: { uri: file.uri, span: { ...fact.span, start: fact.span.start - 3, end: fact.span.start - 1 } } }); } }) as Rule;
    const text = 'import os\n\ndef f():\n    os.environ["OMP_NUM_THREADS"] = "4"\n';
    const engine = realEngine({ 'a.py': text }, { rules: [odd] });
    engine.findings();
    const { rules } = engine.counters;
    const at = text.indexOf('    os.environ');
    engine.change(uriOf('a.py'), 2, [{ start: at, end: at, newText: '    count = 1\n' }]);
    const scratch = realEngine({ 'a.py': engine.text(uriOf('a.py'))?.text ?? '' }, { rules: [odd] });
    assert.deepEqual(everything(engine), everything(scratch));
    assert.equal(engine.counters.rules, rules + 1);
  });

  it('plans again only the launches that an edit reaches', () => {
    const engine = realEngine({ 'late.py': LATE, 'other.py': LATE.replaceAll('4', '2'), 'third.py': 'print("no threads here")\n' });
    assert.equal(engine.plans().length, 2);
    const { plans } = engine.counters;
    const at = LATE.indexOf('"4"') + 1;
    engine.change(uriOf('late.py'), 2, [{ start: at, end: at + 1, newText: '8' }]);
    assert.equal(engine.plans(uriOf('late.py')).length, 1);
    assert.equal(engine.counters.plans, plans + 1);
  });

  it('silences what a comment asks to be silenced, and only that', () => {
    const silenced = LATE.replace('= "4"\n', '= "4"  # threadgauge: ignore[env-set-after-import] set for children\n');
    assert.ok(!rulesFound(realEngine({ 'late.py': silenced }), 'late.py').includes('env-set-after-import'));
    const other = LATE.replace('= "4"\n', '= "4"  # threadgauge: ignore[some-other-rule] no\n');
    assert.ok(rulesFound(realEngine({ 'late.py': other }), 'late.py').includes('env-set-after-import'));
  });

  it('says once what holds for several launches', () => {
    const configuration = (name: string): string => `{ "name": "${name}", "type": "debugpy", "request": "launch", "program": "\${workspaceFolder}/late.py" }`;
    const engine = realEngine({ 'late.py': LATE, '.vscode/launch.json': `{ "configurations": [${configuration('one')}, ${configuration('two')}] }` });
    const found = engine.findings(uriOf('late.py')).filter(({ rule }) => rule === 'env-set-after-import');
    assert.equal(found.length, 1);
    assert.equal(found[0]?.launches.length, 2);
  });

  it('takes a rule off, or changes how loud it is', () => {
    const engine = realEngine({ 'late.py': LATE });
    engine.setConfig({ rules: { 'env-set-after-import': 'error' } });
    assert.equal(engine.findings().find(({ rule }) => rule === 'env-set-after-import')?.severity, 'error');
    engine.setConfig({ rules: { 'env-set-after-import': 'off' } });
    assert.ok(!rulesFound(engine, 'late.py').includes('env-set-after-import'));
    engine.setConfig({});
    assert.ok(rulesFound(engine, 'late.py').includes('env-set-after-import'));
  });

  it('computes for the machine it is given', () => {
    const engine = realEngine({ 'run.sh': 'OMP_NUM_THREADS=12 python app.py\n', 'app.py': 'import torch\nprint(torch.ones(3) @ torch.ones(3))\n' });
    const before = engine.plans()[0];
    engine.setMachine({ ...MACHINE, logicalCores: 4, physicalCores: 4 });
    const after = engine.plans()[0];
    assert.equal(before?.cores.value, 16);
    assert.equal(after?.cores.value, 4);
    assert.ok((after?.ratio ?? 0) > (before?.ratio ?? 0));
  });

  it('leaves binary and oversized files unread, and says so', () => {
    const engine = realEngine({ 'binary.py': 'import torch\0\0', 'huge.py': `#${'x'.repeat(MAX_FILE_SIZE)}\n`, 'late.py': LATE });
    engine.openUnreadable({ uri: uriOf('latin.py'), languageId: 'python' }, 'encoding', 'The file is not valid UTF-8 and was not read.');
    assert.deepEqual(
      engine.gaps().map(({ uri, gap }) => [uri, gap.reason]),
      [
        [uriOf('binary.py'), 'binary'],
        [uriOf('huge.py'), 'too-large'],
        [uriOf('latin.py'), 'encoding'],
      ],
    );
    assert.ok(rulesFound(engine, 'late.py').includes('env-set-after-import'));
    // Once it can be read, the gap is gone.
    engine.open({ uri: uriOf('binary.py'), languageId: 'python', version: 2, text: LATE });
    assert.ok(rulesFound(engine, 'binary.py').includes('env-set-after-import'));
    assert.equal(engine.gaps(uriOf('binary.py')).length, 0);
  });

  it('survives rules and readers that throw, and reports them', () => {
    const logged: string[] = [];
    const bad = defineRule({ id: 'bad', family: 'typo', severity: 'warning', stage: 'stable', since: '0', fix: 'none', summary: '', sources: [''], messages: { m: '' }, needs: 'plan', check: () => { throw new Error('rule'); } }) as Rule;
    const reader: Reader = { id: 'bad', claims: ({ uri }) => (uri.endsWith('.bad') ? 'certain' : 'no'), split: (text) => [{ start: 0, end: text.length }], read: () => { throw new Error('reader'); }, isEmpty: () => false, assemble: () => ({ facts: [], gaps: [] }) };
    const engine = realEngine({ 'late.py': LATE, 'x.bad': 'x' }, { readers: [...READERS, reader], rules: [bad, ...RULES], log: (message) => logged.push(message) });
    assert.ok(rulesFound(engine, 'late.py').includes('env-set-after-import'));
    assert.equal(engine.gaps(uriOf('x.bad')).length, 1);
    assert.ok(logged.some((message) => message.includes('Rule bad')) && logged.some((message) => message.includes('Reader bad')), logged.join());
  });

  it('lets a rule that looks at the whole workspace see every change, and the others none', () => {
    const evaluations: string[] = [];
    const meta = { family: 'typo', severity: 'warning', stage: 'stable', since: '0', fix: 'none', summary: '', sources: [''], messages: { m: '' }, needs: 'plan' } as const;
    const wide = defineRule({ ...meta, id: 'wide', check: ({ graph }: PlanInput) => { evaluations.push(`wide ${graph.launches.length}`); } }) as Rule;
    const narrow = defineRule({ ...meta, id: 'narrow', check: () => { evaluations.push('narrow'); } }) as Rule;
    const engine = realEngine({ 'late.py': LATE }, { rules: [wide, narrow] });
    engine.findings();
    engine.open({ uri: uriOf('more.py'), languageId: 'python', version: 1, text: LATE });
    engine.findings();
    assert.deepEqual(evaluations, ['wide 1', 'narrow', 'wide 2', 'wide 2', 'narrow']);
  });

  it('works slice by slice to the same end', () => {
    const files = { 'late.py': LATE, 'other.py': LATE };
    const sliced = realEngine(files);
    let slices = 0;
    while (sliced.advance()) slices++;
    assert.ok(slices > 4);
    assert.deepEqual(everything(sliced), everything(realEngine(files)));
  });

  it('refuses edits that make no sense', () => {
    const engine = realEngine({ 'late.py': LATE });
    assert.throws(() => engine.change(uriOf('late.py'), 2, [{ start: 0, end: 5, newText: '' }, { start: 3, end: 6, newText: '' }]), RangeError);
    assert.throws(() => engine.change(uriOf('absent.py'), 2, []), RangeError);
  });

  it('applies safe fixes together so that none of them is left to report', () => {
    const engine = realEngine({ 'late.py': LATE, '.env': 'OMP_NUM_THREADS = 4\n' });
    for (let pass = 0; pass < 5; pass++) {
      const { edits, applied } = combineSafeFixes(engine.findings(), (fix) => engine.materialise(fix));
      if (applied.length === 0) break;
      for (const [uri, list] of edits) engine.open({ uri, languageId: '', version: pass + 2, text: applyEdits(engine.text(uri)?.text ?? '', list) });
    }
    const left = combineSafeFixes(engine.findings(), (fix) => engine.materialise(fix));
    assert.equal(left.applied.length, 0);
  });

  it('fills templates and leaves what is not given', () => {
    assert.equal(fillTemplate('{a} and {b}', { a: 1 }), '1 and {b}');
    assert.equal(fillTemplate('{constructor}', {}), '{constructor}');
  });
});
