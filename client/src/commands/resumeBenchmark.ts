/** `threadgauge.resumeBenchmark`: goes on after a pause. */
import type { Services } from '../services.ts';
import { runIdOf } from './runIdOf.ts';

/** Argument: `{ runId }`, or none for every run. */
export function resumeBenchmark(services: Services) {
  return async (argument?: unknown): Promise<void> => {
    const runId = runIdOf(argument);
    services.runs.askedToPause(false, runId);
    await services.server.resume(runId);
  };
}
