/** Follows one run in a terminal: progress on standard error, Ctrl-C ends it, Ctrl-Z pauses it. */
import { progressSentence } from '../bench/benchText.ts';
import type { BenchRequest } from '../bench/protocol.generated.ts';
import { fractionDone, type RunState } from '../bench/runState.ts';
import { BenchSession } from '../bench/session.ts';
import { createRunnerPort } from '../host/node/runnerProcess.ts';
import type { RunJournal } from '../host/node/runJournal.ts';

const CLEAR_LINE = '\r\u001b[K';
const BAR = 20;
/** Milliseconds between two drawings of the bar. */
const DRAW_EVERY = 200;

export interface WatchedRun {
  readonly state: RunState;
  /** The event stream, line by line. */
  readonly recorded: readonly string[];
}

/** Runs to the end; `journal` gets what happens as it happens. With `json` the events go to standard output as they come. */
export async function watchRun(request: BenchRequest, runner: string, format: 'text' | 'json' | 'github', journal: RunJournal | null = null): Promise<WatchedRun> {
  const recorded: string[] = [];
  const terminal = process.stderr.isTTY === true;
  let shown = 0;
  let waiting: string | null = null;
  const draw = (state: RunState): void => {
    const text = session.pauseAsked && !state.progress?.paused ? `pausing after this run: ${progressSentence(state)}` : progressSentence(state);
    process.stderr.write(`${CLEAR_LINE}[${'='.repeat(Math.round(fractionDone(state) * BAR)).padEnd(BAR)}] ${text}`.slice(0, (process.stderr.columns || 80) + CLEAR_LINE.length));
  };
  const session: BenchSession = new BenchSession(request, createRunnerPort(runner), {
    event: (event, state, line) => {
      recorded.push(line);
      journal?.add(line, state.running.length === 0);
      if (format === 'json') process.stdout.write(`${line}\n`);
      const holds = state.progress?.paused === true || state.progress?.waits_for != null;
      const now = performance.now();
      if (terminal && (now - shown > DRAW_EVERY || (holds && event.type === 'progress'))) {
        shown = now;
        draw(state);
      }
      // Without a terminal nobody would know why nothing happens.
      if (!terminal && event.type === 'progress' && (state.progress?.waits_for ?? null) !== waiting) {
        waiting = state.progress?.waits_for ?? null;
        if (waiting !== null) process.stderr.write(`threadgauge: ${progressSentence(state)}\n`);
      }
      if (event.type === 'progress' && state.progress?.paused === true && suspending) suspend();
    },
    problem: (problem) => process.stderr.write(`threadgauge: ${problem}\n`),
  });

  // Ctrl-Z: what runs is measured to its end, then the run waits and the shell has the terminal; `fg` goes on.
  let suspending = false;
  const suspend = (): void => {
    suspending = false;
    if (terminal) process.stderr.write(`${CLEAR_LINE}threadgauge: ${progressSentence(session.state)}; \`fg\` goes on\n`);
    process.kill(process.pid, 'SIGSTOP');
  };
  const suspendSoon = (): void => {
    // A second Ctrl-Z does not wait.
    if (suspending || session.state.progress?.paused === true) return suspend();
    suspending = true;
    session.pause();
    if (terminal) draw(session.state);
  };
  const goOn = (): void => {
    suspending = false;
    session.resume();
  };
  let interrupts = 0;
  const interrupt = (): void => {
    if (++interrupts === 1) session.cancel();
    else session.abort();
  };
  const abort = (): void => session.abort();
  const signals: readonly (readonly [NodeJS.Signals, () => void])[] = [
    ...(['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((signal) => [signal, interrupt] as const),
    ...(process.platform === 'win32' ? [] : ([['SIGTSTP', suspendSoon], ['SIGCONT', goOn]] as const)),
  ];
  for (const [signal, action] of signals) process.on(signal, action);
  process.on('exit', abort);
  try {
    const state = await session.done;
    if (terminal) process.stderr.write(CLEAR_LINE);
    return { state, recorded };
  } finally {
    for (const [signal, action] of signals) process.off(signal, action);
    process.off('exit', abort);
  }
}
