/** Reports arguments that torch's thread setters refuse with an exception. */
import type { FixProposal } from '../../core/finding.ts';
import type { SettingFact } from '../../core/fact.ts';
import { evaluate } from '../../core/value.ts';
import { replaceCode } from '../fixProposals.ts';
import { defineRule } from '../rule.ts';
import { certainType } from '../settingText.ts';

const SETTERS = ['torch.set_num_threads', 'torch.set_num_interop_threads'];
const TYPE_NAMES: Readonly<Record<string, string>> = { None: 'NoneType' };

export const rule = defineRule({
  id: 'thread-setter-bad-argument',
  family: 'invalid-value',
  severity: 'error',
  stage: 'stable',
  since: '0.1.0',
  fix: 'safe',
  needs: 'file',
  summary: "An argument of torch's thread setters raises an exception.",
  sources: ['measured: torch 2.13, exact error texts', 'https://docs.pytorch.org/docs/stable/generated/torch.set_num_threads.html'],
  messages: {
    type: '`{argument}` is a {type}, and {name} takes only an int: RuntimeError "{short} expects an int, but got {pythonType}".',
    positive: '{name}({value}) raises RuntimeError "{short} expects a positive integer".',
    overflow: '{name}({value}) raises ValueError "Overflow when unpacking long": the largest value is 2147483647.',
    keyword: '{name} takes no keyword arguments: `{keyword}=` raises TypeError.',
    missing: '{name}() raises TypeError: it takes exactly one argument (0 given).',
  },
  check({ file, machine }, report) {
    for (const fact of file.facts) {
      if (fact.kind !== 'setting' || fact.channel !== 'call' || !SETTERS.includes(fact.name) || fact.scope.guarded) continue;
      const short = fact.name.slice('torch.'.length);
      const common = { name: fact.name, short };
      const argument = fact.args[0];
      if (argument === undefined) {
        // `f(*args)` has no readable argument either, but then the value is unknown rather than absent.
        if (fact.valueSpan === null && fact.value.kind === 'known') report({ messageId: 'missing', args: common, at: { uri: file.uri, span: fact.span } });
        continue;
      }
      if (argument.name !== null) {
        if (/^[a-z_]\w*$/i.test(argument.name)) report({ messageId: 'keyword', args: { ...common, keyword: argument.name }, at: { uri: file.uri, span: argument.span } });
        continue;
      }
      const at = { uri: file.uri, span: argument.span };
      const type = certainType(fact.value);
      if (type !== null && type !== 'int') {
        report({ messageId: 'type', args: { ...common, argument: fact.raw ?? '', type, pythonType: TYPE_NAMES[type] ?? type }, at, fixes: repair(fact, file.uri) });
        continue;
      }
      // Only values the text states: what depends on the machine is another rule's business.
      if (dependsOnMachine(fact.value)) continue;
      const result = evaluate(fact.value, { machine });
      const values = result.kind === 'known' ? [result.value] : result.kind === 'oneOf' ? result.values.map((v) => v.value) : [];
      const numbers = values.filter((v): v is number => typeof v === 'number');
      if (numbers.length === 0 || numbers.length < values.length) continue;
      if (numbers.every((n) => n <= 0)) report({ messageId: 'positive', args: { ...common, value: fact.raw ?? numbers.join(' or ') }, at });
      else if (numbers.every((n) => n > 2 ** 31 - 1)) report({ messageId: 'overflow', args: { ...common, value: fact.raw ?? numbers.join(' or ') }, at });
    }
  },
});

function dependsOnMachine(value: SettingFact['value']): boolean {
  return JSON.stringify(value).includes('"quantity"');
}

function repair(fact: SettingFact, uri: string): FixProposal[] {
  const argument = fact.args[0];
  const raw = fact.raw ?? '';
  if (!argument || raw === '') return [];
  const anchor = { uri, span: argument.span };
  const digits = /^["'](\d+)["']$/.exec(raw)?.[1];
  if (digits !== undefined && Number(digits) > 0) return [replaceCode(anchor, digits, `Pass the number ${digits}`, 'safe')];
  if (fact.value.kind === 'environment') return [replaceCode(anchor, `int(${raw})`, 'Convert the text with int()', 'safe')];
  if (fact.value.kind === 'expression' && fact.value.operator === '/') return [replaceCode(anchor, `max(1, int(${raw}))`, 'Round down to at least 1', 'review')];
  return [];
}
