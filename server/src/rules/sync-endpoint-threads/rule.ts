/** Points at endpoints that are no coroutines and run PyTorch: each concurrent request has a thread and an OpenMP team of its own. */
import type { DefineFact, Fact } from '../../core/fact.ts';
import { factsOfKind } from '../../core/factsOfKind.ts';
import { topModule } from '../../knobs/modules.ts';
import { coresText, relatedPlaces } from '../planProof.ts';
import { factsRunBy, runsOnGpu } from '../programOrder.ts';
import { threadCountFix } from '../threadCountFix.ts';
import { defineRule } from '../rule.ts';

const ROUTE = /(?:^|\.)(?:get|post|put|patch|delete|head|options|route|api_route)$/;
/** What a program uses to let only some of the requests compute at a time. */
const LIMITS = /(?:Lock|Semaphore|CapacityLimiter|current_default_thread_limiter)$/;
/** The threads that anyio starts for functions that are no coroutines. */
const POOL = 40;

export const rule = defineRule({
  id: 'sync-endpoint-threads',
  family: 'oversubscription',
  severity: 'information',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'plan',
  summary: 'An endpoint of FastAPI or Starlette that is no coroutine runs PyTorch in up to 40 threads, each with a team of its own.',
  sources: ['measured: five threads that multiply matrices start five OpenMP teams, torch 2.13', 'https://github.com/fastapi/fastapi/issues/603', 'https://anyio.readthedocs.io/en/stable/threads.html', 'https://fastapi.tiangolo.com/async/#path-operation-functions'],
  messages: {
    pool: '`{name}` is no coroutine, so requests run it in a pool of up to {pool} threads, and each gets an OpenMP team of its own for `{work}`: four requests at once run {fourfold} threads on {cores}.',
  },
  check({ plan, graph }, report) {
    const threads = plan.intraOp.value;
    const { cores } = plan;
    if (threads === null || threads < 2 || cores.value === null || runsOnGpu(plan)) return;
    if (!plan.runtimes.some(({ library, intraOp }) => library === 'torch' && intraOp.value === threads)) return;
    // Four requests at once are no heavy load; where these fit, the pool is no problem.
    const fourfold = 4 * threads;
    if (fourfold <= 1.25 * cores.value || plan.launch.reachable.some((uri) => factsOfKind(graph.files.get(uri), 'call').some(limits))) return;
    for (const uri of plan.launch.reachable) {
      const facts = graph.files.get(uri)?.facts ?? [];
      if (!facts.some((fact) => fact.kind === 'load' && /^(?:fastapi|starlette)$/.test(topModule(fact.module)))) continue;
      const found = facts.flatMap((fact) => {
        const work = fact.kind === 'define' && !fact.isAsync && fact.decorators.some((decorator) => ROUTE.test(decorator)) ? workOf(fact, facts) : null;
        return work && fact.kind === 'define' ? [{ define: fact, work }] : [];
      });
      const [first, ...others] = found;
      if (!first) continue;
      const at = { uri, span: first.define.nameSpan };
      const fix = threadCountFix(plan, graph, 1);
      report({
        messageId: 'pool',
        args: { name: first.define.name, pool: POOL, work: first.work, fourfold, cores: coresText(plan) },
        at,
        confidence: 'likely',
        related: [...others.map(({ define }) => ({ anchor: { uri, span: define.nameSpan }, message: 'Runs PyTorch in the same pool.' })), ...relatedPlaces(plan.intraOp, at)],
        fixes: fix ? [{ ...fix, preferred: false }] : [],
      });
    }
  },
});

function limits(fact: Fact): boolean {
  return fact.kind === 'call' && LIMITS.test(fact.callee);
}

/** The first work of PyTorch that a function is certain to do, unless it sets the number of threads itself. */
function workOf(define: DefineFact, facts: readonly Fact[]): string | null {
  const inside = factsRunBy(define.name, facts);
  if (inside.some((fact) => fact.kind === 'setting' && fact.name === 'torch.set_num_threads')) return null;
  const work = inside.find((fact) => fact.kind === 'compute' && fact.library === 'torch' && fact.certain);
  return work?.kind === 'compute' ? work.text : null;
}
