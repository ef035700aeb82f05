/** `threadgauge.restartServer`: ends the language server, with every run it owns, and starts a new one. */
import type { Services } from '../services.ts';

export function restartServer(services: Services) {
  return (): Promise<void> => services.server.restart();
}
