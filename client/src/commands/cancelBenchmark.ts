/** `threadgauge.cancelBenchmark`: ends one run, or every run. */
import type { Services } from '../services.ts';
import { runIdOf } from './runIdOf.ts';

/** Argument: `{ runId }`, or none for every run. */
export function cancelBenchmark(services: Services) {
  return async (argument?: unknown): Promise<void> => {
    const runId = runIdOf(argument);
    if (runId === undefined) for (const cancellation of services.cancellations) cancellation.cancel();
    else await services.server.cancel(runId);
  };
}
