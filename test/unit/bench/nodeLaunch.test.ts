/** Benchmarks of Node.js programs: what is started, what is varied, and what is refused. */
import { strict as assert } from 'node:assert';
import { findNodeCommand, listens, worksInNodePool } from '../../../server/src/bench/nodeLaunch.ts';
import { prepared } from './launches.ts';

const ORT = "import * as ort from 'onnxruntime-node';\nconst session = await ort.InferenceSession.create('m.onnx', { intraOpNumThreads: 2 });\nfor (let i = 0; i < 3; i++) await session.run({});\n";
const configuration = (fields: string): string => `{ "configurations": [{ "name": "infer", "type": "node", "request": "launch", "program": "\${workspaceFolder}/app.ts"${fields} }] }`;

describe('benchmark of a Node.js program', () => {
  it('finds Node.js, its options and its script', () => {
    assert.deepEqual(findNodeCommand(['node', '--env-file=.env', '-r', './x.js', 'app.mjs', '--n', '3']), { at: 0, loader: [], script: 4 });
    assert.deepEqual(findNodeCommand(['npx', 'tsx', 'app.ts']), { at: 1, loader: ['--import', 'tsx'], script: 2 });
    assert.deepEqual(findNodeCommand(['/opt/n/bin/node', '-e', '1']), { at: 0, loader: [], script: null });
    assert.equal(findNodeCommand(['python', 'node']), null);
    assert.equal(findNodeCommand(['make', 'node.js']), null);
  });

  it('starts a launch configuration as written, and replaces the option of the sessions', () => {
    const { request, preview, mechanism, modules } = prepared({ 'app.ts': ORT, '.vscode/launch.json': configuration(', "runtimeArgs": ["--expose-gc"], "args": ["--n", "2"], "env": { "X": "${workspaceFolder}/x" }') }, 'infer');
    assert.equal(preview.refusal, null);
    assert.deepEqual(request?.workload.argv, ['/usr/bin/node', '--expose-gc', '/w/app.ts', '--n', '2']);
    assert.deepEqual(request?.workload.node, { script_index: 2, probe_file: '/tg/node/probe.cjs', roots: ['/w'], region: 'after_imports' });
    assert.equal(request?.workload.python, null);
    assert.equal(request?.workload.env['X'], '/w/x');
    assert.deepEqual([mechanism, modules, preview.program], [{ kind: 'ortSessions' }, [], 'node']);
    assert.deepEqual(request?.arms.map(({ label, threads, ort_intra_op_threads: ort, env }) => [label, threads, ort ?? null, env]), [
      ['intraOpNumThreads=1', 1, 1, {}],
      ['intraOpNumThreads=2 (set by app.ts)', 2, null, {}],
      ['intraOpNumThreads=4', 4, 4, {}],
      ['intraOpNumThreads=8', 8, 8, {}],
      ['intraOpNumThreads=16', 16, 16, {}],
    ]);
    assert.equal(request?.current, 1);
  });

  it('runs tsx as Node.js with that loader', () => {
    const { request } = prepared({ 'app.ts': ORT, 'run.sh': 'npx tsx app.ts\n' }, null);
    assert.deepEqual(request?.workload.argv, ['/usr/bin/node', '--import', 'tsx', 'app.ts']);
    assert.equal(request?.workload.node?.script_index, 3);
  });

  it('varies the pool of libuv where the launch names it, or the script works in it', () => {
    const files = { 'app.mjs': "import { pbkdf2 } from 'node:crypto';\n", 'run.sh': 'UV_THREADPOOL_SIZE=8 node app.mjs\n' };
    const named = prepared({ ...files, 'app.mjs': `${files['app.mjs']}console.log(process.env.UV_THREADPOOL_SIZE);\n` }, null);
    assert.deepEqual([named.preview.refusal, named.mechanism], [null, { kind: 'environment', names: ['UV_THREADPOOL_SIZE'] }]);
    assert.equal(named.request?.arms[named.request.current]?.label, 'UV_THREADPOOL_SIZE=8');
    assert.deepEqual(named.request?.arms[0]?.env, { UV_THREADPOOL_SIZE: '1' });
    assert.ok(worksInNodePool("import { pbkdf2, gzip } from 'node:crypto'"));
    assert.ok(!worksInNodePool("import { createHash, pbkdf2Sync } from 'node:crypto'"));
    assert.ok(!worksInNodePool('const deflate = 3'));
  });

  it('pins the variable that the script writes', () => {
    const { request } = prepared({ 'app.cjs': "process.env.UV_THREADPOOL_SIZE = '2';\nrequire('zlib').deflate('x', () => {});\n", 'run.sh': 'node app.cjs\n' }, null);
    assert.deepEqual(request?.arms.map(({ label, pin_env: pinned }) => [label, pinned ?? false]).slice(0, 3), [
      ['UV_THREADPOOL_SIZE=1', true],
      ['UV_THREADPOOL_SIZE=2 (set by app.cjs)', false],
      ['UV_THREADPOOL_SIZE=4', true],
    ]);
  });

  it('varies the variable of TensorFlow.js', () => {
    const { request, mechanism } = prepared({ 'app.mjs': "import * as tf from '@tensorflow/tfjs-node';\ntf.matMul(a, b);\n", 'run.sh': 'node app.mjs\n' }, null);
    assert.deepEqual(mechanism, { kind: 'environment', names: ['TF_NUM_INTRAOP_THREADS'] });
    assert.deepEqual(request?.arms[0]?.env, { TF_NUM_INTRAOP_THREADS: '1' });
  });

  it('says what to do where nothing can be varied', () => {
    assert.match(prepared({ 'app.mjs': "import { getLlama } from 'node-llama-cpp';\nconst llama = await getLlama({ maxThreads: 2 });\n", 'run.sh': 'node app.mjs\n' }, null).preview.refusal ?? '', /node-llama-cpp, which takes its threads from the options of getLlama/);
    const nothing = prepared({ 'app.mjs': 'console.log(process.env.OMP_NUM_THREADS);\n', 'run.sh': 'OMP_NUM_THREADS=2 node app.mjs\n' }, null).preview.refusal ?? '';
    assert.match(nothing, /loads neither onnxruntime-node nor @tensorflow\/tfjs-node.*UV_THREADPOOL_SIZE=4/);
    assert.match(prepared({ 'app.ts': ORT, 'run.sh': 'node app.ts\n' }, null, {}, { nodeProbe: null }).preview.refusal ?? '', /option of its sessions, and the part of ThreadGauge/);
    assert.match(prepared({ 'app.ts': ORT, 'run.sh': 'bun app.ts\n' }, null).preview.refusal ?? '', /Bun, which a benchmark cannot look into/);
  });

  it('refuses servers, which wait for work', () => {
    assert.match(prepared({ 'app.ts': ORT, 'run.sh': 'node app.ts\n' }, null, {}, { textOf: () => `${ORT}app.listen(3000);\n` }).preview.refusal ?? '', /starts a server, which does not end by itself/);
    assert.match(prepared({ 'app.ts': ORT, 'run.sh': 'pm2 start app.ts\n' }, null).preview.refusal ?? '', /starts a server/);
    assert.match(prepared({ 'app.ts': ORT, 'run.sh': 'node --watch app.ts\n' }, null).preview.refusal ?? '', /starts a server/);
    assert.ok(listens('app.listen(process.env.PORT ?? 3000)') && listens('server.listen({ port: 1 })') && listens('await app.listen()'));
    assert.ok(!listens('emitter.listen("x")') && !listens('// app.listen(3000)'));
  });

  it('does not exist without the script', () => {
    assert.match(prepared({ 'app.ts': ORT, 'run.sh': 'node app.ts\n' }, null, {}, { isFile: () => false }).preview.refusal ?? '', /The script \/w\/app\.ts does not exist/);
    assert.match(prepared({ 'app.ts': ORT, 'run.sh': 'node app.ts\n' }, null, {}, { findProgram: () => null }).preview.refusal ?? '', /No Node\.js was found/);
  });
});
