/** Points at Ray tasks and actors that compute with PyTorch on the one thread Ray leaves them. */
import type { CallFact, ComputeFact, DefineFact, Fact } from '../../core/fact.ts';
import { factsOfKind } from '../../core/factsOfKind.ts';
import { launchEnvironment } from '../launchEnvironment.ts';
import { perFile } from '../../core/perFile.ts';
import { topModule } from '../../knobs/modules.ts';
import { factsRunBy } from '../programOrder.ts';
import { defineRule } from '../rule.ts';

export const rule = defineRule({
  id: 'ray-task-one-thread',
  family: 'under-use',
  severity: 'hint',
  stage: 'stable',
  since: '0.1.0',
  fix: 'none',
  needs: 'plan',
  summary: 'A Ray task or actor without num_cpus computes with one thread.',
  sources: ['measured: ray 2.58, workers of tasks and actors without num_cpus have OMP_NUM_THREADS=1, with num_cpus=3 they have 3', 'https://github.com/ray-project/ray/issues/6998'],
  messages: {
    task: 'Ray starts this task with OMP_NUM_THREADS=1 because it reserves no number of CPUs: `{work}` runs on 1 thread. That is right when as many tasks run at once as there are cores; else reserve more with `num_cpus`.',
    actor: 'Ray starts this actor with OMP_NUM_THREADS=1 because it reserves no number of CPUs: `{work}` runs on 1 thread. That is right when as many actors run at once as there are cores; else reserve more with `num_cpus`.',
  },
  check({ plan, graph }, report) {
    const files = plan.launch.reachable.flatMap((uri) => graph.files.get(uri) ?? []);
    if (!files.some(loadsRay)) return;
    // Ray hands on what is set for the driver, and a runtime environment may set it.
    if (launchEnvironment(plan).get('OMP_NUM_THREADS') || files.some((file) => [...factsOfKind(file, 'call'), ...factsOfKind(file, 'setting')].some(decidesElsewhere))) return;
    for (const { uri, facts } of files) {
      // Work for a GPU needs one thread.
      if (facts.some((f) => f.kind === 'call' && f.callee === 'gpu.use')) continue;
      for (const fact of facts) {
        const task = fact.kind === 'define' && fact.decorators.includes('ray.remote') && !facts.some((f) => f.kind === 'setting' && f.name.startsWith('ray.remote.') && f.span.chunk === fact.span.chunk);
        const actor = fact.kind === 'call' && fact.callee === 'ray.remote' && fact.result !== null;
        if (!task && !actor) continue;
        const inside = task ? factsRunBy((fact as DefineFact).name, facts) : methodsOf((fact as CallFact).result ?? '', facts);
        const work = inside.find((f): f is ComputeFact => f.kind === 'compute' && f.library === 'torch' && f.certain);
        if (!work || inside.some((f) => f.kind === 'setting' && f.name === 'torch.set_num_threads')) continue;
        report({
          messageId: task ? 'task' : 'actor',
          args: { work: work.text },
          at: { uri, span: task ? (fact as DefineFact).nameSpan : fact.span },
          confidence: 'likely',
          related: [{ anchor: { uri, span: work.span }, message: 'Computes.' }],
        });
      }
    }
  },
});

const loadsRay = perFile((file) => factsOfKind(file, 'load').some(({ module }) => topModule(module) === 'ray'));

/** Facts of the methods of a class and of what they call. */
function methodsOf(name: string, facts: readonly Fact[]): readonly Fact[] {
  return facts.flatMap((f) => (f.kind === 'define' && f.name.startsWith(`${name}.`) ? factsRunBy(f.name, facts) : []));
}

/** Something that may give Ray's workers another number of threads. */
function decidesElsewhere(fact: Fact): boolean {
  if (fact.kind === 'call') return fact.callee === 'ray.remote.options' || (fact.callee === 'ray.init' && fact.args.some((a) => a.name === 'runtime_env' || (a.name === null && a.value.kind === 'unknown')));
  return fact.kind === 'setting' && (fact.name === 'ray.remote.runtime_env' || (fact.channel === 'env' && fact.name === 'OMP_NUM_THREADS'));
}
