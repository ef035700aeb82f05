/** Reports thread options written to an InferenceSession, which has none. */
import { defineRule } from '../rule.ts';

const PREFIX = 'onnxruntime.InferenceSession.';
const OPTIONS = new Set(['intra_op_num_threads', 'inter_op_num_threads', 'execution_mode', 'use_per_session_threads', 'graph_optimization_level']);

export const rule = defineRule({
  id: 'ort-threads-on-session',
  family: 'ineffective-scope',
  severity: 'warning',
  stage: 'stable',
  since: '0.1.0',
  fix: 'none',
  needs: 'file',
  summary: 'A thread option is written to an ONNX Runtime session instead of its SessionOptions.',
  sources: ['measured: onnxruntime 1.30.0', 'https://onnxruntime.ai/docs/performance/tune-performance/threading.html'],
  messages: {
    session: '{option} is written to the InferenceSession, where nothing reads it: thread options belong to SessionOptions, passed as `InferenceSession(path, sess_options=…)`.',
  },
  check({ file }, report) {
    for (const fact of file.facts) {
      if (fact.kind !== 'setting' || fact.channel !== 'field' || !fact.name.startsWith(PREFIX)) continue;
      const option = fact.name.slice(PREFIX.length);
      if (OPTIONS.has(option)) report({ messageId: 'session', args: { option }, at: { uri: file.uri, span: fact.span }, unnecessary: true });
    }
  },
});
