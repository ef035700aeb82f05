/** What editors may ask about kept runs. Every failure is an error whose message is a full sentence. */
import { rm } from 'node:fs/promises';
import type { CompareParams, ComparisonReply, ExportParams, RecordingParams, RecordingReply, RecordingsReply } from '../bench/messages.ts';
import { compareRuns } from '../bench/comparison.ts';
import { comparisonMarkdown } from '../bench/comparisonText.ts';
import { type Recording, recordingJson } from '../bench/recording.ts';
import { htmlReport } from '../host/node/htmlReport.ts';
import { findRecording, listRecordings, measuredSources, readRecording, writeAtomically, writeProblem } from '../host/node/recordings.ts';
import { recoverJournals } from '../host/node/runJournal.ts';

/** The recordings of one storage directory. */
export class RecordingService {
  readonly #directory: () => string | undefined;

  constructor(directory: () => string | undefined) {
    this.#directory = directory;
  }

  async list(): Promise<RecordingsReply> {
    const directory = this.#directory();
    if (!directory) return { recordings: [], skipped: [] };
    await recoverJournals(directory);
    const { recordings, skipped } = await listRecordings(directory);
    return { recordings: recordings.map(({ id, startedAt, label, command, status, sentence }) => ({ id, startedAt, label, command, status, sentence })), skipped };
  }

  async show({ id }: RecordingParams): Promise<RecordingReply> {
    const recording = await readRecording(await this.#file(id));
    const { header, state } = recording;
    const about = header ? withoutSources(header) : null;
    return { id, label: header?.label ?? id, startedAt: header?.startedAt ?? '', state, sources: await sourcesOf(recording), about };
  }

  async compare({ first, second }: CompareParams): Promise<ComparisonReply> {
    const [a, b] = [await readRecording(await this.#file(first)), await readRecording(await this.#file(second))];
    return { markdown: comparisonMarkdown(compareRuns(a, b), nameOf(first, a), nameOf(second, b)) };
  }

  async export({ id, format, output }: ExportParams): Promise<null> {
    const recording = await readRecording(await this.#file(id));
    const text = format === 'html' ? htmlReport(recording, await sourcesOf(recording), new Date()) : recordingJson(recording);
    try {
      await writeAtomically(output, text);
    } catch (error) {
      throw new Error(`${output} was not written: ${writeProblem(error).replace(/\.$/, '')}.`, { cause: error });
    }
    return null;
  }

  async remove({ id }: RecordingParams): Promise<null> {
    await rm(await this.#file(id), { force: true });
    return null;
  }

  async #file(id: string): Promise<string> {
    const directory = this.#directory();
    if (!directory) throw new Error('There is no storage for recordings.');
    const found = await findRecording(directory, id);
    if ('problem' in found) throw new Error(found.problem);
    return found.file;
  }
}

function withoutSources({ sources: _, ...about }: NonNullable<Recording['header']>): NonNullable<RecordingReply['about']> {
  return about;
}

async function sourcesOf({ header, state }: Recording): Promise<RecordingReply['sources']> {
  return header?.sources ?? (await measuredSources(state));
}

function nameOf(id: string, { header }: Recording): string {
  return header ? `${header.label}, ${header.startedAt.slice(0, 16).replace('T', ' ')} UTC` : id;
}
