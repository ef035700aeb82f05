/** Reports load_dotenv() below the import of the library that reads the variables of the file. */
import type { FixProposal } from '../../core/finding.ts';
import type { SettingFact } from '../../core/fact.ts';
import type { ScheduledFact } from '../../core/launchGraph.ts';
import type { Plan } from '../../core/plan.ts';
import { topModule } from '../../knobs/modules.ts';
import { knobByEnv } from '../../knobs/catalogue.ts';
import { mayReachChildren, readersBefore, usedByHand } from '../lateVariable.ts';
import { launchEnvironment } from '../launchEnvironment.ts';
import { sameAnchor } from '../planProof.ts';
import { importReads, mayLoad, workspaceModules } from '../programOrder.ts';
import { defineRule } from '../rule.ts';

interface Late {
  readonly setting: ScheduledFact & { readonly fact: SettingFact };
  readonly reader: ScheduledFact;
  readonly consumer: string;
}

export const rule = defineRule({
  id: 'dotenv-loaded-after-import',
  family: 'ineffective-order',
  severity: 'warning',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'plan',
  summary: 'A .env file with thread variables is loaded after the import that made the library read them.',
  sources: ['measured: torch 2.13 with python-dotenv 1.2.4, get_num_threads is unchanged', 'https://saurabh-kumar.com/python-dotenv/'],
  messages: {
    late: 'This loads {names} from {file} after `import {module}`, which has read {them} already: {it} no effect on {consumer} in this process.',
    children: 'This loads {names} from {file} after `import {module}`, which has read {them} already: {it} an effect only on processes started later, not on this one.',
  },
  check({ plan, graph }, report) {
    const own = workspaceModules(plan);
    const environment = launchEnvironment(plan);
    plan.schedule.forEach((load, at) => {
      if (load.fact.kind !== 'link' || load.fact.relation !== 'envFile') return;
      const settings = plan.schedule.flatMap((s, index) => (index > at && s.fact.kind === 'setting' && s.fact.channel === 'env' && sameAnchor(s.via.at(-1) ?? null, load.anchor) ? [{ ...s, fact: s.fact }] : []));
      const late = settings.flatMap((setting): Late[] => {
        const { name, operation } = setting.fact;
        const knob = knobByEnv(name);
        if (!knob || knob.readAt !== 'load' || knob.library === 'torch' || operation === 'unset') return [];
        // What the launch or the program set before holds in any case: another matter than the order.
        if (operation === 'default' && environment.get(name)) return [];
        if (plan.schedule.slice(0, at).some((e) => e.fact.kind === 'setting' && e.fact.channel === 'env' && e.fact.name === name)) return [];
        const { first, torch } = readersBefore(plan, knob, at);
        const reader = torch ?? first;
        const later = plan.schedule.slice(at + 1);
        if (reader?.fact.kind !== 'load' || usedByHand(later, name)) return [];
        // Without PyTorch, the library that is meant may still come.
        if (torch === undefined && later.some((l) => l.fact.kind === 'load' && (importReads(l.fact.module, knob) || mayLoad(l.fact.module, knob.library, own)))) return [];
        return [{ setting, reader, consumer: torch ? 'PyTorch' : topModule(reader.fact.module) }];
      });
      const [first] = late;
      if (first?.reader.fact.kind !== 'load') return;
      const children = mayReachChildren(plan, graph, load.anchor.uri, at);
      const one = late.length === 1;
      report({
        messageId: children ? 'children' : 'late',
        args: {
          names: late.map((l) => l.setting.fact.name).join(', '),
          file: first.setting.anchor.uri.split('/').at(-1) ?? '',
          module: first.reader.fact.module,
          them: one ? 'it' : 'them',
          it: one ? 'it has' : 'they have',
          consumer: first.consumer,
        },
        at: load.anchor,
        severity: children ? 'information' : 'warning',
        confidence: children || load.certainty === 'maybe' ? 'likely' : 'certain',
        related: [{ anchor: first.reader.anchor, message: `\`import ${first.reader.fact.module}\` reads ${late.length === 1 ? first.setting.fact.name : 'them'}.` }, ...late.map((l) => ({ anchor: l.setting.anchor, message: 'Comes too late.' }))],
        fixes: children ? [] : moveAbove(plan, load, at, first.reader),
      });
    });
  },
});

/** The call can move, and takes the import of dotenv along, where it stands at module level of one file and needs nothing from in between. */
function moveAbove(plan: Plan, load: ScheduledFact, at: number, reader: ScheduledFact): FixProposal[] {
  const topLevel = (s: ScheduledFact): boolean => s.anchor.uri === load.anchor.uri && s.via.length === 0 && s.certainty === 'always' && s.fact.scope.func === null && !s.fact.scope.main;
  const call = plan.schedule.slice(0, at).findLast((s) => s.fact.kind === 'call' && sameAnchor(s.anchor, load.anchor));
  if (!topLevel(load) || !topLevel(reader) || call?.fact.kind !== 'call' || call.fact.result !== null || call.fact.args.some((a) => a.value.kind !== 'known')) return [];
  return [{ title: `Load the file above \`import ${reader.fact.kind === 'load' ? reader.fact.module : ''}\``, safety: 'review', preferred: true, intents: [{ kind: 'moveBefore', anchor: load.anchor, before: reader.anchor }] }];
}
