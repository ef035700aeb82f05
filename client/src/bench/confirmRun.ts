/** Shows what a benchmark would start, and asks before it does so for the first time. */
import * as vscode from 'vscode';
import type { BenchPreview } from '../../../server/src/bench/messages.ts';
import { askBeforeRun } from '../settings.ts';
import { previewText } from './previewText.ts';

const KEY = 'threadgauge.confirmedRuns';
const KEPT = 50;

/** True when the run was agreed to, now or earlier for exactly this command and environment. */
export async function confirmRun(preview: BenchPreview, memento: vscode.Memento): Promise<boolean> {
  if (!askBeforeRun()) return true;
  const what = JSON.stringify([preview.argv, preview.cwd, preview.environment]);
  const confirmed = memento.get<readonly string[]>(KEY) ?? [];
  if (confirmed.includes(what)) return true;
  const run = 'Run';
  const choice = await vscode.window.showInformationMessage(`Benchmark "${preview.launch.label}"?`, { modal: true, detail: previewText(preview) }, run);
  if (choice !== run) return false;
  await memento.update(KEY, [...confirmed, what].slice(-KEPT));
  return true;
}
