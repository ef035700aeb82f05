/** Draws thread counts against time: every run as a point, the median as a line, the range of runs as a band. */
import uPlot from 'uplot';
import { durationText } from '../../../../server/src/bench/quantities.ts';
import type { RunState } from '../../../../server/src/bench/runState.ts';
import { armOrder, bestArm, isFurther, shortLabel } from './armOrder.ts';
import { themeColors } from './themeColors.ts';

const HEIGHT = 260;

/** Puts the chart into `place`; the result removes it. Times are those of the measured region. */
export function drawChart(place: HTMLElement, state: RunState): () => void {
  const order = armOrder(state).filter((index) => (state.arms[index]?.summary?.runs ?? 0) > 0 && !isFurther(state, index));
  if (order.length === 0) return () => {};
  const summaries = order.map((index) => state.arms[index]?.summary);
  const color = themeColors(place);
  const milliseconds = (pick: (summary: NonNullable<(typeof summaries)[number]>) => number): (number | null)[] => summaries.map((summary) => (summary ? pick(summary) / 1e6 : null));
  const data: uPlot.AlignedData = [
    order.map((_, i) => i),
    milliseconds((s) => s.min_ns),
    milliseconds((s) => s.max_ns),
    milliseconds((s) => s.median_ns),
  ];
  const best = bestArm(state);
  const chart = new uPlot(
    {
      width: Math.max(280, place.clientWidth),
      height: HEIGHT,
      padding: [16, 16, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false, range: [-0.5, order.length - 0.5] }, y: { range: (_, __, max) => [0, max * 1.08] } },
      series: [{}, { stroke: 'transparent', points: { show: false } }, { stroke: 'transparent', points: { show: false } }, { stroke: color.line, width: 2, points: { show: true, size: 9, fill: color.background, stroke: color.line, width: 2 } }],
      bands: [{ series: [2, 1], fill: color.band }],
      axes: [
        {
          stroke: color.text,
          font: color.font,
          grid: { show: false },
          ticks: { stroke: color.grid },
          splits: order.map((_, i) => i),
          values: order.map((index) => shortLabel(state, index)),
          size: 34,
          label: 'Threads',
          labelFont: color.font,
          labelSize: 18,
          labelGap: 0,
        },
        {
          stroke: color.text,
          font: color.font,
          size: 72,
          grid: { stroke: color.grid, width: 1 },
          ticks: { stroke: color.grid },
          values: (_, values) => values.map((value) => (value === 0 ? '0' : durationText(value * 1e6))),
        },
      ],
      hooks: {
        draw: [
          (u): void => {
            const { ctx } = u;
            ctx.save();
            ctx.fillStyle = color.point;
            summaries.forEach((summary, i) => {
              (summary?.scores_ns ?? []).forEach((score, n, all) => {
                // Side by side rather than on top of each other, in the order measured.
                const spread = all.length > 1 ? (n / (all.length - 1) - 0.5) * 0.24 : 0;
                ctx.beginPath();
                ctx.arc(u.valToPos(i + spread, 'x', true), u.valToPos(score / 1e6, 'y', true), 2.8 * devicePixelRatio, 0, 2 * Math.PI);
                ctx.fill();
              });
              const index = order[i];
              const mark = [index === best ? (state.verdict ? 'best' : 'leads') : '', index !== undefined && state.arms[index]?.current ? 'in force' : ''].filter(Boolean).join(', ');
              if (mark && summary) {
                ctx.font = color.canvasFont;
                ctx.fillStyle = color.text;
                ctx.textAlign = 'center';
                ctx.fillText(mark, u.valToPos(i, 'x', true), u.valToPos(summary.max_ns / 1e6, 'y', true) - 8 * devicePixelRatio);
                ctx.fillStyle = color.point;
              }
            });
            ctx.restore();
          },
        ],
      },
    },
    data,
    place,
  );
  const observer = new ResizeObserver(() => chart.setSize({ width: Math.max(280, place.clientWidth), height: HEIGHT }));
  observer.observe(place);
  return () => {
    observer.disconnect();
    chart.destroy();
  };
}
