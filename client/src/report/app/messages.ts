/** What the results panel and the extension say to each other. */
import type { RecordingHeader, SourceLines } from '../../../../server/src/bench/recording.ts';
import type { RunState } from '../../../../server/src/bench/runState.ts';

/** One run, as the page shows it. */
export interface ShownRun {
  readonly label: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly state: RunState;
  /** Measured lines as they read when they ran, by path and zero-based line; files that changed since are left out. */
  readonly sources: SourceLines;
  /** The Python that runs, while what is kept does not say it yet. */
  readonly interpreter?: RecordingHeader['interpreter'];
  /** What was kept beside the events; absent for a run that is under way. */
  readonly about?: Omit<RecordingHeader, 'sources'>;
}

export type ToReport = { readonly type: 'run'; readonly run: ShownRun | null };

export type FromReport =
  | { readonly type: 'ready' }
  /** A button; the extension adds the arguments. */
  | { readonly type: 'command'; readonly command: string }
  /** A line of a measured file; zero-based. */
  | { readonly type: 'open'; readonly path: string; readonly line: number };
