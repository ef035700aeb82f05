/** What is taken for a program that people start by hand. */
import { strict as assert } from 'node:assert';
import { TOP_LEVEL, type FileFacts } from '../../../server/src/core/fact.ts';
import { buildLaunchGraph } from '../../../server/src/link/launchGraph.ts';

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
});
