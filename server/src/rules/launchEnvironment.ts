/** The environment a launch starts with, layer by layer: who sets a variable, and whom that hides. */
import type { EnvironmentLayer, PlacedSetting } from '../core/launchGraph.ts';
import type { Plan } from '../core/plan.ts';
import { evaluate } from '../core/value.ts';

export interface Variable {
  readonly name: string;
  /** The text the program sees; null when it is not known. */
  readonly text: string | null;
  readonly setting: PlacedSetting;
  readonly layer: EnvironmentLayer;
}

export interface LaunchEnvironment {
  get(name: string): Variable | undefined;
  readonly all: readonly Variable[];
  /** Settings that a later one of the same launch replaces. */
  readonly hidden: readonly { readonly loser: Variable; readonly winner: Variable }[];
}

/** Applies the layers in order. Variables of the environment outside the workspace are not known. */
export function launchEnvironment(plan: Plan): LaunchEnvironment {
  const current = new Map<string, Variable>();
  const hidden: { loser: Variable; winner: Variable }[] = [];
  const outside = plan.launch.clearsEnvironment ? undefined : null;
  for (const layer of plan.launch.layers) {
    for (const setting of layer.settings) {
      const { fact } = setting;
      const before = current.get(fact.name);
      if (fact.operation === 'unset') {
        current.delete(fact.name);
        continue;
      }
      if (fact.operation === 'default' && before) continue;
      const result = evaluate(fact.value, { machine: plan.machine, environment: (name) => (current.has(name) ? (current.get(name)?.text ?? null) : outside) });
      const known = result.kind === 'known' && result.value !== null;
      const text = known ? (typeof result.value === 'boolean' ? (result.value ? 'True' : 'False') : String(result.value)) : null;
      // `${X:-4}` and `: ${X:=4}` yield to what the shell inherited.
      const variable = { name: fact.name, text: fact.operation === 'default' && outside === null ? null : text, setting, layer };
      if (before) hidden.push({ loser: before, winner: variable });
      current.set(fact.name, variable);
    }
  }
  return { get: (name) => current.get(name), all: [...current.values()], hidden };
}
