/** `threadgauge recordings`: the runs that were kept. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { alignTable } from '../bench/benchText.ts';
import { compareRuns, gateVerdict } from '../bench/comparison.ts';
import { comparisonSentence, comparisonTable, remarksOf } from '../bench/comparisonText.ts';
import { recordingJson } from '../bench/recording.ts';
import { htmlReport } from '../host/node/htmlReport.ts';
import { defaultRecordingsDirectory, findRecording, listRecordings, measuredSources, writeAtomically, writeProblem } from '../host/node/recordings.ts';
import { recoverJournals } from '../host/node/runJournal.ts';
import { printRecording } from './bench.ts';
import { loadRecording } from './gate.ts';
import { styleFor, write } from './output.ts';
import { UsageError } from './usageError.ts';

type Format = 'text' | 'json';

export async function list(format: Format): Promise<number> {
  const directory = defaultRecordingsDirectory();
  await recoverJournals(directory);
  const { recordings, skipped } = await listRecordings(directory);
  if (format === 'json') {
    await write(process.stdout, `${JSON.stringify({ directory, recordings, skipped }, null, 2)}\n`);
    return 0;
  }
  const rows = recordings.map(({ id, startedAt, status, sentence }) => [id, `${startedAt.slice(0, 16).replace('T', ' ')} UTC`, status === 'complete' ? '' : status, sentence]);
  await write(process.stdout, rows.length === 0 ? `No benchmark was kept in ${directory} yet.\n` : `${alignTable([['recording', 'when', '', 'result'], ...rows])}\n`);
  for (const sentence of skipped) await write(process.stderr, `threadgauge: ${sentence}\n`);
  return 0;
}

export async function show(name: string, format: Format): Promise<number> {
  const recording = await loadRecording(name);
  await write(process.stdout, format === 'json' ? recordingJson(recording) : printRecording(name, recording));
  return 0;
}

export async function compare(first: string, second: string, format: Format): Promise<number> {
  const [a, b] = [await loadRecording(first), await loadRecording(second)];
  const comparison = compareRuns(a, b);
  const verdict = gateVerdict(comparison, null);
  if (format === 'json') {
    await write(process.stdout, `${JSON.stringify({ ...comparison, verdict }, null, 2)}\n`);
    return 0;
  }
  const style = styleFor(process.stdout);
  const remarks = remarksOf(comparison).map((text) => `${style.severity('warning', 'note')} ${text}`).join('\n');
  await write(process.stdout, `${[comparisonTable(comparison) || 'The runs have no setting in common.', remarks, style.bold(comparisonSentence(comparison))].filter((part) => part !== '').join('\n\n')}\n`);
  return 0;
}

export async function exportRecording(name: string, format: 'json' | 'html', output: string | undefined): Promise<number> {
  const recording = await loadRecording(name);
  const sources = recording.header?.sources ?? (await measuredSources(recording.state));
  const text = format === 'html' ? htmlReport(recording, sources, new Date()) : recordingJson(recording);
  if (output === undefined || output === '-') {
    await write(process.stdout, text);
    return 0;
  }
  try {
    await writeAtomically(path.resolve(output), text);
  } catch (error) {
    throw new UsageError(`${output} was not written: ${writeProblem(error)}`);
  }
  return 0;
}

export async function remove(names: readonly string[]): Promise<number> {
  const files: string[] = [];
  for (const name of names) {
    const found = await findRecording(defaultRecordingsDirectory(), name);
    if ('problem' in found) throw new UsageError(found.problem.replace(/\.$/, ''));
    files.push(found.file);
  }
  for (const file of files) if (existsSync(file)) await rm(file);
  await write(process.stdout, files.map((file) => `removed ${file}\n`).join(''));
  return 0;
}
