/** A report in one file: nothing is loaded from anywhere, and nothing but its own script may run. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Recording, RecordingHeader } from '../../bench/recording.ts';

const SCRIPT = 'reportPage.js';
const STYLE = 'reportPage.css';

/** The page that shows a recording as the results panel shows it. Throws an error whose message is a full sentence when this installation lacks the page. */
export function htmlReport({ header, state }: Recording, sources: RecordingHeader['sources'], now: Date): string {
  const { script, style } = parts();
  const label = header?.label ?? state.plan?.command.join(' ') ?? 'benchmark';
  const about = header ? Object.fromEntries(Object.entries(header).filter(([name]) => name !== 'sources')) : undefined;
  const run = { label, startedAt: Date.parse(header?.startedAt ?? now.toISOString()), state, sources, ...(about ? { about } : {}) };
  const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const policy = `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}; base-uri 'none'; form-action 'none'`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="UTF-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escaped(label)} - ThreadGauge</title>
<style>${style}</style>
</head>
<body>
<main id="report" tabindex="-1"></main>
<noscript>This report draws itself with a script, which this browser does not run.</noscript>
<script type="application/json" id="run">${JSON.stringify(run).replaceAll('<', '\\u003c')}</script>
<script>${script}</script>
</body>
</html>
`;
}

/** Script and style sheet as they stand between tags. */
function parts(): { readonly script: string; readonly style: string } {
  for (let folder = import.meta.dirname, depth = 0; depth < 5; folder = path.dirname(folder), depth++) {
    for (const place of [folder, path.join(folder, 'dist')]) {
      if (!existsSync(path.join(place, SCRIPT))) continue;
      // What would end the element early can only stand in texts and comments, where an escape means the same.
      const script = readFileSync(path.join(place, SCRIPT), 'utf8').replace(/<\/(?=script)/gi, '<\\/');
      return { script, style: readFileSync(path.join(place, STYLE), 'utf8').replace(/<\/(?=style)/gi, '<\\/') };
    }
  }
  throw new Error(`${SCRIPT}, which draws the report, is missing in this installation. Reinstall ThreadGauge, or run "npm run build" in a checkout.`);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
