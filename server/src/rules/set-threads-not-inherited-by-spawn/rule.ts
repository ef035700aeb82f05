/** Reports thread counts set in the parent that spawned workers do not get. */
import type { SettingFact } from '../../core/fact.ts';
import { evaluateInt } from '../../core/value.ts';
import { launchEnvironment } from '../launchEnvironment.ts';
import { fanOuts, setsWorkerThreads } from '../programOrder.ts';
import { defineRule } from '../rule.ts';

export const rule = defineRule({
  id: 'set-threads-not-inherited-by-spawn',
  family: 'ineffective-scope',
  severity: 'warning',
  stage: 'stable',
  since: '0.1.0',
  fix: 'none',
  needs: 'plan',
  summary: 'torch.set_num_threads of the parent does not reach spawned workers.',
  sources: ['measured: torch 2.13, parent 1, mp.spawn with 4 processes on 8 cores: 8 threads in each rank', 'https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods'],
  messages: {
    lost: 'torch.set_num_threads({value}) holds in this process only: spawned workers start afresh and use PyTorch\'s default{count}. Call it first thing in {worker}, or set OMP_NUM_THREADS for the launch.',
  },
  check({ plan, graph }, report) {
    const environment = launchEnvironment(plan);
    if (environment.get('OMP_NUM_THREADS') ?? environment.get('MKL_NUM_THREADS')) return;
    if (plan.schedule.some((s) => s.fact.kind === 'setting' && s.fact.channel === 'env' && /^(?:OMP|MKL)_NUM_THREADS$/.test(s.fact.name))) return;
    for (const { index, scheduled, fact } of fanOuts(plan, 'process')) {
      if (fact.startMethod !== 'spawn' && fact.startMethod !== 'forkserver') continue;
      // Not PyTorch's default then.
      if (setsWorkerThreads(fact)) continue;
      const { worker } = fact;
      if (worker === null || fact.initializer !== undefined || !workerUsesDefault(graph.files.get(scheduled.anchor.uri)?.facts ?? [], worker)) continue;
      const set = plan.schedule.slice(0, index).findLast((s) => s.fact.kind === 'setting' && s.fact.name === 'torch.set_num_threads' && s.certainty === 'always');
      // A call at module level runs again when the worker imports the module.
      if (set?.fact.kind !== 'setting' || (set.fact.scope.func === null && !set.fact.scope.main)) continue;
      const setting: SettingFact = set.fact;
      const value = evaluateInt(setting.value, { machine: plan.machine });
      const cores = plan.machine.physicalCores;
      report({
        messageId: 'lost',
        args: { value: value ?? setting.raw ?? '…', worker: `\`${worker}\``, count: cores === null ? '' : ` (${plan.machine.affinity === null ? cores : Math.min(cores, plan.machine.affinity.length)} here)` },
        at: { uri: set.anchor.uri, span: setting.span },
        related: [{ anchor: { uri: scheduled.anchor.uri, span: fact.span }, message: `The workers start here (${fact.startMethod}).` }],
      });
      return;
    }
  },
});

/** True when the worker is defined in the file, uses PyTorch there and sets no thread count. */
function workerUsesDefault(facts: readonly { readonly kind: string; readonly scope: { readonly func: string | null } }[], worker: string): boolean {
  const inside = facts.filter((f) => f.scope.func === worker);
  if (inside.some((f) => f.kind === 'invoke')) return false;
  if (inside.some((f) => f.kind === 'setting')) return false;
  return inside.some((f) => f.kind === 'compute' && 'library' in f && f.library === 'torch' && 'certain' in f && f.certain === true);
}
