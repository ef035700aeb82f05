/** Reports exports of a shell script that come after everything it starts. */
import { distinctKnobByEnv } from '../../knobs/catalogue.ts';
import type { FileFacts } from '../../core/fact.ts';
import { saysNothingAlone } from '../../core/outlinedFile.ts';
import { programStart, startsHere } from '../programStart.ts';
import { defineRule } from '../rule.ts';

export const rule = defineRule({
  id: 'export-after-launch',
  family: 'ineffective-order',
  severity: 'warning',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'plan',
  summary: 'A thread variable is exported after the last program the script starts.',
  sources: ['measured: bash 5.2', 'https://www.gnu.org/software/bash/manual/html_node/Environment.html'],
  messages: {
    after: '{name} is exported after the last program this script starts, {command}: no program sees it.',
  },
  check({ plan, graph }, report) {
    if (startsHere(plan) && plan.launch.how !== 'shell') return;
    const start = programStart(plan, graph);
    if (!start) return;
    const { uri, facts } = start;
    const last = facts.findLast((f) => f.kind === 'launch');
    if (last?.kind !== 'launch' || last.how !== 'shell' || last !== start.launch) return;
    // `CPUS=$(python -c …)` only computes a value; a file with nothing else is one that others source.
    if (last.forValue) return;
    // A file that others source exports for them.
    if (sourced(uri, graph.files)) return;
    // A loop or a function may come back to the launch.
    if (last.scope.loop || last.scope.func !== null) return;
    const used = new Set(facts.flatMap((f) => (f.kind === 'launch' ? f.environment.map((entry) => facts[entry.fact]) : [])));
    for (const fact of facts.slice(facts.indexOf(last) + 1)) {
      if (used.has(fact)) continue;
      if (fact.kind !== 'setting' || fact.channel !== 'env' || !fact.exported || fact.operation === 'unset' || !distinctKnobByEnv(fact.name) || fact.scope.func !== null) continue;
      report({
        messageId: 'after',
        args: { name: fact.name, command: `\`${last.label}\`` },
        at: { uri, span: fact.span },
        related: [{ anchor: start.anchor, message: 'The last program it starts.' }],
        fixes: last.scope.conditional || fact.scope.conditional ? [] : [{ title: `Export ${fact.name} before it`, safety: 'review', preferred: true, intents: [{ kind: 'moveBefore', anchor: { uri, span: fact.span }, before: { uri, span: last.span } }] }],
        unnecessary: true,
      });
    }
  },
});

function sourced(uri: string, files: ReadonlyMap<string, FileFacts>): boolean {
  const name = uri.split('/').at(-1) ?? '';
  for (const [other, file] of files) {
    if (other !== uri && !saysNothingAlone(file) && file.facts.some((f) => f.kind === 'link' && f.relation === 'source' && JSON.stringify(f.target).includes(name))) return true;
  }
  return false;
}
