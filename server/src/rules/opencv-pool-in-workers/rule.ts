/** Points at DataLoader workers whose Dataset uses OpenCV, which starts a pool in each of them. */
import type { Fact } from '../../core/fact.ts';
import { evaluateInt } from '../../core/value.ts';
import { factsOfKind } from '../../core/factsOfKind.ts';
import { formatRatio } from '../../plan/explain.ts';
import { setForLaunch } from '../fixProposals.ts';
import { coresText } from '../planProof.ts';
import { factsRunBy, fanOuts } from '../programOrder.ts';
import { defineRule } from '../rule.ts';

const PARALLEL = /^cv2\./;

export const rule = defineRule({
  id: 'opencv-pool-in-workers',
  family: 'oversubscription',
  severity: 'hint',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'plan',
  summary: 'A Dataset uses OpenCV, and each DataLoader worker starts a pool of OpenCV threads.',
  sources: ['measured: a forked DataLoader worker runs PyTorch with 1 thread and OpenCV with all of cv2.getNumThreads(): 8 OS threads after one GaussianBlur with cv2.setNumThreads(8), 1 with 0; images of 224x224 stay in one thread, of 512x512 do not; torch 2.13, opencv-python-headless 5.0.0', 'https://github.com/pytorch/pytorch/issues/1355'],
  messages: {
    pools: 'Each of {workers} workers starts a pool of {threads} threads when `{work}` meets a large image: PyTorch limits itself to one thread in a worker, and OpenCV does not. Together these are {total} on {cores} ({ratio}); `cv2.setNumThreads(0)` keeps OpenCV in the worker\'s own thread.',
  },
  check({ plan, graph }, report) {
    const threads = plan.runtimes.find(({ library }) => library === 'opencv')?.intraOp.value ?? null;
    const cores = plan.cores.value;
    if (threads === null || threads < 2 || cores === null) return;
    const work = plan.launch.reachable.map((uri) => ({ uri, call: workOf(graph.files.get(uri)?.facts ?? []) })).find(({ call }) => call !== null);
    if (!work?.call) return;
    for (const { fact, scheduled } of fanOuts(plan, 'process')) {
      if (!/(?:^|\.)DataLoader$/.test(fact.api) || fact.count === null || fact.countSpan === null) continue;
      // A function that every worker runs first may say how many threads OpenCV gets.
      if (fact.worker !== null || plan.launch.reachable.some((uri) => factsOfKind(graph.files.get(uri), 'setting').some(({ name }) => name === 'cv2.setNumThreads'))) continue;
      const workers = evaluateInt(fact.count, { machine: plan.machine });
      if (workers === null || workers < 2 || workers * threads <= 1.25 * cores) continue;
      const fix = setForLaunch(plan.launch, { OPENCV_FOR_THREADS_NUM: '1' }, 'review');
      report({
        messageId: 'pools',
        args: { workers, threads, work: work.call.callee, total: workers * threads, cores: coresText(plan), ratio: formatRatio((workers * threads) / cores) },
        at: { uri: scheduled.anchor.uri, span: fact.countSpan },
        confidence: 'likely',
        related: [{ anchor: { uri: work.uri, span: work.call.calleeSpan }, message: 'Runs in every worker.' }],
        fixes: fix ? [fix] : [],
      });
      return;
    }
  },
});

/** A parallel function of OpenCV in what a Dataset runs for each item. */
function workOf(facts: readonly Fact[]): Extract<Fact, { kind: 'call' }> | null {
  for (const fact of facts) {
    if (fact.kind !== 'define' || !fact.name.endsWith('.__getitem__')) continue;
    const call = factsRunBy(fact.name, facts).find((inner) => inner.kind === 'call' && PARALLEL.test(inner.callee));
    if (call?.kind === 'call') return call;
  }
  return null;
}
