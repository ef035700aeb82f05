/** Reports OpenMP limits given to a process whose only compute library is ONNX Runtime, which ignores them. */
import { factsOfKind } from '../../core/factsOfKind.ts';
import { launchEnvironment } from '../launchEnvironment.ts';
import { imports } from '../programOrder.ts';
import { defineRule } from '../rule.ts';

const READERS_OF_OMP = ['torch', 'torchvision', 'torchaudio', 'transformers', 'optimum', 'sklearn', 'faiss', 'tensorflow', 'openvino', '@tensorflow/tfjs-node', 'node-llama-cpp'];
const CHOOSES_THREADS = /^(?:onnxruntime-node\.SessionOptions\.intraOpNumThreads|onnxruntime\.(?:SessionOptions\.intra_op_num_threads|set_global_thread_pool_sizes)|ORT_INTRA_OP_NUM_THREADS)$/;

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
    ignored: 'ONNX Runtime does not read {name}: its sessions start one thread per physical core{count}. Set `{option}`.',
  },
  check({ plan, graph }, report) {
    const session = plan.schedule.find((s) => s.fact.kind === 'call' && /^onnxruntime(?:-node)?\.InferenceSession(?:\.create)?$/.test(s.fact.callee));
    if (session?.fact.kind !== 'call' || imports(plan, ...READERS_OF_OMP)) return;
    const environment = launchEnvironment(plan);
    if (environment.get('ORT_INTRA_OP_NUM_THREADS')) return;
    const settings = plan.launch.reachable.flatMap((uri) => factsOfKind(graph.files.get(uri), 'setting'));
    if (settings.some((f) => CHOOSES_THREADS.test(f.name))) return;
    // Options made where they cannot be seen may hold a thread count.
    const options = session.fact.args.find((a) => a.name === 'sess_options') ?? session.fact.args.filter((a) => a.name === null)[1];
    const node = session.fact.callee.startsWith('onnxruntime-node.');
    // An object that is written out hides nothing.
    if (options && !(node && options.value.kind === 'known') && !settings.some((f) => f.name.startsWith('onnxruntime.SessionOptions.'))) return;
    const variable = environment.get('OMP_NUM_THREADS');
    if (!variable) return;
    const cores = plan.machine.physicalCores;
    report({
      messageId: 'ignored',
      args: { option: node ? 'intraOpNumThreads' : 'SessionOptions.intra_op_num_threads', name: variable.name, count: cores === null ? '' : `, ${cores} here` },
      at: { uri: variable.setting.anchor.uri, span: variable.setting.fact.span },
      confidence: 'likely',
      related: [{ anchor: session.anchor, message: 'The session.' }],
    });
  },
});
