/** Of files that say nothing by themselves an outline is enough until a program reaches them, and nobody can tell from what is found. */
import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseRuleDocument, readCarets } from '../../../scripts/ruleDocument.ts';
import type { Engine } from '../../../server/src/engine/engine.ts';
import { factsOfKind } from '../../../server/src/core/factsOfKind.ts';
import { outlinedImports, saysNothingAlone } from '../../../server/src/core/outlinedFile.ts';
import { createPythonReader } from '../../../server/src/readers/python/pythonReader.ts';
import { everything, READERS, realEngine, uriOf } from './realEngine.ts';

const python = READERS.find(({ id }) => id === 'python');

/** A program, a module that it imports, and modules and a test that nothing reaches. */
const FILES: Readonly<Record<string, string>> = {
  'serve.py': 'import torch\nimport model\n\nif __name__ == "__main__":\n    model.run(torch.ones(512, 512))\n',
  'model.py': 'import torch\n\n\nclass Net(torch.nn.Module):\n    def forward(self, x):\n        return torch.mm(x, x)\n\n\ndef run(x):\n    return Net()(x)\n',
  'layers.py': 'import torch\nfrom helpers import scale\n\n\nclass Layer(torch.nn.Module):\n    def forward(self, x):\n        return torch.mm(x, scale(x))\n',
  'helpers.py': 'import torch\n\n\ndef scale(x):\n    return torch.softmax(x, 0)\n',
  'tests/test_layers.py': 'import unittest\nimport layers\n\n\nclass Test(unittest.TestCase):\n    def test(self):\n        self.assertTrue(layers.Layer())\n\n\nif __name__ == "__main__":\n    unittest.main()\n',
};

/** What both find is the same; neither has to read more for it. */
function same(once: Engine, kept: Engine): void {
  assert.deepEqual(once.gaps(), kept.gaps());
  assert.deepEqual(once.findings(), kept.findings());
  assert.deepEqual(once.plans(), kept.plans());
}

describe('outlines', () => {
  it('are enough for what no program reaches', () => {
    const once = realEngine(FILES, { once: true });
    const kept = realEngine(FILES);
    same(once, kept);
    assert.ok(once.launches().length > 0);
    assert.equal(once.counters.outlines, 3);
    assert.ok(once.counters.reads < kept.counters.reads / 2, `${once.counters.reads} of ${kept.counters.reads} chunks`);
    assert.deepEqual(outlinedImports(once.facts(uriOf('layers.py')) ?? assert.fail()), ['torch', 'helpers', 'helpers.scale']);
    // Whoever asks for the facts gets all of them.
    assert.deepEqual(once.facts(uriOf('layers.py')), kept.facts(uriOf('layers.py')));
    assert.equal(once.counters.outlines, 2);
    assert.deepEqual(everything(once), everything(kept));
  });

  it('are not given up for kinds of facts that they cannot hold', () => {
    const once = realEngine(FILES, { once: true });
    const layers = once.facts(uriOf('layers.py')) ?? assert.fail();
    once.launches();
    assert.equal(once.counters.outlines, 3);
    assert.deepEqual(factsOfKind(layers, 'setting'), []);
    assert.equal(once.counters.outlines, 3);
    assert.deepEqual(factsOfKind(layers, 'load').map(({ module }) => module).slice(0, 2), ['torch', 'helpers']);
    assert.equal(once.counters.outlines, 2);
    assert.deepEqual(factsOfKind(undefined, 'load'), []);
  });

  it('give way when an edit adds an import', () => {
    const once = realEngine(FILES, { once: true });
    const kept = realEngine(FILES);
    same(once, kept);
    const changed = FILES['model.py']?.replace('import torch\n', 'import torch\nimport layers\n') ?? '';
    for (const engine of [once, kept]) engine.open({ uri: uriOf('model.py'), languageId: 'python', version: 2, text: changed });
    same(once, kept);
    assert.ok(once.launches()[0]?.reachable.includes(uriOf('helpers.py')));
    // Only the test is left.
    assert.equal(once.counters.outlines, 1);
    // And a file that starts to say something is read as well.
    const speaks = `${FILES['tests/test_layers.py'] ?? ''}# threadgauge: ignore[wall-clock-for-duration]\n`;
    for (const engine of [once, kept]) engine.open({ uri: uriOf('tests/test_layers.py'), languageId: 'python', version: 2, text: speaks });
    same(once, kept);
    assert.ok(!saysNothingAlone(once.facts(uriOf('tests/test_layers.py')) ?? assert.fail()));
  });

  it('tell gaps', () => {
    const broken = { ...FILES, 'layers.py': 'import torch\n\n\nclass Layer(torch.nn.Module:\n    def forward(self, x)\n        return = x\n' };
    const kept = realEngine(broken);
    same(realEngine(broken, { once: true }), kept);
    assert.ok(kept.gaps(uriOf('layers.py')).length > 0);
  });

  it('name the modules that the facts load', () => {
    const statements = [
      'import a, b.c as d',
      'from . import e',
      'from .f import (\n    g as h,  # one\n    i,\n)',
      'from j import *',
      'from torch import nn',
      'if x:\n    import k\nelif y:\n    import l\nelse:\n    import m',
      'from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import n\nelse:\n    import o',
      'if False:\n    import p\nelif z:\n    import q',
      'if True:\n    import r\nelse:\n    import s',
      'while 0:\n    import t\nelse:\n    import u',
      'try:\n    import v\nexcept ImportError:\n    import w\nelse:\n    import x1\nfinally:\n    import y1',
      'with open(f) as g:\n    for i in g:\n        import z1\n    else:\n        import z2',
      'class A:\n    import a2\n    async def f(self):\n        from .. import b2\n        def g():\n            import c2.d2',
      '@decorator\ndef f():\n    import e2',
      '"""\nimport no\n"""\n# import no\ntext = "import no"',
    ];
    for (const statement of statements) {
      const text = `import torch\n\n${statement}\n`;
      const modules = python?.outline?.(uriOf('pkg/module.py'), text)?.imports() ?? null;
      const loads = realEngine({ 'pkg/module.py': text }).facts(uriOf('pkg/module.py'))?.facts.flatMap((fact) => (fact.kind === 'load' ? [fact.module] : []));
      assert.deepEqual([...(modules ?? assert.fail(statement))].sort(), [...new Set(loads)].sort(), statement);
    }
  });

  it('are made of no file that a server reads its configuration from', () => {
    for (const name of ['gunicorn.conf.py', 'celeryconfig.py']) assert.equal(createPythonReader({ parse: () => null }).outline?.(uriOf(name), 'import torch\n\nworkers = 4\n'), null, name);
  });

  it('are enough for scripts without a word about threads, variables and imports', () => {
    const files = {
      'package.json': '{ "scripts": { "start": "node server.mjs" } }',
      'server.mjs': "import { InferenceSession } from 'onnxruntime-node';\nimport { options } from './options.mjs';\n\nconst session = await InferenceSession.create('m.onnx', options);\nawait session.run({});\n",
      'options.mjs': 'export const options = { intraOpNumThreads: 64 };\n',
      'web/chart.js': '(function () {\n  draw(document.body);\n})();\n',
      'web/broken.js': '(function () {\n  draw(=;\n',
      'web/page.js': "(function () {\n  require('./chart');\n})();\n",
    };
    const once = realEngine(files, { once: true });
    const kept = realEngine(files);
    same(once, kept);
    assert.equal(once.launches().length, 1);
    assert.deepEqual(['web/chart.js', 'web/broken.js', 'web/page.js', 'options.mjs'].filter((file) => saysNothingAlone(once.facts(uriOf(file)) ?? assert.fail())), ['web/chart.js', 'web/broken.js']);
    assert.equal(once.counters.outlines, 2);
    // What a program runs is read.
    const run = { ...files, 'server.mjs': `${files['server.mjs']}await import('./web/chart.js');\n` };
    const reached = realEngine(run, { once: true });
    same(reached, realEngine(run));
    assert.equal(reached.counters.outlines, 1);
  });

  it('keep nothing back from any rule', () => {
    const folder = path.resolve(import.meta.dirname, '../../../server/src/rules');
    let compared = 0;
    for (const id of readdirSync(folder)) {
      const page = path.join(folder, id, 'rule.md');
      if (id.includes('.')) continue;
      for (const section of parseRuleDocument(readFileSync(page, 'utf8')).sections) {
        const files = Object.fromEntries(section.fences.filter((fence) => fence.attributes['file'] !== undefined && fence.language !== 'diff').map((fence) => [fence.attributes['file'] ?? '', readCarets(fence).text]));
        if (!Object.keys(files).some((file) => /\.(?:py|[cm]?[jt]sx?)$/.test(file))) continue;
        same(realEngine(files, { once: true }), realEngine(files));
        compared++;
      }
    }
    assert.ok(compared > 150, `${compared} sections`);
  });
});
