/** Entry of a report in a file of its own: draws the run that the page holds. */
import type { ShownRun } from './messages.ts';
import { drawPlots } from './plots.ts';
import { reportSections } from './sections.ts';

const report = document.getElementById('report');
const run = JSON.parse(document.getElementById('run')?.textContent ?? 'null') as ShownRun | null;
let stopPlots: () => void = () => {};

function draw(): void {
  if (!report) return;
  stopPlots();
  report.replaceChildren(...reportSections(run, null));
  stopPlots = drawPlots(run);
}

draw();
// A new colour scheme, and paper, change the colours that the chart has read.
for (const query of ['(prefers-color-scheme: dark)', 'print']) matchMedia(query).addEventListener('change', draw);
