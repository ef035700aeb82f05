/** Reports KMP_* settings for a process whose OpenMP runtime does not read them. */
import type { RelatedLocation } from '../../core/finding.ts';
import { knobByEnv } from '../../knobs/catalogue.ts';
import { launchEnvironment } from '../launchEnvironment.ts';
import { imports, loads } from '../programOrder.ts';
import { defineRule } from '../rule.ts';

const OTHER_OPENMP = /libiomp|libomp|intel|conda/i;

export const rule = defineRule({
  id: 'kmp-without-libiomp',
  family: 'ineffective-scope',
  severity: 'information',
  stage: 'stable',
  since: '0.1.0',
  fix: 'none',
  needs: 'plan',
  summary: 'KMP_* variables are set for a PyTorch whose OpenMP runtime is libgomp.',
  sources: ['measured: torch 2.13 pip wheel on Linux, every KMP_* variable is inert and no warning is printed', 'https://openmp.llvm.org/design/Runtimes.html'],
  messages: {
    inert: '{name} is read only by the Intel and LLVM OpenMP runtimes. A pip wheel of PyTorch on Linux uses libgomp, which ignores it; preload libiomp5, or use OMP_PLACES and OMP_PROC_BIND.',
  },
  check({ plan, machine }, report) {
    if (machine.os !== 'linux' || !loads(plan, 'libgomp') || imports(plan, 'intel_extension_for_pytorch')) return;
    if (plan.launch.wrappers.some((w) => w.kind === 'preload') || OTHER_OPENMP.test(plan.launch.commandText)) return;
    const environment = launchEnvironment(plan);
    const preload = environment.get('LD_PRELOAD');
    if (preload && (preload.text === null || OTHER_OPENMP.test(preload.text))) return;
    const related: RelatedLocation[] = [{ anchor: plan.launch.anchor, message: 'Starts PyTorch without libiomp5.' }];
    for (const variable of environment.all) {
      if (!variable.name.startsWith('KMP_') || variable.name === 'KMP_DUPLICATE_LIB_OK' || knobByEnv(variable.name)?.library !== 'libomp') continue;
      const { anchor, fact } = variable.setting;
      report({ messageId: 'inert', args: { name: variable.name }, at: { uri: anchor.uri, span: fact.nameSpan }, confidence: 'likely', related, unnecessary: true });
    }
  },
});
