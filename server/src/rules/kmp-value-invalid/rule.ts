/** Reports KMP_* values that the Intel and LLVM OpenMP runtimes refuse. */
import { knobByEnv } from '../../knobs/catalogue.ts';
import { removeSetting } from '../fixProposals.ts';
import { defineRule } from '../rule.ts';
import { literalText, valueAnchor } from '../settingText.ts';

export const rule = defineRule({
  id: 'kmp-value-invalid',
  family: 'invalid-value',
  severity: 'warning',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'file',
  summary: 'A KMP_* variable has a value that Intel and LLVM OpenMP refuse.',
  sources: ['measured: LLVM libomp 14.0.6', 'https://openmp.llvm.org/design/Runtimes.html'],
  messages: {
    refused: '{name}="{value}" is not valid: {consequence}.',
  },
  check({ file }, report) {
    for (const fact of file.facts) {
      if (fact.kind !== 'setting' || fact.channel !== 'env' || !fact.name.startsWith('KMP_')) continue;
      const text = literalText(fact);
      if (text === null || text === '') continue;
      const parsed = knobByEnv(fact.name)?.value.parse(text);
      if (!parsed || parsed.ok) continue;
      report({ messageId: 'refused', args: { name: fact.name, value: text, consequence: parsed.consequence }, at: valueAnchor(file.uri, fact), fixes: [removeSetting(file.uri, fact, 'review', true)] });
    }
  },
});
