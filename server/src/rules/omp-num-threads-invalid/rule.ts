/** Reports values of OMP_NUM_THREADS that no OpenMP runtime accepts. */
import { knobByEnv } from '../../knobs/catalogue.ts';
import { removeSetting, replaceValue } from '../fixProposals.ts';
import { defineRule } from '../rule.ts';
import { literalText, setsVariable, valueAnchor } from '../settingText.ts';

export const rule = defineRule({
  id: 'omp-num-threads-invalid',
  family: 'invalid-value',
  severity: 'error',
  stage: 'stable',
  since: '0.1.0',
  fix: 'safe',
  needs: 'file',
  summary: 'OMP_NUM_THREADS holds a value that OpenMP refuses.',
  sources: ['measured: libgomp 12.2 and LLVM libomp 14 with 13 spellings', 'https://gcc.gnu.org/onlinedocs/libgomp/OMP_005fNUM_005fTHREADS.html'],
  messages: {
    refused: 'OMP_NUM_THREADS="{value}" is not a list of positive integers: {consequence}.',
    empty: 'OMP_NUM_THREADS is set but empty: libgomp reports "Invalid value" and uses every CPU of the mask; LLVM libomp 14 aborts at start.',
  },
  check({ file }, report) {
    for (const fact of file.facts) {
      if (!setsVariable(fact, 'OMP_NUM_THREADS')) continue;
      const text = literalText(fact);
      if (text === null) continue;
      const at = valueAnchor(file.uri, fact);
      if (text === '') {
        report({ messageId: 'empty', at: { uri: file.uri, span: fact.span }, severity: 'warning', fixes: [removeSetting(file.uri, fact, 'review', true)] });
        continue;
      }
      const parsed = knobByEnv('OMP_NUM_THREADS')?.value.parse(text);
      if (!parsed || parsed.ok) continue;
      const number = /^["' ]*(\d+)(?:\.0*)?["' ]*$/.exec(text)?.[1];
      const fix = number !== undefined && Number(number) > 0 ? replaceValue(file.uri, fact, String(Number(number)), 'safe') : removeSetting(file.uri, fact, 'review', true);
      report({ messageId: 'refused', args: { value: text, consequence: parsed.consequence }, at, fixes: [fix] });
    }
  },
});
