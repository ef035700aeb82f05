/** Reports durations of inference taken with the wall clock, which can be set back. */
import { replaceCode } from '../fixProposals.ts';
import { defineRule } from '../rule.ts';
import { timedWork, trains } from '../timedWork.ts';

/** Only written out in full can the call be replaced without touching the imports. */
const WRITTEN_OUT = 'time.time'.length;

export const rule = defineRule({
  id: 'wall-clock-for-duration',
  family: 'measurement',
  severity: 'hint',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'file',
  summary: 'A duration is measured with time.time(), which is not monotonic.',
  sources: ['https://docs.python.org/3/library/time.html#time.perf_counter', 'https://peps.python.org/pep-0418/'],
  messages: {
    wall: 'The time of `{work}` is taken with time.time(), the wall clock: it follows corrections of the system time and may be coarse. time.perf_counter() is made for durations.',
  },
  check({ file }, report) {
    if (trains(file.facts)) return;
    for (const { start, end, work } of timedWork(file.facts)) {
      if (start.callee !== 'time.time') continue;
      const spans = [start.calleeSpan, end.calleeSpan];
      const replaceable = spans.every((span) => span.end - span.start === WRITTEN_OUT);
      const first = replaceCode({ uri: file.uri, span: start.calleeSpan }, 'time.perf_counter', 'Use time.perf_counter() for both', 'review');
      const second = replaceCode({ uri: file.uri, span: end.calleeSpan }, 'time.perf_counter', '', 'review');
      report({
        messageId: 'wall',
        args: { work: work[0]?.text ?? '' },
        at: { uri: file.uri, span: start.calleeSpan },
        related: [{ anchor: { uri: file.uri, span: end.calleeSpan }, message: 'The end of the duration.' }],
        fixes: replaceable ? [{ ...first, intents: [...first.intents, ...second.intents] }] : [],
      });
    }
  },
});
