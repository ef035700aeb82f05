/** Reports OpenMP limits given to a process whose only compute library is ONNX Runtime, which ignores them. */
import { launchEnvironment } from '../launchEnvironment.ts';
import { imports } from '../programOrder.ts';
import { defineRule } from '../rule.ts';

export const rule = defineRule({
  id: 'omp-ignored-by-onnxruntime',
  family: 'ineffective-scope',
  severity: 'warning',
  stage: 'stable',
  since: '0.1.0',
  fix: 'none',
  needs: 'plan',
  summary: 'OMP_NUM_THREADS is set for ONNX Runtime, which does not read it.',
  sources: ['measured: onnxruntime 1.30.0', 'https://github.com/microsoft/onnxruntime/issues/29510', 'https://onnxruntime.ai/docs/performance/tune-performance/threading.html'],
  messages: {
    ignored: 'ONNX Runtime does not read {name}: its sessions start one thread per physical core{count}. Set `SessionOptions.intra_op_num_threads`.',
  },
  check({ plan }, report) {
    const session = plan.schedule.find((s) => s.fact.kind === 'call' && s.fact.callee === 'onnxruntime.InferenceSession');
    if (!session || imports(plan, 'torch', 'torchvision', 'torchaudio', 'transformers', 'optimum', 'sklearn', 'faiss', 'tensorflow', 'openvino')) return;
    const chosen = plan.schedule.some((s) => s.fact.kind === 'setting' && (/^onnxruntime\.(?:SessionOptions\.intra_op_num_threads|set_global_thread_pool_sizes)/.test(s.fact.name) || s.fact.name === 'ORT_INTRA_OP_NUM_THREADS'));
    const environment = launchEnvironment(plan);
    if (chosen || environment.get('ORT_INTRA_OP_NUM_THREADS')) return;
    // Options that come from elsewhere may hold a thread count.
    if (session.fact.kind === 'call' && session.fact.args.some((a) => a.name === 'sess_options' || a.name === 'providers' || (a.name === null && session.fact.kind === 'call' && session.fact.args.indexOf(a) === 1))) {
      if (!plan.schedule.some((s) => s.fact.kind === 'call' && s.fact.callee === 'onnxruntime.SessionOptions') && !session.fact.args.every((a) => a.name === 'providers' || session.fact.kind === 'call' && session.fact.args.indexOf(a) === 0)) return;
    }
    const variable = environment.get('OMP_NUM_THREADS');
    if (!variable) return;
    const cores = plan.machine.physicalCores;
    report({
      messageId: 'ignored',
      args: { name: variable.name, count: cores === null ? '' : `, ${cores} here` },
      at: { uri: variable.setting.anchor.uri, span: variable.setting.fact.span },
      confidence: 'likely',
      related: [{ anchor: session.anchor, message: 'The session.' }],
    });
  },
});
