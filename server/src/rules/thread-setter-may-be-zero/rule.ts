/** Reports thread counts computed from the machine that come to zero on a small one. */
import { evaluateInt, type Value } from '../../core/value.ts';
import { UNKNOWN_MACHINE, type Machine } from '../../core/machine.ts';
import { replaceCode } from '../fixProposals.ts';
import { defineRule } from '../rule.ts';

const SETTERS = ['torch.set_num_threads', 'torch.set_num_interop_threads'];
const LARGEST = 256;

export const rule = defineRule({
  id: 'thread-setter-may-be-zero',
  family: 'invalid-value',
  severity: 'warning',
  stage: 'stable',
  since: '0.1.0',
  fix: 'safe',
  needs: 'file',
  summary: 'A thread count computed from the number of CPUs is below 1 on small machines, where the setter raises.',
  sources: ['measured: torch 2.13 raises RuntimeError for 0 and below'],
  messages: {
    here: '`{argument}` is {value} on this machine: {name} raises RuntimeError "expects a positive integer".',
    small: '`{argument}` is {value} on a machine with {cpus}: {name} raises RuntimeError "expects a positive integer" there.',
  },
  check({ file, machine }, report) {
    for (const fact of file.facts) {
      if (fact.kind !== 'setting' || fact.channel !== 'call' || !SETTERS.includes(fact.name) || fact.scope.guarded || fact.scope.conditional) continue;
      const argument = fact.args[0];
      if (!argument || argument.name !== null || !dependsOnlyOnMachine(fact.value)) continue;
      const fixes = [replaceCode({ uri: file.uri, span: argument.span }, `max(1, ${fact.raw ?? ''})`, 'Use at least 1', 'safe')];
      const at = { uri: file.uri, span: argument.span };
      const common = { name: fact.name, argument: fact.raw ?? '' };
      const here = evaluateInt(fact.value, { machine });
      if (here !== null && here <= 0) {
        report({ messageId: 'here', args: { ...common, value: here }, at, severity: 'error', fixes });
        continue;
      }
      const largest = largestFailing(fact.value);
      if (largest === null) continue;
      const value = evaluateInt(fact.value, { machine: machineWith(largest) }) ?? 0;
      report({
        messageId: 'small',
        args: { ...common, value, cpus: largest === 1 ? 'one CPU' : `${largest} CPUs` },
        at,
        severity: largest === 1 ? 'hint' : 'warning',
        confidence: 'likely',
        fixes,
      });
    }
  },
});

/** The biggest machine on which the value is below 1, or null when there is none of a common size. */
function largestFailing(value: Value): number | null {
  let largest: number | null = null;
  for (let cpus = 1; cpus <= LARGEST; cpus++) {
    const n = evaluateInt(value, { machine: machineWith(cpus) });
    if (n === null) return null;
    if (n <= 0) largest = cpus;
  }
  return largest === LARGEST ? null : largest;
}

function machineWith(cpus: number): Machine {
  return { ...UNKNOWN_MACHINE, logicalCores: cpus, physicalCores: cpus };
}

function dependsOnlyOnMachine(value: Value): boolean {
  switch (value.kind) {
    case 'quantity':
      return true;
    case 'conversion':
      return dependsOnlyOnMachine(value.operand);
    case 'expression':
      return value.operands.some(dependsOnlyOnMachine) && value.operands.every((operand) => operand.kind === 'known' || dependsOnlyOnMachine(operand));
    default:
      return false;
  }
}
