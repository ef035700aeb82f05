/** Plans as `plan --format json` prints them. */
import type { Machine } from '../core/machine.ts';
import type { Plan, PlanNumber, Provenance } from '../core/plan.ts';
import type { OriginJson, PlanJson, PlanReportJson } from '../core/reportJson.ts';
import { placeJson, type ReportSources } from './sources.ts';

/** One plan. */
export function planJson(plan: Plan, sources: ReportSources): PlanJson {
  const { launch } = plan;
  const numbers: readonly (readonly [string, PlanNumber])[] = [
    ['processes', plan.processes],
    ['intra-op threads', plan.intraOp],
    ['inter-op threads', plan.interOp],
    ['total threads', plan.totalThreads],
    ['cores', plan.cores],
  ];
  const missing = numbers.flatMap(([name, number]) => (number.value === null && number.unknown !== null ? [`The number of ${name} is not known: it ${number.unknown.replace(/^it /, '')}`.replace(/\.?$/, '.')] : []));
  return {
    launch: { ...placeJson(launch.anchor, sources), label: launch.label, id: launch.id, command: launch.commandText, implicit: launch.implicit },
    entry: launch.entry === null ? launch.entryText : sources.display(launch.entry),
    processes: plan.processes.value,
    intraOp: plan.intraOp.value,
    interOp: plan.interOp.value,
    totalThreads: plan.totalThreads.value,
    cores: plan.cores.value,
    ratio: plan.ratio,
    certainty: plan.certainty,
    values: plan.values.map((state) => ({
      knob: state.name,
      value: state.value,
      from: state.from.map((origin) => originJson(origin, sources)),
      shadowed: state.shadowed.map((origin) => ({ ...originJson(origin, sources), value: origin.value, why: origin.why })),
    })),
    unknowns: [...new Set([...plan.unknowns, ...missing])],
  };
}

/** The whole report. */
export function planReportJson(plans: readonly Plan[], machine: Machine, sources: ReportSources): PlanReportJson {
  return { version: 1, machine, plans: plans.map((plan) => planJson(plan, sources)) };
}

function originJson(origin: Provenance, sources: ReportSources): OriginJson {
  if (origin.anchor === null) return { file: null, range: null, text: origin.text };
  return { ...placeJson(origin.anchor, sources), text: origin.text };
}
