/** `threadgauge.changeSettings`: a benchmark whose settings people choose first, also when its command was agreed to before. */
import { runBench, type RunOptions } from '../bench/runBench.ts';
import type { Services } from '../services.ts';

/** Arguments and result as of `runBenchmark`. */
export function changeSettings(services: Services) {
  return (launch?: unknown, options: RunOptions = {}) => runBench(services, 'search', launch, { ...options, change: true });
}
