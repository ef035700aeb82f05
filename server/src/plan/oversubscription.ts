/** Judges a plan's demand against its CPUs, and says how many threads would fit. */
import type { Plan } from '../core/plan.ts';

export type Pressure =
  | 'fits' // at most one thread per physical core
  | 'smt' // fits the logical CPUs, but shares physical cores
  | 'slight' // up to 1.25 threads per logical CPU
  | 'over' // up to 2
  | 'heavy'; // 2 and more, or spinning processes that fight for CPUs

/** Threads per CPU of a plan; null fields and level where the plan does not know. */
export interface Oversubscription {
  readonly perLogical: number | null;
  readonly perPhysical: number | null;
  readonly pressure: Pressure | null;
}

/** How much more is runnable than can run at once. */
export function oversubscription(plan: Plan): Oversubscription {
  const total = plan.totalThreads.value;
  const perLogical = total === null || !plan.cores.value ? null : total / plan.cores.value;
  const perPhysical = total === null || !plan.physicalCores.value ? null : total / plan.physicalCores.value;
  return { perLogical, perPhysical, pressure: perLogical === null ? null : judge(plan, perLogical, perPhysical) };
}

function judge(plan: Plan, perLogical: number, perPhysical: number | null): Pressure {
  if (perLogical <= 1) return perPhysical !== null && perPhysical > 1 ? 'smt' : 'fits';
  if (perLogical >= 2) return 'heavy';
  // Across processes libgomp cannot know that its spinning threads keep others from running.
  const passive = plan.values.some((value) => value.name === 'OMP_WAIT_POLICY' && value.value?.trim().toUpperCase() === 'PASSIVE');
  if ((plan.processes.value ?? 0) >= 2 && (plan.intraOp.value ?? 0) >= 2 && !passive) return 'heavy';
  return perLogical <= 1.25 ? 'slight' : 'over';
}

/** Intra-op threads per team with which every process and application thread fits the physical cores; null when not known. */
export function fittingThreads(plan: Plan): number | null {
  const capacity = plan.physicalCores.value ?? plan.cores.value;
  const processes = plan.processes.value;
  const appThreads = plan.appThreads ? plan.appThreads.value : 1;
  if (capacity === null || processes === null || appThreads === null || processes < 1 || appThreads < 1) return null;
  return Math.max(1, Math.floor(capacity / (processes * appThreads)));
}
