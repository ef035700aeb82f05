/** Compares plans with what the installed PyTorch says in the same environment; skipped unless THREADGAUGE_PYTHON names a Python that has it. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machineFromJson, type Machine } from '../../../server/src/core/machine.ts';
import { onlyPlan } from './workspace.ts';

/** Asked for explicitly, because importing torch a dozen times takes a minute. */
const PYTHON = process.env['THREADGAUGE_PYTHON'];
const SCRIPT = 'import torch\nprint(torch.get_num_threads(), torch.get_num_interop_threads())\n';

/** The environment of this process without thread settings. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:OMP|MKL|GOMP|KMP|OPENBLAS|GOTO|NUMEXPR)_|^LD_PRELOAD$/.test(name)));
}

/** This machine, counted as the libraries do; null when torch or lscpu is missing. */
function probe(python: string): Machine | null {
  const torch = spawnSync(python, ['-c', 'import torch; print(torch.backends.mkl.is_available())'], { encoding: 'utf8', env: cleanEnvironment() });
  if (torch.status !== 0 || torch.stdout.trim() !== 'True') return null;
  const cpus = spawnSync('lscpu', ['--parse=CPU,CORE,SOCKET'], { encoding: 'utf8' });
  if (cpus.status !== 0) return null;
  const rows = cpus.stdout.split('\n').filter((line) => /^\d/.test(line)).map((line) => line.split(','));
  const cores = new Map<string, number[]>();
  for (const [cpu, core, socket] of rows) cores.set(`${socket}:${core}`, [...(cores.get(`${socket}:${core}`) ?? []), Number(cpu)]);
  const siblings = [...cores.values()];
  const affinity = execFileSync(python, ['-c', 'import os; print(*sorted(os.sched_getaffinity(0)))'], { encoding: 'utf8' }).trim().split(' ').map(Number);
  return machineFromJson({ os: 'linux', arch: 'x86_64', logicalCores: rows.length, physicalCores: siblings.length, siblings, affinity: affinity.length < rows.length ? affinity : null });
}

const ENVIRONMENTS: readonly Readonly<Record<string, string>>[] = [
  {},
  { OMP_NUM_THREADS: '1' },
  { OMP_NUM_THREADS: '64' },
  { OMP_NUM_THREADS: '0' },
  { OMP_NUM_THREADS: ' +3 , 2', MKL_DYNAMIC: 'FALSE' },
  { OMP_NUM_THREADS: '"3"', MKL_DYNAMIC: 'false' },
  { OMP_NUM_THREADS: '6', MKL_DYNAMIC: 'False' },
  { MKL_NUM_THREADS: '1', OMP_NUM_THREADS: '2' },
  { MKL_NUM_THREADS: ' 4', MKL_DYNAMIC: 'FALSE' },
  { MKL_NUM_THREADS: '0', OMP_NUM_THREADS: '5', MKL_DYNAMIC: 'FALSE' },
  { MKL_NUM_THREADS: '7', MKL_DYNAMIC: 'FALSE' },
  { MKL_DOMAIN_NUM_THREADS: 'MKL_DOMAIN_ALL=1' },
];

describe('plans against the installed PyTorch', function () {
  this.timeout(240_000);
  let machine: Machine | null = null;

  before(function () {
    machine = PYTHON !== undefined && process.platform === 'linux' && process.arch === 'x64' ? probe(PYTHON) : null;
    if (!machine) this.skip();
  });

  for (const environment of ENVIRONMENTS) {
    it(JSON.stringify(environment), async () => {
      assert.ok(machine && PYTHON);
      const exports = Object.entries(environment).map(([name, value]) => `export ${name}='${value}'\n`);
      const plan = await onlyPlan({ 'a.py': SCRIPT, 'run.sh': `${exports.join('')}python a.py\n` }, machine);
      const real = spawnSync(PYTHON, ['-c', SCRIPT], { encoding: 'utf8', env: { ...cleanEnvironment(), ...environment } });
      assert.equal(real.status, 0, real.stderr);
      assert.equal(`${plan.intraOp.value} ${plan.interOp.value}`, real.stdout.trim());
    });
  }

  it('set after import, and set by a call', async () => {
    assert.ok(machine && PYTHON);
    const script = 'import os\nimport torch\nos.environ["OMP_NUM_THREADS"] = "1"\ntorch.set_num_interop_threads(3)\ntorch.set_num_threads(5)\ntorch.set_num_threads(4)\nprint(torch.get_num_threads(), torch.get_num_interop_threads())\n';
    const plan = await onlyPlan({ 'a.py': script }, machine);
    const real = spawnSync(PYTHON, ['-c', script], { encoding: 'utf8', env: cleanEnvironment() });
    assert.equal(`${plan.intraOp.value} ${plan.interOp.value}`, real.stdout.trim(), real.stderr);
  });

  it('ranks of mp.spawn, which do not inherit the parent call', async () => {
    assert.ok(machine && PYTHON);
    const script = 'import os, sys\nimport torch\nimport torch.multiprocessing as mp\ndef work(rank):\n    torch.ones(256, 256) @ torch.ones(256, 256)\n    print(torch.get_num_threads(), flush=True)\nif __name__ == "__main__":\n    torch.set_num_threads(7)\n    mp.spawn(work, nprocs=2)\n';
    const plan = await onlyPlan({ 'a.py': script }, machine);
    const folder = mkdtempSync(join(tmpdir(), 'threadgauge-plan-'));
    try {
      writeFileSync(join(folder, 'a.py'), script);
      const real = spawnSync(PYTHON, ['a.py'], { cwd: folder, encoding: 'utf8', env: cleanEnvironment(), timeout: 120_000 });
      // Two ranks write at once, so their lines may run into one another.
      assert.deepEqual(real.stdout.match(/\d/g), [String(plan.intraOp.value), String(plan.intraOp.value)], real.stderr);
      assert.equal(plan.processes.value, 2);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
