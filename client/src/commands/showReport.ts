/** `threadgauge.showReport`: the results panel. */
import { isLaunchRef } from '../bench/chooseLaunch.ts';
import type { Services } from '../services.ts';

/** Argument: a launch; the latest run when absent. */
export function showReport(services: Services) {
  return (launch?: unknown): void => services.report.show(isLaunchRef(launch) ? launch : undefined);
}
