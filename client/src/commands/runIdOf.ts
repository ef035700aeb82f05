/** Which run a command is about. */

/** The `runId` of a command's argument; undefined = every run. */
export function runIdOf(argument: unknown): string | undefined {
  return typeof argument === 'object' && argument !== null && 'runId' in argument && typeof argument.runId === 'string' ? argument.runId : undefined;
}
