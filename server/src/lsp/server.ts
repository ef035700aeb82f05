/** The language server: what each request and notification does. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import type { CancellationToken, Connection, Diagnostic, ExecuteCommandParams, InitializeParams, InitializeResult, WorkspaceDocumentDiagnosticReport } from 'vscode-languageserver';
import {
  CodeActionKind,
  DiagnosticRefreshRequest,
  DidChangeConfigurationNotification,
  DidChangeWatchedFilesNotification,
  DocumentDiagnosticReportKind,
  ExecuteCommandRequest,
  FileChangeType,
  InlayHintRefreshRequest,
  LSPErrorCodes,
  MarkupKind,
  MessageType,
  ResponseError,
  ShowMessageNotification,
  TextDocumentSyncKind,
  TextDocuments,
  WorkDoneProgress,
  WorkDoneProgressCreateRequest,
} from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import type { BenchParams, BenchReply, CompareParams, Configuration, ExportParams, InitializationOptions, LaunchInfo, MachineReply, PlanReply, RecordingParams, RegionParams, RuleLevel, TrustParams, UriParams } from '../bench/messages.ts';
import { METHODS, SERVER_COMMANDS } from '../bench/messages.ts';
import type { BenchRequest } from '../bench/protocol.generated.ts';
import { FACTORS } from '../bench/variations.ts';
import { watchedGlobs } from '../core/fileFormats.ts';
import type { Machine } from '../core/machine.ts';
import { machineFromJson, UNKNOWN_MACHINE } from '../core/machine.ts';
import { MEASURED_KINDS } from '../core/measuredKinds.ts';
import type { Reader } from '../core/reader.ts';
import { Engine } from '../engine/engine.ts';
import { type ProbedMachine, probeMachine } from '../host/node/runnerProcess.ts';
import { canonicalUri, pathOfUri } from '../host/node/workspaceFiles.ts';
import { planJson } from '../report/planJson.ts';
import type { Rule } from '../rules/rule.ts';
import { BenchService } from './benchService.ts';
import { codeActions, FIX_ALL, resolveAction, type ActionAbilities, type ActionContext } from './codeActions.ts';
import { codeLenses } from './codeLens.ts';
import { completionItems } from './completion.ts';
import { configDiagnostic, endOfLine, Places, toDiagnostic } from './convert.ts';
import { hoverAt, planMarkdown } from './hover.ts';
import { type ClientDocument, Notebooks, NOTEBOOK_SYNC } from './notebooks.ts';
import { inspectForClient, isInspectParams, processesForClient } from './inspectService.ts';
import { planLabel } from './planLabel.ts';
import { RecordingService } from './recordingService.ts';
import { engineSources } from './reportSources.ts';
import { Workspace } from './workspace.ts';

export interface ServerOptions {
  readonly connection: Connection;
  readonly readers: readonly Reader[];
  readonly rules: readonly Rule[];
  readonly version: string;
  /** Last word on what the runner is asked; tests put a simulated workload in place of the program. */
  readonly adjustRequest?: (request: BenchRequest) => BenchRequest;
}

/** How long one slice of analysis may keep other requests waiting (milliseconds). */
const SLICE_MS = 12;
/** How long after an edit other files' results are looked at again (milliseconds). */
const SETTLE_DELAY_MS = 80;
/** How long a request waits for the first scan of the workspace (milliseconds). */
const READY_PATIENCE_MS = 10_000;

/** Serves one client on one connection. Returns what its process must do before it goes. */
export function serve({ connection, readers, rules, version, adjustRequest }: ServerOptions): { abort(): void } {
  const log = (message: string): void => connection.console.info(message);
  const engine = new Engine({ readers, rules, log: (message, error) => connection.console.error(`${message} ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`) });
  const workspace = new Workspace(engine, log);
  const documents = new TextDocuments(TextDocument);

  let abilities: ActionAbilities & { pull: boolean; refreshDiagnostics: boolean; refreshLenses: boolean; refreshHints: boolean; configuration: boolean; watch: boolean; folders: boolean; progress: boolean; versions: boolean } | undefined;
  let options: InitializationOptions = {};
  let trusted = true;
  let configuration: Configuration = {};
  let machineOrigin: MachineReply['origin'] = 'unknown';
  let machineProblem: string | null = null;
  let probe: Promise<ProbedMachine> | null = null;
  let ready: Promise<unknown> = Promise.resolve();
  /** What each file's diagnostics were when the client last heard of them. */
  const sent = new Map<string, string>();
  const pushed = new Set<string>();

  const localMachine = (): Promise<ProbedMachine> => (probe ??= probeMachine(options.runnerPath));
  const setting = <K extends keyof Configuration & keyof InitializationOptions>(key: K): Configuration[K] | InitializationOptions[K] => configuration[key] ?? options[key];

  const recordings = new RecordingService(() => options.storageDir);
  const bench = new BenchService({
    version,
    engine,
    workspace,
    settings: () => ({ trusted, runnerPath: options.runnerPath, interpreter: (setting('interpreter') as string | undefined) || undefined, storageDir: options.storageDir, bench: { ...options.bench, ...configuration.bench } }),
    localMachine,
    setting: async (name, uri) => {
      if (!abilities?.configuration) return undefined;
      return await connection.workspace.getConfiguration({ section: name, scopeUri: clientUri(uri) }).catch(() => undefined);
    },
    documentOf: (uri) => documentOf(uri),
    python: readers.find(({ id }) => id === 'python'),
    ...(adjustRequest ? { adjustRequest } : {}),
    event: (params) => void connection.sendNotification(METHODS.benchEvent, params),
    measured: (params) => void connection.sendNotification(METHODS.measured, params),
    changed: () => {
      if (abilities?.refreshLenses) connection.languages.connection.sendRequest('workspace/codeLens/refresh').catch(() => {});
      if (abilities?.refreshHints && hintsShown()) connection.languages.connection.sendRequest(InlayHintRefreshRequest.type).catch(() => {});
    },
    findingsChanged: () => {
      announced = -1;
      announceLater();
    },
    log,
  });

  // The library's own methods send a request with buttons, which not every editor answers.
  const show = (type: MessageType, message: string): void => void connection.sendNotification(ShowMessageNotification.type, { type, message });
  const clientUri = (uri: string): string => workspace.clientUri(uri);
  const notebooks = new Notebooks(workspace, () => announceLater(), (file) => documents.all().find(({ uri }) => canonicalUri(uri) === file));
  const documentOf = (uri: string): ClientDocument => notebooks.documentOf(uri);
  const versionOf = (uri: string): number | null => notebooks.version(uri) ?? (notebooks.cellDocuments(canonicalUri(uri)) ? null : workspace.version(canonicalUri(uri)));
  const places = new Places(engine, { documentOf, cellDocuments: (file) => notebooks.cellDocuments(file), clientUri, version: versionOf });
  const hintsShown = (): boolean => options.annotations !== 'decorations';
  const context = (): ActionContext => ({ engine, places, abilities: abilities ?? NO_ABILITIES, results: bench.results });

  /** Analyses to the end, letting other requests in between; false when cancelled. */
  async function settle(token?: CancellationToken): Promise<boolean> {
    await Promise.race([ready, new Promise((resolve) => setTimeout(resolve, READY_PATIENCE_MS).unref())]);
    for (;;) {
      const until = performance.now() + SLICE_MS;
      while (performance.now() < until) if (!engine.advance()) return !token?.isCancellationRequested;
      await new Promise((resolve) => setImmediate(resolve));
      if (token?.isCancellationRequested) return false;
    }
  }

  async function settled(token: CancellationToken): Promise<void> {
    if (!(await settle(token))) throw new ResponseError(LSPErrorCodes.RequestCancelled, 'Cancelled.');
  }

  function diagnosticsOf(document: ClientDocument): { readonly items: Diagnostic[]; readonly resultId: string } {
    const items = engine.findings(document.file).flatMap((finding) => {
      const range = places.anchorIn(document, finding.primary);
      return range ? [toDiagnostic(finding, range, places, abilities ?? NO_ABILITIES)] : [];
    });
    items.push(...engine.configProblems(document.file).map((problem) => configDiagnostic(problem, places)));
    return { items, resultId: createHash('sha256').update(JSON.stringify(items)).digest('base64url').slice(0, 22) };
  }

  async function applyMachine(): Promise<void> {
    const wanted = setting('machine') ?? null;
    let machine: Machine | null = null;
    machineProblem = null;
    if (wanted !== null) {
      try {
        machine = machineFromJson(wanted);
        machineOrigin = 'settings';
      } catch (error) {
        machineProblem = `The setting threadgauge.machine is not used: ${error instanceof Error ? error.message : String(error)}.`;
        show(MessageType.Warning, machineProblem);
      }
    }
    if (machine === null) {
      const probed = await localMachine();
      machine = probed.machine;
      machineProblem ??= probed.problem;
      machineOrigin = machine === null ? 'unknown' : 'runner';
      if (probed.problem) log(probed.problem);
    }
    engine.setMachine(machine ?? UNKNOWN_MACHINE, machineOrigin !== 'settings');
  }

  function applyRules(): void {
    const known = new Set([...rules.map((rule) => rule.id), ...MEASURED_KINDS.keys()]);
    const levels = setting('rules') as Readonly<Record<string, RuleLevel>> | undefined;
    for (const id of Object.keys(levels ?? {})) if (!known.has(id)) log(`The setting threadgauge.rules names an unknown rule: ${id}`);
    const preview = setting('preview') as boolean | undefined;
    engine.setConfig({ ...(levels ? { rules: levels } : {}), ...(preview === undefined ? {} : { preview }) });
  }

  // One timer for any number of edits: other files' results are announced once.
  let announcing: NodeJS.Timeout | null = null;
  const edited = new Set<string>();
  let announced = -1;
  function announceLater(uri?: string): void {
    if (uri !== undefined) edited.add(uri);
    if (announcing) clearTimeout(announcing);
    announcing = setTimeout(() => void announce(), SETTLE_DELAY_MS);
  }

  async function announce(): Promise<void> {
    announcing = null;
    if (!abilities || !(await settle())) return;
    const own = new Set(edited);
    edited.clear();
    // With equal facts everywhere, only text can have moved, and only in the edited files.
    const anywhere = engine.generation !== announced;
    announced = engine.generation;
    const files = anywhere ? engine.uris() : [...own];
    const candidates = new Set(files.flatMap((file) => places.documentsOf(file)).map(canonicalUri));
    if (anywhere) for (const uri of sent.keys()) candidates.add(uri);
    if (abilities.pull) {
      let others = false;
      for (const uri of candidates) {
        const document = documentOf(uri);
        const { items, resultId } = diagnosticsOf(document);
        const before = sent.get(uri);
        if (before === resultId || (before === undefined && items.length === 0)) continue;
        sent.set(uri, resultId);
        // The client pulls for the file it edits without being told; of a notebook only for the cell.
        if (document.cell !== null || !own.has(document.file)) others = true;
      }
      if (others && abilities.refreshDiagnostics) connection.languages.connection.sendRequest(DiagnosticRefreshRequest.type).catch(() => {});
    } else {
      for (const uri of candidates) {
        const { items, resultId } = diagnosticsOf(documentOf(uri));
        const ofVersion = versionOf(uri);
        const key = `${resultId} ${ofVersion ?? ''}`;
        if (sent.get(uri) === key || (items.length === 0 && !pushed.has(uri))) continue;
        sent.set(uri, key);
        if (items.length === 0) pushed.delete(uri);
        else pushed.add(uri);
        void connection.sendDiagnostics({ uri: clientUri(uri), ...(ofVersion === null ? {} : { version: ofVersion }), diagnostics: items });
      }
    }
    refreshLenses();
  }

  let lensGeneration = -1;
  function refreshLenses(): void {
    if (!abilities?.refreshLenses || engine.generation === lensGeneration) return;
    lensGeneration = engine.generation;
    connection.languages.connection.sendRequest('workspace/codeLens/refresh').catch(() => {});
  }

  connection.onInitialize((params: InitializeParams): InitializeResult => {
    options = (params.initializationOptions as InitializationOptions | null | undefined) ?? {};
    trusted = options.trusted ?? true;
    const { textDocument, workspace: work, window } = params.capabilities;
    abilities = {
      pull: textDocument?.diagnostic !== undefined,
      refreshDiagnostics: work?.diagnostics?.refreshSupport ?? false,
      refreshLenses: work?.codeLens?.refreshSupport ?? false,
      refreshHints: work?.inlayHint?.refreshSupport ?? false,
      configuration: work?.configuration ?? false,
      watch: work?.didChangeWatchedFiles?.dynamicRegistration ?? false,
      folders: work?.workspaceFolders ?? false,
      progress: window?.workDoneProgress ?? false,
      versions: textDocument?.publishDiagnostics?.versionSupport ?? false,
      relatedInformation: textDocument?.diagnostic?.relatedInformation ?? textDocument?.publishDiagnostics?.relatedInformation ?? false,
      tags: (textDocument?.diagnostic?.tagSupport ?? textDocument?.publishDiagnostics?.tagSupport) !== undefined,
      codeDescription: textDocument?.diagnostic?.codeDescriptionSupport ?? textDocument?.publishDiagnostics?.codeDescriptionSupport ?? false,
      resolvesEdit: textDocument?.codeAction?.resolveSupport?.properties.includes('edit') === true && textDocument.codeAction.dataSupport === true,
      disabled: textDocument?.codeAction?.disabledSupport ?? false,
      documentChanges: work?.workspaceEdit?.documentChanges ?? false,
      ownClient: options.annotations === 'decorations',
    };
    workspace.setFolders(params.workspaceFolders?.map((folder) => folder.uri) ?? (params.rootUri ? [params.rootUri] : []));
    return {
      serverInfo: { name: 'threadgauge', version },
      capabilities: {
        textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental },
        notebookDocumentSync: NOTEBOOK_SYNC,
        ...(abilities.pull ? { diagnosticProvider: { identifier: 'threadgauge', interFileDependencies: true, workspaceDiagnostics: true } } : {}),
        codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix, FIX_ALL], resolveProvider: true },
        hoverProvider: true,
        completionProvider: { triggerCharacters: ['=', '"', "'", ' ', '$', ':'], resolveProvider: false },
        codeLensProvider: { resolveProvider: false },
        inlayHintProvider: { resolveProvider: false },
        executeCommandProvider: { commands: Object.values(SERVER_COMMANDS), workDoneProgress: true },
        workspace: { workspaceFolders: { supported: true, changeNotifications: true } },
      },
    };
  });

  connection.onInitialized(() => {
    applyRules();
    ready = Promise.all([workspace.scan(), pullConfiguration().then(applyMachine)])
      .catch((error: unknown) => connection.console.error(`The workspace could not be read: ${String(error)}`))
      .then(() => announceLater());
    if (abilities?.watch) void connection.client.register(DidChangeWatchedFilesNotification.type, { watchers: watchedGlobs().map((globPattern) => ({ globPattern })) });
    if (abilities?.configuration) void connection.client.register(DidChangeConfigurationNotification.type, { section: 'threadgauge' });
    if (abilities?.folders) {
      connection.workspace.onDidChangeWorkspaceFolders(async () => {
        workspace.setFolders((await connection.workspace.getWorkspaceFolders())?.map((folder) => folder.uri) ?? []);
        await workspace.scan();
        announceLater();
      });
    }
    // Work-done tokens are ours from begin to end, so that both ways to cancel reach the same run.
    connection.onNotification('window/workDoneProgress/cancel', ({ token }: { token: string | number }) => cancellers.get(token)?.());
  });

  async function pullConfiguration(): Promise<void> {
    if (!abilities?.configuration) return;
    try {
      const answer: unknown = await connection.workspace.getConfiguration('threadgauge');
      if (typeof answer === 'object' && answer !== null) configuration = withoutNulls(answer);
    } catch {
      // A client that announces configuration and does not answer has none.
    }
    applyRules();
  }

  connection.onDidChangeConfiguration(async ({ settings }) => {
    const section = (settings as { threadgauge?: unknown } | null | undefined)?.threadgauge;
    if (typeof section === 'object' && section !== null) configuration = withoutNulls(section);
    else await pullConfiguration();
    applyRules();
    await applyMachine();
    announceLater();
  });

  documents.onDidChangeContent(({ document }) => {
    // A notebook may be open as text beside its cells, which are what people edit then.
    if (notebooks.cellDocuments(canonicalUri(document.uri))) return;
    const uri = workspace.openDocument(document.uri, document.languageId, document.version, document.getText());
    bench.store.update(uri, document.getText());
    announceLater(uri);
  });
  documents.onDidClose(async ({ document }) => {
    if (notebooks.cellDocuments(canonicalUri(document.uri))) return;
    await workspace.closeDocument(document.uri);
    const uri = canonicalUri(document.uri);
    const text = engine.text(uri)?.text;
    if (text !== undefined) bench.store.update(uri, text);
    announceLater();
  });
  connection.onDidChangeWatchedFiles(async ({ changes }) => {
    await workspace.filesChanged(changes.map(({ uri, type }) => ({ uri, kind: type === FileChangeType.Created ? 'created' : type === FileChangeType.Deleted ? 'deleted' : 'changed' })));
    announceLater();
  });

  connection.languages.diagnostics.on(async (params, token) => {
    await settled(token);
    const { items, resultId } = diagnosticsOf(documentOf(params.textDocument.uri));
    sent.set(canonicalUri(params.textDocument.uri), resultId);
    // It has asked since its last edit: of what changes now it has to be told.
    edited.delete(canonicalUri(params.textDocument.uri));
    if (params.previousResultId === resultId) return { kind: DocumentDiagnosticReportKind.Unchanged, resultId };
    return { kind: DocumentDiagnosticReportKind.Full, resultId, items };
  });

  connection.languages.diagnostics.onWorkspace(async (params, token) => {
    await settled(token);
    const previous = new Map(params.previousResultIds.map(({ uri, value }) => [canonicalUri(uri), value]));
    const items: WorkspaceDocumentDiagnosticReport[] = [];
    const documents = engine.uris().flatMap((file) => places.documentsOf(file)).map(canonicalUri);
    for (const uri of new Set([...documents, ...previous.keys()])) {
      const { items: own, resultId } = diagnosticsOf(documentOf(uri));
      const before = previous.get(uri);
      if (own.length === 0 && before === undefined) continue;
      sent.set(uri, resultId);
      const shared = { uri: clientUri(uri), version: versionOf(uri), resultId };
      items.push(before === resultId ? { ...shared, kind: DocumentDiagnosticReportKind.Unchanged } : { ...shared, kind: DocumentDiagnosticReportKind.Full, items: own });
    }
    return { items };
  });

  connection.onCodeAction(async (params, token) => {
    await settled(token);
    return codeActions(params, documentOf(params.textDocument.uri), context());
  });
  connection.onCodeActionResolve(async (action, token) => {
    await settled(token);
    return resolveAction(action, context());
  });
  connection.onHover(async ({ textDocument, position }, token) => {
    await settled(token);
    const document = documentOf(textDocument.uri);
    return hoverAt(engine, places, document, position, document.cell === null ? bench.store.get(document.file) : undefined);
  });
  connection.onCompletion(({ textDocument, position }) => completionItems(engine, places, documentOf(textDocument.uri), position));
  connection.onCodeLens(async ({ textDocument }, token) => {
    await settled(token);
    return codeLenses(documentOf(textDocument.uri), context());
  });
  connection.languages.inlayHint.on(({ textDocument, range }) => {
    const uri = canonicalUri(textDocument.uri);
    const measured = hintsShown() ? bench.store.get(uri) : undefined;
    const lines = engine.lines(uri);
    const text = engine.text(uri)?.text;
    if (!measured || measured.stale || !lines || text === undefined) return [];
    return measured.lines
      .filter(({ line }) => line >= range.start.line && line <= range.end.line && line < lines.lineCount)
      .map(({ line, label, hover }) => ({ position: endOfLine(line, lines, text), label, paddingLeft: true, tooltip: { kind: MarkupKind.Markdown, value: hover } }));
  });

  const cancellers = new Map<string | number, () => void>();
  let progressTokens = 0;

  // The library's own registration takes the work-done token out of the parameters.
  connection.onRequest(ExecuteCommandRequest.method, async (params: ExecuteCommandParams, token: CancellationToken) => {
    const [argument] = (params.arguments ?? []) as unknown[];
    switch (params.command) {
      case SERVER_COMMANDS.cancel:
        return bench.cancel((argument as { runId?: string } | undefined)?.runId);
      case SERVER_COMMANDS.pause:
        return bench.pause((argument as { runId?: string } | undefined)?.runId);
      case SERVER_COMMANDS.resume:
        return bench.resume((argument as { runId?: string } | undefined)?.runId);
      case SERVER_COMMANDS.clearMeasurements:
        bench.clear();
        return null;
      case SERVER_COMMANDS.bench:
        return await runBench(argument, params.workDoneToken, token);
      default:
        throw new ResponseError(LSPErrorCodes.RequestFailed, `Unknown command ${params.command}.`);
    }
  });

  async function runBench(argument: unknown, clientToken: string | number | undefined, token: CancellationToken): Promise<BenchReply> {
    if (!isBenchParams(argument)) throw new ResponseError(LSPErrorCodes.RequestFailed, `${SERVER_COMMANDS.bench} needs an argument {uri, launchId}.`);
    await settled(token);
    let progressToken = clientToken;
    if (progressToken === undefined && abilities?.progress) {
      const own = `threadgauge-bench-${++progressTokens}`;
      progressToken = await connection.sendRequest(WorkDoneProgressCreateRequest.type, { token: own }).then(
        () => own,
        () => undefined,
      );
    }
    const cancellation = linkedToken(token);
    const tell = (value: object): void => {
      if (progressToken !== undefined) void connection.sendProgress(WorkDoneProgress.type, progressToken, value as never);
    };
    if (progressToken !== undefined) cancellers.set(progressToken, cancellation.cancel);
    tell({ kind: 'begin', title: 'ThreadGauge benchmark', cancellable: true, percentage: 0, message: 'starting' });
    try {
      const reply = await bench.run(argument, cancellation.token, { report: (percentage, message) => tell({ kind: 'report', percentage, message }) });
      // Clients without our report see the answer as a message.
      if (!abilities?.ownClient) {
        if (reply.outcome === 'failed' || reply.outcome === 'refused') show(MessageType.Error, reply.message);
        else show(MessageType.Info, reply.message);
      }
      return reply;
    } finally {
      tell({ kind: 'end' });
      if (progressToken !== undefined) cancellers.delete(progressToken);
      cancellation.dispose();
    }
  }

  connection.onNotification(METHODS.trust, (params: TrustParams) => {
    trusted = params.trusted === true;
    if (!trusted) bench.cancel();
  });
  connection.onRequest(METHODS.plan, async (params: UriParams | undefined, token: CancellationToken): Promise<PlanReply> => {
    await settled(token);
    const plans = engine.plans(params?.uri === undefined ? undefined : documentOf(params.uri).file);
    const sources = engineSources(engine, clientUri);
    return { machine: engine.machine, plans: plans.map((plan) => planJson(plan, sources)), markdown: plans.map(planMarkdown) };
  });
  connection.onRequest(METHODS.launches, async (params: UriParams | undefined, token: CancellationToken): Promise<LaunchInfo[]> => {
    await settled(token);
    const plans = engine.plans(params?.uri === undefined ? undefined : documentOf(params.uri).file);
    return await Promise.all(
      plans.map(async (plan): Promise<LaunchInfo> => {
        const { launch } = plan;
        const ref = { uri: clientUri(launch.uri), launchId: launch.id };
        const { refusal } = await bench.preview(ref);
        return { ...ref, label: launch.label, range: places.anchor(launch.anchor).range, entry: launch.entry === null ? null : clientUri(launch.entry), command: launch.commandText, implicit: launch.implicit, plan: planLabel(plan), refusal };
      }),
    );
  });
  connection.onRequest(METHODS.machine, async (): Promise<MachineReply> => {
    await ready;
    return { machine: engine.machine, origin: machineOrigin, problem: machineProblem };
  });
  connection.onRequest(METHODS.benchPreview, async (params: BenchParams, token: CancellationToken) => {
    if (!isBenchParams(params)) throw new ResponseError(LSPErrorCodes.RequestFailed, `${METHODS.benchPreview} needs {uri, launchId}.`);
    await settled(token);
    return await bench.preview(params);
  });

  const answer = <P, R>(method: string, reply: (params: P) => Promise<R>): void =>
    void connection.onRequest(method, async (params: P): Promise<R> => {
      try {
        return await reply(params);
      } catch (error) {
        throw new ResponseError(LSPErrorCodes.RequestFailed, error instanceof Error ? error.message : String(error));
      }
    });
  answer(METHODS.recordings, () => recordings.list());
  answer(METHODS.recording, (params: RecordingParams) => recordings.show(params));
  answer(METHODS.compareRecordings, (params: CompareParams) => recordings.compare(params));
  answer(METHODS.exportRecording, (params: ExportParams) => recordings.export(params));
  answer(METHODS.removeRecording, (params: RecordingParams) => recordings.remove(params));
  connection.onRequest(METHODS.inspect, async (params: unknown, token: CancellationToken) => {
    if (!isInspectParams(params)) throw new ResponseError(LSPErrorCodes.RequestFailed, `${METHODS.inspect} needs {pid}, and seconds of at most a minute.`);
    await settled(token);
    const display = (uri: string): string => {
      const [file, folder] = [pathOfUri(uri), workspace.folderOf(uri)];
      return file === null ? uri : folder === null ? file : path.relative(folder, file);
    };
    return await inspectForClient(params, { engine, readers, runnerPath: options.runnerPath, display });
  });
  connection.onRequest(METHODS.processes, () => processesForClient(options.runnerPath));

  connection.onShutdown(() => bench.shutdown());
  connection.onExit(() => bench.abort());

  documents.listen(connection);
  notebooks.listen(connection);
  connection.listen();
  return { abort: () => bench.abort() };
}

const NO_ABILITIES: ActionAbilities = { relatedInformation: false, tags: false, codeDescription: false, resolvesEdit: false, disabled: false, documentChanges: false, ownClient: false };

function isBenchParams(value: unknown): value is BenchParams {
  if (typeof value !== 'object' || value === null) return false;
  const { uri, launchId, mode, threads, instances, variations, vary, latencyLimitSeconds, budgetSeconds, exhaustive, python, activeFile, region } = value as Record<string, unknown>;
  const textsOk = [python, activeFile].every((text) => text === undefined || typeof text === 'string');
  const modeOk = mode === undefined || mode === 'search' || mode === 'verify' || mode === 'lines' || mode === 'grid';
  const countsOk = [threads, instances].every((counts) => counts === undefined || (Array.isArray(counts) && counts.every((n) => Number.isInteger(n) && (n as number) >= 1)));
  const variationsOk = variations === undefined || (Array.isArray(variations) && variations.every((label) => typeof label === 'string'));
  const varyOk = vary === undefined || vary === 'auto' || vary === 'all' || vary === 'none' || (Array.isArray(vary) && vary.every((factor) => (FACTORS as readonly unknown[]).includes(factor)));
  const secondsOk = [latencyLimitSeconds, budgetSeconds].every((seconds) => seconds === undefined || (typeof seconds === 'number' && Number.isFinite(seconds) && seconds > 0));
  const rest = exhaustive === undefined || typeof exhaustive === 'boolean';
  return typeof uri === 'string' && typeof launchId === 'string' && modeOk && countsOk && variationsOk && varyOk && secondsOk && rest && textsOk && (region === undefined || isRegionParams(region));
}

function isRegionParams(value: unknown): value is RegionParams {
  if (typeof value !== 'object' || value === null) return false;
  const { uri, lines, function: name } = value as Record<string, unknown>;
  const { first, last } = (lines ?? {}) as Record<string, unknown>;
  const linesOk = lines === undefined || (Number.isInteger(first) && Number.isInteger(last) && (first as number) >= 0 && (last as number) >= (first as number));
  return typeof uri === 'string' && linesOk && (name === undefined || typeof name === 'string');
}

/** Editors send null or an empty string for what is not set. */
function withoutNulls(section: object): Configuration {
  return Object.fromEntries(Object.entries(section).filter(([, value]) => value !== null && value !== ''));
}

/** A token that a second party can cancel too. */
function linkedToken(outer: CancellationToken): { readonly token: CancellationToken; cancel(): void; dispose(): void } {
  const listeners = new Set<(event: unknown) => unknown>();
  let cancelled = outer.isCancellationRequested;
  const cancel = (): void => {
    if (cancelled) return;
    cancelled = true;
    for (const listener of listeners) listener(undefined);
  };
  const subscription = outer.onCancellationRequested(cancel);
  return {
    token: {
      get isCancellationRequested() {
        return cancelled;
      },
      onCancellationRequested: (listener: (event: unknown) => unknown) => {
        listeners.add(listener);
        return { dispose: () => void listeners.delete(listener) };
      },
    },
    cancel,
    dispose: () => subscription.dispose(),
  };
}
