/** Reports assignments to os.environ that raise because the value is not a string. */
import { replaceCode } from '../fixProposals.ts';
import { defineRule } from '../rule.ts';
import { certainType, valueAnchor } from '../settingText.ts';

export const rule = defineRule({
  id: 'environ-value-not-string',
  family: 'invalid-value',
  severity: 'error',
  stage: 'stable',
  since: '0.1.0',
  fix: 'safe',
  needs: 'file',
  summary: 'A thread variable is assigned something that is not a string, which raises TypeError.',
  sources: ['measured: CPython 3.11', 'https://docs.python.org/3/library/os.html#os.environ'],
  messages: {
    type: '{name} is given the {type} `{value}`, and environment variables hold only strings: TypeError "str expected, not {pythonType}".',
  },
  check({ file }, report) {
    if (file.reader !== 'python') return;
    for (const fact of file.facts) {
      if (fact.kind !== 'setting' || fact.channel !== 'env' || fact.operation === 'unset' || fact.scope.guarded) continue;
      const type = certainType(fact.value);
      if (type === null || type === 'str' || fact.valueSpan === null || fact.raw === null) continue;
      report({
        messageId: 'type',
        args: { name: fact.name, type, value: fact.raw, pythonType: type === 'None' ? 'NoneType' : type },
        at: valueAnchor(file.uri, fact),
        fixes: type === 'int' ? [replaceCode(valueAnchor(file.uri, fact), /^\d+$/.test(fact.raw) ? `"${fact.raw}"` : `str(${fact.raw})`, 'Pass a string', 'safe')] : [],
      });
    }
  },
});
