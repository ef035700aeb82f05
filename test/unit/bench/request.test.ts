/** What a benchmark starts: command, directory, environment and settings, taken from the launch and its plan. */
import { strict as assert } from 'node:assert';
import { anchorCounts, armFor, chooseArms } from '../../../server/src/bench/arms.ts';
import { machineFromJson } from '../../../server/src/core/machine.ts';
import { prepared } from './launches.ts';

const SCRIPT = 'import torch\n\n\ndef main():\n    print(torch.ones(64, 64) @ torch.ones(64, 64))\n\n\nif __name__ == "__main__":\n    main()\n';
const configuration = (fields: string): string => `{ "configurations": [{ "name": "infer", "type": "debugpy", "request": "launch", "program": "\${workspaceFolder}/infer.py"${fields} }] }`;

describe('arms', () => {
  it('come from the machine: powers of two, physical, half, logical', () => {
    const machine = machineFromJson({ physicalCores: 12, logicalCores: 24 });
    assert.deepEqual([...anchorCounts(machine).keys()], [1, 2, 4, 6, 8, 12, 16, 24]);
    assert.match(anchorCounts(machine).get(12) ?? '', /physical cores/);
  });

  it('respect quota, affinity and NUMA', () => {
    assert.deepEqual([...anchorCounts(machineFromJson({ physicalCores: 64, logicalCores: 128, cpuQuota: 2.5 })).keys()], [1, 2, 3]);
    assert.deepEqual([...anchorCounts(machineFromJson({ physicalCores: 4, logicalCores: 4, affinity: [0, 1] })).keys()], [1, 2]);
    assert.ok(anchorCounts(machineFromJson({ physicalCores: 48, logicalCores: 48, numaNodes: 4 })).has(12));
  });

  it('hold the setting in force once, unchanged, at its place', () => {
    const machine = machineFromJson({ physicalCores: 4, logicalCores: 4 });
    const { arms, current } = chooseArms(machine, { kind: 'environment', names: ['OMP_NUM_THREADS'] }, { threads: 2, label: 'default (2 threads)', stated: false });
    assert.deepEqual(arms.map((arm) => arm.threads), [1, 2, 4]);
    assert.equal(current, 1);
    assert.deepEqual(arms[1]?.env, {});
    const unknown = chooseArms(machine, { kind: 'environment', names: ['OMP_NUM_THREADS'] }, { threads: null, label: 'default', stated: false });
    assert.equal(unknown.arms[unknown.current]?.threads, null);
    assert.equal(unknown.arms.length, 4);
  });

  it('reach every variable that would override the first', () => {
    assert.deepEqual(armFor(3, { kind: 'environment', names: ['OMP_NUM_THREADS', 'MKL_NUM_THREADS'] }, 'x').env, { OMP_NUM_THREADS: '3', MKL_NUM_THREADS: '3' });
    assert.equal(armFor(3, { kind: 'torchCall' }, 'x').torch_num_threads, 3);
    assert.equal(armFor(3, { kind: 'environment', names: ['OMP_NUM_THREADS'], pinned: true }, 'x').pin_env, true);
  });
});

describe('benchmark request', () => {
  it('starts a launch configuration as written', () => {
    const { request, preview } = prepared({ 'infer.py': SCRIPT, '.vscode/launch.json': configuration(', "args": ["--n", "2"], "env": { "OMP_NUM_THREADS": "4", "X": "${workspaceFolder}/x" }') }, 'infer');
    assert.equal(preview.refusal, null);
    assert.deepEqual(request?.workload.argv, ['/usr/bin/python', '/w/infer.py', '--n', '2']);
    assert.equal(request?.workload.cwd, '/w');
    assert.equal(request?.workload.python?.script_index, 1);
    assert.equal(request?.workload.env['OMP_NUM_THREADS'], '4');
    assert.equal(request?.workload.env['X'], '/w/x');
    assert.equal(request?.workload.env['HOME'], '/home/u');
    assert.ok(!Object.keys(request?.workload.env ?? {}).some((name) => /VSCODE|ELECTRON/.test(name)), 'the editor’s own variables stay out');
    assert.equal(request?.arms[request.current]?.label, 'OMP_NUM_THREADS=4');
    assert.deepEqual(request?.arms.map((arm) => arm.threads), [1, 2, 4, 8, 16]);
    assert.ok(preview.environment.some(({ name, value }) => name === 'OMP_NUM_THREADS' && value === '4'));
  });

  it('passes on the limit of memory and the CPUs of the machine that the answer is meant for', () => {
    const files = { 'infer.py': SCRIPT, 'run.sh': 'python infer.py\n' };
    const limited = prepared(files, null, { settings: { memoryLimit: '4GiB' }, targetCpus: 96 }).request;
    assert.deepEqual([limited?.limits?.memory_bytes, limited?.target_cpus], [4 * 2 ** 30, 96]);
    const free = prepared(files, null, { settings: { memoryLimit: '' }, targetCpus: null }).request;
    assert.ok(free && !('target_cpus' in free) && !('memory_bytes' in (free.limits ?? {})));
    assert.match(prepared(files, null, { settings: { memoryLimit: 'much' } }).preview.refusal ?? '', /The limit of memory, much, is no size such as 4GiB/);
  });

  it('keeps the wrappers that bind, drops those that do not change the program', () => {
    const { request } = prepared({ 'infer.py': SCRIPT, 'run.sh': 'export OMP_NUM_THREADS=2\nOMP_PROC_BIND=true nohup taskset -c 0-3 python3 -u infer.py --x 1\n' }, null);
    assert.deepEqual(request?.workload.argv, ['/usr/bin/taskset', '-c', '0-3', '/usr/bin/python3', '-u', 'infer.py', '--x', '1']);
    assert.equal(request?.workload.python?.script_index, 5);
    assert.equal(request?.workload.env['OMP_PROC_BIND'], 'true');
    assert.equal(request?.arms[request.current]?.threads, 2);
  });

  it('varies MKL_NUM_THREADS too where it would win', () => {
    const { request } = prepared({ 'infer.py': SCRIPT, 'run.sh': 'MKL_NUM_THREADS=4 python infer.py\n' }, null);
    assert.deepEqual(request?.arms.find((arm) => arm.threads === 8)?.env, { OMP_NUM_THREADS: '8', MKL_NUM_THREADS: '8' });
    assert.equal(request?.arms[request.current]?.label, 'MKL_NUM_THREADS=4');
  });

  it('says what a value stands for that is no count', () => {
    const { request } = prepared({ 'infer.py': SCRIPT, 'run.sh': 'OMP_NUM_THREADS=auto python infer.py\n' }, null);
    assert.match(request?.arms[request.current]?.label ?? '', /^OMP_NUM_THREADS=auto \(\d+ threads\)$/);
    assert.equal(prepared({ 'infer.py': SCRIPT, 'run.sh': 'OMP_NUM_THREADS=4 python infer.py\n' }, null).request?.arms[2]?.label, 'OMP_NUM_THREADS=4');
  });

  it('varies the call where the script decides', () => {
    const script = SCRIPT.replace('import torch\n', 'import torch\n\ntorch.set_num_threads(3)\n');
    const { request, mechanism } = prepared({ 'infer.py': script, 'run.sh': 'OMP_NUM_THREADS=8 python infer.py\n' }, null);
    assert.equal(mechanism.kind, 'torchCall');
    assert.equal(request?.arms[request.current]?.threads, 3);
    assert.equal(request?.arms.find((arm) => arm.threads === 8)?.torch_num_threads, 8);
    assert.deepEqual(request?.arms.find((arm) => arm.threads === 8)?.env, {});
  });

  it('pins the variable that the script writes itself', () => {
    const script = `import os\nos.environ["OMP_NUM_THREADS"] = "2"\n${SCRIPT}`;
    const { preview, request, mechanism } = prepared({ 'infer.py': script, 'run.sh': 'OMP_NUM_THREADS=8 python infer.py\n' }, null);
    assert.equal(preview.refusal, null);
    assert.deepEqual(mechanism, { kind: 'environment', names: ['OMP_NUM_THREADS'], pinned: true });
    assert.deepEqual(request?.arms.map((arm) => [arm.label, arm.env, arm.pin_env]), [
      ['OMP_NUM_THREADS=1', { OMP_NUM_THREADS: '1' }, true],
      ['OMP_NUM_THREADS=2 (set by infer.py)', {}, false],
      ['OMP_NUM_THREADS=4', { OMP_NUM_THREADS: '4' }, true],
      ['OMP_NUM_THREADS=8', { OMP_NUM_THREADS: '8' }, true],
      ['OMP_NUM_THREADS=16', { OMP_NUM_THREADS: '16' }, true],
    ]);
    assert.equal(request?.current, 1);
  });

  it('pins every variable with a say that the script writes, and none that it only defaults', () => {
    const both = `import os\nos.environ["OMP_NUM_THREADS"] = "2"\nos.environ["MKL_NUM_THREADS"] = "2"\n${SCRIPT}`;
    const { request } = prepared({ 'infer.py': both, 'run.sh': 'python infer.py\n' }, null);
    const four = request?.arms.find((arm) => arm.threads === 4);
    assert.deepEqual([four?.env, four?.pin_env], [{ OMP_NUM_THREADS: '4', MKL_NUM_THREADS: '4' }, true]);
    const defaulted = `import os\nos.environ.setdefault("OMP_NUM_THREADS", "2")\n${SCRIPT}`;
    const plain = prepared({ 'infer.py': defaulted, 'run.sh': 'python infer.py\n' }, null).request;
    assert.deepEqual(plain?.arms.map((arm) => [arm.threads, arm.pin_env]), [[1, false], [2, false], [4, false], [8, false], [16, false]]);
    assert.deepEqual([plain?.arms[1]?.label, plain?.arms[1]?.env], ['OMP_NUM_THREADS=2 (set by infer.py)', {}]);
  });

  it('needs the probe for a variable that the script writes', () => {
    const script = `import os\nos.environ["OMP_NUM_THREADS"] = "2"\n${SCRIPT}`;
    const { preview, request } = prepared({ 'infer.py': script, 'run.sh': 'python infer.py\n' }, null, {}, { probeDirectory: null });
    assert.match(preview.refusal ?? '', /The script itself sets OMP_NUM_THREADS, and the part of ThreadGauge that can vary it from outside is not available/);
    assert.equal(request, null);
  });

  it('leaves a write that comes too late to the environment', () => {
    const script = SCRIPT.replace('import torch\n', 'import os\nimport torch\nos.environ["OMP_NUM_THREADS"] = "2"\n');
    const { request } = prepared({ 'infer.py': script, 'run.sh': 'OMP_NUM_THREADS=8 python infer.py\n' }, null);
    assert.deepEqual(request?.arms.map((arm) => [arm.label, arm.pin_env]), [1, 2, 4, 8, 16].map((n) => [`OMP_NUM_THREADS=${n}`, false]));
  });

  it('leaves out values it does not know, and says so', () => {
    const { request, preview } = prepared({ 'infer.py': SCRIPT, 'run.sh': 'TOKEN=$(cat secret) OMP_NUM_THREADS=2 python infer.py\n' }, null);
    assert.equal(request?.workload.env['TOKEN'], undefined);
    assert.ok(preview.notes.some((note) => note.startsWith('TOKEN')), preview.notes.join());
  });

  for (const [what, files, id, pattern] of [
    ['a server', { 'app.py': 'import torch\n', 'run.sh': 'gunicorn -w 4 app:app\n' }, null, /starts a server, which does not end by itself.*Write a script that loads the same model and calls it a fixed number of times, and benchmark that with the same variables\.$/],
    ['torchrun', { 'infer.py': SCRIPT, 'run.sh': 'torchrun --nproc_per_node 4 infer.py\n' }, null, /through torchrun.*Benchmark one process on its share of the CPUs: taskset -c 0-3 python infer\.py/],
    ['a script that does not exist', { '.vscode/launch.json': configuration('').replace('infer.py', 'gone.py') }, 'infer', /gone\.py does not exist/],
    ['a command that is not known', { 'infer.py': SCRIPT, '.vscode/launch.json': configuration(', "args": ["${input:size}"]') }, 'infer', /not known before it starts/],
  ] as const) {
    it(`refuses ${what}, with a reason`, () => {
      const { preview, request } = prepared(files, id);
      assert.match(preview.refusal ?? '', pattern);
      assert.equal(request, null);
    });
  }

  it('refuses when there is no Python', () => {
    const { preview } = prepared({ 'infer.py': SCRIPT, 'run.sh': 'python infer.py\n' }, null, {}, { findInterpreter: () => ({ problem: 'No Python was found.' }) });
    assert.match(preview.refusal ?? '', /No Python was found/);
  });

  it('takes thread counts that are asked for', () => {
    const { request } = prepared({ 'infer.py': SCRIPT, 'run.sh': 'OMP_NUM_THREADS=8 python infer.py\n' }, null, { threads: [5, 3, 5] });
    assert.deepEqual(request?.arms.map((arm) => arm.threads), [3, 5, 8]);
  });

  it('names the libraries a program cannot do without', () => {
    const script = `${SCRIPT.replace('import torch\n', 'import json\nimport torch.nn\ntry:\n    import onnxruntime\nexcept ImportError:\n    pass\n')}`;
    assert.deepEqual(prepared({ 'infer.py': script, 'run.sh': 'python infer.py\n' }, null).modules, ['torch']);
  });
});
