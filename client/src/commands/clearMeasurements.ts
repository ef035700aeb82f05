/** `threadgauge.clearMeasurements`: forgets every measured line, run and verdict. */
import type { Services } from '../services.ts';

export function clearMeasurements(services: Services) {
  return async (): Promise<void> => {
    await services.annotations.clear();
    await services.runs.clear();
    services.report.refresh();
    await services.server.clearMeasurements();
  };
}
