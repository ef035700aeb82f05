/** `threadgauge bench --compare`: measures what is in force again and says whether it became slower than a baseline. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { doubtSentence } from '../bench/benchText.ts';
import { againLabel, compareRuns, gateVerdict, type Comparison, type GateVerdict } from '../bench/comparison.ts';
import { comparisonTable } from '../bench/comparisonText.ts';
import type { BenchRequest } from '../bench/protocol.generated.ts';
import { parseRecording, type Recording, recordingOfJson } from '../bench/recording.ts';
import { defaultRecordingsDirectory, findRecording } from '../host/node/recordings.ts';
import { styleFor } from './output.ts';
import { UsageError } from './usageError.ts';

/** Blocks when a setting is measured against itself: four runs each. */
const BLOCKS_ALONE = 4;

/** The recording in a file (as kept, or exported as JSON), or of the user's storage by its id. */
export async function loadRecording(name: string): Promise<Recording> {
  let file = name;
  if (!existsSync(name)) {
    const found = /[\\/]|\.(?:json|ndjson)$/.test(name) ? { problem: `${name} could not be read: it does not exist.` } : await findRecording(defaultRecordingsDirectory(), name);
    if ('problem' in found) throw new UsageError(found.problem.replace(/\.$/, ''));
    file = found.file;
  }
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file} could not be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  try {
    return recordingOfJson(text) ?? parseRecording(text);
  } catch (error) {
    throw new UsageError(`${file} is no recording of a benchmark: ${error instanceof Error ? error.message.replace(/\.$/, '') : String(error)}`);
  }
}

/** Measures the setting in force, beside the baseline's best one where that is another; alone it takes turns with itself. */
export function requestAgainst(request: BenchRequest, baseline: Recording): BenchRequest {
  const current = request.arms[request.current];
  if (!current) return request;
  const { state } = baseline;
  const best = state.verdict && state.verdict.outcome !== 'inconclusive' ? state.arms[state.verdict.best]?.arm : undefined;
  const wasInForce = state.arms.find((arm) => arm.current)?.arm;
  const rival = best && best !== wasInForce && best.label !== current.label ? best : null;
  const limits = rival ? { ...request.limits } : { ...request.limits, confirm_blocks: BLOCKS_ALONE };
  return { ...request, arms: [current, rival ?? { ...current, label: againLabel(current.label), reason: 'the same again' }], current: 0, mode: 'verify', limits, variations: [], grid: null, lines: { enabled: false, arms: [] } };
}

export interface Gate {
  readonly comparison: Comparison;
  readonly verdict: GateVerdict;
}

/** Judges a fresh run. Throws when the two may not be compared. */
export function judge(baseline: Recording, fresh: Recording, threshold: number | null): Gate {
  const comparison = compareRuns(baseline, fresh);
  if (comparison.incomparable.length > 0) throw new UsageError(`the baseline cannot be compared with this run. ${comparison.incomparable.join(' ')} Make a new baseline with --save`);
  return { comparison, verdict: gateVerdict(comparison, threshold) };
}

/** The judgement for people. */
export function gateText({ comparison, verdict }: Gate, baseline: Recording): string {
  const style = styleFor(process.stdout);
  const parts = [comparisonTable(comparison)];
  const remarks = [...comparison.differences, ...baseline.state.doubts.map((doubt) => `Of the baseline: ${doubtSentence(doubt, baseline.state)}`)];
  if (remarks.length > 0) parts.push(remarks.map((remark) => `${style.severity('warning', 'note')} ${remark}`).join('\n'));
  parts.push(style.bold(verdict.sentence));
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** The judgement as one more line of the event stream. */
export function gateJson({ comparison, verdict }: Gate, threshold: number | null): string {
  return `${JSON.stringify({ v: 1, type: 'comparison', data: { outcome: verdict.outcome, sentence: verdict.sentence, fail_above: threshold, arms: comparison.arms.map(({ label, firstLabel, current, firstMedianNs, secondMedianNs, ratio }) => ({ label, baseline_label: firstLabel, current, baseline_median_ns: firstMedianNs, median_ns: secondMedianNs, ratio: ratio?.ratio ?? null, interval: ratio?.interval ?? null, runs: ratio?.counts ?? null })), differences: comparison.differences } })}\n`;
}

/** The judgement as annotations of a GitHub workflow. */
export function gateGithub({ comparison, verdict }: Gate): string {
  const level = verdict.outcome === 'regression' ? 'error' : verdict.outcome === 'cannot_tell' ? 'warning' : 'notice';
  return [annotation(level, verdict.sentence), ...comparison.differences.map((text) => annotation('warning', text))].join('');
}

/** One workflow command; what would end it early is escaped. */
export function annotation(level: 'error' | 'warning' | 'notice', text: string): string {
  return `::${level} title=ThreadGauge benchmark::${text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')}\n`;
}

/** Name of a baseline for people. */
export function baselineName(name: string, { header }: Recording): string {
  return `${path.basename(name)}${header ? `, ${header.label}, ${header.startedAt.slice(0, 16).replace('T', ' ')} UTC` : ''}`;
}
