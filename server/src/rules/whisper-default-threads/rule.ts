/** Points at faster-whisper models that take its default of four threads on a machine with more cores. */
import type { CallFact } from '../../core/fact.ts';
import type { FixProposal } from '../../core/finding.ts';
import { evaluateInt, type Value } from '../../core/value.ts';
import { factsOfKind } from '../../core/factsOfKind.ts';
import { launchEnvironment } from '../launchEnvironment.ts';
import { defineRule } from '../rule.ts';

/** What CTranslate2 takes when neither the argument nor OMP_NUM_THREADS says anything. */
const DEFAULT_THREADS = 4;

export const rule = defineRule({
  id: 'whisper-default-threads',
  family: 'under-use',
  severity: 'hint',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'plan',
  summary: 'A faster-whisper model on the CPU uses four threads, whatever the machine has.',
  sources: ['https://github.com/OpenNMT/CTranslate2/blob/master/src/utils.cc', 'https://github.com/SYSTRAN/faster-whisper/blob/master/faster_whisper/transcribe.py'],
  messages: {
    four: 'Without `cpu_threads` and OMP_NUM_THREADS, faster-whisper computes with 4 threads, and this launch has {cores} physical cores. A benchmark tells whether `cpu_threads={threads}` is faster.',
  },
  check({ plan, graph }, report) {
    const cores = plan.physicalCores.value;
    if (cores === null || plan.processes.value !== 1) return;
    const environment = launchEnvironment(plan);
    if (environment.get('OMP_NUM_THREADS') || plan.launch.reachable.some((uri) => factsOfKind(graph.files.get(uri), 'setting').some((f) => f.channel === 'env' && f.name === 'OMP_NUM_THREADS'))) return;
    for (const { fact, anchor } of plan.schedule) {
      if (fact.kind !== 'call' || fact.callee !== 'faster_whisper.WhisperModel' || fact.scope.loop) continue;
      // What a dictionary brings along is not known.
      if (fact.args.some((a) => a.name === null && a.value.kind === 'unknown') || text(fact, 'device') !== 'cpu') continue;
      const workers = fact.args.find((a) => a.name === 'num_workers')?.value;
      const count = workers === undefined ? 1 : evaluateInt(workers, { machine: plan.machine });
      const given = fact.args.find((a) => a.name === 'cpu_threads');
      if (count === null || count < 1 || (given && evaluateInt(given.value, { machine: plan.machine }) !== 0)) continue;
      const threads = Math.floor(cores / count);
      if (threads <= DEFAULT_THREADS) continue;
      const last = fact.args.at(-1);
      const title = `Pass cpu_threads=${threads}`;
      const fixes: FixProposal[] = given
        ? [{ title, safety: 'review', preferred: true, intents: [{ kind: 'replace', anchor: { uri: anchor.uri, span: given.span }, text: String(threads) }] }]
        : last
          ? [{ title, safety: 'review', preferred: true, intents: [{ kind: 'replace', anchor: { uri: anchor.uri, span: { ...last.span, start: last.span.end } }, text: `, cpu_threads=${threads}` }] }]
          : [];
      report({ messageId: 'four', args: { cores: Math.floor(cores), threads }, at: { uri: anchor.uri, span: fact.calleeSpan }, confidence: 'likely', fixes });
    }
  },
});

function text(call: CallFact, name: string): string | null {
  const value: Value | undefined = call.args.find((a) => a.name === name)?.value;
  return value?.kind === 'known' ? String(value.value) : null;
}
