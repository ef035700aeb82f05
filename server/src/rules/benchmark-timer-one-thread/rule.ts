/** Reports torch.utils.benchmark timers that measure one thread although more are set. */
import { evaluateInt } from '../../core/value.ts';
import { defineRule } from '../rule.ts';

/** Position of `num_threads` among the parameters of Timer. */
const POSITION = 9;

export const rule = defineRule({
  id: 'benchmark-timer-one-thread',
  family: 'measurement',
  severity: 'warning',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'file',
  summary: 'torch.utils.benchmark.Timer runs with one thread unless told otherwise.',
  sources: ['measured: torch 2.13, the timer sets 1 thread and restores the old count', 'https://docs.pytorch.org/docs/stable/benchmark_utils.html'],
  messages: {
    one: 'torch.utils.benchmark.Timer runs with num_threads=1 unless told otherwise: torch.set_num_threads({threads}) above does not apply to this measurement.',
  },
  check({ file, machine }, report) {
    for (const [index, fact] of file.facts.entries()) {
      if (fact.kind !== 'call' || fact.callee !== 'torch.utils.benchmark.Timer') continue;
      if (fact.args.length > POSITION || fact.args.some((a) => a.name === 'num_threads' || a.value.kind === 'unknown' && a.name === null && /unpacked/.test(a.value.why))) continue;
      const set = file.facts.slice(0, index).findLast((f) => f.kind === 'setting' && f.name === 'torch.set_num_threads');
      if (set?.kind !== 'setting') continue;
      const threads = evaluateInt(set.value, { machine });
      if (threads === 1 || (set.scope.func !== null && set.scope.func !== fact.scope.func)) continue;
      const last = fact.args.at(-1);
      report({
        messageId: 'one',
        args: { threads: threads ?? set.raw ?? '…' },
        at: { uri: file.uri, span: fact.span },
        related: [{ anchor: { uri: file.uri, span: set.span }, message: 'Not used by the timer.' }],
        fixes: last ? [{ title: 'Measure with the threads that are set', safety: 'review', preferred: true, intents: [{ kind: 'replace', anchor: { uri: file.uri, span: { ...last.span, start: last.span.end } }, text: ', num_threads=torch.get_num_threads()' }] }] : [],
      });
    }
  },
});
