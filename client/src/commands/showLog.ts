/** `threadgauge.showLog`: the log of extension and server. */
import type { Services } from '../services.ts';

export function showLog(services: Services) {
  return (): void => services.log.show();
}
