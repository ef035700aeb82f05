/** What is taken for a program that people start by hand. */
import { strict as assert } from 'node:assert';
import { TOP_LEVEL, type FileFacts } from '../../../server/src/core/fact.ts';
import { buildLaunchGraph } from '../../../server/src/link/launchGraph.ts';
import { realEngine, uriOf } from '../engine/realEngine.ts';

function program(uri: string): [string, FileFacts] {
  const span = { chunk: 0, start: 0, end: 12 };
  return [uri, { uri, reader: 'python', facts: [{ kind: 'load', span, scope: TOP_LEVEL, module: 'torch' }, { kind: 'compute', span, scope: TOP_LEVEL, library: 'torch', text: 'a @ b', certain: true }], gaps: [] }];
}

describe('programs', () => {
  it('are test code by their path inside the workspace, not by the folders above it', () => {
    const launched = (...uris: string[]): string[] => buildLaunchGraph(new Map(uris.map(program))).launches.map(({ uri }) => uri);
    assert.deepEqual(launched('file:///home/me/test/project/run.py', 'file:///home/me/test/project/tools/more.py'), ['file:///home/me/test/project/run.py', 'file:///home/me/test/project/tools/more.py']);
    assert.deepEqual(launched('file:///home/me/project/run.py', 'file:///home/me/project/tests/speed.py', 'file:///home/me/project/a/test/speed.py'), ['file:///home/me/project/run.py']);
    assert.deepEqual(launched('file:///home/me/tests/project/test_speed.py'), []);
  });

  it('do something: decorators and default arguments of what a module defines are no work of its own', () => {
    const library = 'import torch\nfrom .auth import allowed\n\n\nclass Pipeline:\n    @torch.no_grad()\n    def __call__(self, x):\n        return torch.mm(x, x)\n\n\n@torch.inference_mode()\ndef run(x, user=allowed("run")):\n    return torch.mm(x, x)\n';
    const launched = (text: string): string[] => realEngine({ 'pkg/pipeline.py': text, 'pkg/auth.py': 'def allowed(name):\n    return name\n' }).launches().map(({ uri }) => uri);
    assert.deepEqual(launched(library), []);
    assert.deepEqual(launched(`${library}\n\nrun(torch.ones(8, 8))\n`), [uriOf('pkg/pipeline.py')]);
    assert.deepEqual(launched(`${library}\n\nwith torch.no_grad():\n    Pipeline()(torch.ones(8, 8))\n`), [uriOf('pkg/pipeline.py')]);
    // The body of a class runs when the class is made.
    assert.deepEqual(launched(`${library}\n\nclass Table:\n    powers = run(torch.ones(8, 8))\n`), [uriOf('pkg/pipeline.py')]);
  });
});
