/** Reports OMP_THREAD_LIMIT below the size of the teams. */
import type { Plan } from '../../core/plan.ts';
import { evaluateInt } from '../../core/value.ts';
import { setForLaunch } from '../fixProposals.ts';
import { launchEnvironment } from '../launchEnvironment.ts';
import { decidedAt, relatedPlaces, sameAnchor, settingAt } from '../planProof.ts';
import { loads } from '../programOrder.ts';
import { defineRule } from '../rule.ts';
import { valueAnchor } from '../settingText.ts';

export const rule = defineRule({
  id: 'thread-limit-below-threads',
  family: 'conflict',
  severity: 'warning',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'plan',
  summary: 'OMP_THREAD_LIMIT cuts the teams, and backward convolutions hang.',
  sources: ['measured: torch 2.13, Conv2d backward hangs with OMP_THREAD_LIMIT=1 OMP_NUM_THREADS=2; forward runs with fewer threads'],
  messages: {
    below: 'OMP_THREAD_LIMIT={limit} is below the {threads} threads of a team: operations run with {limit}, torch.get_num_threads() still says {threads}, and the backward pass of a convolution hangs.',
  },
  check({ plan, graph }, report) {
    const limit = launchEnvironment(plan).get('OMP_THREAD_LIMIT');
    // The planner names the limit first when it is what decides.
    if (!limit?.text || plan.intraOp.value === null || settingAt(graph, decidedAt(plan.intraOp)) !== limit.setting.fact || !loads(plan, 'torch')) return;
    const threads = askedFor(plan);
    if (threads === null || threads <= plan.intraOp.value) return;
    const at = valueAnchor(limit.setting.anchor.uri, limit.setting.fact);
    const fix = setForLaunch(plan.launch, { OMP_THREAD_LIMIT: String(threads) }, 'review');
    report({ messageId: 'below', args: { limit: plan.intraOp.value, threads }, at, related: relatedPlaces(plan.intraOp, limit.setting.anchor).filter((r) => !sameAnchor(r.anchor, at)), fixes: fix ? [fix] : [] });
  },
});

/** The team before the limit cut it: by call, by variable, or PyTorch's default. */
function askedFor(plan: Plan): number | null {
  const call = plan.schedule.findLast((s) => s.fact.kind === 'setting' && s.fact.name === 'torch.set_num_threads');
  if (call?.fact.kind === 'setting') return call.certainty === 'always' ? evaluateInt(call.fact.value, { machine: plan.machine }) : null;
  const environment = launchEnvironment(plan);
  const variable = environment.get('MKL_NUM_THREADS') ?? environment.get('OMP_NUM_THREADS');
  if (variable) return variable.text !== null && /^\d+$/.test(variable.text) ? Number(variable.text) : null;
  const { physicalCores, affinity } = plan.machine;
  return physicalCores === null ? null : Math.min(physicalCores, affinity?.length ?? physicalCores);
}
