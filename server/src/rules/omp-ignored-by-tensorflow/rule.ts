/** Reports OpenMP limits given to a TensorFlow program that sets no limit of TensorFlow's own. */
import { factsOfKind } from '../../core/factsOfKind.ts';
import { imports, loads } from '../programOrder.ts';
import { defineRule } from '../rule.ts';

/** Modules besides TensorFlow that follow OMP_NUM_THREADS and may be what it is meant for. */
const READERS_OF_OMP = ['torch', 'torchvision', 'torchaudio', 'transformers', 'sentence_transformers', 'sklearn', 'faiss', 'numexpr', 'xgboost', 'lightgbm', 'catboost', 'numba', 'scipy', 'ctranslate2', 'faster_whisper'];
const LIMITS = /^(?:TF_NUM_INTRAOP_THREADS|tensorflow\.config\.threading\.set_intra_op_parallelism_threads|tensorflow\.(?:compat\.v1\.)?ConfigProto\.intra_op_parallelism_threads)$/;

export const rule = defineRule({
  id: 'omp-ignored-by-tensorflow',
  family: 'ineffective-scope',
  severity: 'information',
  stage: 'stable',
  since: '0.1.0',
  fix: 'none',
  needs: 'plan',
  summary: 'OMP_NUM_THREADS is the only limit of a TensorFlow program, and TensorFlow does not read it.',
  sources: ['measured: tensorflow-cpu 2.21', 'https://github.com/kermitt2/delft/issues/230'],
  messages: {
    ignored: 'TensorFlow from pip does not read OMP_NUM_THREADS: its pools have one thread for each CPU of the mask{count}. Set TF_NUM_INTRAOP_THREADS={value} and TF_NUM_INTEROP_THREADS instead.',
  },
  check({ plan, graph }, report) {
    if (!loads(plan, 'tensorflow') || imports(plan, ...READERS_OF_OMP) || /\b(?:conda|mamba|micromamba)\b/.test(plan.launch.commandText)) return;
    if (plan.schedule.some((s) => s.fact.kind === 'compute' && s.fact.library === 'numpy' && s.fact.certain)) return;
    const state = plan.values.find((v) => v.name === 'OMP_NUM_THREADS');
    const place = state?.from.find((p) => p.anchor !== null)?.anchor;
    if (!state?.value || !place || !/^\d+$/.test(state.value)) return;
    if (plan.values.some((v) => LIMITS.test(v.name))) return;
    if (plan.launch.reachable.some((uri) => factsOfKind(graph.files.get(uri), 'setting').some((f) => LIMITS.test(f.name)))) return;
    const cpus = plan.machine.affinity?.length ?? plan.machine.logicalCores;
    if (cpus !== null && cpus <= Number(state.value)) return;
    const load = plan.schedule.find((s) => s.fact.kind === 'load' && s.fact.module.startsWith('tensorflow'));
    report({
      messageId: 'ignored',
      args: { value: state.value, count: cpus === null ? '' : `, ${cpus} here` },
      at: place,
      confidence: 'likely',
      related: load ? [{ anchor: load.anchor, message: 'Loads TensorFlow.' }] : [],
    });
  },
});
