/** Reports a second torch.set_num_interop_threads in one process, which raises. */
import { removeSetting } from '../fixProposals.ts';
import { sameAnchor } from '../planProof.ts';
import { defineRule } from '../rule.ts';

const SETTER = 'torch.set_num_interop_threads';

export const rule = defineRule({
  id: 'interop-set-again',
  family: 'ineffective-order',
  severity: 'error',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'plan',
  summary: 'torch.set_num_interop_threads is called a second time, which raises RuntimeError.',
  sources: ['measured: torch 2.13, also for the same value', 'https://docs.pytorch.org/docs/stable/generated/torch.set_num_interop_threads.html', 'https://github.com/MIC-DKFZ/nnUNet/issues/1451'],
  messages: {
    again: 'The second torch.set_num_interop_threads of this process raises RuntimeError "cannot set number of interop threads after parallel work has started or set_num_interop_threads called".',
    mayRaise: 'When this call runs it is the second torch.set_num_interop_threads of this process: RuntimeError "cannot set number of interop threads after parallel work has started or set_num_interop_threads called".',
    twice: 'This torch.set_num_interop_threads runs twice in one process, and the second time it raises RuntimeError "cannot set number of interop threads after parallel work has started or set_num_interop_threads called".',
    loop: 'torch.set_num_interop_threads stands in a loop: the second round raises RuntimeError "cannot set number of interop threads after parallel work has started or set_num_interop_threads called".',
  },
  check({ plan, graph }, report) {
    const calls = plan.schedule.filter((s) => s.fact.kind === 'setting' && s.fact.channel === 'call' && s.fact.name === SETTER);
    const first = calls.find((s) => s.certainty === 'always');
    for (const s of calls) {
      const { fact } = s;
      if (fact.kind !== 'setting' || fact.scope.guarded || asksFirst(graph.files.get(s.anchor.uri)?.facts ?? [], fact.scope.func)) continue;
      const at = { uri: s.anchor.uri, span: fact.span };
      const after = first !== undefined && calls.indexOf(s) > calls.indexOf(first);
      if (after && sameAnchor(first.anchor, s.anchor)) {
        report({
          messageId: 'twice',
          at,
          severity: s.certainty === 'always' ? 'error' : 'warning',
          related: [first, s].flatMap((run, i) => run.via.slice(-1).map((anchor) => ({ anchor, message: i === 0 ? 'Leads here first.' : 'Leads here again.' }))),
        });
      } else if (after) {
        report({
          messageId: s.certainty === 'always' ? 'again' : 'mayRaise',
          at,
          severity: s.certainty === 'always' ? 'error' : 'warning',
          related: [{ anchor: first.anchor, message: 'The first call.' }],
          fixes: [removeSetting(s.anchor.uri, fact, 'review', true)],
        });
      } else if (fact.scope.loop && !fact.scope.conditional) {
        report({ messageId: 'loop', at, severity: 'warning', confidence: 'likely' });
      }
    }
  },
});

/** True when the code looks at the current number first, the usual guard. */
function asksFirst(facts: readonly { readonly kind: string; readonly scope: { readonly func: string | null } }[], func: string | null): boolean {
  return facts.some((f) => f.kind === 'call' && 'callee' in f && f.callee === 'torch.get_num_interop_threads' && f.scope.func === func);
}
