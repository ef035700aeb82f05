/** Threads of TensorFlow: what its calls and session configurations set, else its variables, else the CPUs of the mask. */
import type { Launch, LaunchGraph } from '../core/launchGraph.ts';
import type { PlanNumber, RuntimePlan } from '../core/plan.ts';
import { factsOfKind } from '../core/factsOfKind.ts';
import { displayPath, workspaceFolderOf } from '../link/fileIndex.ts';
import { maskThreads, notKnown } from './pools.ts';
import type { ProcessState } from './processState.ts';

export function tensorflow(state: ProcessState, launch: Launch, graph: LaunchGraph): RuntimePlan {
  const pool = (kind: 'intra' | 'inter', variable: string): PlanNumber =>
    configured(state, launch, graph, [`tensorflow.config.threading.set_${kind}_op_parallelism_threads`, `tensorflow.ConfigProto.${kind}_op_parallelism_threads`, `tensorflow.compat.v1.ConfigProto.${kind}_op_parallelism_threads`]) ??
    maskThreads(variable, state.environment, state.machine);
  return { library: 'tensorflow', intraOp: pool('intra', 'TF_NUM_INTRAOP_THREADS'), interOp: pool('inter', 'TF_NUM_INTEROP_THREADS') };
}

/** What the program sets by one of the names; null where it sets nothing, or 0, which means the default. */
function configured(state: ProcessState, launch: Launch, graph: LaunchGraph, names: readonly string[]): PlanNumber | null {
  const last = state.calls.findLast((call) => names.includes(call.name) && call.raises === null);
  if (last) {
    const number = state.lastCall(last.name);
    return number?.value === 0 ? null : number;
  }
  // Session configurations are mostly made in methods of classes, whose calls are not followed.
  for (const uri of launch.reachable) {
    const fact = factsOfKind(graph.files.get(uri), 'setting').find((candidate) => names.includes(candidate.name));
    if (fact) return notKnown(`${displayPath(uri, workspaceFolderOf(uri))} sets it in code that is not followed`, [{ anchor: { uri, span: fact.span }, text: `a setting in ${displayPath(uri, workspaceFolderOf(uri))}` }]);
  }
  return null;
}
