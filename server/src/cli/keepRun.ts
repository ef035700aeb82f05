/** Keeps a run that has ended: as a recording, in a file of the user's choice, as a report. What cannot be kept is said; the result stands. */
import path from 'node:path';
import { recordingHeader } from '../bench/recordingHeader.ts';
import { parseRecording, recordingText, worthKeeping } from '../bench/recording.ts';
import type { BenchRequest } from '../bench/protocol.generated.ts';
import type { PreparedBench } from '../bench/request.ts';
import { htmlReport } from '../host/node/htmlReport.ts';
import { defaultRecordingsDirectory, measuredSources, saveRecording, writeAtomically, writeProblem } from '../host/node/recordings.ts';
import { knobByEnv } from '../knobs/catalogue.ts';
import type { WatchedRun } from './watchRun.ts';

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

export async function keepRun({ state, recorded }: WatchedRun, label: string, startedAt: Date, prepared: PreparedBench, request: BenchRequest, options: KeepOptions, version: string): Promise<Kept> {
  const problems: string[] = [];
  let recording: string | null = null;
  if (recorded.length === 0) return { recording, asked: true, problems };
  const header = recordingHeader({ label, launch: prepared.preview.launch.launchId === '' ? null : { uri: prepared.preview.launch.uri, launchId: prepared.preview.launch.launchId }, preview: prepared.preview, request, startedAt, version, aboutThreads: (name) => knobByEnv(name) !== undefined });
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
  if (html !== undefined) await attempt(path.resolve(html), () => writeAtomically(path.resolve(html), htmlReport(parseRecording(recordingText({ ...header, sources }, recorded)), sources, startedAt)));
  return { recording, asked: problems.length === unasked, problems };
}
