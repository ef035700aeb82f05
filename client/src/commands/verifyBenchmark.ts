/** `threadgauge.verifyBenchmark`: measures the setting before the last verdict against the one it named. */
import { runBench, type RunOptions } from '../bench/runBench.ts';
import type { Services } from '../services.ts';

/** Arguments and result as of `runBenchmark`. */
export function verifyBenchmark(services: Services) {
  return (launch?: unknown, options?: RunOptions) => runBench(services, 'verify', launch, options);
}
