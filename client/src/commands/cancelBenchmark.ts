/** `threadgauge.cancelBenchmark`: ends one run, or every run. */
import type { Services } from '../services.ts';

/** Argument: `{ runId }`, or none for every run. */
export function cancelBenchmark(services: Services) {
  return async (argument?: unknown): Promise<void> => {
    const runId = typeof argument === 'object' && argument !== null && 'runId' in argument && typeof argument.runId === 'string' ? argument.runId : undefined;
    if (runId === undefined) for (const cancellation of services.cancellations) cancellation.cancel();
    else await services.server.cancel(runId);
  };
}
