/** The state of a run as a pure fold over the runner's events; every view is a function of it. */
import type { Arm, ArmSummary, BenchPlan, Doubt, Envelope, Environment, Failed, Finished, Front, Hello, Lines, Observed, Progress, Sample, TrialFinished, TrialStarted, Verdict } from './protocol.generated.ts';

export type RunStatus = 'starting' | 'running' | 'finished' | 'cancelled' | 'failed';

/** A trial that has not ended. */
export interface RunningTrial {
  readonly started: TrialStarted;
  readonly sample: Sample | null;
}

/** One setting and what is known of it. */
export interface ArmState {
  readonly arm: Arm;
  readonly current: boolean;
  readonly summary: ArmSummary | null;
}

/** Plain JSON. Sizes are bounded by the plan: samples are not kept. */
export interface RunState {
  readonly status: RunStatus;
  readonly hello: Hello | null;
  readonly plan: BenchPlan | null;
  /** In the order of the plan. */
  readonly arms: readonly ArmState[];
  readonly running: readonly RunningTrial[];
  /** Every trial that ended, in order. */
  readonly trials: readonly TrialFinished[];
  readonly progress: Progress | null;
  /** The latest timings of each arm. */
  readonly lines: readonly Lines[];
  /** Versions and the machine's state; null until a program has told. */
  readonly environment: Environment | null;
  /** What was seen of each arm's processes, by arm. */
  readonly observed: readonly Observed[];
  /** Instances times threads; null when no grid was measured. */
  readonly front: Front | null;
  readonly doubts: readonly Doubt[];
  readonly verdict: Verdict | null;
  readonly finished: Finished | null;
  readonly failed: Failed | null;
}

export function initialRunState(): RunState {
  return { status: 'starting', hello: null, plan: null, arms: [], running: [], trials: [], progress: null, lines: [], environment: null, observed: [], front: null, doubts: [], verdict: null, finished: null, failed: null };
}

/** The state after one more event. Events of unknown type, and events after the last, change nothing. */
export function reduce(state: RunState, event: Envelope): RunState {
  if (state.finished || state.failed) return state;
  switch (event.type) {
    case 'hello':
      return { ...state, hello: event.data };
    case 'plan': {
      const { arms, current } = event.data;
      // A refinement announces the plan again with more settings at the end.
      return { ...state, status: 'running', plan: event.data, arms: arms.map((arm, index) => ({ arm, current: index === current, summary: state.arms[index]?.summary ?? null })) };
    }
    case 'trial_started':
      return { ...state, running: [...state.running.filter((t) => t.started.trial !== event.data.trial), { started: event.data, sample: null }] };
    case 'sample':
      return { ...state, running: state.running.map((t) => (t.started.trial === event.data.trial ? { ...t, sample: event.data } : t)) };
    case 'trial_finished':
      return { ...state, running: state.running.filter((t) => t.started.trial !== event.data.trial), trials: [...state.trials, event.data] };
    case 'progress':
      return { ...state, progress: event.data };
    case 'arm_summary':
      return { ...state, arms: state.arms.map((arm, index) => (index === event.data.arm ? { ...arm, summary: event.data } : arm)) };
    case 'lines':
      return { ...state, lines: [...state.lines.filter((l) => l.arm !== event.data.arm), event.data].sort((a, b) => a.arm - b.arm) };
    case 'environment':
      return { ...state, environment: event.data };
    case 'observed':
      return { ...state, observed: [...state.observed.filter((o) => o.arm !== event.data.arm), event.data].sort((a, b) => (a.arm ?? 0) - (b.arm ?? 0)) };
    case 'front':
      return { ...state, front: event.data };
    case 'doubt': {
      const same = doubtSubject(event.data);
      return { ...state, doubts: [...state.doubts.filter((d) => doubtSubject(d) !== same), event.data] };
    }
    case 'verdict':
      return { ...state, verdict: event.data };
    case 'finished':
      return { ...state, status: event.data.cancelled ? 'cancelled' : 'finished', finished: event.data, running: [] };
    case 'failed':
      return { ...state, status: 'failed', failed: event.data, running: [] };
    default:
      return state;
  }
}

/** A later doubt about the same subject replaces the earlier one. */
function doubtSubject(doubt: Doubt): string {
  const arm = 'arm' in doubt ? doubt.arm : '';
  const other = 'other' in doubt ? doubt.other : '';
  const what = 'what' in doubt ? doubt.what : '';
  return `${doubt.kind}/${arm}/${other}/${what}`;
}

/** Trials done over trials expected, 0 to 1. */
export function fractionDone(state: RunState): number {
  if (state.status === 'finished' || state.status === 'cancelled' || state.status === 'failed') return 1;
  const { progress } = state;
  return progress === null || progress.expected === 0 ? 0 : Math.min(1, progress.done / progress.expected);
}

/** Every process group that was started and has not been reported finished: what to kill when the runner dies. */
export function liveProcessGroups(state: RunState): readonly number[] {
  return state.running.flatMap((t) => (t.started.process_group == null ? [] : [t.started.process_group]));
}
