/** Reports torch.set_num_interop_threads in programs that have no TorchScript, the only user of that pool. */
import { topModule } from '../../knobs/modules.ts';
import { removeSetting } from '../fixProposals.ts';
import { isStandardModule, workspaceModules } from '../programOrder.ts';
import { defineRule } from '../rule.ts';

const SETTER = 'torch.set_num_interop_threads';
/** Packages that neither run TorchScript nor load models of others. */
const PLAIN = new Set('torch numpy PIL tqdm requests httpx flask fastapi starlette uvicorn pydantic psutil rich click typer yaml dotenv threadpoolctl pandas aiohttp loguru matplotlib'.split(' '));
/** Parts of PyTorch that use the pool or load what may. */
const USES = /^torch\.(?:jit|distributed|hub|package|ops|classes|utils\.cpp_extension|utils\.mobile_optimizer|fx|export|_C)(?:\.|$)/;

export const rule = defineRule({
  id: 'interop-threads-unused',
  family: 'ineffective-scope',
  severity: 'hint',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'plan',
  summary: 'torch.set_num_interop_threads is called where nothing uses the inter-op pool.',
  sources: ['measured: torch 2.13, eager work, autograd, compiled functions and eager jit.fork start no inter-op thread', 'https://docs.pytorch.org/docs/stable/notes/cpu_threading_torchscript_inference.html'],
  messages: {
    unused: 'The inter-op pool serves `torch.jit.fork` in TorchScript and torch.distributed, and this program uses neither: the call changes nothing.',
  },
  check({ plan, graph }, report) {
    const calls = plan.schedule.filter((s) => s.fact.kind === 'setting' && s.fact.name === SETTER);
    const [only] = calls;
    // Several calls raise; that has its own rule, and the first thing to put right.
    if (calls.length !== 1 || only?.fact.kind !== 'setting' || only.certainty !== 'always' || only.fact.scope.guarded) return;
    const own = workspaceModules(plan);
    for (const uri of plan.launch.reachable) {
      for (const fact of graph.files.get(uri)?.facts ?? []) {
        if (fact.kind === 'load') {
          const top = topModule(fact.module);
          if (USES.test(fact.module) || !(fact.module.startsWith('.') || own.has(top) || PLAIN.has(top) || isStandardModule(top))) return;
        }
        if (fact.kind === 'call' && USES.test(fact.callee)) return;
        if (fact.kind === 'define' && fact.decorators.some((decorator) => USES.test(decorator))) return;
      }
    }
    if (plan.launch.program === 'torchrun' || plan.launch.reachable.some((uri) => (graph.files.get(uri)?.gaps.length ?? 0) > 0)) return;
    report({ messageId: 'unused', at: only.anchor, confidence: 'likely', fixes: [removeSetting(only.anchor.uri, only.fact, 'review')], unnecessary: true });
  },
});
