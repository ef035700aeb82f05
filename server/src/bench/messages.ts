/** The requests, notifications and commands that server and client exchange beyond LSP. */
import type { Machine } from '../core/machine.ts';
import type { PlanJson } from '../core/reportJson.ts';
import type { Estimate } from './estimate.ts';
import type { Arm, Envelope, Inspection, Mode, RunningProcess } from './protocol.generated.ts';
import type { RecordingHeader, RecordingStatus, SourceLines } from './recording.ts';
import type { RunState } from './runState.ts';
import type { Factor, VaryChoice } from './variations.ts';

/** Method names of custom messages. */
export const METHODS = {
  /** client → server, notification: `TrustParams`. */
  trust: 'threadgauge/trust',
  /** server → client, notification: `BenchEventParams`. */
  benchEvent: 'threadgauge/benchEvent',
  /** server → client, notification: `MeasuredParams`. */
  measured: 'threadgauge/measured',
  /** client → server, request: `UriParams` → `PlanReply`. */
  plan: 'threadgauge/plan',
  /** client → server, request: `UriParams` → `LaunchInfo[]`. */
  launches: 'threadgauge/launches',
  /** client → server, request: no parameters → `MachineReply`. */
  machine: 'threadgauge/machine',
  /** client → server, request: `BenchParams` → `BenchPreview`. */
  benchPreview: 'threadgauge/benchPreview',
  /** client → server, request: no parameters → `RecordingsReply`. */
  recordings: 'threadgauge/recordings',
  /** client → server, request: `RecordingParams` → `RecordingReply`. */
  recording: 'threadgauge/recording',
  /** client → server, request: `RecordingParams` twice → `ComparisonReply`. */
  compareRecordings: 'threadgauge/compareRecordings',
  /** client → server, request: `ExportParams` → null. Fails with a full sentence. */
  exportRecording: 'threadgauge/exportRecording',
  /** client → server, request: `RecordingParams` → null. */
  removeRecording: 'threadgauge/removeRecording',
  /** client → server, request: `InspectParams` → `InspectReply`. */
  inspect: 'threadgauge/inspect',
  /** client → server, request: no parameters → `ProcessesReply`. */
  processes: 'threadgauge/processes',
} as const;

/** Commands that lenses and code actions name; the VS Code client implements them. Arguments: one `LaunchRef`, or as stated. */
export const CLIENT_COMMANDS = {
  runBenchmark: 'threadgauge.runBenchmark',
  /** Argument `BenchParams` with a `region`; the selection of the active editor when absent. */
  benchmarkSelection: 'threadgauge.benchmarkSelection',
  showPlan: 'threadgauge.showPlan',
  verifyBenchmark: 'threadgauge.verifyBenchmark',
  /** No argument: every run; or `{ runId }`. */
  cancelBenchmark: 'threadgauge.cancelBenchmark',
  /** Arguments as of `cancelBenchmark`: the run that measures ends, then nothing is measured until it is resumed. */
  pauseBenchmark: 'threadgauge.pauseBenchmark',
  resumeBenchmark: 'threadgauge.resumeBenchmark',
  showReport: 'threadgauge.showReport',
  clearMeasurements: 'threadgauge.clearMeasurements',
} as const;

/** Commands the server executes (`workspace/executeCommand`). */
export const SERVER_COMMANDS = {
  /** Argument `BenchParams`, result `BenchReply`; takes a work-done token, cancellable. */
  bench: 'threadgauge.server.bench',
  /** Argument `{ runId?: string }`: ends one run or all of them; result: number of runs asked to end. */
  cancel: 'threadgauge.server.cancel',
  /** Argument as of `cancel`: lets what runs end, then waits; result: number of runs asked to wait. */
  pause: 'threadgauge.server.pause',
  /** Argument as of `cancel`; result: number of runs that go on. */
  resume: 'threadgauge.server.resume',
  /** Forgets every measured line and verdict; result null. */
  clearMeasurements: 'threadgauge.server.clearMeasurements',
} as const;

/** `initializationOptions` of the language server. */
export interface InitializationOptions {
  /** False until the user trusts the workspace: nothing is run. Defaults to true, for editors without such a notion. */
  readonly trusted?: boolean;
  /** The target machine (`threadgauge machine --format json`); absent or null = the machine the server runs on. */
  readonly machine?: object | null;
  readonly runnerPath?: string;
  readonly interpreter?: string;
  readonly rules?: Readonly<Record<string, RuleLevel>>;
  /** Where recordings are kept; absent = they are not. */
  readonly storageDir?: string;
  /** `hints` (default): measured lines as inlay hints; `decorations`: the client draws them from `threadgauge/measured`. */
  readonly annotations?: 'hints' | 'decorations';
  /** Report rules in the preview stage too. */
  readonly preview?: boolean;
  /** Limits of benchmark runs. */
  readonly bench?: BenchSettings;
}

export type RuleLevel = 'off' | 'error' | 'warning' | 'information' | 'hint';

/** Section `threadgauge.bench` of the configuration; seconds. */
export interface BenchSettings {
  readonly trialSeconds?: number;
  readonly budgetSeconds?: number;
  /** Memory the program may use, such as `4GiB`; empty = no limit. */
  readonly memoryLimit?: string;
  /** Time lines after the search; defaults to true. */
  readonly lines?: boolean;
}

/** Section `threadgauge` of `workspace/didChangeConfiguration`. */
export interface Configuration {
  readonly machine?: object | null;
  readonly interpreter?: string;
  readonly rules?: Readonly<Record<string, RuleLevel>>;
  readonly preview?: boolean;
  readonly bench?: BenchSettings;
}

export interface TrustParams {
  readonly trusted: boolean;
}

export interface UriParams {
  /** Absent = the whole workspace. */
  readonly uri?: string;
}

/** Names a launch; stable while its file keeps the launch's name. `launchId` is '' for a script run directly. */
export interface LaunchRef {
  readonly uri: string;
  readonly launchId: string;
}

/** A zero-based range as LSP writes it. */
export interface ProtocolRange {
  readonly start: { readonly line: number; readonly character: number };
  readonly end: { readonly line: number; readonly character: number };
}

export interface LaunchInfo extends LaunchRef {
  readonly label: string;
  /** Where the launch is written; what a lens sits on. */
  readonly range: ProtocolRange;
  /** URI of the script that runs first; null when it is not in the workspace. */
  readonly entry: string | null;
  /** The command line as written. */
  readonly command: string;
  /** True when no launch config starts the script and `python script.py` is assumed. */
  readonly implicit: boolean;
  /** `4 x 8 on 16 CPUs`. */
  readonly plan: string;
  /** Why it cannot be benchmarked, as a full sentence; null when it can. */
  readonly refusal: string | null;
}

/** The plans; `file` fields hold URIs. `markdown` explains each plan in words, in the same order. */
export interface PlanReply {
  readonly machine: Machine;
  readonly plans: readonly PlanJson[];
  readonly markdown: readonly string[];
}

export interface MachineReply {
  readonly machine: Machine;
  /** Where the description comes from: the runner, or the user's setting. */
  readonly origin: 'runner' | 'settings' | 'unknown';
  /** Why the runner could not tell, as a full sentence; null when it could. */
  readonly problem: string | null;
}

/** A part of a program, as an editor knows it. */
export interface RegionParams {
  /** The file, or the notebook; a cell's own document names the cell. */
  readonly uri: string;
  /** Lines of the document, counted from 0 and included; of a whole cell they may be absent. */
  readonly lines?: { readonly first: number; readonly last: number };
  /** A function of the file instead: `infer`, `Model.forward`. */
  readonly function?: string;
}

/** Which running process to look at. */
export interface InspectParams {
  readonly pid: number;
  /** How long; defaults to 1. */
  readonly seconds?: number;
}

/** What was seen of it and its descendants. Nothing is attached to a process and nothing is sent to it. */
export interface InspectReply {
  /** For people, with the plan beside it. */
  readonly text: string;
  /** Null when it cannot be looked at; `text` then says why, as a full sentence. */
  readonly inspection: Inspection | null;
}

/** This user's programs, newest first; `problem` says why there are none. */
export interface ProcessesReply {
  readonly processes: readonly RunningProcess[];
  readonly problem: string | null;
}

/** What to measure. */
export interface BenchParams extends LaunchRef {
  /** Defaults to `search`. `verify` measures the last run's old setting against its best. */
  readonly mode?: Mode;
  /** Thread counts to try instead of those chosen from the machine. */
  readonly threads?: readonly number[];
  /** Further settings to try round the best count (`search`); default `auto`: those that matter most often. */
  readonly vary?: VaryChoice;
  /** Exactly these further settings, by the labels that a preview gave them, instead of those of `vary`. */
  readonly variations?: readonly string[];
  /** With `grid`: numbers of instances to try; absent = as many as fill the machine. */
  readonly instances?: readonly number[];
  /** With `grid`: longest acceptable time of one piece of work, seconds; absent = twice the shortest. */
  readonly latencyLimitSeconds?: number;
  /** Every count (with `grid`: every pair), none left out early. */
  readonly exhaustive?: boolean;
  /** Seconds after which the run stops with what it has, instead of the setting's. */
  readonly budgetSeconds?: number;
  /** With `verify`: the two settings, old first; absent = those of the last verdict for this launch. */
  readonly arms?: readonly Arm[];
  /** Only this part of the program: it is executed again and again in every run. */
  readonly region?: RegionParams;
  /** The interpreter that the editor's Python extension has chosen; absent when there is none. */
  readonly python?: string;
  /** URI of the file that is open, for configurations with `${file}`; absent when none is. */
  readonly activeFile?: string;
}

/** Exactly what a run would start; nothing has been run for it. */
export interface BenchPreview {
  readonly launch: LaunchRef & { readonly label: string };
  /** Why it cannot be run, as full sentences with what to do; null when it can. The other fields hold what is known. */
  readonly refusal: string | null;
  readonly argv: readonly string[];
  readonly cwd: string;
  /** How the launch's environment differs from the server's. A null value unsets. */
  readonly environment: readonly { readonly name: string; readonly value: string | null; readonly from: string }[];
  /** The settings that would be compared, in order. */
  readonly arms: readonly { readonly label: string; readonly threads: number | null; readonly reason: string; readonly current: boolean; readonly instances?: number; readonly cpus?: readonly (readonly number[])[] }[];
  /** Further settings that can act here, those that would be tried marked; ask with `vary` for others. */
  readonly variations: readonly { readonly factor: Factor; readonly label: string; readonly reason: string; readonly chosen: boolean }[];
  /** The part of the program that is measured by itself; lines count from 1. Absent: the whole program. */
  readonly region?: { readonly path: string; readonly first: number; readonly last: number; readonly label: string };
  /** The words of `argv` that differ from preview to preview: a temporary script and the notebook whose cells it holds. */
  readonly script?: { readonly path: string; readonly of: string };
  /** What runs the script: Python unless said otherwise. */
  readonly program?: 'node';
  /** The Python or Node.js that would run, and why that one; null for other programs. */
  readonly interpreter: { readonly path: string; readonly from: string } | null;
  /** Trials, and seconds where the last run of the launch tells what one takes. */
  readonly estimate: Estimate;
  /** What differs from a start by the launch itself, as full sentences (values left out because they are not known …). */
  readonly notes: readonly string[];
}

/** Result of `threadgauge.server.bench`. */
export interface BenchReply {
  readonly runId: string | null;
  readonly outcome: 'finished' | 'cancelled' | 'failed' | 'refused';
  /** One or two full sentences: the verdict, or what went wrong and what to do. */
  readonly message: string;
  /** The folded event stream; null when nothing was started. */
  readonly state: RunState | null;
  /** Path of the recording; null when there is no storage, or nothing was measured. */
  readonly recording: string | null;
  /** Why the run could not be kept, as a full sentence; absent when it was, or need not be. */
  readonly recordingProblem?: string;
}

/** Names a recording of this server's storage. */
export interface RecordingParams {
  readonly id: string;
}

export interface RecordingsReply {
  /** The newest first. */
  readonly recordings: readonly {
    readonly id: string;
    /** ISO 8601. */
    readonly startedAt: string;
    readonly label: string;
    readonly command: string;
    /** `partial`: cancelled, or broken off; `failed`: nothing was measured. */
    readonly status: RecordingStatus;
    readonly sentence: string;
  }[];
  /** Files that are no recordings, or broken ones, as full sentences. */
  readonly skipped: readonly string[];
}

export interface RecordingReply {
  readonly id: string;
  readonly label: string;
  readonly startedAt: string;
  readonly state: RunState;
  readonly sources: SourceLines;
  /** What was kept beside the events; null for a stream that was saved by hand. */
  readonly about: Omit<RecordingHeader, 'sources'> | null;
}

export interface CompareParams {
  readonly first: string;
  readonly second: string;
}

/** Markdown for people. */
export interface ComparisonReply {
  readonly markdown: string;
}

export interface ExportParams extends RecordingParams {
  readonly format: 'json' | 'html';
  /** Absolute path. */
  readonly output: string;
}

/** One event of a run, in order. The first one is `hello`, the last one `finished` or `failed`, also when the runner died. */
export interface BenchEventParams {
  readonly runId: string;
  readonly launch: LaunchRef & { readonly label: string };
  /** The Python that runs, and why that one; null for other programs. */
  readonly interpreter: { readonly path: string; readonly from: string } | null;
  /** What was asked for, so that the same can be measured again. */
  readonly params: BenchParams;
  readonly event: Envelope;
}

/** What one line costs under one setting, per run of the program. */
export interface MeasuredAtArm {
  readonly label: string;
  readonly threads: number | null;
  readonly current: boolean;
  readonly hits: number;
  readonly wallNs: number;
  /** Mean CPUs kept busy while on the line (CPU time over wall time); null when not measured. */
  readonly busyCores: number | null;
  /** Mean number of threads waiting for a CPU while on the line; null when not measured. */
  readonly waiting: number | null;
  /** First execution, apart. */
  readonly firstNs: number;
  /** Part of the time in which the line was suspended by `await`; null when it never was. */
  readonly awaitedNs: number | null;
  /** Processes that reached it; the times are sums over them. */
  readonly processes: number;
  /** Most threads of one process that reached it. */
  readonly onThreads: number;
  /** Time in each pass that the time is the mean of; empty when not known. */
  readonly passesNs: readonly number[];
}

/** Timings of the statement that starts on a line. */
export interface MeasuredLine {
  /** Zero-based, in the version of the file that ran. */
  readonly line: number;
  /** Zero-based last line of the statement, of a compound one the last line of its head; absent = the line alone is known. */
  readonly endLine?: number;
  /** What an editor shows after the line: `1.24 s · 2,000x · 1.9 CPUs busy`. */
  readonly label: string;
  /** Markdown with the numbers at every measured setting. */
  readonly hover: string;
  /** Share of the run's time under the shown setting, functions it calls included, 0 to 1. */
  readonly share: number;
  /** First the setting the label is about: the one in force today. */
  readonly arms: readonly MeasuredAtArm[];
  /** How the line scales: `best at 2 threads: 120 us; 3.1 times slower at 16`; absent when nothing stands out beyond noise. */
  readonly scaling?: string;
}

/** Replaces everything known about one file; an empty list removes it. */
export interface MeasuredParams {
  readonly uri: string;
  readonly runId: string;
  readonly launch: LaunchRef & { readonly label: string };
  /** SHA-256 of the source that ran, hex; numbers of a file with another hash are stale. */
  readonly sha256: string;
  /** True when the open text is no longer what ran, so that line numbers may not fit. */
  readonly stale: boolean;
  readonly lines: readonly MeasuredLine[];
}
