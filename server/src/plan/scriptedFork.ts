/** Finds TorchScript code that forks, which is what starts PyTorch's inter-op pool. */
import type { CallFact } from '../core/fact.ts';
import { factsOfKind } from '../core/factsOfKind.ts';
import type { Launch, LaunchGraph } from '../core/launchGraph.ts';
import type { Anchor } from '../core/span.ts';
import { perFile } from '../core/perFile.ts';

/** The first `torch.jit.fork` of a launch that runs in TorchScript, or null. */
export function scriptedFork(launch: Pick<Launch, 'reachable'>, graph: LaunchGraph): Anchor | null {
  for (const uri of launch.reachable) {
    const file = graph.files.get(uri);
    const first = file ? forkIn(file) : null;
    if (first) return { uri, span: first.span };
  }
  return null;
}

const forkIn = perFile((file): CallFact | null => {
  const calls = factsOfKind(file, 'call');
  const forks = calls.filter((fact) => fact.callee === 'torch.jit.fork' && fact.scope.func !== null);
  const [first] = forks;
  if (!first) return null;
  const scripted = calls.some((fact) => fact.callee === 'torch.jit.script') || factsOfKind(file, 'define').some((fact) => fact.decorators.includes('torch.jit.script') && forks.some((fork) => fork.scope.func === fact.name));
  return scripted ? first : null;
});
