/** Draws the points of a grid: time of one piece of work to the right, work per second upwards, the front joined. */
import uPlot from 'uplot';
import { durationText } from '../../../../server/src/bench/quantities.ts';
import type { RunState } from '../../../../server/src/bench/runState.ts';
import { themeColors } from './themeColors.ts';

const HEIGHT = 300;

/** Puts the plot into `place`; the result removes it. */
export function drawFront(place: HTMLElement, state: RunState): () => void {
  const { front } = state;
  const points = [...(front?.points ?? [])].sort((a, b) => a.latency_ns - b.latency_ns);
  if (!front || points.length === 0) return () => {};
  const color = themeColors(place);
  const named = new Set([front.latency, front.within_limit, front.throughput].filter((arm) => arm != null));
  const milliseconds = points.map(({ latency_ns }) => latency_ns / 1e6);
  const highest = Math.max(...points.map(({ throughput_per_s: rate }) => rate));
  const [least = 0, most = 1] = [milliseconds[0], milliseconds.at(-1)];
  const room = Math.max((most - least) * 0.12, most * 0.05);
  const limit = front.limit_ns == null ? null : front.limit_ns / 1e6;
  const width = (): number => Math.max(280, place.clientWidth);
  const axis = { stroke: color.text, font: color.font, labelFont: color.font, grid: { stroke: color.grid, width: 1 }, ticks: { stroke: color.grid } };
  const chart = new uPlot(
    {
      width: width(),
      height: HEIGHT,
      padding: [20, 24, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false, range: [Math.max(0, least - room), most + 2 * room] }, y: { range: [0, highest * 1.15] } },
      series: [{}, { stroke: 'transparent', points: { show: false } }, { stroke: color.line, width: 2, points: { show: false }, spanGaps: true }],
      axes: [
        { ...axis, size: 34, label: 'Time of one piece of work', labelSize: 18, labelGap: 0, space: 90, values: (_, values) => values.map((value) => durationText(value * 1e6)) },
        { ...axis, size: 72, label: 'Pieces per second', labelSize: 18, labelGap: 0 },
      ],
      hooks: {
        draw: [
          (u): void => {
            const { ctx } = u;
            ctx.save();
            ctx.lineWidth = 1.5 * devicePixelRatio;
            if (limit !== null && limit <= most + 2 * room) {
              const x = u.valToPos(limit, 'x', true);
              ctx.strokeStyle = color.point;
              ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
              ctx.beginPath();
              ctx.moveTo(x, u.bbox.top);
              ctx.lineTo(x, u.bbox.top + u.bbox.height);
              ctx.stroke();
              ctx.setLineDash([]);
            }
            ctx.font = color.canvasFont;
            for (const { arm, latency_ns: latency, throughput_per_s: rate, on_front: onFront } of points) {
              const [x, y] = [u.valToPos(latency / 1e6, 'x', true), u.valToPos(rate, 'y', true)];
              ctx.beginPath();
              ctx.arc(x, y, (onFront ? 5 : 4) * devicePixelRatio, 0, 2 * Math.PI);
              ctx.fillStyle = onFront ? color.line : color.background;
              ctx.strokeStyle = onFront ? color.line : color.text;
              ctx.fill();
              ctx.stroke();
              if (!onFront && !named.has(arm)) continue;
              ctx.fillStyle = color.text;
              ctx.textAlign = 'left';
              ctx.fillText(state.arms[arm]?.arm.label ?? '', x + 8 * devicePixelRatio, y - 6 * devicePixelRatio);
            }
            ctx.restore();
          },
        ],
      },
    },
    [milliseconds, points.map(({ throughput_per_s: rate }) => rate), points.map(({ throughput_per_s: rate, on_front: onFront }) => (onFront ? rate : null))],
    place,
  );
  const observer = new ResizeObserver(() => chart.setSize({ width: width(), height: HEIGHT }));
  observer.observe(place);
  return () => {
    observer.disconnect();
    chart.destroy();
  };
}
