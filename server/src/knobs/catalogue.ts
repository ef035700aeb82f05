/** Every thread-related setting the product knows: one list, read by the planner, hovers, completion and the docs. */
import type { Knob } from '../core/knob.ts';
import { ALLOCATORS } from './allocators.ts';
import { LIBGOMP } from './libgomp.ts';
import { LIBOMP } from './libomp.ts';
import { MKL } from './mkl.ts';
import { ONEDNN } from './onednn.ts';
import { ONNXRUNTIME } from './onnxruntime.ts';
import { OPENBLAS } from './openblas.ts';
import { OPENMP } from './openmp.ts';
import { OTHER_POOLS } from './otherPools.ts';
import { SERVERS } from './servers.ts';
import { TORCH } from './torch.ts';

export const KNOBS: readonly Knob[] = [...OPENMP, ...LIBGOMP, ...LIBOMP, ...MKL, ...ONEDNN, ...OPENBLAS, ...TORCH, ...ONNXRUNTIME, ...OTHER_POOLS, ...SERVERS, ...ALLOCATORS];

const BY_ENV: ReadonlyMap<string, Knob> = new Map(KNOBS.flatMap((entry) => entry.env.map((name) => [name, entry] as const)));
const BY_CALL: ReadonlyMap<string, Knob> = new Map(KNOBS.flatMap((entry) => entry.calls.map((name) => [name, entry] as const)));

/** The knob an environment variable belongs to; names are case-sensitive, as they are for the libraries. */
export function knobByEnv(name: string): Knob | undefined {
  return BY_ENV.get(name);
}

/** The knob a qualified call or field sets (`torch.set_num_threads`, `onnxruntime.SessionOptions.intra_op_num_threads`). */
export function knobByCall(name: string): Knob | undefined {
  return BY_CALL.get(name);
}

/** Every environment variable of the catalogue, for completion and spelling suggestions. */
export function knownEnvironmentNames(): readonly string[] {
  return [...BY_ENV.keys()];
}
