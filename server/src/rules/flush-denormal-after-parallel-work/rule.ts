/** Reports torch.set_flush_denormal called when the OpenMP workers already exist. */
import { loads, torchWorkBefore } from '../programOrder.ts';
import { defineRule } from '../rule.ts';

export const rule = defineRule({
  id: 'flush-denormal-after-parallel-work',
  family: 'denormal-onednn',
  severity: 'warning',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'plan',
  summary: 'set_flush_denormal is called after parallel work, so existing worker threads keep denormals.',
  sources: ['measured: torch 2.13, half of the tensor stays denormal with 2 threads; 512x512 product 302 ms with denormals, 1.5 ms after the flush', 'https://docs.pytorch.org/docs/stable/generated/torch.set_flush_denormal.html'],
  messages: {
    late: 'torch.set_flush_denormal sets the calling thread only, and threads started later inherit it: the {workers} OpenMP workers that `{work}` started keep computing with denormals.',
  },
  check({ plan }, report) {
    if (plan.intraOp.value === 1 || !loads(plan, 'torch')) return;
    plan.schedule.forEach((s, index) => {
      const { fact } = s;
      if (fact.kind !== 'setting' || fact.channel !== 'call' || fact.name !== 'torch.set_flush_denormal' || s.certainty !== 'always') return;
      if (fact.value.kind === 'known' && fact.value.value === false) return;
      const work = torchWorkBefore(plan, index);
      if (!work) return;
      const sameBody = work.anchor.uri === s.anchor.uri && work.fact.scope.func === fact.scope.func && !work.fact.scope.loop && !work.fact.scope.conditional;
      report({
        messageId: 'late',
        args: { workers: plan.intraOp.value === null ? 'other' : plan.intraOp.value - 1, work: work.fact.text },
        at: { uri: s.anchor.uri, span: fact.span },
        confidence: 'likely',
        related: [{ anchor: { uri: work.anchor.uri, span: work.fact.span }, message: 'Starts the OpenMP workers.' }],
        fixes: sameBody ? [{ title: 'Flush denormals before the first parallel work', safety: 'review', preferred: true, intents: [{ kind: 'moveBefore', anchor: { uri: s.anchor.uri, span: fact.span }, before: { uri: work.anchor.uri, span: work.fact.span } }] }] : [],
      });
    });
  },
});
