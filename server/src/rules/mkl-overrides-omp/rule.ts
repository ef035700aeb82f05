/** Reports MKL_NUM_THREADS and OMP_NUM_THREADS that disagree. */
import { setForLaunch } from '../fixProposals.ts';
import { launchEnvironment } from '../launchEnvironment.ts';
import { loads } from '../programOrder.ts';
import { defineRule } from '../rule.ts';
import { valueAnchor } from '../settingText.ts';

export const rule = defineRule({
  id: 'mkl-overrides-omp',
  family: 'conflict',
  severity: 'warning',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'plan',
  summary: 'MKL_NUM_THREADS and OMP_NUM_THREADS differ, and PyTorch follows the former.',
  sources: ['measured: torch 2.13, MKL=4 OMP=2 gives 4', 'https://docs.pytorch.org/docs/stable/notes/cpu_threading_torchscript_inference.html'],
  messages: {
    wins: 'OMP_NUM_THREADS={omp} has no effect on PyTorch here: MKL_NUM_THREADS={mkl} wins, and its operations use {mkl} threads.',
  },
  check({ plan, machine }, report) {
    if (machine.arch !== 'x86_64' || !loads(plan, 'mkl')) return;
    if (plan.schedule.some((s) => s.fact.kind === 'setting' && s.fact.name === 'torch.set_num_threads')) return;
    const environment = launchEnvironment(plan);
    const omp = environment.get('OMP_NUM_THREADS');
    const mkl = environment.get('MKL_NUM_THREADS');
    if (!omp?.text || !mkl?.text || !/^\d+$/.test(omp.text) || !/^0*[1-9]\d*$/.test(mkl.text) || Number(omp.text) === 0 || Number(omp.text) === Number(mkl.text)) return;
    const at = valueAnchor(omp.setting.anchor.uri, omp.setting.fact);
    const fix = setForLaunch(plan.launch, { OMP_NUM_THREADS: mkl.text }, 'review');
    report({
      messageId: 'wins',
      args: { omp: omp.text, mkl: mkl.text },
      at,
      related: [{ anchor: valueAnchor(mkl.setting.anchor.uri, mkl.setting.fact), message: 'The value that PyTorch follows.' }],
      fixes: fix ? [fix] : [],
    });
  },
});
