/** Reports thread variables set in os.environ after the library that reads them was imported. */
import { knobByEnv } from '../../knobs/catalogue.ts';
import type { FixProposal } from '../../core/finding.ts';
import type { SettingFact } from '../../core/fact.ts';
import type { ScheduledFact } from '../../core/launchGraph.ts';
import { evaluate } from '../../core/value.ts';
import type { Plan } from '../../core/plan.ts';
import { topModule } from '../../knobs/modules.ts';
import { launchEnvironment } from '../launchEnvironment.ts';
import { mayReachChildren, readersBefore, usedByHand } from '../lateVariable.ts';
import { importReads, imports, mayLoad, workspaceModules } from '../programOrder.ts';
import { defineRule } from '../rule.ts';
import { valueAnchor } from '../settingText.ts';

export const rule = defineRule({
  id: 'env-set-after-import',
  family: 'ineffective-order',
  severity: 'warning',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'plan',
  summary: 'A thread variable is set after the import that made the library read it.',
  sources: ['measured: torch 2.13, get_num_threads is unchanged', 'https://github.com/microsoft/onnxruntime/issues/29510', 'https://github.com/pytorch/pytorch/issues/16894'],
  messages: {
    late: '{name} is set after `import {module}`, which has read it already: it has no effect on {consumer} in this process.',
    children: '{name} is set after `import {module}`, which has read it already: it reaches only processes started later, not this one.',
  },
  check({ plan, graph }, report) {
    const own = workspaceModules(plan);
    const environment = launchEnvironment(plan);
    plan.schedule.forEach((s, index) => {
      const { fact } = s;
      if (fact.kind !== 'setting' || fact.channel !== 'env' || fact.operation === 'unset') return;
      const knob = knobByEnv(fact.name);
      // A file that the program loads is another matter: what has to move is the call that loads it.
      const file = graph.files.get(s.anchor.uri)?.facts ?? [];
      if (!file.some((f) => f.kind === 'load')) return;
      // PyTorch's own variables belong to parts of it that are imported when they are first used.
      if (!knob || knob.readAt !== 'load' || knob.library === 'torch' || knob.readByModules.length === 0) return;
      const { first, torch } = readersBefore(plan, knob, index);
      const reader = torch ?? first;
      if (reader?.fact.kind !== 'load') return;
      // The other order in some path: an earlier setting of the same variable may have done the work.
      if (plan.schedule.slice(0, plan.schedule.indexOf(reader)).some((e) => e.fact.kind === 'setting' && e.fact.channel === 'env' && e.fact.name === fact.name)) {
        if (sameValueBefore(plan, fact, plan.schedule.indexOf(reader))) return;
      }
      // A shared library that a file loads by hand brings an OpenMP of its own, which reads it then; a file that imports the reader itself means that.
      if (file.some((f) => f.kind === 'load' && /^(?:ctypes|cffi)(?:\.|$)/.test(f.module)) && !file.some((f) => f.kind === 'load' && importReads(f.module, knob))) return;
      const module = topModule(reader.fact.module);
      const later = plan.schedule.slice(index + 1);
      const earlier = plan.schedule.slice(0, index).flatMap((l) => (l.fact.kind === 'load' ? [topModule(l.fact.module)] : []));
      // Without PyTorch, the library that is meant may still come: NumPy first, PyTorch after the setting.
      if (torch === undefined && later.some((l) => l.fact.kind === 'load' && !earlier.includes(topModule(l.fact.module)) && (importReads(l.fact.module, knob) || mayLoad(l.fact.module, knob.library, own)))) return;
      // Builds of TensorFlow with MKL read it at the first operation; NumPy came along with it.
      if (torch === undefined && topModule(reader.fact.module) === 'numpy' && imports(plan, 'tensorflow')) return;
      // CTranslate2 reads the variable whenever it makes a model.
      if (torch === undefined && fact.name === 'OMP_NUM_THREADS' && imports(plan, 'ctranslate2', 'faster_whisper')) return;
      if (usedByHand(later, fact.name)) return;
      const launched = environment.get(fact.name);
      const related = [{ anchor: reader.anchor, message: `\`import ${reader.fact.module}\` reads ${fact.name}.` }];
      const at = { uri: s.anchor.uri, span: fact.span };
      const fixes = moveAbove(plan, s, fact, reader);
      const inherits = mayReachChildren(plan, graph, s.anchor.uri, index);
      if (inherits) {
        report({ messageId: 'children', args: { name: fact.name, module }, at, severity: 'information', confidence: 'likely', related });
        return;
      }
      if (launched) related.push({ anchor: valueAnchor(launched.setting.anchor.uri, launched.setting.fact), message: `${fact.name}${launched.text === null ? '' : `=${launched.text}`} of ${launched.layer.label} holds instead.` });
      report({ messageId: 'late', args: { name: fact.name, module, consumer: torch ? 'PyTorch' : module }, at, related, fixes, unnecessary: fixes.length === 0 });
    });
  },
});

/** True when the value set before the import is the one set again. */
function sameValueBefore(plan: Plan, fact: SettingFact, until: number): boolean {
  const text = (f: SettingFact): string | null => {
    const result = evaluate(f.value, { machine: plan.machine });
    return result.kind === 'known' ? String(result.value) : null;
  };
  const wanted = text(fact);
  const before = plan.schedule.slice(0, until).findLast((e) => e.fact.kind === 'setting' && e.fact.channel === 'env' && e.fact.name === fact.name);
  return before?.fact.kind === 'setting' && (wanted === null || text(before.fact) === wanted);
}

/** Moving is possible where both stand at module level of one file and the value needs nothing from in between. */
function moveAbove(plan: Plan, s: ScheduledFact, fact: SettingFact, reader: ScheduledFact): FixProposal[] {
  if (s.anchor.uri !== reader.anchor.uri || s.certainty !== 'always' || fact.scope.func !== null || fact.scope.conditional || fact.scope.loop || fact.scope.main) return [];
  if (reader.fact.scope.func !== null || reader.fact.scope.conditional || reader.via.length > 0 || s.via.length > 0 || fact.value.kind !== 'known') return [];
  // `import os` has to come first; it may stand below the library's import.
  const uses = plan.schedule.findIndex((l) => l.anchor.uri === s.anchor.uri && l.fact.kind === 'load' && topModule(l.fact.module) === 'os');
  const os = plan.schedule[uses];
  const needsOs = os !== undefined && uses > plan.schedule.indexOf(reader) && os.fact.scope.func === null && !os.fact.scope.conditional;
  if (os === undefined) return [];
  const before = { uri: reader.anchor.uri, span: reader.fact.span };
  return [
    {
      title: `Set ${fact.name} above \`import ${reader.fact.kind === 'load' ? reader.fact.module : ''}\``,
      safety: 'review',
      preferred: true,
      intents: [
        ...(needsOs ? [{ kind: 'moveBefore' as const, anchor: { uri: os.anchor.uri, span: os.fact.span }, before }] : []),
        { kind: 'moveBefore', anchor: { uri: s.anchor.uri, span: fact.span }, before },
      ],
    },
  ];
}
