/** A plan in a few words, for lenses and lists. */
import type { Plan } from '../core/plan.ts';

/** `4 x 8 on 16 CPUs`; `?` stands for what is not known. */
export function planLabel(plan: Plan): string {
  const number = (value: number | null): string => (value === null ? '?' : String(Number(value.toFixed(2))));
  const threads = plan.processes.value === 1 ? `${number(plan.intraOp.value)} thread${plan.intraOp.value === 1 ? '' : 's'}` : `${number(plan.processes.value)} x ${number(plan.intraOp.value)}`;
  return `${threads} on ${number(plan.cores.value)} CPU${plan.cores.value === 1 ? '' : 's'}`;
}
