/** Owns one benchmark run: sends the request, folds the events, cancels, and leaves nothing running when the runner dies. */
import { EventDecoder } from './decode.ts';
import type { BenchRequest, CommandEnvelope, Envelope } from './protocol.generated.ts';
import type { RunState } from './runState.ts';
import { initialRunState, liveProcessGroups, reduce } from './runState.ts';

/** The protocol version this side speaks. */
export const PROTOCOL_VERSION = 1;

/** How the runner ended. */
export interface RunnerExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** Last lines of its standard error. */
  readonly stderrTail: string;
  /** Why it could not be started at all. */
  readonly startError: string | null;
}

export interface RunningRunner {
  send(line: string): void;
  /** Closes its standard input, which ends it and everything it started. */
  closeInput(): void;
  /** Ends it at once. */
  kill(): void;
}

/** What a session needs of the host. */
export interface RunnerPort {
  /** `exited` is called once, after the last `output`. */
  start(handlers: { readonly output: (text: string) => void; readonly exited: (exit: RunnerExit) => void }): RunningRunner;
  /** Ends a process group for good; no error when it is gone. */
  killGroup(group: number): void;
  /** Calls back once; the result cancels that. */
  after(milliseconds: number, action: () => void): () => void;
}

export interface SessionHandlers {
  /** Every event in order, `line` as it came; ends with `finished` or `failed` in every case. */
  readonly event: (event: Envelope, state: RunState, line: string) => void;
  /** Something odd that does not end the run. */
  readonly problem?: (problem: string) => void;
}

/** How long a cancelled runner may take to stop its trial, beyond the grace it gives that trial (milliseconds). */
const CANCEL_PATIENCE = 3000;

/** One run. */
export class BenchSession {
  readonly #port: RunnerPort;
  readonly #handlers: SessionHandlers;
  readonly #runner: RunningRunner;
  readonly #done: Promise<RunState>;
  readonly #graceMs: number;
  #state = initialRunState();
  #cancelled = false;
  #pauseAsked = false;
  #timers: (() => void)[] = [];
  #settle: (state: RunState) => void = () => {};

  constructor(request: BenchRequest, port: RunnerPort, handlers: SessionHandlers) {
    this.#port = port;
    this.#handlers = handlers;
    this.#graceMs = (request.limits?.grace_s ?? 2) * 1000;
    this.#done = new Promise((resolve) => (this.#settle = resolve));
    const decoder = new EventDecoder(
      (event, line) => this.#accept(event, line),
      (problem) => this.#handlers.problem?.(`The runner's output has a line that is ${problem}`),
    );
    this.#runner = port.start({
      output: (text) => decoder.push(text),
      exited: (exit) => {
        decoder.end();
        this.#exited(exit);
      },
    });
    this.#send({ v: PROTOCOL_VERSION, type: 'start', data: request });
  }

  /** The final state; never rejects. */
  get done(): Promise<RunState> {
    return this.#done;
  }

  get state(): RunState {
    return this.#state;
  }

  /** True from the moment a pause is asked for; the trial that runs ends first (`state.progress.paused` says when). */
  get pauseAsked(): boolean {
    return this.#pauseAsked;
  }

  /** Lets the trial that runs end, then waits. */
  pause(): void {
    if (this.#pauseAsked || this.#cancelled) return;
    this.#pauseAsked = true;
    this.#send({ v: PROTOCOL_VERSION, type: 'pause', data: {} });
  }

  /** Goes on after a pause. */
  resume(): void {
    if (!this.#pauseAsked || this.#cancelled) return;
    this.#pauseAsked = false;
    this.#send({ v: PROTOCOL_VERSION, type: 'resume', data: {} });
  }

  /** Ends the run and keeps what was measured. Asks first, then closes the input, then kills. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#send({ v: PROTOCOL_VERSION, type: 'cancel', data: {} });
    const patience = this.#graceMs + CANCEL_PATIENCE;
    this.#timers.push(
      this.#port.after(patience, () => this.#runner.closeInput()),
      this.#port.after(2 * patience, () => this.abort()),
    );
  }

  /** Ends everything at once, for an owner that is going away. */
  abort(): void {
    this.#cancelled = true;
    this.#runner.kill();
    this.#killGroups();
  }

  #send(command: CommandEnvelope): void {
    this.#runner.send(`${JSON.stringify(command)}\n`);
  }

  #accept(event: Envelope, line: string): void {
    if (this.#state.finished || this.#state.failed) return;
    this.#state = reduce(this.#state, event);
    this.#handlers.event(event, this.#state, line);
    if (event.type === 'finished' || event.type === 'failed') this.#runner.closeInput();
  }

  #exited(exit: RunnerExit): void {
    for (const cancelTimer of this.#timers) cancelTimer();
    this.#timers = [];
    if (!this.#state.finished && !this.#state.failed) {
      this.#killGroups();
      const event = this.#cancelled ? cancelledEvent(this.#state) : crashEvent(exit, this.#state);
      this.#accept(event, JSON.stringify(event));
    }
    this.#settle(this.#state);
  }

  #killGroups(): void {
    for (const group of liveProcessGroups(this.#state)) this.#port.killGroup(group);
  }
}

function cancelledEvent(state: RunState): Envelope {
  const counted = state.trials.filter((trial) => trial.status === 'ok').length;
  return { v: PROTOCOL_VERSION, type: 'finished', data: { cancelled: true, elapsed_s: 0, counted_trials: counted } };
}

function crashEvent(exit: RunnerExit, state: RunState): Envelope {
  const how = exit.startError !== null ? `could not be started: ${exit.startError}` : exit.signal !== null ? `was ended by ${exit.signal}` : `ended early with exit code ${exit.code ?? 'unknown'}`;
  const kept = state.trials.length > 0 ? ` What was measured until then is kept (${state.trials.length} trial${state.trials.length === 1 ? '' : 's'}).` : '';
  return {
    v: PROTOCOL_VERSION,
    type: 'failed',
    data: {
      code: exit.startError !== null ? 'cannot_start' : 'internal',
      message: `The benchmark runner ${how}.${kept}`,
      hint: exit.stderrTail === '' ? 'Run the benchmark again; if it happens again, please report it.' : `Its last words were: ${exit.stderrTail}`,
      output_tail: exit.stderrTail === '' ? null : exit.stderrTail,
    },
  };
}
