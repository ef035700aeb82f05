/** Reports TOKENIZERS_PARALLELISM=true in a process that forks after it tokenized. */
import type { Anchor } from '../../core/span.ts';
import type { SettingFact } from '../../core/fact.ts';
import { evaluate, evaluateInt } from '../../core/value.ts';
import { UNKNOWN_MACHINE } from '../../core/machine.ts';
import { removeSetting } from '../fixProposals.ts';
import { launchEnvironment } from '../launchEnvironment.ts';
import { fanOuts, imports } from '../programOrder.ts';
import { defineRule } from '../rule.ts';

export const rule = defineRule({
  id: 'tokenizers-parallelism-and-fork',
  family: 'fork-safety',
  severity: 'warning',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'plan',
  summary: 'TOKENIZERS_PARALLELISM=true keeps the tokenizer parallel in forked workers, which then hang.',
  sources: ['measured: tokenizers 0.23.2, the child of a fork after encode_batch hangs', 'https://github.com/huggingface/transformers/issues/5486'],
  messages: {
    forced: 'TOKENIZERS_PARALLELISM={value} keeps the tokenizer parallel even in forked workers: a worker forked after the first batch was tokenized hangs. Leave it unset, and it turns itself off there.',
  },
  check({ plan, machine }, report) {
    if (machine.os !== 'linux' || !imports(plan, 'transformers', 'tokenizers', 'sentence_transformers')) return;
    const on = forcedOn(plan.schedule.flatMap((s) => (s.fact.kind === 'setting' && s.certainty === 'always' ? [{ uri: s.anchor.uri, fact: s.fact }] : [])), launchEnvironment(plan).get('TOKENIZERS_PARALLELISM'));
    if (on === null) return;
    const fork = fanOuts(plan, 'process').find(({ fact, index }) => {
      if (fact.startMethod === 'spawn' || fact.startMethod === 'forkserver') return false;
      const count = fact.count === null ? null : evaluateInt(fact.count, { machine: plan.machine });
      if (fact.api.includes('DataLoader') ? count === null || count < 1 : count === 0) return false;
      // A model of these packages that ran has tokenized its input.
      return plan.schedule.slice(0, index).some((s) => s.fact.kind === 'compute' && s.fact.library === 'torch' && s.fact.certain);
    });
    if (!fork) return;
    report({
      messageId: 'forced',
      args: { value: on.text },
      at: on.at,
      confidence: 'likely',
      related: [{ anchor: { uri: fork.scheduled.anchor.uri, span: fork.fact.span }, message: 'Forks here.' }],
      fixes: [removeSetting(on.at.uri, on.fact, 'review', true)],
    });
  },
});

function forcedOn(inScript: readonly { readonly uri: string; readonly fact: SettingFact }[], launched: ReturnType<ReturnType<typeof launchEnvironment>['get']>): { text: string; at: Anchor; fact: SettingFact } | null {
  const set = inScript.findLast(({ fact }) => fact.channel === 'env' && fact.name === 'TOKENIZERS_PARALLELISM');
  const text = set ? textOf(set.fact) : (launched?.text ?? null);
  if (text === null || !/^(?:true|1|on|yes)$/i.test(text)) return null;
  if (set) return { text, at: { uri: set.uri, span: set.fact.span }, fact: set.fact };
  return launched ? { text, at: { uri: launched.setting.anchor.uri, span: launched.setting.fact.span }, fact: launched.setting.fact } : null;
}

function textOf(fact: SettingFact): string | null {
  const result = fact.operation === 'unset' ? null : evaluate(fact.value, { machine: UNKNOWN_MACHINE });
  return result?.kind === 'known' ? String(result.value) : null;
}

