/** Reports launches whose thread variables the script contradicts. */
import { knobByEnv } from '../../knobs/catalogue.ts';
import { evaluate } from '../../core/value.ts';
import { setForLaunch } from '../fixProposals.ts';
import { launchEnvironment } from '../launchEnvironment.ts';
import { fanOuts, importReads } from '../programOrder.ts';
import { defineRule } from '../rule.ts';
import { valueAnchor } from '../settingText.ts';

export const rule = defineRule({
  id: 'script-overrides-environment',
  family: 'conflict',
  severity: 'information',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'plan',
  summary: 'The launch and the script ask for different thread counts.',
  sources: ['measured: torch 2.13, the call wins over the environment', 'https://docs.pytorch.org/docs/stable/notes/cpu_threading_torchscript_inference.html'],
  messages: {
    call: '{name}={value} has no effect on PyTorch in this launch: the script calls torch.set_num_threads({other}), and the call wins.',
    scriptWins: '{name}={value} has no effect in this launch: the script sets it to {other} before the libraries read it.',
    launchWins: '{name}={value} of this launch holds, although the script sets it to {other}: the script does so after the libraries have read it.',
  },
  check({ plan }, report) {
    const environment = launchEnvironment(plan);
    const numeric = (text: string): number | null => (/^\d+$/.test(text) ? Number(text) : null);
    for (const variable of environment.all) {
      const knob = knobByEnv(variable.name);
      if (!knob || knob.role !== 'intraOp' || variable.text === null || numeric(variable.text) === null) continue;
      const at = valueAnchor(variable.setting.anchor.uri, variable.setting.fact);
      const inScript = plan.schedule.findLast((s) => s.certainty === 'always' && s.fact.kind === 'setting' && s.fact.channel === 'env' && s.fact.name === variable.name && s.fact.operation === 'set');
      if (inScript?.fact.kind === 'setting') {
        const value = evaluate(inScript.fact.value, { machine: plan.machine });
        const other = value.kind === 'known' ? String(value.value) : null;
        if (other !== null && other !== variable.text && numeric(other) !== null && knob.readAt === 'load') {
          const before = plan.schedule.slice(0, plan.schedule.indexOf(inScript));
          const late = before.some((s) => s.certainty === 'always' && s.fact.kind === 'load' && importReads(s.fact.module, knob));
          const fix = setForLaunch(plan.launch, { [variable.name]: other }, 'review');
          report({
            messageId: late ? 'launchWins' : 'scriptWins',
            args: { name: variable.name, value: variable.text, other },
            at,
            related: [{ anchor: { uri: inScript.anchor.uri, span: inScript.fact.span }, message: `Sets ${variable.name}=${other}${late ? ', too late' : ''}.` }],
            fixes: fix ? [fix] : [],
          });
          continue;
        }
      }
      if (variable.name !== 'OMP_NUM_THREADS' && variable.name !== 'MKL_NUM_THREADS') continue;
      if (variable.name === 'OMP_NUM_THREADS' && environment.get('MKL_NUM_THREADS')) continue;
      const call = plan.schedule.findLast((s) => s.certainty === 'always' && s.fact.kind === 'setting' && s.fact.channel === 'call' && s.fact.name === 'torch.set_num_threads');
      if (call?.fact.kind !== 'setting') continue;
      // Workers that start afresh and do not run the call follow the variable.
      const { scope } = call.fact;
      if (fanOuts(plan, 'process').some(({ fact }) => (fact.startMethod === 'spawn' || fact.startMethod === 'forkserver') && (fact.api === 'ray.remote' || scope.func !== null || scope.main))) continue;
      const argument = evaluate(call.fact.value, { machine: plan.machine, environment: (name) => environment.get(name)?.text ?? null });
      if (argument.kind !== 'known' || typeof argument.value !== 'number' || argument.value === Number(variable.text)) continue;
      // An argument that comes from the variable follows it.
      if (JSON.stringify(call.fact.value).includes('"kind":"environment"')) continue;
      const fix = setForLaunch(plan.launch, { [variable.name]: String(argument.value) }, 'review');
      report({
        messageId: 'call',
        args: { name: variable.name, value: variable.text, other: argument.value },
        at,
        severity: Math.max(argument.value, Number(variable.text)) >= 2 * Math.min(argument.value, Number(variable.text)) ? 'warning' : 'information',
        related: [{ anchor: { uri: call.anchor.uri, span: call.fact.span }, message: `Sets ${argument.value} threads.` }],
        fixes: fix ? [fix] : [],
      });
    }
  },
});
