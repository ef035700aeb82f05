/** The language status of the active file, and the status bar during a run. */
import * as vscode from 'vscode';
import { progressSentence } from '../../server/src/bench/benchText.ts';
import { fractionDone } from '../../server/src/bench/runState.ts';
import type { BenchRuns } from './bench/benchRuns.ts';
import { DOCUMENT_SELECTOR, type ServerConnection, type ServerState } from './languageClient.ts';
import { messageOf } from './log.ts';

const SHOW_PLAN: vscode.Command = { command: 'threadgauge.showPlan', title: 'Show Plan' };
const SHOW_LOG: vscode.Command = { command: 'threadgauge.showLog', title: 'Show Log' };
/** Edits are followed at this distance, in milliseconds: the plan in words is not worth a request per key. */
const SETTLE_MS = 600;

/** Keeps both items true. */
export class Status implements vscode.Disposable {
  readonly #server: ServerConnection;
  readonly #log: vscode.LogOutputChannel;
  readonly #language = vscode.languages.createLanguageStatusItem('threadgauge.status', DOCUMENT_SELECTOR);
  readonly #bar = vscode.window.createStatusBarItem('threadgauge.run', vscode.StatusBarAlignment.Left, 0);
  readonly #disposables: vscode.Disposable[] = [];
  #timer: NodeJS.Timeout | undefined;
  #state: ServerState = 'starting';

  constructor(server: ServerConnection, runs: BenchRuns, log: vscode.LogOutputChannel) {
    this.#server = server;
    this.#log = log;
    this.#language.name = 'ThreadGauge';
    this.#bar.name = 'ThreadGauge Benchmark';
    this.#bar.command = 'threadgauge.showReport';
    this.#showState('starting');
    this.#disposables.push(
      this.#language,
      this.#bar,
      server.onState((state) => this.#showState(state)),
      runs.onChange(() => this.#showRuns(runs)),
      vscode.window.onDidChangeActiveTextEditor(() => this.#settle()),
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (vscode.languages.match(DOCUMENT_SELECTOR, document) > 0) this.#settle();
      }),
    );
  }

  dispose(): void {
    clearTimeout(this.#timer);
    for (const disposable of this.#disposables) disposable.dispose();
  }

  #showState(state: ServerState): void {
    this.#state = state;
    this.#language.busy = state === 'starting';
    this.#language.severity = state === 'stopped' ? vscode.LanguageStatusSeverity.Error : vscode.LanguageStatusSeverity.Information;
    this.#language.text = state === 'starting' ? 'ThreadGauge: starting' : state === 'stopped' ? 'ThreadGauge: server stopped' : 'ThreadGauge';
    this.#language.detail = '';
    this.#language.command = state === 'stopped' ? SHOW_LOG : SHOW_PLAN;
    if (state === 'running') this.#settle();
  }

  #settle(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#showPlan(), SETTLE_MS);
  }

  async #showPlan(): Promise<void> {
    const document = vscode.window.activeTextEditor?.document;
    if (this.#state !== 'running' || !document || vscode.languages.match(DOCUMENT_SELECTOR, document) === 0) return;
    try {
      const uri = document.uri.toString();
      const launches = (await this.#server.launches({})).filter((launch) => launch.uri === uri || launch.entry === uri);
      const [first, ...others] = launches;
      this.#language.text = first ? `Threads: ${first.plan}${others.length > 0 ? ` (and ${others.length} more)` : ''}` : 'ThreadGauge: no launch starts this file';
      this.#language.detail = first?.label ?? '';
    } catch (error) {
      this.#log.warn(messageOf(error));
    }
  }

  #showRuns(runs: BenchRuns): void {
    const run = runs.running().at(-1);
    this.#language.busy = this.#state === 'starting' || run !== undefined;
    if (!run) {
      this.#bar.hide();
      return;
    }
    const percent = `${Math.floor(fractionDone(run.state) * 100)} %`;
    const waits = run.state.progress?.waits_for != null;
    this.#bar.text = waits ? '$(watch) Benchmark waits' : runs.isPausing(run) ? `$(debug-pause) Benchmark ${run.state.progress?.paused ? 'paused' : 'pausing'}, ${percent}` : `$(sync~spin) Benchmark ${percent}`;
    this.#bar.tooltip = `${run.launch.label}: ${progressSentence(run.state)}`;
    this.#bar.accessibilityInformation = { label: `Benchmark of ${run.launch.label}: ${progressSentence(run.state)}`, role: 'status' };
    this.#bar.show();
  }
}
