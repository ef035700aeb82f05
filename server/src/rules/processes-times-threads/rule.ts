/** Reports worker processes whose thread pools together exceed the CPUs. */
import { factsOfKind } from '../../core/factsOfKind.ts';
import { formatRatio } from '../../plan/explain.ts';
import { launchEnvironment } from '../launchEnvironment.ts';
import { mayUseGpu } from '../mayUseGpu.ts';
import { coresText, decidedAt, relatedPlaces, sameAnchor, settingAt } from '../planProof.ts';
import { fanOuts, mayRunOnGpu, runsOnGpu } from '../programOrder.ts';
import { threadCountFix } from '../threadCountFix.ts';
import { defineRule } from '../rule.ts';

const UNIT: Readonly<Record<string, string>> = { gunicorn: 'gunicorn workers', uvicorn: 'uvicorn workers', torchrun: 'torchrun ranks' };
/** Below this ratio the fan-out is left alone: a quarter more threads than CPUs costs little. */
const TOLERATED = 1.25;

export const rule = defineRule({
  id: 'processes-times-threads',
  family: 'oversubscription',
  severity: 'warning',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'plan',
  summary: 'Worker processes times threads per process exceed the CPUs.',
  sources: ['measured: 2 processes x 2 threads on 2 CPUs ran small products at 0.5-0.9 % of the speed of 2 x 1, torch 2.13 with libgomp', 'https://github.com/benoitc/gunicorn/issues/2873', 'https://github.com/pytorch/pytorch/issues/147361'],
  messages: {
    product: '{processes} {unit} x {threads} threads = {total} threads on {cores} ({ratio}).{passive}',
  },
  check({ plan, graph }, report) {
    // Sessions of Node follow no OpenMP variable: node-workers-times-session-threads speaks of them.
    if (plan.launch.program === 'node') return;
    const { processes, intraOp, totalThreads, cores, physicalCores } = plan;
    if (processes.value === null || intraOp.value === null || totalThreads.value === null || cores.value === null) return;
    if (processes.value < 2 || intraOp.value < 2) return;
    // torchserve-default-workers speaks of workers that nobody asked for.
    if (plan.launch.program === 'torchserve' && decidedAt(processes) === null) return;
    // A library that is only imported starts no threads; only of PyTorch it is clear what it is imported for.
    if (plan.runtimes.length > 0 && !plan.runtimes.some(({ library }) => library === 'torch') && !plan.launch.reachable.some((uri) => factsOfKind(graph.files.get(uri), 'compute').length > 0)) return;
    const product = processes.value * intraOp.value;
    const ratio = product / cores.value;
    if (ratio <= TOLERATED) return;
    // A quota below one process' own team is the stronger statement, and quota-below-threads makes it.
    if (plan.machine.cpuQuota !== null && intraOp.value > Math.ceil(plan.machine.cpuQuota)) return;
    const at = decidedAt(processes) ?? plan.launch.anchor;
    // A variable that keeps joblib from dividing the CPUs is what joblib-share-overridden speaks of.
    if (fanOuts(plan, 'process').some(({ fact, scheduled }) => fact.api === 'joblib.Parallel' && sameAnchor(scheduled.anchor, at)) && settingAt(graph, decidedAt(intraOp))?.channel === 'env') return;
    const environment = launchEnvironment(plan);
    const passive = environment.get('OMP_WAIT_POLICY')?.text?.toUpperCase() === 'PASSIVE';
    const capacity = Math.min(physicalCores.value ?? cores.value, cores.value);
    const loaded = (library: string): boolean => plan.runtimes.some((runtime) => runtime.library === library);
    // TensorFlow takes GPUs by itself, so that a word about them is enough; the threads of its pools do not spin, so that idle ones cost nothing.
    if (loaded('tensorflow') && !loaded('torch') && mayUseGpu(plan, graph)) return;
    // Ranks of `deepspeed --num_gpus 4` compute on a GPU each, and so do those of torchrun in a program that speaks of GPUs.
    const onGpu = runsOnGpu(plan) || plan.launch.wrappers.some(({ kind, text }) => kind === 'workers' && /^deepspeed\b.*gpu/.test(text)) || (plan.launch.program === 'torchrun' && mayUseGpu(plan, graph));
    const fix = threadCountFix(plan, graph, Math.max(1, Math.floor(capacity / processes.value)));
    report({
      messageId: 'product',
      args: {
        processes: processes.value,
        unit: UNIT[plan.launch.program] ?? 'processes',
        threads: intraOp.value,
        total: product,
        cores: coresText(plan),
        ratio: formatRatio(ratio),
        passive: passive ? ' OMP_WAIT_POLICY=PASSIVE keeps waiting threads from spinning, which softens this.' : '',
      },
      at,
      // Where nothing configures a launch and nothing sets a count, how and where it runs is an assumption.
      // What runs on a GPU leaves most of the CPU threads idle.
      severity: passive || onGpu || (plan.launch.implicit && decidedAt(intraOp) === null) ? 'information' : 'warning',
      confidence: plan.certainty === 'certain' && !plan.launch.implicit && !onGpu && !mayRunOnGpu(plan) ? 'certain' : 'likely',
      related: relatedPlaces(intraOp, at),
      fixes: fix ? [fix] : [],
    });
  },
});
