/** Damaged workspaces: the plan keeps its laws whatever the texts say, and nothing throws or hangs. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { UNKNOWN_MACHINE, type Machine } from '../../../server/src/core/machine.ts';
import type { Plan } from '../../../server/src/core/plan.ts';
import { describePlan, explainPlan } from '../../../server/src/plan/explain.ts';
import { fittingThreads, oversubscription } from '../../../server/src/plan/oversubscription.ts';
import { M16, M2, plansOf } from './workspace.ts';

const EXAMPLE = new URL('../../../examples/matmul/', import.meta.url);
const WORKSPACE: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['infer.py', 'serve.py', 'serve.sh', '.env', '.vscode/launch.json'].map((name) => [name, readFileSync(new URL(name, EXAMPLE), 'utf8')])),
  'pool.py': 'import os\nimport multiprocessing as mp\nimport torch\nfrom concurrent.futures import ThreadPoolExecutor\nfrom infer import main\nos.environ.setdefault("MKL_NUM_THREADS", str(os.cpu_count() // 2))\ndef work(x):\n    torch.set_num_threads(2)\n    return torch.mm(x, x)\nif __name__ == "__main__":\n    with mp.Pool(int(os.environ.get("N", "4"))) as pool:\n        pool.map(work, [])\n    with ThreadPoolExecutor(3) as threads:\n        threads.map(work, [])\n    main()\n',
  'run.sh': 'set -a; . ./.env; set +a\nexport OMP_WAIT_POLICY=PASSIVE N=${N:-3}\nfor i in 1 2 3; do\n  OMP_NUM_THREADS=$(nproc) taskset -c $i-7 python pool.py &\ndone\nwait\ntorchrun --nproc-per-node=2 infer.py\nenv -i MKL_NUM_THREADS=2 numactl -N 0 python -m infer\n',
};

/** A small deterministic generator (mulberry32), so that a failure can be repeated from its seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Removes, repeats and swaps lines and characters. */
function damage(text: string, next: () => number): string {
  let lines = text.split('\n');
  for (let i = Math.floor(next() * 6); i > 0; i--) {
    const at = Math.floor(next() * lines.length);
    const line = lines[at] ?? '';
    const cut = Math.floor(next() * (line.length + 1));
    const choice = next();
    if (choice < 0.3) lines.splice(at, 1);
    else if (choice < 0.5) lines.splice(Math.floor(next() * lines.length), 0, line);
    else if (choice < 0.7) lines[at] = line.slice(0, cut);
    else if (choice < 0.9) lines[at] = line.slice(0, cut) + '"\'(){}$`\\\0\u{1F600}0-:='.charAt(Math.floor(next() * 16)) + line.slice(cut);
    else lines = lines.toReversed();
  }
  return lines.join('\n');
}

function checkLaws(plan: Plan): void {
  for (const number of [plan.processes, plan.intraOp, plan.interOp, plan.totalThreads, plan.cores, plan.physicalCores, ...(plan.appThreads ? [plan.appThreads] : [])]) {
    assert.ok(number.from.length > 0);
    assert.equal(number.value === null, number.unknown !== null);
    if (number.value !== null) assert.ok(Number.isFinite(number.value) && number.value >= 0, String(number.value));
  }
  if (plan.totalThreads.value !== null && plan.cores.value !== null) assert.equal(plan.ratio, plan.totalThreads.value / plan.cores.value);
  else assert.equal(plan.ratio, null);
  if (plan.certainty !== 'unknown') assert.ok(plan.intraOp.value !== null && plan.processes.value !== null && plan.totalThreads.value !== null);
  for (const state of plan.values) assert.ok(state.value === null || state.unknown === null, state.name);
  assert.doesNotMatch(describePlan(plan), /undefined|NaN|\[object|\n/);
  assert.doesNotMatch(explainPlan(plan), /undefined|NaN|\[object/);
  oversubscription(plan);
  const fitting = fittingThreads(plan);
  assert.ok(fitting === null || fitting >= 1);
}

describe('damaged workspaces', function () {
  this.timeout(60_000);

  it('are whole to begin with', async () => {
    const plans = await plansOf(WORKSPACE);
    plans.forEach(checkLaws);
    assert.deepEqual(plans.map((plan) => plan.launch.program), ['gunicorn', 'python', 'python', 'python', 'python', 'torchrun', 'python']);
  });

  const machines: readonly Machine[] = [M16, M2, UNKNOWN_MACHINE];
  for (let block = 0; block < 4; block++) {
    it(`keep the laws of a plan, seeds ${block * 60} to ${block * 60 + 59}`, async () => {
      for (let seed = block * 60; seed < block * 60 + 60; seed++) {
        const next = random(seed);
        const files = Object.fromEntries(Object.entries(WORKSPACE).map(([name, text]) => [name, damage(text, next)]));
        try {
          for (const plan of await plansOf(files, machines[seed % machines.length])) checkLaws(plan);
        } catch (error) {
          throw new Error(`seed ${seed}: ${error instanceof Error ? error.stack : String(error)}`, { cause: error });
        }
      }
    });
  }
});
