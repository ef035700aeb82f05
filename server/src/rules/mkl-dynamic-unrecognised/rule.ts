/** Reports values of MKL_DYNAMIC that MKL does not understand. */
import { replaceValue } from '../fixProposals.ts';
import { defineRule } from '../rule.ts';
import { literalText, setsVariable, valueAnchor } from '../settingText.ts';

const OFF = new Set(['0', 'no', 'off', 'n', 'f']);

export const rule = defineRule({
  id: 'mkl-dynamic-unrecognised',
  family: 'invalid-value',
  severity: 'warning',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'file',
  summary: 'MKL_DYNAMIC has a spelling that MKL ignores.',
  sources: ['measured: torch 2.13 with MKL 2024.2'],
  messages: {
    ignored: 'MKL_DYNAMIC={value} is ignored: only FALSE or false turns the adjustment off, so thread counts above the physical cores are still cut.',
  },
  check({ file }, report) {
    for (const fact of file.facts) {
      if (!setsVariable(fact, 'MKL_DYNAMIC')) continue;
      const text = literalText(fact);
      // Any other word leaves the adjustment on, which is what an "on" word means.
      if (text === null || text === 'FALSE' || text === 'false') continue;
      if (!OFF.has(text.toLowerCase()) && text.toLowerCase() !== 'false') continue;
      report({ messageId: 'ignored', args: { value: text }, at: valueAnchor(file.uri, fact), fixes: [replaceValue(file.uri, fact, 'FALSE', 'review')] });
    }
  },
});
