/** A part of a program that was measured by itself: the first execution against all others. */
import { countText, durationText, ratioText } from '../../../../server/src/bench/quantities.ts';
import type { RunState } from '../../../../server/src/bench/runState.ts';
import { armOrder } from './armOrder.ts';
import { element, table } from './elements.ts';

/** Nothing when whole programs were measured. */
export function partSections(state: RunState): readonly HTMLElement[] {
  const { plan } = state;
  if (plan?.region !== 'selected') return [];
  const unit = plan.selection?.unit ?? 'call';
  const rows = armOrder(state).flatMap((index) => {
    const { arm, summary, current } = state.arms[index] ?? {};
    if (!arm || !summary || summary.runs === 0) return [];
    const { cold_median_ns: cold, p95_median_ns: p95, median_ns: median } = summary;
    return [
      {
        cells: [
          `${arm.label}${current ? ' (in force)' : ''}`,
          durationText(median),
          p95 == null ? '–' : durationText(p95),
          cold == null ? '–' : durationText(cold),
          cold == null || median === 0 ? '–' : ratioText(cold / median),
          summary.calls == null ? '–' : countText(summary.calls),
        ],
      },
    ];
  });
  if (rows.length === 0) return [];
  return [
    element(
      'section',
      { class: 'scroll' },
      element('h2', {}, 'Cold against steady'),
      element('p', { class: 'detail' }, `Only ${plan.selection?.label ?? 'the selected code'} is measured; imports and what stands before it do not count.`),
      table(`The first ${unit} of a process, and those after it`, ['Setting', `Each ${unit}`, '95 of 100 within', `First ${unit}`, 'First vs each', 'Measured'], rows),
    ),
  ];
}
