/** Entry point of the language server for editors (`dist/server.js --stdio`). */
import { startServer } from './startServer.ts';

void startServer().catch((error: unknown) => {
  process.stderr.write(`ThreadGauge could not start: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(2);
});
