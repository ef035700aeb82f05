/** What calls of Dask and Ray say about the workers they start. */
import type { Expression, PythonArgument } from './syntax.ts';

/** The argument of that name, or in that place. */
export type GivenArgument = (name: string, position: number) => PythonArgument | undefined;

/** Whether `Client(…)` starts workers on this machine: one that is given an address, a cluster or a file of the scheduler connects to those. */
export function startsDaskWorkers(api: string, argument: GivenArgument): boolean {
  return api !== 'dask.distributed.Client' || (!argument('address', 0) && !argument('scheduler_file', -1));
}

/** True for `processes=False`, which keeps the threads of the workers in this process; null when it is not known. */
export function daskStaysInProcess(api: string, argument: GivenArgument): boolean | null {
  const given = argument('processes', api === 'dask.distributed.LocalCluster' ? 3 : -1)?.value;
  if (given === undefined) return false;
  return given.kind === 'literal' ? given.value === false : null;
}

/** The entries of a dictionary of variables that are written out. */
export function writtenVariables(expression: Expression | undefined): readonly { readonly name: string; readonly value: Expression }[] {
  if (expression?.kind !== 'dictionary') return [];
  return expression.entries.flatMap(({ key, value }) => (key?.kind === 'literal' && typeof key.value === 'string' ? [{ name: key.value, value }] : []));
}

/** The value under a key of a dictionary that is written out. */
export function entryOf(expression: Expression | undefined, name: string): Expression | undefined {
  if (expression?.kind !== 'dictionary') return undefined;
  return expression.entries.find(({ key }) => key?.kind === 'literal' && key.value === name)?.value;
}
