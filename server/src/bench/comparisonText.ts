/** A comparison of two runs as text. */
import { alignTable } from './benchText.ts';
import type { Comparison } from './comparison.ts';
import { durationText, intervalText, ratioText } from './quantities.ts';

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
