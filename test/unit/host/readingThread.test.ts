/** A second thread reads files ahead, and nobody can tell from what is found. */
import { strict as assert } from 'node:assert';
import { pythonProgram, workspaceOf } from '../../../scripts/generatedPrograms.ts';
import type { Engine } from '../../../server/src/engine/engine.ts';
import { ReadingThread } from '../../../server/src/host/node/readingThread.ts';
import { everything, realEngine, uriOf } from '../engine/realEngine.ts';

/** Modules that say nothing by themselves, of which a program reaches one; a broken one, a test, other formats, and a name that nothing claims. */
const FILES: Readonly<Record<string, string>> = {
  'a/serve.py': 'import torch\nimport model\n\nif __name__ == "__main__":\n    model.run(torch.ones(512, 512))\n',
  'a/model.py': 'import torch\n\n\nclass Net(torch.nn.Module):\n    def forward(self, x):\n        return torch.mm(x, x)\n\n\ndef run(x):\n    return Net()(x)\n',
  'a/layers.py': 'import torch\nimport model\n\n\nclass Layer(torch.nn.Module):\n    def forward(self, x):\n        return torch.mm(x, x)\n',
  'a/broken.py': 'import torch\n\n\nclass Layer(torch.nn.Module:\n    def forward(self, x)\n        return = x\n',
  'tests/test_layers.py': 'import unittest\nimport layers\n\n\nclass Test(unittest.TestCase):\n    def test(self):\n        self.assertTrue(layers.Layer())\n',
  'k8s/run.sh': 'export OMP_NUM_THREADS=64\nexport MKL_NUM_THREADS=2\npython3 ../a/serve.py\n',
  'web/server.js': "const ort = require('onnxruntime-node');\nort.InferenceSession.create('m.onnx', { intraOpNumThreads: 64 });\n",
  'web/notes.txt': 'OMP_NUM_THREADS=2\n',
  'z/late.py': `${pythonProgram(200)}\nimport os\nos.environ["OMP_NUM_THREADS"] = "4"\n`,
};

/** Two engines over the same files, one with a thread that has started. */
function engines(files: Readonly<Record<string, string>>, help: ReadingThread): { readonly helped: Engine; readonly alone: Engine } {
  const helped = realEngine(files, { once: true, help });
  help.start(Object.entries(files).map(([file, text]) => ({ uri: uriOf(file), text })));
  return { helped, alone: realEngine(files, { once: true }) };
}

function same(helped: Engine, alone: Engine): void {
  assert.deepEqual(helped.findings(), alone.findings());
  assert.deepEqual(helped.plans(), alone.plans());
  assert.deepEqual(helped.gaps(), alone.gaps());
  assert.deepEqual(everything(helped), everything(alone));
}

describe('reading ahead', function () {
  this.timeout(60_000);
  let help: ReadingThread;

  beforeEach(() => {
    help = new ReadingThread();
    help.prepare();
  });
  afterEach(() => help.stop());

  it('finds the same as one thread does', () => {
    const files = { ...Object.fromEntries(workspaceOf(200)), ...FILES };
    const { helped, alone } = engines(files, help);
    same(helped, alone);
    assert.ok(alone.findings().length > 0);
  });

  it('leaves nothing to read when it has done everything', async () => {
    const { helped, alone } = engines(FILES, help);
    await help.idle();
    assert.deepEqual(helped.findings(), alone.findings());
    assert.equal(helped.counters.reads, 0);
    assert.deepEqual(helped.plans(), alone.plans());
    assert.deepEqual(helped.gaps(), alone.gaps());
    assert.ok(helped.gaps(uriOf('a/broken.py')).length > 0);
    same(helped, alone);
  });

  it('has no say in a text that changed', async () => {
    const { helped } = engines(FILES, help);
    await help.idle();
    const changed = { ...FILES, 'k8s/run.sh': 'export OMP_NUM_THREADS=4\npython3 ../a/serve.py\n', 'a/layers.py': 'import numpy\n' };
    for (const file of ['k8s/run.sh', 'a/layers.py'] as const) helped.open({ uri: uriOf(file), languageId: '', version: 2, text: changed[file] });
    same(helped, realEngine(changed, { once: true }));
  });

  it('is not waited for once it has ended', async () => {
    const { helped, alone } = engines(FILES, help);
    await help.stop();
    same(helped, alone);
  });
});
