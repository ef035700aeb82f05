/** The connection to the language server: start, restart, and the messages beyond LSP. */
import { randomUUID } from 'node:crypto';
import * as vscode from 'vscode';
import { LanguageClient, RevealOutputChannelOn, State, TransportKind, WorkDoneProgress, type LanguageClientOptions, type ServerOptions } from 'vscode-languageclient/node';
import { METHODS, SERVER_COMMANDS } from '../../server/src/bench/messages.ts';
import type { BenchEventParams, BenchParams, BenchPreview, BenchReply, CompareParams, ComparisonReply, ExportParams, InspectParams, InspectReply, LaunchInfo, MeasuredParams, PlanReply, ProcessesReply, RecordingParams, RecordingReply, RecordingsReply, TrustParams, UriParams } from '../../server/src/bench/messages.ts';
import { documentSelector } from '../../server/src/core/fileFormats.ts';
import { messageOf } from './log.ts';
import { initializationOptions, onSettingsChanged } from './settings.ts';

/** What the server reads; also where the language status shows. */
export const DOCUMENT_SELECTOR = documentSelector();

export type ServerState = 'starting' | 'running' | 'stopped';

/** One language server at a time, restarted on demand. */
export class ServerConnection implements vscode.Disposable {
  readonly #context: vscode.ExtensionContext;
  readonly #log: vscode.LogOutputChannel;
  readonly #disposables: vscode.Disposable[] = [];
  readonly #state = new vscode.EventEmitter<ServerState>();
  readonly #benchEvent = new vscode.EventEmitter<BenchEventParams>();
  readonly #measured = new vscode.EventEmitter<MeasuredParams>();
  #client: LanguageClient | undefined;
  /** Starts and stops run one after the other: two servers at once would answer twice. */
  #queue: Promise<void> = Promise.resolve();

  readonly onState = this.#state.event;
  readonly onBenchEvent = this.#benchEvent.event;
  readonly onMeasured = this.#measured.event;

  constructor(context: vscode.ExtensionContext, log: vscode.LogOutputChannel) {
    this.#context = context;
    this.#log = log;
    this.#disposables.push(
      this.#state,
      this.#benchEvent,
      this.#measured,
      onSettingsChanged((restart) => {
        if (restart) void this.restart();
      }),
      vscode.workspace.onDidGrantWorkspaceTrust(() => void this.#notify(METHODS.trust, { trusted: true } satisfies TrustParams)),
    );
  }

  /** Starts the server without making anyone wait for it. */
  start(): void {
    void this.#enqueue(() => this.#startNow());
  }

  /** Ends the server, with every run it owns, and starts a new one. */
  restart(): Promise<void> {
    return this.#enqueue(async () => {
      await this.#stopNow();
      await this.#startNow();
    });
  }

  async dispose(): Promise<void> {
    for (const disposable of this.#disposables) disposable.dispose();
    await this.#enqueue(() => this.#stopNow());
  }

  async launches(params: UriParams): Promise<readonly LaunchInfo[]> {
    return this.#request<readonly LaunchInfo[]>(METHODS.launches, params);
  }

  async plan(params: UriParams): Promise<PlanReply> {
    return this.#request<PlanReply>(METHODS.plan, params);
  }

  /** Looks at a running process for a second. */
  async inspect(params: InspectParams): Promise<InspectReply> {
    return this.#request<InspectReply>(METHODS.inspect, params);
  }

  async processes(): Promise<ProcessesReply> {
    return this.#request<ProcessesReply>(METHODS.processes, {});
  }

  async preview(params: BenchParams): Promise<BenchPreview> {
    return this.#request<BenchPreview>(METHODS.benchPreview, params);
  }

  /** Runs a benchmark to its end; the token cancels it. */
  async bench(params: BenchParams, token: vscode.CancellationToken, progress: (percent: number, message: string) => void): Promise<BenchReply> {
    // Our own token: one that the server makes would be shown a second time by the client library.
    const workDoneToken = `threadgauge-${randomUUID()}`;
    await this.#queue;
    const listener = this.#client?.onProgress(WorkDoneProgress.type, workDoneToken, (value) => {
      if (value.kind === 'report') progress(value.percentage ?? 0, value.message ?? '');
    });
    try {
      return await this.#request<BenchReply>('workspace/executeCommand', { command: SERVER_COMMANDS.bench, arguments: [params], workDoneToken }, token);
    } finally {
      listener?.dispose();
    }
  }

  /** Ends one run, or all of them. */
  async cancel(runId?: string): Promise<void> {
    await this.#request('workspace/executeCommand', { command: SERVER_COMMANDS.cancel, arguments: [runId === undefined ? {} : { runId }] });
  }

  /** Lets what runs end, then has one run, or all of them, wait. */
  async pause(runId?: string): Promise<void> {
    await this.#request('workspace/executeCommand', { command: SERVER_COMMANDS.pause, arguments: [runId === undefined ? {} : { runId }] });
  }

  /** Lets one run, or all of them, go on. */
  async resume(runId?: string): Promise<void> {
    await this.#request('workspace/executeCommand', { command: SERVER_COMMANDS.resume, arguments: [runId === undefined ? {} : { runId }] });
  }

  recordings(): Promise<RecordingsReply> {
    return this.#request<RecordingsReply>(METHODS.recordings, {});
  }

  recording(params: RecordingParams): Promise<RecordingReply> {
    return this.#request<RecordingReply>(METHODS.recording, params);
  }

  compareRecordings(params: CompareParams): Promise<ComparisonReply> {
    return this.#request<ComparisonReply>(METHODS.compareRecordings, params);
  }

  /** Rejects with a full sentence. */
  async exportRecording(params: ExportParams): Promise<void> {
    await this.#request(METHODS.exportRecording, params);
  }

  async removeRecording(params: RecordingParams): Promise<void> {
    await this.#request(METHODS.removeRecording, params);
  }

  async clearMeasurements(): Promise<void> {
    await this.#request('workspace/executeCommand', { command: SERVER_COMMANDS.clearMeasurements, arguments: [] });
  }

  async #request<T>(method: string, params: object, token?: vscode.CancellationToken): Promise<T> {
    await this.#queue;
    if (!this.#client?.isRunning()) throw new Error('The ThreadGauge language server is not running. See its log, or run "ThreadGauge: Restart Language Server".');
    return token ? this.#client.sendRequest<T>(method, params, token) : this.#client.sendRequest<T>(method, params);
  }

  async #notify(method: string, params: object): Promise<void> {
    await this.#queue;
    if (this.#client?.isRunning()) await this.#client.sendNotification(method, params);
  }

  #enqueue(step: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(step).catch((error: unknown) => {
      this.#log.error(messageOf(error));
      this.#state.fire('stopped');
    });
    return this.#queue;
  }

  async #startNow(): Promise<void> {
    this.#state.fire('starting');
    const began = performance.now();
    const module = this.#context.asAbsolutePath('dist/server.js');
    const server: ServerOptions = {
      run: { module, transport: TransportKind.stdio },
      debug: { module, transport: TransportKind.stdio, options: { execArgv: ['--nolazy', '--inspect=6019'] } },
    };
    const options: LanguageClientOptions = {
      documentSelector: DOCUMENT_SELECTOR,
      outputChannel: this.#log,
      // The log is for those who look for it; errors reach people through the language status.
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationOptions: initializationOptions(this.#context.globalStorageUri),
      diagnosticPullOptions: { onChange: true, onSave: true, onFocus: true },
      markdown: { isTrusted: { enabledCommands: ['threadgauge.runBenchmark', 'threadgauge.verifyBenchmark', 'threadgauge.showPlan', 'threadgauge.showReport'] } },
    };
    const client = new LanguageClient('threadgauge', 'ThreadGauge', server, options);
    client.onNotification(METHODS.benchEvent, (params: BenchEventParams) => this.#benchEvent.fire(params));
    client.onNotification(METHODS.measured, (params: MeasuredParams) => this.#measured.fire(params));
    client.onDidChangeState(({ newState }) => {
      if (newState === State.Stopped) this.#state.fire('stopped');
      if (newState === State.Running) this.#state.fire('running');
    });
    this.#client = client;
    await client.start();
    this.#log.info(`The language server runs after ${Math.round(performance.now() - began)} ms.`);
  }

  async #stopNow(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (!client) return;
    // A server that hangs is killed by the client library after the timeout.
    await client.dispose(5000).catch((error: unknown) => this.#log.warn(`The language server ended badly: ${messageOf(error)}`));
  }
}
