/** Reports values of MKL_NUM_THREADS that MKL silently turns into one thread. */
import { knobByEnv } from '../../knobs/catalogue.ts';
import { removeSetting, replaceValue } from '../fixProposals.ts';
import { defineRule } from '../rule.ts';
import { literalText, setsVariable, valueAnchor } from '../settingText.ts';

export const rule = defineRule({
  id: 'mkl-num-threads-invalid',
  family: 'invalid-value',
  severity: 'error',
  stage: 'stable',
  since: '0.1.0',
  fix: 'safe',
  needs: 'file',
  summary: 'MKL_NUM_THREADS is not plain digits, so that MKL falls back to one thread without a word.',
  sources: ['measured: torch 2.13 with MKL 2024.2, 13 spellings'],
  messages: {
    refused: 'MKL_NUM_THREADS="{value}" is not plain digits: {consequence}.',
  },
  check({ file, machine }, report) {
    for (const fact of file.facts) {
      if (!setsVariable(fact, 'MKL_NUM_THREADS')) continue;
      const text = literalText(fact);
      if (text === null || text === '') continue;
      const parsed = knobByEnv('MKL_NUM_THREADS')?.value.parse(text);
      if (!parsed || parsed.ok) continue;
      const number = /^["' +]*(\d+)(?:\.0*)?["' ]*$/.exec(text)?.[1];
      const fix = number === undefined ? removeSetting(file.uri, fact, 'review', true) : replaceValue(file.uri, fact, String(Number(number)), 'safe');
      // Other architectures have no MKL; the value is just as wrong, but nothing reads it.
      const severity = machine.arch === null || machine.arch === 'x86_64' ? 'error' : 'information';
      report({ messageId: 'refused', args: { value: text, consequence: parsed.consequence }, at: valueAnchor(file.uri, fact), severity, fixes: [fix] });
    }
  },
});
