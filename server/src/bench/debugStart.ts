/** A launch as the editor's debugger starts it: what stands in the configuration with every variable replaced. */
import type { BenchPreview } from './messages.ts';

export interface DebuggerStart {
  /** Program and arguments. */
  readonly words: readonly string[];
  /** True when the configuration names the interpreter itself, which then wins over every other choice. */
  readonly namesInterpreter: boolean;
  /** Null: the folder of the configuration. */
  readonly cwd: string | null;
  /** What an `envFile` sets that the analysis has not seen; before `environment`. */
  readonly fileEnvironment: readonly { readonly name: string; readonly value: string; readonly from: string }[];
  /** What the configuration sets itself; null unsets. Wins over everything else. */
  readonly environment: readonly { readonly name: string; readonly value: string | null }[];
  readonly refusals: readonly string[];
  readonly notes: readonly string[];
}

/** Puts the variables of `start` over what the launch has from elsewhere. */
export function applyStart(start: DebuggerStart, label: string, environment: Record<string, string>, changes: Map<string, BenchPreview['environment'][number]>): void {
  for (const { name, value, from } of [...start.fileEnvironment, ...start.environment.map((entry) => ({ ...entry, from: label }))]) {
    if (value === null) delete environment[name];
    else environment[name] = value;
    changes.set(name, { name, value, from });
  }
}
