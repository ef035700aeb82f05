/** Reports a preloaded Intel or LLVM OpenMP together with OMP_* binding, which leaves PyTorch one CPU. */
import { launchEnvironment } from '../launchEnvironment.ts';
import { loads } from '../programOrder.ts';
import { defineRule } from '../rule.ts';

export const rule = defineRule({
  id: 'preloaded-openmp-with-binding',
  family: 'runtime-mix',
  severity: 'error',
  stage: 'stable',
  since: '0.1.0',
  fix: 'none',
  needs: 'plan',
  summary: 'libiomp5 or libomp is preloaded next to libgomp, and OMP_* binding makes PyTorch see one CPU.',
  sources: ['measured: LLVM libomp 14 preloaded under torch 2.13, OMP_PROC_BIND=TRUE gives 1 thread'],
  messages: {
    both: '{library} is preloaded, but PyTorch loads its own libgomp too, and that reads {name}={value} first and pins the main thread: the preloaded runtime then finds one CPU, and PyTorch uses 1 thread. Use KMP_AFFINITY instead.',
  },
  check({ plan, machine }, report) {
    if (machine.os !== 'linux' || !loads(plan, 'torch')) return;
    const environment = launchEnvironment(plan);
    const preload = environment.get('LD_PRELOAD');
    const library = /(?:^|[/:\s])(libiomp5|libomp)[\w.-]*\.so/.exec(preload?.text ?? '')?.[1];
    if (!preload || library === undefined) return;
    const binding = ['OMP_PROC_BIND', 'OMP_PLACES', 'GOMP_CPU_AFFINITY'].map((name) => environment.get(name)).find((v) => v?.text && !/^(?:false|sockets|numa_domains)/i.test(v.text));
    if (!binding || /^false$/i.test(environment.get('OMP_PROC_BIND')?.text ?? '')) return;
    const { anchor, fact } = binding.setting;
    report({
      messageId: 'both',
      args: { library, name: binding.name, value: binding.text ?? '' },
      at: { uri: anchor.uri, span: fact.span },
      confidence: 'likely',
      related: [{ anchor: { uri: preload.setting.anchor.uri, span: preload.setting.fact.span }, message: `Preloads ${library}.` }],
    });
  },
});
