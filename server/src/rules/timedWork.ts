/** Finds the stretches of a script that it times itself: a clock is read, work is done, the clock is read again. */
import type { CallFact, ComputeFact, Fact } from '../core/fact.ts';

const CLOCKS: ReadonlySet<string> = new Set(['time.time', 'time.time_ns', 'time.perf_counter', 'time.perf_counter_ns', 'time.monotonic', 'time.monotonic_ns', 'timeit.default_timer']);

export interface TimedWork {
  readonly start: CallFact;
  readonly end: CallFact;
  /** Work of PyTorch between the two, in the same function body. */
  readonly work: readonly ComputeFact[];
  /** Index of `start` among the facts. */
  readonly index: number;
}

/** Every pair of neighbouring readings of one clock in one function body with work of PyTorch in between. */
export function timedWork(facts: readonly Fact[]): readonly TimedWork[] {
  const found: TimedWork[] = [];
  facts.forEach((start, index) => {
    if (start.kind !== 'call' || !CLOCKS.has(start.callee) || start.result === null) return;
    const rest = facts.slice(index + 1);
    const next = rest.findIndex((f) => f.kind === 'call' && CLOCKS.has(f.callee) && f.scope.func === start.scope.func && !sameStatement(f, start));
    const end = rest[next];
    if (end?.kind !== 'call' || end.callee !== start.callee || end.scope.conditional !== start.scope.conditional) return;
    const work = rest.slice(0, next).filter((f): f is ComputeFact => f.kind === 'compute' && f.library === 'torch' && f.scope.func === start.scope.func);
    if (work.length > 0) found.push({ start, end, work, index });
  });
  return found;
}

/** What is called, without its arguments: `model(x)` and `model(y)` are the same work. */
export function calleeOf(work: ComputeFact): string {
  return /^[^(@]*/.exec(work.text)?.[0].trim() ?? work.text;
}

/** True when the work is a call of something named like a model: functions and products need no gradients. */
export function callsModel(work: ComputeFact): boolean {
  return work.certain && /^(?:self\.)?\w*(?:model|net|network|encoder|decoder|module|backbone|classifier|detector|llm|block|layer)\w*\(/i.test(work.text);
}

/** True when a body runs once as far as its file tells: module level, or a function called once and not in a loop. */
export function runsOnce(facts: readonly Fact[], func: string | null): boolean {
  if (func === null) return true;
  const calls = facts.filter((f) => f.kind === 'invoke' && f.callee === func);
  const only = calls[0];
  return calls.length === 1 && only !== undefined && !only.scope.loop && only.scope.func === null;
}

/** True when the same work, or something called a warm-up, runs before an index. */
export function warmedUp(facts: readonly Fact[], index: number, work: readonly ComputeFact[]): boolean {
  const wanted = new Set(work.map(calleeOf));
  return facts.slice(0, index).some((f) => (f.kind === 'compute' && wanted.has(calleeOf(f))) || (f.kind === 'invoke' && /warm/i.test(f.callee)));
}

/** True when the file trains: then its timings are of epochs, where a first slow step is lost in the rest. */
export function trains(facts: readonly Fact[]): boolean {
  return facts.some((f) => (f.kind === 'call' && /\.(?:backward|train)$/.test(f.callee)) || (f.kind === 'load' && /^torch\.optim\b/.test(f.module)));
}

function sameStatement(a: Fact, b: Fact): boolean {
  return a.span.chunk === b.span.chunk && a.span.start === b.span.start && a.span.end === b.span.end;
}
