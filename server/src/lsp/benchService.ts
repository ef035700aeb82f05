/** Benchmarks of launches: one at a time, only when asked for and trusted, every event relayed. */
import { createHash, randomInt, randomUUID } from 'node:crypto';
import path from 'node:path';
import type { CancellationToken } from 'vscode-languageserver';
import { observedFindings, planKey } from '../bench/observedFindings.ts';
import { closingSentence, progressSentence } from '../bench/benchText.ts';
import type { DebuggerStart } from '../bench/debugStart.ts';
import type { BenchEventParams, BenchParams, BenchPreview, BenchReply, BenchSettings, MeasuredParams, RegionParams } from '../bench/messages.ts';
import type { BenchRequest } from '../bench/protocol.generated.ts';
import { trialSecondsOf } from '../bench/estimate.ts';
import { type BenchHost, type PreparedBench, prepareBench } from '../bench/request.ts';
import { fractionDone, type RunState } from '../bench/runState.ts';
import { recordingHeader } from '../bench/recordingHeader.ts';
import { type RecordingHeader, worthKeeping } from '../bench/recording.ts';
import { BenchSession } from '../bench/session.ts';
import { measuredFiles } from '../bench/toMeasured.ts';
import type { Finding } from '../core/finding.ts';
import type { Launch } from '../core/launchGraph.ts';
import type { Reader } from '../core/reader.ts';
import { logicalCapacity, machineFromJson, type Machine } from '../core/machine.ts';
import { LineIndex } from '../core/sourceText.ts';
import type { Engine, MeasuredFinding } from '../engine/engine.ts';
import { createBenchHost, missingModules } from '../host/node/benchHost.ts';
import { debuggerStart, folderOfConfiguration, isDebugLaunch, settingsAskedFor } from '../host/node/debugStart.ts';
import { findRunner } from '../host/node/findRunner.ts';
import { saveRecording, writeProblem } from '../host/node/recordings.ts';
import { recoverJournals, RunJournal } from '../host/node/runJournal.ts';
import { createRunnerPort } from '../host/node/runnerProcess.ts';
import { type PreparedRegion, prepareRegion } from '../host/node/regionFiles.ts';
import { canonicalUri, pathOfUri, readSource, uriOfPath } from '../host/node/workspaceFiles.ts';
import { knobByEnv } from '../knobs/catalogue.ts';
import { planLaunch } from '../plan/planLaunch.ts';
import { MeasuredStore } from './measuredStore.ts';
import type { ClientDocument } from './notebooks.ts';
import { regionKey } from './regionLenses.ts';
import type { Workspace } from './workspace.ts';

export interface BenchServiceSettings {
  readonly trusted: boolean;
  readonly runnerPath: string | undefined;
  readonly interpreter: string | undefined;
  readonly storageDir: string | undefined;
  readonly bench: BenchSettings;
}

export interface BenchServiceOptions {
  readonly engine: Engine;
  readonly workspace: Workspace;
  readonly settings: () => BenchServiceSettings;
  /** The machine this process runs on; null when it could not be told. */
  readonly localMachine: () => Promise<{ readonly machine: Machine | null; readonly problem: string | null }>;
  /** Version of ThreadGauge, for recordings. */
  readonly version: string;
  /** A setting of the editor, for configurations that refer to one; undefined when it is not set or nobody can tell. */
  readonly setting: (name: string, uri: string) => Promise<unknown>;
  /** What a document of the client is: a file, or a cell of a notebook. */
  readonly documentOf: (uri: string) => ClientDocument;
  /** The reader that knows the statements of Python. */
  readonly python: Reader | undefined;
  readonly adjustRequest?: (request: BenchRequest) => BenchRequest;
  readonly event: (params: BenchEventParams) => void;
  readonly measured: (params: MeasuredParams) => void;
  /** Lenses, hints and actions may have changed. */
  readonly changed: () => void;
  /** What was found on launches may have changed. */
  readonly findingsChanged: () => void;
  readonly log: (message: string) => void;
}

export interface ProgressReporter {
  report(percentage: number, message: string): void;
}

const UNTRUSTED = 'This workspace is not trusted, so ThreadGauge starts none of its programs. Trust the workspace and run the benchmark again.';

/** A run about to start. */
type PreparedRun = PreparedBench & {
  readonly launch: Launch;
  readonly params: BenchParams;
  readonly uri: string;
  /** Under which its results are kept. */
  readonly key: string;
  readonly label: string;
  /** Takes away what was written for it. */
  dispose(): void;
};

/** Owns every run of a server. */
export class BenchService {
  readonly store = new MeasuredStore();
  /** The last run with a verdict, by launch key; of a part of a program by `regionKey`. */
  readonly results = new Map<string, RunState>();
  /** What the last run of a launch showed, while the launch means what it meant then; by launch key. */
  readonly #observed = new Map<string, { readonly planKey: string; readonly machine: Machine; readonly findings: readonly Finding[] }>();
  readonly #options: BenchServiceOptions;
  readonly #sessions = new Map<string, BenchSession>();
  #starting = false;

  constructor(options: BenchServiceOptions) {
    this.#options = options;
  }

  /** What a run would start. Starts nothing, not even an interpreter. */
  async preview(params: BenchParams): Promise<BenchPreview> {
    const prepared = await this.#prepare(params);
    if ('preview' in prepared) prepared.dispose();
    if ('preview' in prepared) return this.#options.settings().trusted ? prepared.preview : { ...prepared.preview, refusal: UNTRUSTED };
    return { ...emptyPreview(params), refusal: prepared.refusal };
  }

  /** Runs to the end. Never rejects. */
  async run(params: BenchParams, token: CancellationToken, progress: ProgressReporter): Promise<BenchReply> {
    if (!this.#options.settings().trusted) return refused(UNTRUSTED);
    if (this.#starting || this.#sessions.size > 0) return refused('Another benchmark is running; two at once would disturb each other. Wait for it or cancel it.');
    this.#starting = true;
    let dispose = (): void => {};
    try {
      const prepared = await this.#prepare(params);
      if ('preview' in prepared) ({ dispose } = prepared);
      if ('refusal' in prepared) return refused(prepared.refusal);
      const { request, preview, modules } = prepared;
      if (request === null) return refused(preview.refusal ?? 'This launch cannot be measured.');
      const { runnerPath } = this.#options.settings();
      const runner = findRunner(runnerPath);
      if ('problem' in runner) return refused(runner.problem);
      if (preview.interpreter) {
        const missing = await missingModules(preview.interpreter.path, modules, request.workload.cwd, request.workload.env);
        if (missing && missing.length > 0) return refused(missingSentence(missing, preview.interpreter));
      }
      if (token.isCancellationRequested) return { ...refused('Cancelled before anything was started.'), outcome: 'cancelled' };
      return await this.#session(prepared, request, runner.path, token, progress);
    } catch (error) {
      this.#options.log(`A benchmark failed: ${error instanceof Error ? error.stack : String(error)}`);
      return { ...refused(`The benchmark failed in ThreadGauge itself: ${error instanceof Error ? error.message : String(error)}.`), outcome: 'failed' };
    } finally {
      dispose();
      this.#starting = false;
    }
  }

  /** Asks one run, or all, to end; the number asked. */
  cancel(runId?: string): number {
    return this.#each(runId, (session) => session.cancel());
  }

  /** Asks one run, or all, to wait once what runs has ended; the number asked. */
  pause(runId?: string): number {
    return this.#each(runId, (session) => session.pause());
  }

  /** Lets one run, or all, go on; the number asked. */
  resume(runId?: string): number {
    return this.#each(runId, (session) => session.resume());
  }

  /** Asks every run to end and waits for it, a few seconds at most. */
  async shutdown(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    for (const session of sessions) session.cancel();
    const patience = new Promise((resolve) => setTimeout(resolve, 6000).unref());
    await Promise.race([Promise.all(sessions.map((session) => session.done)), patience]);
    this.abort();
  }

  /** Ends every run at once; for an owner that is going away. */
  abort(): void {
    for (const session of this.#sessions.values()) session.abort();
  }

  #each(runId: string | undefined, action: (session: BenchSession) => void): number {
    const chosen = [...this.#sessions].filter(([id]) => runId === undefined || id === runId);
    for (const [, session] of chosen) action(session);
    return chosen.length;
  }

  /** Forgets measured lines and verdicts. */
  clear(): void {
    this.results.clear();
    this.#observed.clear();
    this.#noteFindings();
    for (const uri of this.store.clear()) this.#options.measured({ uri: this.#options.workspace.clientUri(uri), runId: '', launch: { uri, launchId: '', label: '' }, sha256: '', stale: false, lines: [] });
    this.#options.changed();
  }

  async #prepare(params: BenchParams): Promise<PreparedRun | { readonly refusal: string }> {
    const { engine, workspace } = this.#options;
    const launch = engine.launches().find((candidate) => sameFile(candidate.uri, params.uri) && candidate.id === params.launchId);
    if (!launch) return { refusal: `There is no launch "${params.launchId}" in ${params.uri} any more.` };
    const { machine, problem } = await this.#options.localMachine();
    if (machine === null) return { refusal: problem ?? 'This machine could not be described.' };
    const key = params.region ? regionKey(launch, params.region) : launch.key;
    const graph = engine.graph();
    const host = this.#host(machine, params.python);
    const plan = planLaunch(launch, graph, machine);
    const mode = params.mode ?? 'search';
    let arms = params.arms;
    if (mode === 'verify' && !arms) {
      const last = this.results.get(key);
      const old = last?.verdict && last.arms[last.verdict.current]?.arm;
      const best = last?.verdict && last.arms[last.verdict.best]?.arm;
      if (!old || !best || old === best) return { refusal: 'There is no better setting to verify for this launch; run the benchmark first.' };
      // The old setting is stated in full: by now the launch may say something else.
      arms = [explicit(old, last), best];
    }
    const folder = workspace.folderOf(launch.uri);
    const part = params.region ? this.#region(params.region) : null;
    if (part && 'problem' in part) return { refusal: part.problem };
    const own = host.environment['PYTHONPATH'];
    // The script of a notebook lies elsewhere; what the notebook imports lies beside the notebook.
    const asScript = part?.script ? { words: ['python', part.script.path], cwd: part.script.cwd, extraEnvironment: { PYTHONPATH: [part.script.cwd, ...(own ? [own] : [])].join(path.delimiter) } } : {};
    const { threads, variations, instances, latencyLimitSeconds, exhaustive, budgetSeconds } = params;
    const settings = { ...this.#options.settings().bench, ...(budgetSeconds === undefined ? {} : { budgetSeconds }) };
    const last = this.results.get(key);
    const lastTrialSeconds = last && trialSecondsOf(last);
    const asked = { ...(threads ? { threads } : {}), ...(variations ? { variations } : {}), ...(instances ? { instances } : {}), ...(latencyLimitSeconds === undefined ? {} : { latencyLimitSeconds }), ...(exhaustive === undefined ? {} : { exhaustive }) };
    const options = { mode, settings, seed: randomInt(2 ** 32), folder, targetCpus: logicalCapacity(engine.machineFor(launch)), vary: params.vary ?? 'auto', ...(arms ? { arms } : {}), ...asked, ...(lastTrialSeconds == null ? {} : { lastTrialSeconds }), ...(part ? { region: part.region } : {}), ...asScript, start: await this.#start(launch, host, folder, params) };
    const prepared = prepareBench(launch, graph, plan, host, options);
    const script = part?.script && params.region ? { script: { path: part.script.path, of: this.#options.documentOf(params.region.uri).file } } : {};
    const preview = part ? { ...prepared.preview, ...script, notes: [...part.notes, ...prepared.preview.notes] } : prepared.preview;
    return { ...prepared, preview, launch, params, uri: params.uri, key, label: part ? `${launch.label}: ${part.region.label}` : launch.label, dispose: () => part?.dispose() };
  }

  /** The statements that a part of a program stands for, as the editor has the file now. */
  #region(region: RegionParams): PreparedRegion | { readonly problem: string } {
    const { engine, python } = this.#options;
    const { file, cell } = this.#options.documentOf(region.uri);
    const text = engine.text(file)?.text;
    const onDisk = pathOfUri(file);
    if (text === undefined || onDisk === null || !python) return { problem: `${region.uri} is no file of Python that this workspace knows.` };
    const lines = region.lines ? { first: region.lines.first + 1, last: region.lines.last + 1 } : null;
    if (cell !== null) return prepareRegion(onDisk, text, { kind: 'cell', cell: cell + 1, lines }, python);
    if (region.function !== undefined) return prepareRegion(onDisk, text, { kind: 'function', name: region.function }, python);
    return lines ? prepareRegion(onDisk, text, { kind: 'lines', ...lines }, python) : { problem: 'The part of the program to measure has neither lines nor a name.' };
  }

  /** How the editor would start a debug configuration; null for every other launch. */
  async #start(launch: Launch, host: BenchHost, folder: string | null, params: BenchParams): Promise<DebuggerStart | null> {
    const text = this.#options.engine.text(launch.uri)?.text;
    if (!isDebugLaunch(launch) || text === undefined) return null;
    const settings = new Map<string, unknown>();
    for (const name of settingsAskedFor(text, launch.id)) {
      const value = await this.#options.setting(name, launch.uri);
      if (value !== undefined && value !== null) settings.set(name, value);
    }
    const own = folder ?? folderOfConfiguration(launch);
    const found = (): string | null => {
      const interpreter = host.findInterpreter('python', own, host.environment);
      return 'problem' in interpreter ? null : interpreter.path;
    };
    const { folders } = this.#options.workspace;
    return debuggerStart(launch, { text, folder: own, folders, environment: host.environment, machine: host.machine, activeFile: params.activeFile === undefined ? null : host.pathOf(params.activeFile), settings, interpreter: found });
  }

  #host(machine: Machine, chosen: string | undefined): BenchHost {
    return createBenchHost({ machine, chosen, interpreter: this.#options.settings().interpreter, folders: this.#options.workspace.folders });
  }

  async #session(prepared: PreparedRun, request: NonNullable<PreparedBench['request']>, runner: string, token: CancellationToken, progress: ProgressReporter): Promise<BenchReply> {
    const runId = randomUUID();
    const { launch } = prepared;
    const ref = { uri: prepared.uri, launchId: launch.id, label: prepared.label };
    const recorded: string[] = [];
    let reported = 0;
    let held = '';
    const asked = this.#options.adjustRequest?.(request) ?? request;
    const { storageDir } = this.#options.settings();
    const { uri, preview, label, params } = prepared;
    const header = recordingHeader({ label, launch: { uri, launchId: launch.id }, params, preview, request: asked, startedAt: new Date(), version: this.#options.version, aboutThreads: (name) => knobByEnv(name) !== undefined });
    if (storageDir) await recoverJournals(storageDir);
    const journal = storageDir ? new RunJournal(storageDir, header) : null;
    const session = new BenchSession(asked, createRunnerPort(runner), {
      event: (event, state, line) => {
        recorded.push(line);
        journal?.add(line, state.running.length === 0);
        this.#options.event({ runId, launch: ref, interpreter: preview.interpreter, params, event });
        const now = performance.now();
        // What waits says so once, and must not be passed over.
        const holding = `${state.progress?.paused ?? false} ${state.progress?.waits_for ?? ''}`;
        if ((event.type === 'progress' || event.type === 'plan') && (now - reported > 200 || holding !== held)) {
          [reported, held] = [now, holding];
          progress.report(Math.floor(fractionDone(state) * 100), progressSentence(state));
        }
        if (event.type === 'lines') void this.#publishLines(runId, ref, state);
      },
      problem: (problem) => this.#options.log(problem),
    });
    this.#sessions.set(runId, session);
    const listener = token.onCancellationRequested(() => session.cancel());
    if (token.isCancellationRequested) session.cancel();
    let state: RunState;
    try {
      state = await session.done;
    } finally {
      listener.dispose();
      this.#sessions.delete(runId);
    }
    if (state.verdict) this.results.set(prepared.key, state);
    await this.#publishLines(runId, ref, state);
    this.#noteObserved(launch.key, prepared.plan, state);
    this.#options.changed();
    const kept = await this.#keep(storageDir, header, state, recorded);
    await journal?.remove();
    return { runId, outcome: state.status === 'finished' || state.status === 'cancelled' ? state.status : 'failed', message: closingSentence(state), state, ...kept };
  }

  /** What was measured on launches and still holds: their settings are those that were measured. */
  #findings(): readonly MeasuredFinding[] {
    if (this.#observed.size === 0) return [];
    const { engine } = this.#options;
    return engine.launches().flatMap((launch) => {
      const known = this.#observed.get(launch.key);
      if (!known || planKey(planLaunch(launch, engine.graph(), known.machine)) !== known.planKey) return [];
      return known.findings.map((finding) => ({ launch, finding: { ...finding, primary: launch.anchor } }));
    });
  }

  #noteFindings(): void {
    this.#options.engine.setMeasured(() => this.#findings());
    this.#options.findingsChanged();
  }

  #noteObserved(key: string, plan: PreparedBench['plan'], state: RunState): void {
    const machine = state.hello?.machine;
    // A run that told nothing of its processes says nothing new about them.
    if (state.observed.length === 0 || !machine) return;
    const before = new Set(this.#observed.get(key)?.findings.map(({ rule }) => rule));
    this.#observed.set(key, { planKey: planKey(plan), machine: machineFromJson(machine), findings: observedFindings(state, plan, before) });
    this.#noteFindings();
  }

  async #publishLines(runId: string, launch: MeasuredParams['launch'], state: RunState): Promise<void> {
    for (const file of measuredFiles(state)) {
      const uri = uriOfPath(file.path);
      const measured = { runId, launch, sha256: file.sha256, lines: file.lines };
      const onDisk = await readSource(file.path);
      const open = this.#options.engine.text(uri)?.text;
      if (onDisk.kind === 'text' && sha256(onDisk.text) === file.sha256) {
        this.store.set(uri, this.#withEnds(uri, measured, onDisk.text), onDisk.text);
        if (open !== undefined) this.store.update(uri, open);
      } else if (open !== undefined && sha256(open) === file.sha256) this.store.set(uri, this.#withEnds(uri, measured, open), open);
      else this.store.setStale(uri, measured);
      const params = this.store.get(uri);
      if (params) this.#options.measured({ ...params, uri: this.#options.workspace.clientUri(uri) });
    }
    this.#options.changed();
  }

  /** The lines with where their statements end, if a reader knows the file. */
  #withEnds<T extends Pick<MeasuredParams, 'lines'>>(uri: string, measured: T, text: string): T {
    const index = new LineIndex(text);
    const known = measured.lines.filter(({ line }) => line < index.lineCount);
    const ends = this.#options.engine.reader(uri)?.statementEnds?.(text, known.map(({ line }) => ({ start: index.lineStart(line), end: index.offsetAt({ line, column: Infinity }) })));
    if (!ends) return measured;
    const endLines = new Map(known.map(({ line }, i) => [line, index.positionAt(ends[i] ?? 0).line]));
    return { ...measured, lines: measured.lines.map((line) => ({ ...line, endLine: Math.max(line.line, endLines.get(line.line) ?? line.line) })) };
  }

  async #keep(storageDir: string | undefined, header: Omit<RecordingHeader, 'sources'>, state: RunState, lines: readonly string[]): Promise<Pick<BenchReply, 'recording' | 'recordingProblem'>> {
    if (!storageDir || !worthKeeping(state)) return { recording: null };
    try {
      return { recording: await saveRecording(storageDir, header, state, lines) };
    } catch (error) {
      const recordingProblem = `The recording (${storageDir}) was not saved: ${writeProblem(error).replace(/\.$/, '')}. The result stands.`;
      this.#options.log(recordingProblem);
      return { recording: null, recordingProblem };
    }
  }
}

/** An arm that does not lean on what the launch says: the count it stood for, stated with the same variables as the other arms. */
function explicit(old: NonNullable<BenchParams['arms']>[number], state: RunState): NonNullable<BenchParams['arms']>[number] {
  if (Object.keys(old.env).length > 0 || old.torch_num_threads != null) return old;
  const pattern = state.arms.find(({ arm, current }) => !current && arm.threads != null)?.arm;
  if (!pattern) return old;
  if (pattern.torch_num_threads != null) return old.threads == null ? old : { ...old, torch_num_threads: old.threads };
  const written = /^\w+=(\S*)/.exec(old.label)?.[1] ?? null;
  // A script that writes the variable is never without it.
  if (pattern.pin_env === true && written === null) return old;
  return { ...old, env: Object.fromEntries(Object.keys(pattern.env).map((name) => [name, written])), pin_env: pattern.pin_env ?? false };
}

function refused(message: string): BenchReply {
  return { runId: null, outcome: 'refused', message, state: null, recording: null };
}

function missingSentence(missing: readonly string[], interpreter: { readonly path: string; readonly from: string }): string {
  return `The Python ${interpreter.path} (${interpreter.from}) has no ${missing.join(', ')}. Install ${missing.length === 1 ? 'it' : 'them'} there, or set threadgauge.interpreter to a Python that has ${missing.length === 1 ? 'it' : 'them'}.`;
}

function emptyPreview(params: BenchParams): BenchPreview {
  return { launch: { uri: params.uri, launchId: params.launchId, label: params.launchId }, refusal: null, argv: [], cwd: '', environment: [], arms: [], variations: [], interpreter: null, estimate: { maxTrials: 0, usualTrials: 0, budgetSeconds: 0, seconds: null, sentence: '' }, notes: [] };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function sameFile(canonical: string, uri: string): boolean {
  return canonical === uri || canonical === canonicalUri(uri);
}
