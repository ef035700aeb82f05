/** Reports cache capacities that crash PyTorch's convolutions or turn the oneDNN cache off. */
import { removeSetting } from '../fixProposals.ts';
import { defineRule } from '../rule.ts';
import { literalText, setsVariable, valueAnchor } from '../settingText.ts';

export const rule = defineRule({
  id: 'cache-capacity-invalid',
  family: 'denormal-onednn',
  severity: 'error',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'file',
  summary: 'A cache capacity crashes the first convolution or turns the oneDNN primitive cache off.',
  sources: ['measured: torch 2.13 with oneDNN 3.12, each crash three times', 'https://uxlfoundation.github.io/oneDNN/dev_guide_primitive_cache.html'],
  messages: {
    crash: 'LRU_CACHE_CAPACITY={value} ends PyTorch with SIGSEGV at the first oneDNN convolution.',
    parsedAsZero: '{name}="{value}" is not a number: oneDNN reads it as 0, which turns the primitive cache off.',
    tooLarge: '{name}={value} is above 65536, the largest capacity that oneDNN documents.',
  },
  check({ file }, report) {
    for (const fact of file.facts) {
      if (setsVariable(fact, 'LRU_CACHE_CAPACITY')) {
        const text = literalText(fact);
        if (text === null || text === '' || (/^-?\d+$/.test(text) && Number(text) !== 0)) continue;
        report({ messageId: 'crash', args: { value: text }, at: valueAnchor(file.uri, fact), fixes: [removeSetting(file.uri, fact, 'review', true)] });
      } else if (setsVariable(fact, 'ONEDNN_PRIMITIVE_CACHE_CAPACITY', 'DNNL_PRIMITIVE_CACHE_CAPACITY')) {
        const text = literalText(fact);
        if (text === null || text === '') continue;
        const at = valueAnchor(file.uri, fact);
        const args = { name: fact.name, value: text };
        if (!/^-?\d+/.test(text.trim())) report({ messageId: 'parsedAsZero', args, at, severity: 'warning', fixes: [removeSetting(file.uri, fact, 'review', true)] });
        else if (Number(text) > 65536) report({ messageId: 'tooLarge', args, at, severity: 'information' });
      }
    }
  },
});
