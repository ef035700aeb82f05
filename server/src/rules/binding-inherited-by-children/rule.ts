/** Reports OpenMP binding that leaves child processes and threads on one CPU. */
import { isTaskRuntime } from '../../plan/taskRuntimes.ts';
import { setForLaunch } from '../fixProposals.ts';
import { launchEnvironment, type Variable } from '../launchEnvironment.ts';
import { evaluateInt } from '../../core/value.ts';
import { loads } from '../programOrder.ts';
import { defineRule } from '../rule.ts';

const STARTS_PROGRAMS = /^(?:subprocess\.(?:run|call|check_call|check_output|Popen)|os\.(?:system|popen))$/;

export const rule = defineRule({
  id: 'binding-inherited-by-children',
  family: 'affinity',
  severity: 'warning',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'plan',
  summary: 'OpenMP binding pins the main thread, and the workers it starts inherit the mask.',
  sources: ['measured: torch 2.13 with libgomp, every DataLoader worker is left with one CPU', 'https://github.com/pytorch/pytorch/issues/101850'],
  messages: {
    inherited: '{name}={value} pins the main thread to {place} at `import torch`, and {children} inherit that mask: they all share {place}.',
  },
  check({ plan, machine }, report) {
    if (machine.os !== 'linux' || !loads(plan, 'libgomp')) return;
    if (plan.schedule.some((s) => s.fact.kind === 'call' && s.fact.callee === 'os.sched_setaffinity')) return;
    const environment = launchEnvironment(plan);
    const bound = binding(environment.get('OMP_PROC_BIND'), environment.get('OMP_PLACES'), environment.get('GOMP_CPU_AFFINITY'));
    if (bound === null) return;
    const torch = plan.schedule.findIndex((s) => s.fact.kind === 'load' && s.fact.module.split('.')[0] === 'torch');
    const child = plan.schedule.slice(Math.max(0, torch)).find((s) => {
      if (s.certainty !== 'always') return false;
      if (s.fact.kind === 'call') return STARTS_PROGRAMS.test(s.fact.callee);
      // The workers of Dask and Ray are started by other threads and processes than this one.
      if (s.fact.kind !== 'fanOut' || s.fact.count === null || isTaskRuntime(s.fact)) return false;
      const count = evaluateInt(s.fact.count, { machine: plan.machine });
      return count !== null && count >= (s.fact.api.includes('DataLoader') ? 1 : 2);
    });
    if (!child) return;
    const children = child.fact.kind === 'call' ? 'programs it starts' : child.fact.kind === 'fanOut' && child.fact.api.includes('DataLoader') ? 'DataLoader workers' : child.fact.kind === 'fanOut' && child.fact.what === 'thread' ? 'its threads' : 'worker processes';
    const { anchor, fact } = bound.variable.setting;
    const fix = bound.variable.name === 'OMP_PROC_BIND' ? setForLaunch(plan.launch, { OMP_PROC_BIND: 'false' }, 'review') : null;
    report({
      messageId: 'inherited',
      args: { name: bound.variable.name, value: bound.variable.text ?? '', place: bound.place, children },
      at: { uri: anchor.uri, span: fact.span },
      related: [{ anchor: { uri: child.anchor.uri, span: child.fact.span }, message: 'Inherits the mask of the main thread.' }],
      fixes: fix ? [fix] : [],
    });
  },
});

/** The variable that binds, and to what; null when nothing certainly does. */
function binding(bind: Variable | undefined, places: Variable | undefined, gomp: Variable | undefined): { variable: Variable; place: string } | null {
  if (bind?.text && /^false$/i.test(bind.text)) return null;
  if (bind && bind.text === null) return null;
  if (places?.text) {
    if (/^(?:sockets|numa_domains|ll_caches)/i.test(places.text)) return null;
    if (/^cores\b/i.test(places.text)) return { variable: places, place: 'one core' };
    if (/^threads\b/i.test(places.text)) return { variable: places, place: 'one CPU' };
    return null;
  }
  if (places) return null;
  if (bind?.text && /^(?:true|close|spread|master|primary)/i.test(bind.text)) return { variable: bind, place: 'one CPU' };
  return gomp?.text ? { variable: gomp, place: 'one CPU' } : null;
}
