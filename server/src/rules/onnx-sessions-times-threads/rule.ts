/** Reports programs that keep several ONNX Runtime sessions, each with a pool of its own. */
import type { CallFact, Fact } from '../../core/fact.ts';
import type { LaunchGraph, ScheduledFact } from '../../core/launchGraph.ts';
import type { Plan } from '../../core/plan.ts';
import { evaluateInt } from '../../core/value.ts';
import { formatRatio } from '../../plan/explain.ts';
import { setForLaunch } from '../fixProposals.ts';
import { launchEnvironment } from '../launchEnvironment.ts';
import { coresText } from '../planProof.ts';
import { defineRule } from '../rule.ts';

const SESSION = 'onnxruntime.InferenceSession';
const THREADS = 'onnxruntime.SessionOptions.intra_op_num_threads';

type Session = ScheduledFact & { readonly fact: CallFact };

export const rule = defineRule({
  id: 'onnx-sessions-times-threads',
  family: 'oversubscription',
  severity: 'warning',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'plan',
  summary: 'Several ONNX Runtime sessions of one process each start a pool, which together exceed the CPUs.',
  sources: ['measured: three sessions of a small model run in turn on 2 CPUs: 7 832-10 418 runs per second with one thread each, 2 044-2 118 with two, 806-813 with four; onnxruntime 1.31.1', 'https://onnxruntime.ai/docs/performance/tune-performance/threading.html', 'https://github.com/microsoft/onnxruntime/issues/11841'],
  messages: {
    pools: 'The process keeps {count} sessions, and each has a pool of its own: {total} threads on {cores} ({ratio}). Idle pools spin for a while after each run, so this costs even when the sessions run one after the other.',
  },
  check({ plan, graph }, report) {
    const cores = plan.cores.value;
    if (cores === null || plan.launch.program === 'node') return;
    const sessions = alive(plan);
    if (sessions.length < 2 || plan.launch.reachable.some((uri) => graph.files.get(uri)?.facts.some(sharesPool))) return;
    const sizes = sessions.map((session) => threadsOf(session, plan, graph));
    let total = 0;
    for (const size of sizes) {
      if (size === null) return;
      total += size;
    }
    const processes = Math.max(1, plan.processes.value ?? 1);
    const last = sessions.at(-1);
    if (!last || total * processes <= 1.25 * cores || sizes.every((size) => size === 1)) return;
    const each = Math.max(1, Math.floor(Math.min(plan.physicalCores.value ?? cores, cores) / (sessions.length * processes)));
    const byDefault = sessions.every(({ fact }) => optionsOf(fact) === undefined);
    const fix = byDefault ? setForLaunch(plan.launch, { ORT_INTRA_OP_NUM_THREADS: String(each) }, 'review') : null;
    const ratio = (total * processes) / cores;
    report({
      messageId: 'pools',
      args: { count: sessions.length, total, cores: coresText(plan), ratio: formatRatio(total / cores) },
      at: { uri: last.anchor.uri, span: last.fact.calleeSpan },
      severity: ratio < 2 || plan.launch.implicit ? 'information' : 'warning',
      confidence: 'likely',
      related: sessions.slice(0, -1).map(({ anchor, fact }) => ({ anchor: { uri: anchor.uri, span: fact.calleeSpan }, message: 'Another session.' })),
      fixes: fix ? [fix] : [],
    });
  },
});

/** Sessions that are certain to exist at the same time: of the module, of objects, and of one function. */
function alive(plan: Plan): readonly Session[] {
  const kept = new Map<string, Session>();
  const local = new Map<string, Map<string, Session>>();
  for (const scheduled of plan.schedule) {
    const { fact, anchor, certainty } = scheduled;
    if (fact.kind !== 'call' || fact.callee !== SESSION || certainty !== 'always') continue;
    const session: Session = { ...scheduled, fact };
    const { func } = fact.scope;
    const place = `${anchor.uri}:${fact.calleeSpan.chunk}:${fact.calleeSpan.start}`;
    // A name that is bound again lets the earlier session go.
    const name = fact.result ?? place;
    if (func === null || fact.result?.startsWith('self.') === true) kept.set(`${anchor.uri}:${func === null ? '' : func.slice(0, func.lastIndexOf('.'))}:${name}`, session);
    else {
      const key = `${anchor.uri}:${func}`;
      const names = local.get(key) ?? new Map<string, Session>();
      names.set(name, session);
      local.set(key, names);
    }
  }
  const most = [...local.values()].reduce<readonly Session[]>((largest, names) => (names.size > largest.length ? [...names.values()] : largest), []);
  return [...kept.values(), ...most];
}

/** Threads of a session's pool; null when they are not known, or when the session works on a GPU. */
function threadsOf({ fact, anchor }: Session, plan: Plan, graph: LaunchGraph): number | null {
  const providers = fact.args.find(({ name }) => name === 'providers') ?? (fact.args[2]?.name === null ? fact.args[2] : undefined);
  if (providers && !(providers.value.kind === 'known' && /^\[\s*["']CPUExecutionProvider["']\s*,?\s*\]$/.test(String(providers.value.value)))) return null;
  const options = optionsOf(fact);
  if (options) {
    if (options.value.kind !== 'name') return null;
    const { name } = options.value;
    const set = (graph.files.get(anchor.uri)?.facts ?? []).filter((other) => other.kind === 'setting' && other.name === THREADS && other.args.some(({ value }) => value.kind === 'name' && value.name === name));
    const [only] = set;
    if (set.length !== 1 || only?.kind !== 'setting') return null;
    const threads = evaluateInt(only.value, { machine: plan.machine });
    if (threads === null || threads > 0) return threads;
  }
  const variable = launchEnvironment(plan).get('ORT_INTRA_OP_NUM_THREADS');
  if (variable) return variable.text !== null && /^[1-9]\d*$/.test(variable.text) ? Number(variable.text) : null;
  return plan.machine.physicalCores;
}

function optionsOf(fact: CallFact): CallFact['args'][number] | undefined {
  return fact.args.find(({ name }) => name === 'sess_options') ?? (fact.args[1]?.name === null ? fact.args[1] : undefined);
}

/** True when sessions of the program share one pool. */
function sharesPool(fact: Fact): boolean {
  return (fact.kind === 'call' && fact.callee.startsWith('onnxruntime.set_global_thread_pool')) || (fact.kind === 'setting' && fact.name === 'onnxruntime.SessionOptions.use_per_session_threads');
}
