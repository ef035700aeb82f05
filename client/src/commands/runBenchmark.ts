/** `threadgauge.runBenchmark`: measures a launch under several thread counts. */
import { runBench, type RunOptions } from '../bench/runBench.ts';
import type { Services } from '../services.ts';

/** Arguments: a launch (asked for when absent) and options; result: the server's reply, or undefined when nothing was started. */
export function runBenchmark(services: Services) {
  return (launch?: unknown, options?: RunOptions) => runBench(services, 'search', launch, options);
}
