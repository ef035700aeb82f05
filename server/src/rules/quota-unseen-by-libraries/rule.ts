/** Reports CPU quotas of containers and pods whose node is not known, and whose libraries size their pools by that node. */
import type { Library } from '../../core/knob.ts';
import { physicalCapacity, type Machine } from '../../core/machine.ts';
import { factsOfKind } from '../../core/factsOfKind.ts';
import { planLaunch } from '../../plan/planLaunch.ts';
import { decidedAt, formatNumber } from '../planProof.ts';
import { mayUseGpu } from '../mayUseGpu.ts';
import { runsOnGpu } from '../programOrder.ts';
import { threadCountFix } from '../threadCountFix.ts';
import { defineRule } from '../rule.ts';

/** A node as clouds rent them; the message names it as an example. */
const EXAMPLE_CORES = 32;

const NAMES: Partial<Record<Library, string>> = { torch: 'PyTorch', onnxruntime: 'ONNX Runtime', openblas: 'NumPy', tensorflow: 'TensorFlow', openmp: 'OpenMP' };

export const rule = defineRule({
  id: 'quota-unseen-by-libraries',
  family: 'container-limit',
  severity: 'warning',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'plan',
  summary: 'A container or pod has a CPU limit, and nothing tells the library how many threads to start.',
  sources: ['measured: no default of PyTorch, OpenBLAS or ONNX Runtime reacts to a quota; torch 2.13, onnxruntime 1.30.0', 'https://github.com/kserve/kserve/issues/1031', 'https://github.com/pytorch/serve/issues/3150', 'https://kubernetes.io/docs/tasks/administer-cluster/cpu-management-policies/'],
  messages: {
    unseen: '{library} does not see the CPU limit of {quota}: it starts a thread for each core of the node it runs on. On a node with {cores} cores these are {threads}, which use up each 100 ms period in {burst} ms and then wait. {name}={each}{shared} matches the limit.',
  },
  check({ plan, graph, machine }, report) {
    // With a machine at hand the number is known, and quota-below-threads names it.
    if (plan.intraOp.value !== null || plan.machine.logicalCores !== null) return;
    const limit = plan.launch.limits.find(({ fact }) => fact.limit === 'quota');
    const quota = plan.machine.cpuQuota;
    if (!limit || quota === null || plan.runtimes.length === 0 || runsOnGpu(plan)) return;
    // A variable may come from a set that is not in the workspace.
    if (plan.launch.layers.some(({ incomplete }) => incomplete)) return;
    if (!plan.launch.reachable.some((uri) => factsOfKind(graph.files.get(uri), 'compute').length > 0)) return;
    const cores = Math.max(EXAMPLE_CORES, 4 * Math.ceil(quota));
    const node: Machine = { ...machine, arch: machine.arch ?? 'x86_64', os: machine.os ?? 'linux', logicalCores: 2 * cores, physicalCores: cores };
    const there = planLaunch(plan.launch, graph, node);
    const threads = there.intraOp.value;
    // What somebody chose is not the node's doing, and a mask shows every library how many CPUs there are.
    if (threads === null || decidedAt(there.intraOp) !== null || threads <= Math.ceil(quota) || (physicalCapacity({ ...there.machine, cpuQuota: null }) ?? 0) < cores) return;
    const library = there.runtimes.find(({ intraOp }) => intraOp.value === threads)?.library ?? 'openmp';
    const sharing = limit.perCopy ? 1 : Math.max(1, plan.processes.value ?? 1);
    const each = Math.max(1, Math.floor(quota / sharing));
    const onnx = library === 'onnxruntime';
    const fix = threadCountFix(there, graph, each);
    report({
      messageId: 'unseen',
      args: { library: NAMES[library] ?? library, quota: formatNumber(quota), cores, threads, burst: Math.max(1, Math.round((100 * quota) / threads)), name: onnx ? 'SessionOptions.intra_op_num_threads' : library === 'tensorflow' ? 'TF_NUM_INTRAOP_THREADS' : 'OMP_NUM_THREADS', each, shared: sharing > 1 ? ` for each of ${sharing} processes` : '' },
      at: limit.valueAnchor,
      // What runs on a GPU leaves most of the CPU threads idle.
      severity: mayUseGpu(plan, graph) ? 'information' : 'warning',
      confidence: 'likely',
      related: [{ anchor: plan.launch.via.at(-1) ?? plan.launch.anchor, message: 'Starts the program.' }],
      fixes: fix ? [fix] : [],
    });
  },
});
