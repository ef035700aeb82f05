/** Compute libraries that the entry process of a plan uses, or loads by what it imports. */
import type { Library } from '../core/knob.ts';
import type { Plan } from '../core/plan.ts';
import { librariesLoadedBy } from '../knobs/modules.ts';

export function loadedLibraries(plan: Plan): ReadonlySet<Library> {
  const imported = plan.schedule.flatMap(({ fact }) => (fact.kind === 'load' ? librariesLoadedBy(fact.module) : []));
  return new Set([...plan.runtimes.map(({ library }) => library), ...imported]);
}
