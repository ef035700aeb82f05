/** The order in which settings are drawn and listed: by thread count, those without one first. */
import type { RunState } from '../../../../server/src/bench/runState.ts';

/** Indices into `state.arms`. */
export function armOrder(state: RunState): readonly number[] {
  return state.arms.map((_, index) => index).sort((a, b) => (state.arms[a]?.arm.threads ?? 0) - (state.arms[b]?.arm.threads ?? 0) || a - b);
}

/** What a setting is called where there is little room: its thread count, or its label. */
export function shortLabel(state: RunState, index: number): string {
  const arm = state.arms[index]?.arm;
  if (!arm) return String(index);
  const same = state.arms.filter((other, at) => other.arm.threads === arm.threads && !isFurther(state, at)).length;
  return arm.threads == null || same > 1 ? arm.label : String(arm.threads);
}

/** The setting the verdict names, or the one that leads so far; null when none does. */
export function bestArm(state: RunState): number | null {
  if (state.verdict) return state.verdict.outcome === 'inconclusive' ? null : state.verdict.best;
  return state.progress?.best ?? null;
}

/** True for a setting that adds something to another one: `OMP_NUM_THREADS=2, OMP_WAIT_POLICY=passive`. */
export function isFurther({ arms }: RunState, index: number): boolean {
  const label = arms[index]?.arm.label ?? '';
  return arms.some(({ arm }, other) => other < index && label.startsWith(`${arm.label}, `));
}
