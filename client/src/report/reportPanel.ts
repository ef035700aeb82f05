/** The results panel: one tab that shows the newest run, live. */
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { LaunchRef } from '../../../server/src/bench/messages.ts';
import type { BenchRun, BenchRuns } from '../bench/benchRuns.ts';
import { settingsOf } from '../bench/runSettings.ts';
import type { FromReport, ShownRun, ToReport } from './app/messages.ts';
import { MeasuredSources } from './measuredSources.ts';
import { reportHtml } from './reportHtml.ts';

const VIEW_TYPE = 'threadgauge.report';
/** At the most four updates a second. */
const UPDATE_EVERY_MS = 250;
/** What a link of the page may run. */
const ALLOWED = new Set(['threadgauge.runBenchmark', 'threadgauge.verifyBenchmark', 'threadgauge.cancelBenchmark', 'threadgauge.pauseBenchmark', 'threadgauge.resumeBenchmark', 'threadgauge.showPlan', 'threadgauge.changeSettings', 'threadgauge.benchmarkGrid']);

/** Those of them that are about a run rather than about a launch. */
const OF_A_RUN = new Set(['threadgauge.cancelBenchmark', 'threadgauge.pauseBenchmark', 'threadgauge.resumeBenchmark']);
/** Those that take the settings of a run too. */
const OF_SETTINGS = new Set(['threadgauge.runBenchmark', 'threadgauge.benchmarkGrid', 'threadgauge.changeSettings', 'threadgauge.verifyBenchmark']);

/** Owns the tab, if there is one. */
export class ReportPanel implements vscode.Disposable {
  readonly #extension: vscode.Uri;
  readonly #runs: BenchRuns;
  readonly #disposables: vscode.Disposable[] = [];
  readonly #sources = new MeasuredSources();
  #panel: vscode.WebviewPanel | undefined;
  /** The launch that is shown; undefined = whichever ran last. */
  #launch: LaunchRef | undefined;
  /** A kept run that is shown instead. */
  #recorded: ShownRun | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(extension: vscode.Uri, runs: BenchRuns) {
    this.#extension = extension;
    this.#runs = runs;
    this.#disposables.push(
      runs.onChange(() => this.#updateSoon()),
      vscode.window.registerWebviewPanelSerializer(VIEW_TYPE, {
        deserializeWebviewPanel: (panel): Promise<void> => {
          this.#adopt(panel);
          return Promise.resolve();
        },
      }),
    );
  }

  /** True while people can see it. */
  get visible(): boolean {
    return this.#panel?.visible ?? false;
  }

  dispose(): void {
    clearTimeout(this.#timer);
    for (const disposable of this.#disposables) disposable.dispose();
    this.#panel?.dispose();
  }

  /** Opens the tab with a run that was kept, until another one is asked for. */
  showRecorded(run: ShownRun): void {
    this.#recorded = run;
    this.#open({});
  }

  /** Opens the tab, or brings it forward. */
  show(launch?: LaunchRef, options: { readonly preserveFocus?: boolean } = {}): void {
    this.#launch = launch;
    this.#recorded = undefined;
    this.#open(options);
  }

  #open(options: { readonly preserveFocus?: boolean }): void {
    const preserveFocus = options.preserveFocus ?? false;
    if (this.#panel) {
      this.#panel.reveal(undefined, preserveFocus);
      void this.#update();
      return;
    }
    this.#adopt(vscode.window.createWebviewPanel(VIEW_TYPE, 'ThreadGauge', { viewColumn: vscode.ViewColumn.Beside, preserveFocus }, this.#options()));
  }

  /** Draws again what is known. */
  refresh(): void {
    void this.#update();
  }

  #options(): vscode.WebviewOptions & vscode.WebviewPanelOptions {
    return { enableScripts: true, localResourceRoots: [vscode.Uri.joinPath(this.#extension, 'dist')] };
  }

  #adopt(panel: vscode.WebviewPanel): void {
    this.#panel?.dispose();
    this.#panel = panel;
    panel.webview.options = this.#options();
    panel.onDidDispose(() => {
      if (this.#panel === panel) this.#panel = undefined;
    });
    panel.webview.onDidReceiveMessage((message: FromReport) => this.#receive(message));
    const uri = (name: string): string => panel.webview.asWebviewUri(vscode.Uri.joinPath(this.#extension, 'dist', name)).toString();
    panel.webview.html = reportHtml({ script: uri('report.js'), style: uri('report.css'), cspSource: panel.webview.cspSource, nonce: randomBytes(16).toString('base64') });
  }

  #receive(message: FromReport): void {
    if (message.type === 'ready') void this.#update();
    else if (message.type === 'command' && ALLOWED.has(message.command)) {
      void vscode.commands.executeCommand(message.command, ...this.#argumentsOf(message.command));
    } else if (message.type === 'open') {
      const line = Math.max(0, message.line);
      void vscode.window.showTextDocument(vscode.Uri.file(message.path), { selection: new vscode.Range(line, 0, line, 0), viewColumn: vscode.ViewColumn.One });
    }
  }

  /** A launch and what was asked for when it was measured, so that the same part is measured again with the same settings. */
  #argumentsOf(command: string): readonly unknown[] {
    const run = this.#shown();
    if (OF_A_RUN.has(command)) return run && !this.#recorded ? [{ runId: run.runId }] : [];
    const launch = this.#recorded ? (this.#recorded.about?.launch ?? undefined) : run?.launch;
    const params = this.#recorded ? this.#recorded.about?.params : run?.params;
    const label = (this.#recorded?.state ?? run?.state)?.plan?.selection?.label;
    if (!OF_SETTINGS.has(command) || !params) return [launch];
    // A comparison of two settings is of the part that the run before it measured.
    const settings = command === 'threadgauge.verifyBenchmark' ? { ...(params.region ? { region: params.region } : {}) } : settingsOf(params);
    const mode = command === 'threadgauge.changeSettings' && params.mode === 'grid' ? { mode: params.mode } : {};
    return [launch, { ...settings, ...mode, again: true, ...(params.region && label != null ? { expected: label } : {}) }];
  }

  #shown(): BenchRun | undefined {
    return this.#runs.latest(this.#launch) ?? (this.#launch ? undefined : this.#runs.latest());
  }

  #updateSoon(): void {
    this.#timer ??= setTimeout(() => void this.#update(), UPDATE_EVERY_MS);
  }

  async #update(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const panel = this.#panel;
    if (!panel) return;
    if (this.#recorded) {
      panel.title = `Recording: ${this.#recorded.label}`;
      void panel.webview.postMessage({ type: 'run', run: this.#recorded } satisfies ToReport);
      return;
    }
    const run = this.#shown();
    panel.title = run ? `Benchmark: ${run.launch.label}` : 'ThreadGauge';
    const message: ToReport = { type: 'run', run: run ? { label: run.launch.label, startedAt: run.startedAt, state: run.state, interpreter: run.interpreter ?? null, sources: await this.#sources.of(run.state) } : null };
    // While the files were read somebody may have asked for a kept run.
    if (!this.#recorded) void panel.webview.postMessage(message);
  }
}
