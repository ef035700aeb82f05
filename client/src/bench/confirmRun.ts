/** Shows what a benchmark would start, asks before it does so for the first time, and lets people change the settings it tries. */
import * as vscode from 'vscode';
import type { BenchParams, BenchPreview } from '../../../server/src/bench/messages.ts';
import { askBeforeRun } from '../settings.ts';
import { changeSettings } from './changeSettings.ts';
import { previewText } from './previewText.ts';
import { agreementOf } from './runSettings.ts';

const KEY = 'threadgauge.confirmedRuns';
const KEPT = 50;
const RUN = 'Run';
const CHANGE = 'Change Settings…';

/** What people agreed to. */
export interface Agreed {
  readonly params: BenchParams;
  readonly preview: BenchPreview;
}

export interface ConfirmOptions {
  readonly memento: vscode.Memento;
  /** What other parameters would start. */
  readonly previewOf: (params: BenchParams) => Promise<BenchPreview>;
  /** Ask although this command was agreed to before. */
  readonly always: boolean;
}

/** The run that was agreed to, now or earlier for exactly this command and environment; undefined when it was not. */
export async function confirmRun(first: Agreed, { memento, previewOf, always }: ConfirmOptions): Promise<Agreed | undefined> {
  const confirmed = memento.get<readonly string[]>(KEY) ?? [];
  if (!always && (!askBeforeRun() || confirmed.includes(agreementOf(first.preview)))) return first;
  for (let shown = first; ; ) {
    const { preview } = shown;
    const { refusal } = preview;
    const choice =
      refusal === null
        ? await vscode.window.showInformationMessage(`Benchmark "${preview.launch.label}"?`, { modal: true, detail: previewText(preview) }, RUN, ...(first.params.mode === 'verify' ? [] : [CHANGE]))
        : await vscode.window.showWarningMessage(`"${preview.launch.label}" cannot be measured with these settings.`, { modal: true, detail: refusal }, CHANGE);
    if (choice === RUN) {
      const what = agreementOf(preview);
      if (!confirmed.includes(what)) await memento.update(KEY, [...confirmed, what].slice(-KEPT));
      return shown;
    }
    if (choice !== CHANGE) return undefined;
    shown = (await changeSettings(shown, previewOf)) ?? shown;
  }
}
