/** Reports timed loops whose first iteration is cold. */
import { defineRule } from '../rule.ts';
import { runsOnce, timedWork, trains, warmedUp } from '../timedWork.ts';

export const rule = defineRule({
  id: 'no-warm-up',
  family: 'measurement',
  severity: 'hint',
  stage: 'stable',
  since: '0.1.0',
  fix: 'none',
  needs: 'file',
  summary: 'A timed loop has no untimed iteration before it.',
  sources: ['measured: torch 2.13, first scripted calls 17.9 and 13.8 ms, later ones about 10 ms', 'https://docs.pytorch.org/docs/stable/benchmark_utils.html'],
  messages: {
    cold: 'The timed loop begins with the first call of `{work}` of this process, which starts the thread pool and prepares kernels. Run a few untimed calls before the clock starts.',
  },
  check({ file }, report) {
    // Data sets are walked once; a benchmark repeats the same input.
    if (trains(file.facts) || file.facts.some((f) => f.kind === 'load' && f.module.startsWith('torch.utils.data'))) return;
    for (const { start, work, index } of timedWork(file.facts)) {
      const first = work[0];
      if (!first?.certain || start.scope.loop || !work.every((w) => w.scope.loop)) continue;
      if (!runsOnce(file.facts, start.scope.func) || warmedUp(file.facts, index, work)) continue;
      report({ messageId: 'cold', args: { work: first.text }, at: { uri: file.uri, span: start.span }, confidence: 'likely', related: [{ anchor: { uri: file.uri, span: first.span }, message: 'Runs for the first time inside the timed loop.' }] });
    }
  },
});
