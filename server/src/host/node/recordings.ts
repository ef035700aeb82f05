/** Kept benchmark runs, one file each, under the user's storage. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { closingSentence } from '../../bench/benchText.ts';
import { parseRecording, type Recording, recordingStatus, type RecordingStatus, recordingText, type RecordingHeader } from '../../bench/recording.ts';
import type { RunState } from '../../bench/runState.ts';
import { sourceLines } from '../../bench/sourceLines.ts';

const EXTENSION = '.ndjson';
/** How a name begins; without milliseconds when an older version wrote it. */
const TIME = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)(?:-(\d{3}))?-/;
/** Characters of a name behind what says what was measured. */
const RANDOM_LENGTH = '-abcd'.length;

/** One line of a list of recordings. */
export interface ListedRecording {
  readonly id: string;
  readonly file: string;
  /** ISO 8601; of the file where the recording does not say. */
  readonly startedAt: string;
  readonly label: string;
  readonly command: string;
  readonly status: RecordingStatus;
  /** The verdict, or how it ended. */
  readonly sentence: string;
  /** Digest of machine and versions; null when it was not told. */
  readonly fingerprint: string | null;
}

export interface RecordingList {
  /** The newest first. */
  readonly recordings: readonly ListedRecording[];
  /** Full sentences about files that are no recordings, or broken ones. */
  readonly skipped: readonly string[];
}

/** Where the command line keeps recordings: `$XDG_STATE_HOME/threadgauge/recordings`, or what stands for that on other systems. */
export function defaultRecordingsDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const state = environment['XDG_STATE_HOME'];
  // The specification has relative paths ignored.
  if (state && path.isAbsolute(state)) return path.join(state, 'threadgauge', 'recordings');
  if (process.platform === 'win32') return path.join(environment['LOCALAPPDATA'] ?? path.join(homedir(), 'AppData', 'Local'), 'threadgauge', 'recordings');
  if (process.platform === 'darwin') return path.join(homedir(), 'Library', 'Application Support', 'threadgauge', 'recordings');
  return path.join(homedir(), '.local', 'state', 'threadgauge', 'recordings');
}

/** Writes a whole file or nothing, also when the disk is full or the power goes. A device or a pipe is written to as it is: it must not be replaced by a file. */
export async function writeAtomically(file: string, content: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const present = await stat(file).catch(() => null);
  if (present && !present.isFile()) return writeFile(file, content);
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    const handle = await open(temporary, 'w');
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

/** Why a file could not be written, as the end of a sentence. */
export function writeProblem(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC') return 'the disk is full';
  if (code === 'EDQUOT') return 'your disk quota is used up';
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return 'it may not be written there';
  return error instanceof Error ? error.message : String(error);
}

/** A name that sorts by time and says what was measured. */
export function recordingName(label: string, now: Date): string {
  const safe = label.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[-.]+|-+$/g, '').slice(0, 60);
  // Two runs that begin at the same moment are told apart.
  return `${now.toISOString().replace(/[:.]/g, '-').slice(0, -1)}-${safe || 'run'}-${randomBytes(2).toString('hex')}${EXTENSION}`;
}

/** Keeps a run; the path of its file. Adds the text of measured lines, which may be another one tomorrow. */
export async function saveRecording(directory: string, header: Omit<RecordingHeader, 'sources'>, state: RunState, lines: readonly string[]): Promise<string> {
  const file = path.join(directory, recordingName(header.label, new Date(header.startedAt)));
  await writeAtomically(file, recordingText({ ...header, sources: await measuredSources(state) }, lines));
  return file;
}

/** The text of the measured lines whose files have not changed since. */
export function measuredSources(state: RunState): Promise<RecordingHeader['sources']> {
  return sourceLines(state, async (file, sha256) => {
    try {
      const bytes = await readFile(file);
      return createHash('sha256').update(bytes).digest('hex') === sha256 ? bytes.toString('utf8') : null;
    } catch {
      return null;
    }
  });
}

/** Every recording of a directory. Never throws: what cannot be read is a sentence. */
export async function listRecordings(directory: string): Promise<RecordingList> {
  let names: readonly string[];
  try {
    names = (await readdir(directory)).filter((name) => name.endsWith(EXTENSION)).sort().reverse();
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return { recordings: [], skipped: missing ? [] : [`${directory} could not be read: ${error instanceof Error ? error.message : String(error)}.`] };
  }
  const recordings: ListedRecording[] = [];
  const skipped: string[] = [];
  for (const name of names) {
    const file = path.join(directory, name);
    try {
      const { header, state } = parseRecording(await readFile(file, 'utf8'));
      const command = (state.plan?.command ?? header?.request.workload.argv ?? []).join(' ');
      recordings.push({
        id: name.slice(0, -EXTENSION.length),
        file,
        startedAt: header?.startedAt ?? timeOfName(name),
        label: header?.label ?? command,
        command,
        status: recordingStatus(state),
        sentence: state.finished || state.failed ? closingSentence(state) : `The run broke off after ${counted(state)}; what was measured until then is kept.`,
        fingerprint: state.environment?.fingerprint ?? null,
      });
    } catch (error) {
      skipped.push(`${file} was left out, because ${error instanceof SyntaxError ? error.message : `it could not be read: ${error instanceof Error ? error.message : String(error)}`}.`);
    }
  }
  return { recordings, skipped };
}

function counted(state: RunState): string {
  const runs = state.trials.filter(({ status }) => status === 'ok').length;
  return `${runs} counted run${runs === 1 ? '' : 's'}`;
}

function timeOfName(name: string): string {
  const [, day, hour, minute, second, thousandths = '000'] = TIME.exec(name) ?? [];
  return day === undefined ? '' : `${day}T${hour}:${minute}:${second}.${thousandths}Z`;
}

/** The newest recording of what has this label; null when there is none. */
export async function newestRecording(directory: string, label: string): Promise<string | null> {
  // The random end has the same length in all names.
  const middle = (name: string): string => name.replace(TIME, '').slice(0, -(RANDOM_LENGTH + EXTENSION.length));
  const wanted = middle(recordingName(label, new Date(0)));
  try {
    const names = (await readdir(directory)).filter((name) => name.endsWith(EXTENSION) && middle(name) === wanted).sort();
    const newest = names.at(-1);
    return newest === undefined ? null : path.join(directory, newest);
  } catch {
    return null;
  }
}

/** The file of the one recording whose id begins so, or why there is none, as a full sentence. */
export async function findRecording(directory: string, id: string): Promise<{ readonly file: string } | { readonly problem: string }> {
  let names: readonly string[] = [];
  try {
    names = (await readdir(directory)).filter((name) => name.endsWith(EXTENSION));
  } catch {
    // As good as empty.
  }
  const ids = names.map((name) => name.slice(0, -EXTENSION.length)).sort();
  const found = ids.includes(id) ? [id] : id === 'latest' ? ids.slice(-1) : ids.filter((other) => other.startsWith(id) || other.endsWith(`-${id}`));
  const [only] = found;
  if (only === undefined) return { problem: `There is no recording ${id} in ${directory}.` };
  if (found.length > 1) return { problem: `${id} may be any of ${found.join(', ')}.` };
  return { file: path.join(directory, only + EXTENSION) };
}

/** Reads one recording. Throws an error whose message is a full sentence. */
export async function readRecording(file: string): Promise<Recording> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new Error(`${file} could not be read: ${error instanceof Error ? error.message : String(error)}.`, { cause: error });
  }
  try {
    return parseRecording(text);
  } catch (error) {
    throw new Error(`${file} is no recording of a benchmark: ${error instanceof Error ? error.message : String(error)}.`, { cause: error });
  }
}
