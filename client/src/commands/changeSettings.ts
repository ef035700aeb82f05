/** `threadgauge.changeSettings`: a benchmark whose settings people choose first, also when its command was agreed to before. */
import { runBench, type RunOptions } from '../bench/runBench.ts';
import type { Services } from '../services.ts';

/** Arguments and result as of `runBenchmark`; `mode: 'grid'` for several instances. */
export function changeSettings(services: Services) {
  return (launch?: unknown, { mode, ...options }: RunOptions & { readonly mode?: 'search' | 'grid' } = {}) => runBench(services, mode ?? 'search', launch, { ...options, change: true });
}
