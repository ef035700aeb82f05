/** Reports timings of one cold call. */
import { defineRule } from '../rule.ts';
import { runsOnce, timedWork, trains, warmedUp } from '../timedWork.ts';

export const rule = defineRule({
  id: 'single-call-timing',
  family: 'measurement',
  severity: 'information',
  stage: 'stable',
  since: '0.1.0',
  fix: 'none',
  needs: 'file',
  summary: 'The script times a single call, and the first call starts threads and compiles kernels.',
  sources: ['measured: torch 2.13, first convolution 51.6 ms, later ones 24 ms; first compiled call 4 524 ms, later ones 3.9 ms', 'https://docs.pytorch.org/docs/stable/benchmark_utils.html'],
  messages: {
    cold: 'This times a single first call of `{work}`: it starts the thread pool and prepares kernels, so it says little about the calls after it. Call it a few times before, then time many calls.',
  },
  check({ file }, report) {
    if (trains(file.facts)) return;
    for (const { start, end, work, index } of timedWork(file.facts)) {
      const only = work[0];
      if (work.length !== 1 || !only?.certain || start.scope.loop || only.scope.loop || only.scope.conditional) continue;
      if (!runsOnce(file.facts, start.scope.func) || warmedUp(file.facts, index, work)) continue;
      if (file.facts.slice(index + 1).some((f) => f.kind === 'compute' && f !== only && f.text === only.text)) continue;
      report({
        messageId: 'cold',
        args: { work: only.text },
        at: { uri: file.uri, span: only.span },
        confidence: 'likely',
        related: [
          { anchor: { uri: file.uri, span: start.span }, message: 'The clock starts.' },
          { anchor: { uri: file.uri, span: end.span }, message: 'The clock stops.' },
        ],
      });
    }
  },
});
