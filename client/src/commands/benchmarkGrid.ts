/** `threadgauge.benchmarkGrid`: measures a launch as several instances of several threads, latency against throughput. */
import * as vscode from 'vscode';
import { runBench, type RunOptions } from '../bench/runBench.ts';
import { secondsOf } from '../bench/runSettings.ts';
import type { Services } from '../services.ts';

/** Arguments and result as of `runBenchmark`. */
export function benchmarkGrid(services: Services) {
  return async (launch?: unknown, options: RunOptions = {}) => {
    if (options.confirmed || options.again || options.latencyLimitSeconds !== undefined) return runBench(services, 'grid', launch, options);
    const text = await vscode.window.showInputBox({
      title: 'Benchmark: Instances x Threads',
      prompt: 'Longest acceptable time of one piece of work, for example 50 ms. Empty: twice the shortest time.',
      placeHolder: '50 ms',
      ignoreFocusOut: true,
      validateInput: (typed) => (typed.trim() === '' || secondsOf(typed) !== null ? null : 'Give a time such as 50 ms or 2 s, or nothing.'),
    });
    if (text === undefined) return undefined;
    const latencyLimitSeconds = secondsOf(text);
    return runBench(services, 'grid', launch, { ...options, ...(latencyLimitSeconds === null ? {} : { latencyLimitSeconds }) });
  };
}
