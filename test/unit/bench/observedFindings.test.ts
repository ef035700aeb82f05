/** What a run showed of a launch, beside its plan: each kind, its threshold, and what keeps it quiet. */
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { doubtSentence } from '../../../server/src/bench/benchText.ts';
import { observedFindings, planKey, shortPath } from '../../../server/src/bench/observedFindings.ts';
import type { Envelope, Observed } from '../../../server/src/bench/protocol.generated.ts';
import { initialRunState, reduce, type RunState } from '../../../server/src/bench/runState.ts';
import type { Machine } from '../../../server/src/core/machine.ts';
import { UNKNOWN_MACHINE } from '../../../server/src/core/machine.ts';
import { MEASURED_KINDS, type MeasuredKind } from '../../../server/src/core/measuredKinds.ts';
import type { Plan } from '../../../server/src/core/plan.ts';
import { prepared } from './launches.ts';

const TWO: Machine = { ...UNKNOWN_MACHINE, os: 'linux', physicalCores: 2, logicalCores: 2, model: 'Some CPU' };

function plan(env = 'OMP_NUM_THREADS=2', machine: Machine = TWO): Plan {
  return prepared({ 'run.sh': `${env} python serve.py\n`, 'serve.py': 'import torch\ntorch.mm(torch.rand(9, 9), torch.rand(9, 9))\n' }, null, {}, { machine }).plan;
}

/** A run of two settings, the second of them in force, in which this was seen of it. */
function run(seen: Partial<Observed>, { machine = TWO, ratio = 1 }: { machine?: Machine; ratio?: number } = {}): RunState {
  const arm = (n: number): object => ({ label: `OMP_NUM_THREADS=${n}`, threads: n, env: { OMP_NUM_THREADS: String(n) }, reason: '' });
  const observed: Observed = { arm: 1, runtimes: [], pools: [], peak_threads: 2, processes: 1, runs: 6, ...seen };
  const events = [
    ['hello', { protocol: 1, version: '0', pid: 1, machine, missing: [] }],
    ['plan', { arms: [arm(1), arm(2)], current: 1, mode: 'search', max_trials: 9, seed: 1, command: ['x'], region: 'process' }],
    ['arm_summary', { arm: 1, runs: 6, scores_ns: [], median_ns: 5, mean_ns: 5, mad_ns: 0, min_ns: 5, max_ns: 5, peak_threads: 2, ratio_to_best: ratio, dropped: false, failures: 0 }],
    ['observed', { ...observed, arm: 0, cpu_inflation: 9, waiting_threads: 9, spinning: 0.9 }],
    ['observed', observed],
  ] as const;
  return events.reduce((state, [type, data]) => reduce(state, { v: 1, type, data } as unknown as Envelope), initialRunState());
}

function kinds(seen: Partial<Observed>, options: { machine?: Machine; ratio?: number; plan?: Plan; before?: readonly MeasuredKind[] } = {}): readonly string[] {
  return observedFindings(run(seen, options), options.plan ?? plan(), new Set(options.before)).map(({ rule }) => rule);
}

const OPENMP = { kind: 'openmp', version: null };

describe('observed findings', () => {
  it('say nothing of a run that went as planned, and nothing of other settings', () => {
    assert.deepEqual(kinds({ intra_op: 2, inter_op: 2, cpu_inflation: 1.2, waiting_threads: 0.05, busy_cores: 1.9, pools: [{ name: 'python', threads: 3, busy: 2, cpu_ns: 1 }], throttled_periods: null }), []);
    assert.deepEqual(observedFindings(initialRunState(), plan()), []);
  });

  it('compare what PyTorch says with the plan, where both are known', () => {
    const [finding] = observedFindings(run({ intra_op: 1 }), plan());
    assert.equal(finding?.rule, 'measured-thread-count');
    assert.equal(finding?.severity, 'information');
    assert.equal(
      finding?.message,
      'PyTorch says at the end of the program that it uses 1 thread (torch.get_num_threads()), and the plan of this launch says 2 (OMP_NUM_THREADS=2 in the command line in run.sh). The library took fewer than it was told to, or something that the plan does not see changed it. Measured in 6 runs of OMP_NUM_THREADS=2 on Some CPU, 2 CPUs.',
    );
    assert.deepEqual(kinds({ intra_op: null }), []);
    assert.deepEqual(kinds({ intra_op: 1 }, { plan: plan('OMP_NUM_THREADS=$N') }), []);
  });

  it('report spinning with what it costs, and who took the CPUs', () => {
    const [finding, ...more] = observedFindings(run({ cpu_inflation: 6.54, spinning: 0.85, waiting_threads: 0.98, busy_cores: 0.97, effective_cpus: 0.97, openmp_per_process: 1 }), plan());
    assert.equal(more.length, 0);
    assert.equal(finding?.rule, 'measured-spinning');
    assert.match(finding?.message ?? '', /takes 6\.5x the CPU time that it takes with one thread, and 1\.0 threads waited for a CPU meanwhile\. Other programs or the host took 1\.0 of the CPUs meanwhile, so that about 1\.0 were to be had\./);
    assert.deepEqual(kinds({ cpu_inflation: 3, waiting_threads: 0, busy_cores: 2, effective_cpus: 2 }), ['measured-cpu-inflation']);
    assert.deepEqual(kinds({ cpu_inflation: 6, spinning: 0.8, waiting_threads: 1, runs: 1 }), [], 'one run is no evidence');
  });

  it('report waiting only where it costs something', () => {
    assert.deepEqual(kinds({ waiting_threads: 0.9, busy_cores: 1, cpu_inflation: 1.1 }), []);
    assert.deepEqual(kinds({ waiting_threads: 0.9, busy_cores: 1, cpu_inflation: 1.4 }), ['measured-waiting-threads']);
    assert.deepEqual(kinds({ waiting_threads: 0.9, busy_cores: 1 }, { ratio: 1.2 }), ['measured-waiting-threads']);
    const [finding] = observedFindings(run({ waiting_threads: 1, busy_cores: 1, cpu_inflation: 1.4 }), plan());
    assert.match(finding?.message ?? '', /for 50 % of the time in which they had something to do: 1\.0 waited and 1\.0 ran/);
  });

  it('stay until the figure is clearly below the threshold', () => {
    const near = { waiting_threads: 0.45, busy_cores: 1, cpu_inflation: 1.4 };
    assert.deepEqual(kinds(near), []);
    assert.deepEqual(kinds(near, { before: ['measured-waiting-threads'] }), ['measured-waiting-threads']);
    assert.deepEqual(kinds({ ...near, waiting_threads: 0.39 }, { before: ['measured-waiting-threads'] }), []);
  });

  it('tell a quota that the library did not see from one that is only used up', () => {
    const machine = { ...TWO, cpuQuota: 1 };
    const throttled = { throttled_periods: [14, 19] as [number, number] };
    assert.deepEqual(kinds({ ...throttled, intra_op: 2 }, { machine, plan: plan('OMP_NUM_THREADS=2', machine) }), ['measured-quota-unseen']);
    assert.deepEqual(kinds({ ...throttled, intra_op: 1 }, { machine, plan: plan('OMP_NUM_THREADS=1', machine) }), ['measured-throttled']);
    assert.deepEqual(kinds({ throttled_periods: [0, 90], intra_op: 2 }, { machine }), []);
    assert.deepEqual(kinds({ throttled_periods: [3, 4] }, { machine }), [], 'four periods are too few');
    const [finding] = observedFindings(run({ ...throttled, intra_op: 2 }, { machine }), plan('OMP_NUM_THREADS=2', machine));
    assert.match(finding?.message ?? '', /^The CPU quota of 1 CPU stopped the program in 14 of 19 periods \(74 %\)\. The library made 2 threads:/);
  });

  it('name both OpenMP runtimes of one process', () => {
    const runtimes = [{ ...OPENMP, name: 'libgomp', path: '/v/lib/python3.11/site-packages/torch/lib/libgomp.so.1' }, { ...OPENMP, name: 'libiomp5', path: '/opt/intel/libiomp5.so' }];
    const [finding] = observedFindings(run({ runtimes, openmp_per_process: 2 }), plan());
    assert.match(finding?.message ?? '', /^One process has loaded 2 OpenMP runtimes: libgomp \(torch\/lib\/libgomp\.so\.1\), libiomp5 \(\/opt\/intel\/libiomp5\.so\)\./);
    assert.deepEqual(kinds({ runtimes, openmp_per_process: 1 }), [], 'in two processes they do not meet');
    assert.equal(shortPath('/a/node_modules/onnxruntime-node/x.so'), 'onnxruntime-node/x.so');
  });

  it('count busy threads beyond the plan, not sleeping ones', () => {
    const pools = [{ name: 'python', threads: 18, busy: 4, cpu_ns: 1 }, { name: 'ORT', threads: 9, busy: 2, cpu_ns: 1 }];
    const [finding] = observedFindings(run({ pools, peak_threads: 27 }), plan());
    assert.match(finding?.message ?? '', /^6 threads were busy at the same time \(python 4, ORT 2; 27 alive\), and the plan of this launch has 2\./);
    assert.deepEqual(kinds({ pools: [{ name: 'python', threads: 40, busy: 3, cpu_ns: 1 }], peak_threads: 40 }), []);
  });

  it('hold for the plan that was measured', () => {
    assert.equal(planKey(plan()), planKey(plan()));
    assert.notEqual(planKey(plan()), planKey(plan('OMP_NUM_THREADS=1')));
  });

  it('have a section each, and a row', () => {
    const page = readFileSync(path.join(import.meta.dirname, '../../../docs/measured.md'), 'utf8');
    for (const kind of MEASURED_KINDS.keys()) {
      assert.ok(page.includes(`\n## ${kind}\n`), kind);
      assert.ok(page.includes(`| [${kind}](#${kind}) |`), kind);
    }
  });

  it('let the doubt about missing CPUs say who spins', () => {
    const doubt = { kind: 'fewer_effective_cpus', visible: 2, effective: 0.97 } as const;
    assert.match(doubtSentence(doubt, run({ spinning: 0.9, cpu_inflation: 12 })), /Of 2\.0 visible CPUs only 1\.0 were to be had; .* Threads that wait for each other spin meanwhile: with OMP_NUM_THREADS=2 a piece of work takes 12x the CPU time/);
    assert.match(doubtSentence(doubt, initialRunState()), /suffer most/);
  });
});
