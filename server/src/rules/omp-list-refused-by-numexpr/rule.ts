/** Reports OMP_NUM_THREADS with a list, which OpenMP takes and numexpr fails on. */
import { topModule } from '../../knobs/modules.ts';
import { setForLaunch } from '../fixProposals.ts';
import { launchEnvironment } from '../launchEnvironment.ts';
import { defineRule } from '../rule.ts';
import { valueAnchor } from '../settingText.ts';

export const rule = defineRule({
  id: 'omp-list-refused-by-numexpr',
  family: 'invalid-value',
  severity: 'error',
  stage: 'stable',
  since: '0.1.0',
  fix: 'safe',
  needs: 'plan',
  summary: 'OMP_NUM_THREADS holds a list, and importing numexpr fails on it.',
  sources: ['measured: numexpr 2.14.2 with OMP_NUM_THREADS=4,2 raises "ValueError: invalid literal for int() with base 10" at import', 'https://github.com/pydata/numexpr/issues/421'],
  messages: {
    list: 'OpenMP takes OMP_NUM_THREADS={text} as a number for each level of nesting, but numexpr reads it with int(): `import numexpr` raises ValueError.',
  },
  check({ plan }, report) {
    const at = plan.schedule.findIndex(({ fact, certainty }) => certainty === 'always' && fact.kind === 'load' && topModule(fact.module) === 'numexpr');
    const load = plan.schedule[at];
    if (!load) return;
    // What the program sets before the import is not followed here.
    if (plan.schedule.slice(0, at).some(({ fact }) => fact.kind === 'setting' && fact.channel === 'env' && /^(?:OMP|NUMEXPR)_NUM_THREADS$/.test(fact.name))) return;
    const environment = launchEnvironment(plan);
    if (environment.get('NUMEXPR_NUM_THREADS')) return;
    const variable = environment.get('OMP_NUM_THREADS');
    // Anything else that is no number is refused by OpenMP too, and omp-num-threads-invalid says so.
    if (!variable?.text || !/^\s*\d+(?:\s*,\s*\d+)+\s*$/.test(variable.text)) return;
    const { anchor, fact } = variable.setting;
    const fix = setForLaunch(plan.launch, { NUMEXPR_NUM_THREADS: variable.text.trim().split(/\s*,/)[0] ?? '' }, 'safe');
    report({
      messageId: 'list',
      args: { text: variable.text },
      at: valueAnchor(anchor.uri, fact),
      related: [{ anchor: load.anchor, message: 'Fails here.' }],
      fixes: fix ? [fix] : [],
    });
  },
});
