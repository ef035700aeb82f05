/** A comparison of two runs as text. */
import { alignTable } from './benchText.ts';
import { type Comparison, gateVerdict } from './comparison.ts';
import { durationText, intervalText, ratioText } from './quantities.ts';

/** The comparison as a document for an editor. */
export function comparisonMarkdown(comparison: Comparison, first: string, second: string): string {
  const rows = comparison.arms.map((arm) => `| ${[`${cell(arm.firstLabel === arm.label ? arm.label : `${arm.firstLabel} -> ${arm.label}`)}${arm.current ? ' (in force)' : ''}`, durationText(arm.firstMedianNs), durationText(arm.secondMedianNs), arm.ratio ? ratioText(arm.ratio.ratio) : '', arm.ratio ? intervalText(arm.ratio.interval) : 'too few runs', arm.ratio ? `${arm.ratio.counts[0]} / ${arm.ratio.counts[1]}` : ''].join(' | ')} |`);
  const table = rows.length === 0 ? ['The runs have no setting in common.'] : ['| Setting | First | Second | Second / first | 95 % interval | Runs |', '|---|--:|--:|--:|--:|--:|', ...rows];
  const remarks = remarksOf(comparison);
  return ['# Two benchmarks', '', `First: ${first}`, '', `Second: ${second}`, '', ...table, '', ...remarks.map((remark) => `- ${remark}`), ...(remarks.length > 0 ? [''] : []), comparisonSentence(comparison), ''].join('\n');
}

/** What is to be kept in mind, as full sentences. */
export function remarksOf({ incomparable, differences, disturbed }: Comparison): readonly string[] {
  return [...incomparable, ...differences, ...(disturbed === null ? [] : [`In the second run: ${disturbed}`])];
}

/** What follows from it, in one or two sentences. */
export function comparisonSentence(comparison: Comparison): string {
  // Times of two machines are no faster or slower launch.
  if (comparison.incomparable.length > 0) return 'The runs are shown side by side, but nothing follows from their ratio.';
  return gateVerdict(comparison, null).sentence.replace('the baseline', 'the first run').replace('The launch', 'The second run');
}

function cell(text: string): string {
  return text.replace(/[\\|`*_<>[\]]/g, '\\$&');
}

/** The table of settings; empty when the runs have none in common. */
export function comparisonTable({ arms }: Comparison): string {
  if (arms.length === 0) return '';
  const header = ['setting', 'first', 'second', 'second / first', '95 % interval', 'runs', ''];
  const rows = arms.map((arm) => [
    arm.firstLabel === arm.label ? arm.label : `${arm.firstLabel} -> ${arm.label}`,
    durationText(arm.firstMedianNs),
    durationText(arm.secondMedianNs),
    arm.ratio ? ratioText(arm.ratio.ratio) : '',
    arm.ratio ? intervalText(arm.ratio.interval) : '',
    arm.ratio ? `${arm.ratio.counts[0]} / ${arm.ratio.counts[1]}` : 'too few',
    arm.current ? 'in force' : '',
  ]);
  return alignTable([header, ...rows]);
}
