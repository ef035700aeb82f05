/** `threadgauge.pauseBenchmark`: lets the run that measures end, and then measures nothing until it is resumed. */
import type { Services } from '../services.ts';
import { runIdOf } from './runIdOf.ts';

/** Argument: `{ runId }`, or none for every run. */
export function pauseBenchmark(services: Services) {
  return async (argument?: unknown): Promise<void> => {
    const runId = runIdOf(argument);
    services.runs.askedToPause(true, runId);
    await services.server.pause(runId);
  };
}
