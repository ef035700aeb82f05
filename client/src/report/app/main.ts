/** Entry of the results panel: draws the run the extension sends, and sends back what people press. */
import type { FromReport, ToReport } from './messages.ts';
import { drawPlots } from './plots.ts';
import { reportSections } from './sections.ts';

declare function acquireVsCodeApi(): { postMessage(message: FromReport): void };

const host = acquireVsCodeApi();
const report = document.getElementById('report');
let latest: ToReport | undefined;
let stopPlots: () => void = () => {};

function draw(): void {
  if (!report || !latest) return;
  const { run } = latest;
  stopPlots();
  // The page is drawn anew; what had the focus gets it back, and open details stay open.
  const focused = document.activeElement?.id;
  const open = new Set([...report.querySelectorAll('details[open]')].map((details) => details.id));
  report.replaceChildren(...reportSections(run, (message) => host.postMessage(message)));
  for (const details of report.querySelectorAll('details')) if (open.has(details.id)) details.open = true;
  if (focused) document.getElementById(focused)?.focus();
  stopPlots = drawPlots(run);
}

window.addEventListener('message', (event: MessageEvent<ToReport>) => {
  if (event.data.type !== 'run') return;
  latest = event.data;
  draw();
});
// A new theme changes the colours that the chart has read.
new MutationObserver(draw).observe(document.body, { attributes: true, attributeFilter: ['class'] });
host.postMessage({ type: 'ready' });
