/** A kept run: a header that says what was measured, then the event stream as it came. */
import { EventDecoder } from './decode.ts';
import type { BenchParams } from './messages.ts';
import type { Arm, BenchRequest, Envelope } from './protocol.generated.ts';
import { initialRunState, reduce, type RunState } from './runState.ts';

/** The header is an event of a type that no runner sends, so that whoever reads only the stream passes over it. */
export const HEADER_TYPE = 'recording';
const VERSION = 1;

/** What the stream itself does not say. Holds no variable that is not about threads. */
export interface RecordingHeader {
  /** The name of the launch, or the command. */
  readonly label: string;
  /** Where the launch is written; null for a command. */
  readonly launch: { readonly uri: string; readonly launchId: string } | null;
  /** What the editor was asked for, so that the same can be measured again; absent for a command, and in older recordings. */
  readonly params?: BenchParams;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  /** Version of ThreadGauge. */
  readonly version: string;
  /** The Python that ran, and why that one. */
  readonly interpreter: { readonly path: string; readonly from: string } | null;
  /** What the launch adds to the environment, as far as it is about threads. */
  readonly environment: readonly { readonly name: string; readonly value: string | null; readonly from: string }[];
  /** What the runner was asked, without variables that are not about threads. */
  readonly request: BenchRequest;
  /** How many variables of the environment were left out. */
  readonly omittedVariables: number;
  /** Measured lines as they read when they ran, by path and zero-based line. */
  readonly sources: SourceLines;
}

export type SourceLines = Readonly<Record<string, Readonly<Record<number, string>>>>;

export interface Recording {
  /** Null for a stream that was saved by hand. */
  readonly header: RecordingHeader | null;
  readonly state: RunState;
  readonly events: readonly Envelope[];
}

/** `complete`; `partial`: cancelled, or the stream breaks off; `failed`: nothing was measured. */
export type RecordingStatus = 'complete' | 'partial' | 'failed';

/** The content of a recording's file. `lines` are the events as they came. */
export function recordingText(header: RecordingHeader, lines: readonly string[]): string {
  return [JSON.stringify({ v: VERSION, type: HEADER_TYPE, data: header }), ...lines, ''].join('\n');
}

/** Reads a recording, with or without a header. Throws a `SyntaxError` that says, as the end of a sentence, what is wrong with it. */
export function parseRecording(text: string): Recording {
  if (text.trim() === '') throw new SyntaxError('it has no events');
  const first = text.indexOf('\n') < 0 ? text : text.slice(0, text.indexOf('\n'));
  const header = headerOf(first);
  const events: Envelope[] = [];
  let problem: string | null = null;
  const decoder = new EventDecoder(
    (event) => events.push(event),
    (found) => (problem ??= found),
  );
  decoder.push(header ? text.slice(first.length) : text);
  decoder.end();
  // Whoever writes whole files ends them with a line end: a last line without one was cut off.
  if (problem !== null) throw new SyntaxError(text.endsWith('\n') || events.length === 0 ? problem : 'it is torn: its last line is not complete');
  if (events.length === 0) throw new SyntaxError('it has no events');
  const other = events.find(({ v }) => v !== VERSION);
  if (other) throw new SyntaxError(`it was recorded with protocol version ${other.v}; this ThreadGauge reads version ${VERSION}`);
  let state: RunState;
  try {
    state = events.reduce(reduce, initialRunState());
  } catch (error) {
    throw new SyntaxError(`it is damaged: an event lacks what it should say (${error instanceof Error ? error.message : String(error)})`);
  }
  return { header, state, events };
}

function headerOf(line: string): RecordingHeader | null {
  if (!line.includes(`"${HEADER_TYPE}"`)) return null;
  try {
    const value = JSON.parse(line) as { type?: unknown; data?: Partial<RecordingHeader> };
    const { data } = value;
    const whole = value.type === HEADER_TYPE && typeof data?.label === 'string' && typeof data.startedAt === 'string' && typeof data.request === 'object' && Array.isArray(data.environment);
    return whole ? { launch: null, version: '', interpreter: null, omittedVariables: 0, sources: {}, ...data } as RecordingHeader : null;
  } catch {
    return null;
  }
}

export function recordingStatus(state: RunState): RecordingStatus {
  if (state.failed) return state.arms.some(({ summary }) => (summary?.runs ?? 0) > 0) ? 'partial' : 'failed';
  return state.status === 'finished' ? 'complete' : 'partial';
}

/** False for a run that holds no result at all, as when the program could not be started. */
export function worthKeeping({ arms, lines, front }: RunState): boolean {
  return lines.length > 0 || front !== null || arms.some(({ summary }) => (summary?.runs ?? 0) > 0);
}

/** The request without what may be secret: of the environment only variables that `keep` knows, and those that the settings themselves are. */
export function withoutSecrets(request: BenchRequest, keep: (name: string) => boolean): { readonly request: BenchRequest; readonly omitted: number } {
  const own = new Set([...request.arms, ...(request.variations ?? [])].flatMap(({ env }) => Object.keys((env ?? {}) as Arm['env'])));
  const all = Object.entries(request.workload.env);
  const kept = all.filter(([name]) => own.has(name) || keep(name));
  return { request: { ...request, workload: { ...request.workload, env: Object.fromEntries(kept) } }, omitted: all.length - kept.length };
}

/** A recording as one JSON document: header, the state that the stream folds to, and the events. */
export function recordingJson({ header, state, events }: Recording): string {
  return `${JSON.stringify({ format: 'threadgauge-recording', version: VERSION, header, status: recordingStatus(state), state, events }, null, 1)}\n`;
}

/** The recording in a document that `recordingJson` wrote; null when it is none. */
export function recordingOfJson(text: string): Recording | null {
  if (!text.trimStart().startsWith('{') || !text.includes('"threadgauge-recording"')) return null;
  let value: { format?: unknown; header?: RecordingHeader | null; events?: unknown };
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    return null;
  }
  if (value.format !== 'threadgauge-recording' || !Array.isArray(value.events)) return null;
  const { events, state } = parseRecording(`${value.events.map((event) => JSON.stringify(event)).join('\n')}\n`);
  return { header: value.header ?? null, events, state };
}
