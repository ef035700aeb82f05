/** Draws every plot that the page has a place for. */
import { drawChart } from './chart.ts';
import { drawFront } from './frontPlot.ts';
import type { ShownRun } from './messages.ts';

/** The result removes them. */
export function drawPlots(run: ShownRun | null): () => void {
  const places = [['chart', drawChart], ['front', drawFront]] as const;
  const stops = places.flatMap(([id, draw]) => {
    const place = document.getElementById(id);
    return place && run ? [draw(place, run.state)] : [];
  });
  return () => stops.forEach((stop) => stop());
}
