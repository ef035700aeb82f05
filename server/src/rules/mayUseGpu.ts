/** Whether a program may put its work on a GPU, for hints that are about CPUs only. */
import type { LaunchGraph } from '../core/launchGraph.ts';
import type { Plan } from '../core/plan.ts';
import { factsOfKind } from '../core/factsOfKind.ts';
import { imports } from './programOrder.ts';

/** Packages that take a GPU by themselves where there is one. */
const CHOOSE_DEVICE = ['accelerate', 'lightning', 'pytorch_lightning', 'deepspeed', 'transformers', 'diffusers', 'sentence_transformers', 'ultralytics', 'colossalai', 'composer', 'vllm', 'llmcompressor', 'whisper', 'easyocr'];

/** True unless nothing in the program's files speaks of a GPU. */
export function mayUseGpu(plan: Plan, graph: LaunchGraph): boolean {
  if (imports(plan, ...CHOOSE_DEVICE)) return true;
  return plan.launch.reachable.some((uri) => factsOfKind(graph.files.get(uri), 'call').some(({ callee }) => callee === 'gpu.use' || callee.startsWith('torch.cuda.')));
}
