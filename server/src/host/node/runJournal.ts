/** The events of a run on disk while it runs, so that what was measured outlives an editor or terminal that is killed. */
import { appendFile, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { parseRecording, recordingText, type RecordingHeader, worthKeeping } from '../../bench/recording.ts';
import { measuredSources, recordingName, writeAtomically } from './recordings.ts';

/** `.NAME.PID.part`: hidden, and told from those of programs that still run. */
const JOURNAL = /^\.(.+\.ndjson)\.(\d+)\.part$/;
/** `NAME.PID.tmp`: what `writeAtomically` has begun. */
const UNFINISHED = /\.ndjson\.(\d+)\.tmp$/;

/** Grows with its run and goes with it. What cannot be written is left out: the run itself is saved at its end, and says then what is wrong. */
export class RunJournal {
  readonly #file: string;
  #waiting: string[];
  #writing: Promise<void>;
  #broken = false;

  constructor(directory: string, header: Omit<RecordingHeader, 'sources'>) {
    this.#file = path.join(directory, `.${recordingName(header.label, new Date(header.startedAt))}.${process.pid}.part`);
    this.#waiting = [recordingText({ ...header, sources: {} }, [])];
    this.#writing = mkdir(directory, { recursive: true }).then(
      () => {},
      () => void (this.#broken = true),
    );
  }

  /** One event as it came. Nothing is written while a program is measured; `between` says that none is. */
  add(line: string, between: boolean): void {
    this.#waiting.push(`${line}\n`);
    if (!between) return;
    this.#writing = this.#writing.then(async () => {
      const text = this.#waiting.join('');
      this.#waiting = [];
      if (text === '' || this.#broken) return;
      await appendFile(this.#file, text).catch(() => void (this.#broken = true));
    });
  }

  /** The run is kept elsewhere by now, or not worth it. */
  async remove(): Promise<void> {
    this.#broken = true;
    await this.#writing;
    await rm(this.#file, { force: true }).catch(() => {});
  }
}

/** Makes recordings of what killed runs have left in a directory. Never throws: what cannot be helped stays as it is. */
export async function recoverJournals(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names) {
    // Killed while it wrote the recording: the journal is still there and says the same.
    const unfinished = UNFINISHED.exec(name)?.[1];
    if (unfinished !== undefined && !isAlive(Number(unfinished))) await rm(path.join(directory, name), { force: true }).catch(() => {});
    const [, recording, pid] = JOURNAL.exec(name) ?? [];
    if (recording === undefined || isAlive(Number(pid))) continue;
    const file = path.join(directory, name);
    try {
      const text = await readFile(file, 'utf8');
      // The last line may have been cut off.
      const { header, state, events } = parseRecording(text.slice(0, text.lastIndexOf('\n') + 1));
      if (header && worthKeeping(state)) await writeAtomically(path.join(directory, recording), recordingText({ ...header, sources: await measuredSources(state) }, events.map((event) => JSON.stringify(event))));
      await rm(file, { force: true });
    } catch (error) {
      // Without a single event there is nothing to keep.
      if (error instanceof SyntaxError) await rm(file, { force: true }).catch(() => {});
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
