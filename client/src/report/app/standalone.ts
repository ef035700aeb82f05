/** Entry of a report in a file of its own: draws the run that the page holds. */
import { drawChart } from './chart.ts';
import type { ShownRun } from './messages.ts';
import { reportSections } from './sections.ts';

const report = document.getElementById('report');
const run = JSON.parse(document.getElementById('run')?.textContent ?? 'null') as ShownRun | null;
let stopChart: () => void = () => {};

function draw(): void {
  if (!report) return;
  stopChart();
  report.replaceChildren(...reportSections(run, null));
  const place = document.getElementById('chart');
  stopChart = place && run ? drawChart(place, run.state) : () => {};
}

draw();
// A new colour scheme, and paper, change the colours that the chart has read.
for (const query of ['(prefers-color-scheme: dark)', 'print']) matchMedia(query).addEventListener('change', draw);
