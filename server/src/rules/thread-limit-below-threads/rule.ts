/** Reports OMP_THREAD_LIMIT below the size of the teams. */
import { setForLaunch } from '../fixProposals.ts';
import { launchEnvironment } from '../launchEnvironment.ts';
import { relatedPlaces } from '../planProof.ts';
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
  check({ plan }, report) {
    const threads = plan.intraOp.value;
    const limit = launchEnvironment(plan).get('OMP_THREAD_LIMIT');
    if (threads === null || !limit?.text || !/^0*[1-9]\d*$/.test(limit.text) || Number(limit.text) >= threads || !loads(plan, 'torch')) return;
    const at = valueAnchor(limit.setting.anchor.uri, limit.setting.fact);
    const fix = setForLaunch(plan.launch, { OMP_THREAD_LIMIT: String(threads) }, 'review');
    report({ messageId: 'below', args: { limit: Number(limit.text), threads }, at, related: relatedPlaces(plan.intraOp, at), fixes: fix ? [fix] : [] });
  },
});
