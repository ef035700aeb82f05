/** Keeps a run that has ended: as a recording, in a file of the user's choice, as a report. What cannot be kept is said; the result stands. */
import path from 'node:path';
import { recordingHeader } from '../bench/recordingHeader.ts';
import { parseRecording, type RecordingHeader, recordingText, worthKeeping } from '../bench/recording.ts';
import type { BenchRequest } from '../bench/protocol.generated.ts';
import type { PreparedBench } from '../bench/request.ts';
import { htmlReport } from '../host/node/htmlReport.ts';
import { defaultRecordingsDirectory, measuredSources, saveRecording, writeAtomically, writeProblem } from '../host/node/recordings.ts';
import { recoverJournals, RunJournal } from '../host/node/runJournal.ts';
import { knobByEnv } from '../knobs/catalogue.ts';
import type { WatchedRun } from './watchRun.ts';

type Header = Omit<RecordingHeader, 'sources'>;

export interface KeepOptions {
  /** Keep it among the user's recordings. */
  readonly record: boolean;
  /** Keep it in this file too. */
  readonly save?: string;
  /** Write the report to this file. */
  readonly html?: string;
}

/** Where it was kept, and full sentences about what could not be. */
export interface Kept {
  readonly recording: string | null;
  /** True when every file that was asked for is written. */
  readonly asked: boolean;
  readonly problems: readonly string[];
}

/** What is kept beside the events. */
export function headerOf(label: string, { preview }: PreparedBench, request: BenchRequest, version: string): Header {
  const { uri, launchId } = preview.launch;
  return recordingHeader({ label, launch: launchId === '' ? null : { uri, launchId }, preview, request, startedAt: new Date(), version, aboutThreads: (name) => knobByEnv(name) !== undefined });
}

/** Keeps the events while the run goes on; null when it is not to be kept. */
export async function startJournal(header: Header, { record }: KeepOptions): Promise<RunJournal | null> {
  if (!record) return null;
  const directory = defaultRecordingsDirectory();
  await recoverJournals(directory);
  return new RunJournal(directory, header);
}

export async function keepRun({ state, recorded }: WatchedRun, header: Header, options: KeepOptions): Promise<Kept> {
  const problems: string[] = [];
  let recording: string | null = null;
  if (recorded.length === 0) return { recording, asked: true, problems };
  const attempt = async (what: string, action: () => Promise<void>): Promise<void> => {
    try {
      await action();
    } catch (error) {
      problems.push(`${what} was not saved: ${writeProblem(error).replace(/\.$/, '')}. The result above stands.`);
    }
  };
  if (options.record && worthKeeping(state)) {
    const directory = defaultRecordingsDirectory();
    await attempt(`The recording (${directory})`, async () => void (recording = await saveRecording(directory, header, state, recorded)));
  }
  const unasked = problems.length;
  const { save, html } = options;
  const sources = save === undefined && html === undefined ? {} : await measuredSources(state);
  if (save !== undefined) await attempt(path.resolve(save), () => writeAtomically(path.resolve(save), recordingText({ ...header, sources }, recorded)));
  if (html !== undefined) await attempt(path.resolve(html), () => writeAtomically(path.resolve(html), htmlReport(parseRecording(recordingText({ ...header, sources }, recorded)), sources, new Date(header.startedAt))));
  return { recording, asked: problems.length === unasked, problems };
}
