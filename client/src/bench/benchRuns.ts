/** The benchmark runs of this window: each a fold over the events the server relays, kept across reloads once ended. */
import * as vscode from 'vscode';
import type { BenchEventParams, BenchParams, LaunchRef } from '../../../server/src/bench/messages.ts';
import { initialRunState, reduce, type RunState } from '../../../server/src/bench/runState.ts';

/** One run of one launch. */
export interface BenchRun {
  readonly runId: string;
  readonly launch: LaunchRef & { readonly label: string };
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly state: RunState;
  /** Absent for runs that an earlier version has kept. */
  readonly interpreter?: BenchEventParams['interpreter'];
  /** What was asked for; absent as above. */
  readonly params?: BenchParams;
}

const KEY = 'threadgauge.runs';
/** Ended runs kept across reloads, the latest of each launch. */
const KEPT = 10;

function ended(run: BenchRun): boolean {
  return run.state.finished !== null || run.state.failed !== null;
}

/** The runs, newest last. */
export class BenchRuns implements vscode.Disposable {
  readonly #memento: vscode.Memento;
  readonly #change = new vscode.EventEmitter<BenchRun>();
  readonly #runs = new Map<string, BenchRun>();
  /** Runs that were asked to wait, from the press of the button on. */
  readonly #pausing = new Set<string>();

  readonly onChange = this.#change.event;

  constructor(memento: vscode.Memento) {
    this.#memento = memento;
    for (const run of memento.get<readonly BenchRun[]>(KEY) ?? []) this.#runs.set(run.runId, run);
    this.#publish();
  }

  dispose(): void {
    this.#change.dispose();
  }

  accept({ runId, launch, interpreter, params, event }: BenchEventParams): void {
    const before = this.#runs.get(runId) ?? { runId, launch, interpreter, params, startedAt: Date.now(), state: initialRunState() };
    const run: BenchRun = { ...before, state: reduce(before.state, event) };
    this.#runs.set(runId, run);
    this.#change.fire(run);
    if (ended(run)) {
      this.#pausing.delete(runId);
      void this.#save();
    }
    this.#publish();
  }

  /** The newest run; of one launch if given. */
  latest(launch?: LaunchRef): BenchRun | undefined {
    return [...this.#runs.values()].findLast((run) => !launch || (run.launch.uri === launch.uri && run.launch.launchId === launch.launchId));
  }

  running(): readonly BenchRun[] {
    return [...this.#runs.values()].filter((run) => !ended(run));
  }

  /** Runs were asked to wait, or to go on; all of them if none is named. */
  askedToPause(pause: boolean, runId?: string): void {
    for (const run of this.running()) {
      if (runId !== undefined && run.runId !== runId) continue;
      if (pause) this.#pausing.add(run.runId);
      else this.#pausing.delete(run.runId);
      this.#change.fire(run);
    }
    this.#publish();
  }

  /** True for a run that waits, or will once what runs has ended. */
  isPausing({ runId, state }: BenchRun): boolean {
    return this.#pausing.has(runId) || state.progress?.paused === true;
  }

  /** A server that stopped takes its runs with it. */
  abandonRunning(): void {
    for (const run of this.running()) this.accept({ runId: run.runId, launch: run.launch, interpreter: run.interpreter ?? null, params: run.params ?? run.launch, event: { v: 1, type: 'failed', data: { code: 'internal', message: 'The language server ended during the run.', hint: 'See its log, and run the benchmark again.' } } });
  }

  /** Forgets every run that has ended. */
  async clear(): Promise<void> {
    for (const [runId, run] of this.#runs) if (ended(run)) this.#runs.delete(runId);
    await this.#save();
    this.#publish();
  }

  async #save(): Promise<void> {
    const latest = new Map<string, BenchRun>();
    for (const run of this.#runs.values()) if (ended(run)) latest.set(`${run.launch.uri}#${run.launch.launchId}`, run);
    await this.#memento.update(KEY, [...latest.values()].slice(-KEPT));
  }

  #publish(): void {
    const running = this.running();
    void vscode.commands.executeCommand('setContext', 'threadgauge.benchmarkRunning', running.length > 0);
    void vscode.commands.executeCommand('setContext', 'threadgauge.benchmarkPaused', running.some((run) => this.isPausing(run)));
    void vscode.commands.executeCommand('setContext', 'threadgauge.hasReport', this.#runs.size > 0);
  }
}
