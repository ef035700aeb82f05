/**
 * The probe of Node.js programs, loaded with `--require` before the program.
 *
 * What the program must not notice: arguments, environment, execArgv (so that children and workers know nothing of the
 * probe), exit code, uncaught errors, the order of what is asynchronous. What it can notice, if it looks: a symbol of
 * the global object, `Error.prepareStackTrace`, a listener of `exit`; of an error that nobody catches, Node.js prints
 * the marked line. A process that ends by a signal or `process.abort` writes no report.
 */
import Module from 'node:module';
import process from 'node:process';
import { isMainThread } from 'node:worker_threads';
import { hideFromArguments, pinEnvironment, showFunctionsAsWritten, showStacksAsWritten } from './disguise.ts';
import { hookLoading } from './loading.ts';
import { readOrders, realPath } from './orders.ts';
import { Session } from './session.ts';
import { HOME } from './transform.ts';

hideFromArguments(__filename);
delete (Module as unknown as { _cache: Record<string, unknown> })._cache[__filename];
// Workers load what the main thread loaded; there is nothing to measure in them.
if (isMainThread) {
  const text = process.env['THREADGAUGE_PROBE'];
  delete process.env['THREADGAUGE_PROBE'];
  if (text !== undefined) start(text);
}

function start(text: string): void {
  const orders = readOrders(text, entryPath());
  const session = new Session(orders);
  if (orders.pinnedEnvironment) pinEnvironment(orders.pinnedEnvironment);
  Object.defineProperty(globalThis, Symbol.for(HOME), { value: { open: session.open, mark: session.mark }, enumerable: false, configurable: false, writable: false });
  if (orders.mode !== 'region') showFunctionsAsWritten();
  process.on('exit', () => session.write());
  showStacksAsWritten(hookLoading(session, text), __filename);
}

/** The real path of the program's entry module, found as Node.js finds it. */
function entryPath(): string | null {
  const script = process.argv[1];
  if (script === undefined) return null;
  try {
    return realPath(require.resolve(script));
  } catch {
    return realPath(script);
  }
}
