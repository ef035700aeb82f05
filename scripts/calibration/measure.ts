/** One run of the real runner, from a request to its final state. */
import path from 'node:path';
import type { Arm, BenchRequest, Envelope, Limits } from '../../server/src/bench/protocol.generated.ts';
import type { RunState } from '../../server/src/bench/runState.ts';
import { BenchSession } from '../../server/src/bench/session.ts';
import { createRunnerPort } from '../../server/src/host/node/runnerProcess.ts';
import { median } from './exactBounds.ts';
import type { Surroundings } from './part.ts';

export const PROGRAMS = path.join(import.meta.dirname, 'programs');

/** Variables of the environment with a say in threads, which a calibration must not inherit. */
const SCRUBBED = /^(?:OMP_|MKL_|KMP_|GOMP_|OPENBLAS_|NUMEXPR_|TORCH_|PYTHON)/;

export function cleanEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept = Object.entries(process.env).flatMap(([name, value]) => (value === undefined || SCRUBBED.test(name) ? [] : [[name, value] as const]));
  return { ...Object.fromEntries(kept), ...more };
}

export function arm(label: string, threads: number | null, env: Readonly<Record<string, string>> = {}): Arm {
  return { label, threads, env: { ...env }, reason: 'calibration' };
}

export interface Wanted {
  readonly arms: readonly Arm[];
  readonly mode: BenchRequest['mode'];
  readonly seed: number;
  readonly limits?: Partial<Limits>;
  readonly current?: number;
}

/** A request for a script of `programs`, run by the Python of the surroundings and scored after its imports. */
export function scriptRequest({ python, probeDirectory, folder }: Surroundings, script: string, environment: Readonly<Record<string, string>>, { arms, mode, seed, limits, current }: Wanted): BenchRequest {
  return {
    workload: {
      argv: [python ?? 'python3', path.join(PROGRAMS, script)],
      cwd: folder,
      env: cleanEnvironment(environment),
      python: { script_index: 1, probe_dir: probeDirectory, roots: [PROGRAMS], region: 'after_imports' },
    },
    arms: [...arms],
    current: current ?? 0,
    mode,
    limits: { ...limits },
    lines: { enabled: false, arms: [] },
    seed,
  };
}

/** Runs to the end. `runner` may be a program that starts the runner somewhere else. */
export async function measure(request: BenchRequest, runner: string): Promise<RunState> {
  const session = new BenchSession(request, createRunnerPort(runner), { event: (_event: Envelope) => {} });
  const abort = (): void => session.abort();
  process.on('exit', abort);
  try {
    return await session.done;
  } finally {
    process.off('exit', abort);
  }
}

/** Mean load of other programs during the counted trials of a run, in CPUs; NaN when it is not known. */
export function foreignCpus(state: RunState): number {
  return median(state.trials.flatMap(({ status, foreign_cpus }) => (status === 'ok' && foreign_cpus != null ? [foreign_cpus] : [])));
}

/** What to do with a run that failed. */
export function demand(state: RunState): RunState {
  if (state.failed) throw new Error(`${state.failed.message} ${state.failed.hint}${state.failed.output_tail == null ? '' : `\n${state.failed.output_tail}`}`);
  return state;
}
