/** Reports KMP_DUPLICATE_LIB_OK=TRUE, which hides that two OpenMP runtimes are loaded. */
import { removeSetting } from '../fixProposals.ts';
import { defineRule } from '../rule.ts';
import { literalText, setsVariable } from '../settingText.ts';

export const rule = defineRule({
  id: 'kmp-duplicate-lib-ok',
  family: 'runtime-mix',
  severity: 'warning',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'file',
  summary: 'KMP_DUPLICATE_LIB_OK lets two OpenMP runtimes share a process.',
  sources: ['https://github.com/pytorch/pytorch/issues/193520', 'https://openmp.llvm.org/design/Runtimes.html'],
  messages: {
    hidden: 'KMP_DUPLICATE_LIB_OK={value} silences "OMP: Error #15" and lets two OpenMP runtimes run in one process: each starts its own threads, and deadlocks and wrong results are known.',
  },
  check({ file }, report) {
    for (const fact of file.facts) {
      if (!setsVariable(fact, 'KMP_DUPLICATE_LIB_OK')) continue;
      const text = literalText(fact);
      if (text === null || !/^(?:true|t|1|yes|y|on|\.t\.|\.true\.)$/i.test(text)) continue;
      report({ messageId: 'hidden', args: { value: text }, at: { uri: file.uri, span: fact.span }, fixes: [removeSetting(file.uri, fact, 'review')] });
    }
  },
});
