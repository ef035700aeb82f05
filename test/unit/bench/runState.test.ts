/** The run as a fold over events: decoding, reducing, and what the views make of it. Streams come from the real runner. */
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { alignTable, armTable, closingSentence, doubtSentence, linesText, progressSentence, ratioSentence } from '../../../server/src/bench/benchText.ts';
import { decodeRecording, EventDecoder } from '../../../server/src/bench/decode.ts';
import type { BenchRequest, Envelope } from '../../../server/src/bench/protocol.generated.ts';
import { countText, durationText, intervalText, percentText, ratioText } from '../../../server/src/bench/quantities.ts';
import { fractionDone, initialRunState, liveProcessGroups, reduce, type RunState } from '../../../server/src/bench/runState.ts';
import { BenchSession, type RunnerExit, type RunnerPort } from '../../../server/src/bench/session.ts';
import { measuredFiles, measuredGain, verdictLabel } from '../../../server/src/bench/toMeasured.ts';
import { findRunner } from '../../../server/src/host/node/findRunner.ts';
import { createRunnerPort } from '../../../server/src/host/node/runnerProcess.ts';

const root = path.resolve(import.meta.dirname, '../../..');

function request(seconds: Record<string, number>, extra: Partial<BenchRequest> = {}): BenchRequest {
  const arms = Object.keys(seconds).map((n) => ({ label: `OMP_NUM_THREADS=${n}`, threads: Number(n), env: { OMP_NUM_THREADS: n }, torch_num_threads: null, reason: 'test' }));
  return { workload: { argv: ['x'], cwd: '/', env: {}, python: null, simulated: { seconds_by_threads: seconds, noise: 0.01, outliers: 0, drift: 0, real_seconds: 0 } }, arms, current: 0, mode: 'search', seed: 7, ...extra };
}

function envelope(type: string, data: object): Envelope {
  return { v: 1, type, data } as unknown as Envelope;
}

const STARTED = { trial: 3, arm: 0, phase: 'race', block: 0, pid: 10, process_group: 10 };
const FINISHED = { trial: 3, arm: 0, phase: 'race', status: 'ok', wall_ns: 1, cpu_ns: 1, peak_threads: 1 };
const PLAN = { arms: [{ label: 'a', threads: 1, env: {}, reason: '' }, { label: 'b', threads: 2, env: {}, reason: '' }], current: 0, mode: 'search', max_trials: 9, seed: 1, command: ['x'], region: 'process' };

describe('event decoder', () => {
  const decode = (pieces: readonly string[]): { types: string[]; problems: string[] } => {
    const types: string[] = [];
    const problems: string[] = [];
    const decoder = new EventDecoder((event) => types.push(event.type), (problem) => problems.push(problem));
    for (const piece of pieces) decoder.push(piece);
    decoder.end();
    return { types, problems };
  };
  const line = JSON.stringify(envelope('trial_started', STARTED));

  it('joins events from any pieces', () => {
    for (let cut = 0; cut <= line.length; cut += 11) assert.deepEqual(decode([line.slice(0, cut), `${line.slice(cut)}\n${line}`]).types, ['trial_started', 'trial_started']);
  });

  it('skips types of a later version and reports what is no event', () => {
    const { types, problems } = decode([`${JSON.stringify(envelope('from_the_future', {}))}\nnot json\n{"v":1}\n\n[1]\n${line}\n`]);
    assert.deepEqual(types, ['trial_started']);
    assert.equal(problems.length, 3);
  });

  it('gives up on a line that never ends, not on the stream', () => {
    const { types, problems } = decode(['x'.repeat(20 * 1024 * 1024), 'x'.repeat(20 * 1024 * 1024), `x\n${line}\n`]);
    assert.deepEqual(types, ['trial_started']);
    assert.equal(problems.length, 1);
  });

  it('names the line of a file that is no recording', () => {
    assert.throws(() => decodeRecording('hello\n'), /not a recording/);
  });
});

describe('run state', () => {
  it('is a pure fold: trials, samples, doubts replaced by later ones, nothing after the end', () => {
    const events = [envelope('plan', PLAN), envelope('trial_started', STARTED), envelope('sample', { trial: 3, at_ns: 1, threads: 4, runnable: 2, cpu_ns: 1 })];
    const running = events.reduce(reduce, initialRunState());
    assert.deepEqual(liveProcessGroups(running), [10]);
    assert.equal(running.running[0]?.sample?.threads, 4);
    assert.equal(running.arms[0]?.current, true);
    const frozen = JSON.stringify(running);
    const ended = [envelope('trial_finished', FINISHED), envelope('doubt', { kind: 'noisy', arm: 0, spread: 0.1 }), envelope('doubt', { kind: 'noisy', arm: 0, spread: 0.2 }), envelope('doubt', { kind: 'noisy', arm: 1, spread: 0.3 }), envelope('progress', { phase: 'race', done: 3, expected: 12, remaining_s: 4, best: 1 })].reduce(reduce, running);
    assert.equal(JSON.stringify(running), frozen);
    assert.deepEqual(liveProcessGroups(ended), []);
    assert.deepEqual(ended.doubts.map((doubt) => ('spread' in doubt ? doubt.spread : null)), [0.2, 0.3]);
    assert.equal(fractionDone(ended), 0.25);
    assert.match(progressSentence(ended), /run 4 of 12, best so far b, about 4 s left/);
    const saying = (progress: object): string => progressSentence(reduce(ended, envelope('progress', { phase: 'race', done: 3, expected: 12, remaining_s: 4, ...progress })));
    assert.equal(saying({ best: 1, best_ratio: 1.42, remaining_s: 250 }), 'run 4 of 12, best so far b (perhaps 1.4x as fast as today), about 4 min left');
    assert.equal(saying({ best: 1, best_ratio: 1.01 }), 'run 4 of 12, best so far b, about 4 s left');
    assert.equal(saying({ best: 0, best_ratio: 1 }), 'run 4 of 12, best so far a (in force today), about 4 s left');
    assert.equal(saying({ best: 1, best_ratio: 2, paused: true }), 'paused after 3 of 12 runs, best so far b (perhaps 2.0x as fast as today)');
    assert.equal(progressSentence(reduce({ ...initialRunState(), status: 'running' }, envelope('progress', { phase: 'warmup', done: 0, expected: 0, remaining_s: 0 }))), 'warming up', 'the wait is over and the counts are not there yet');
    assert.equal(progressSentence(reduce(initialRunState(), envelope('progress', { phase: 'warmup', done: 0, expected: 0, remaining_s: 0, waits_for: 'another benchmark (pid 7: serve.py)' }))), 'waits for another benchmark (pid 7: serve.py) to end, because two at once would measure each other');
    const finished = reduce(ended, envelope('finished', { cancelled: true, elapsed_s: 1, counted_trials: 1 }));
    assert.equal(finished.status, 'cancelled');
    assert.equal(reduce(finished, envelope('failed', { code: 'internal', message: '', hint: '' })), finished);
  });

  it('keeps the settings known when the plan is announced again with more of them', () => {
    const summary = { arm: 0, runs: 1, scores_ns: [5], median_ns: 5, mean_ns: 5, mad_ns: 0, min_ns: 5, max_ns: 5, peak_threads: 1, dropped: false, failures: 0 };
    const state = [envelope('plan', PLAN), envelope('arm_summary', summary), envelope('plan', { ...PLAN, arms: [...PLAN.arms, { label: 'c', threads: 3, env: {}, reason: '' }] })].reduce(reduce, initialRunState());
    assert.equal(state.arms.length, 3);
    assert.equal(state.arms[0]?.summary?.median_ns, 5);
  });

  it('tells lines that wait, lines of several processes, and lines that more threads slow down', () => {
    const file = (wall: number, more: object = {}): object => ({ path: '/w/a.py', sha256: 'h', lines: [{ line: 3, hits: 100, wall_ns: wall, cpu_ns: null, first_ns: 9, passes_ns: [wall * 0.99, wall * 1.01], ...more }] });
    const lines = (arm: number, trials: number, files: readonly object[], overhead: number | null): Envelope => envelope('lines', { arm, trials, files, overhead });
    const about = { awaited_ns: 1.5e9, processes: 4, threads: 3 };
    const state = [envelope('plan', PLAN), lines(0, 2, [file(2e9, about)], 0.004), lines(1, 2, [file(6e9)], null)].reduce(reduce, initialRunState());
    const [line] = measuredFiles(state)[0]?.lines ?? [];
    assert.equal(line?.label, '2.00 s · 100x · in 4 processes · 3 threads · 75 % in await · best at 1 thread: 20.0 ms; 3.0 times slower at 2');
    assert.equal(line?.scaling, 'best at 1 thread: 20.0 ms; 3.0 times slower at 2');
    assert.match(line?.hover ?? '', /\| in await \|\n[\s\S]*\| 1\.50 s \|\n[\s\S]*fastest at 1 thread: 20\.0 ms each time\. It is 3\.0 times slower at 2 \(99 % interval 2\.\d-3\.\d\)\./);
    const small = { line: 5, hits: 1, wall_ns: 10e6, cpu_ns: null, first_ns: 9, passes_ns: [9.9e6, 10.1e6] };
    const both = (wall: number, smallWall: number): object => ({ path: '/w/a.py', sha256: 'h', lines: [...(file(wall) as { lines: object[] }).lines, { ...small, wall_ns: smallWall }] });
    const setUp = [envelope('plan', PLAN), lines(0, 2, [both(2e9, 10e6)], null), lines(1, 2, [both(6e9, 50e6)], null)].reduce(reduce, initialRunState());
    assert.deepEqual(measuredFiles(setUp)[0]?.lines.map((one) => one.scaling !== undefined), [true, false], 'a line of less than 1 % is set-up');
    const text = linesText(state, (place) => place, () => 'x = f(y)');
    assert.match(text, /^line 3: best at 1 thread: 20\.0 ms; 3\.0 times slower at 2$/m);
    assert.match(text, /^Run time with timed lines, compared with runs without: \+0\.4 % with a, not known with b\. Not known: /m);
  });

  it('turns lines into labels with the setting in force first', () => {
    const file = (wall: number): object => ({ path: '/w/a.py', sha256: 'h', lines: [{ line: 3, hits: 2000, wall_ns: wall, cpu_ns: wall * 1.5, thread_cpu_ns: wall, runnable: 2, run_delay_per_s: 0.4, first_ns: 9 }, { line: 9, hits: 1, wall_ns: 10, cpu_ns: null, first_ns: 10 }] });
    const state = [envelope('plan', { ...PLAN, current: 1 }), envelope('lines', { arm: 0, trials: 1, files: [file(4e9)] }), envelope('lines', { arm: 1, trials: 1, files: [file(2e9)] })].reduce(reduce, initialRunState());
    const [measured] = measuredFiles(state);
    assert.equal(measured?.lines.length, 1, 'a line of 10 ns carries no label');
    assert.equal(measured?.lines[0]?.line, 2);
    assert.equal(measured?.lines[0]?.share, 1);
    assert.equal(measured?.lines[0]?.label, '2.00 s · 2,000x · 1.5 CPUs busy, 2.0 useful · 0.4 waiting');
    assert.match(measured?.lines[0]?.hover ?? '', /\| b \(in force\) \| 2\.00 s .*\| 2\.0x \|/);
  });
});

describe('table of settings', () => {
  it('says what stopped runs are worth', () => {
    const summary = { arm: 1, runs: 0, scores_ns: [], median_ns: 0, mean_ns: 0, mad_ns: 0, min_ns: 0, max_ns: 0, busy_cores: null, waiting_threads: null, peak_threads: 4, ratio_to_best: 1.5, ratio_is_lower_bound: true, dropped: true, failures: 0 };
    const measured = { ...summary, arm: 0, runs: 3, scores_ns: [1e9, 1e9, 1.1e9], median_ns: 1e9, mad_ns: 1e7, min_ns: 1e9, max_ns: 1.1e9, ratio_to_best: 1, ratio_is_lower_bound: false, dropped: false };
    const state = [envelope('plan', PLAN), envelope('arm_summary', measured), envelope('arm_summary', summary)].reduce(reduce, initialRunState());
    const [header, first, second] = armTable(state);
    assert.deepEqual(header, ['setting', 'runs', 'median', 'spread', 'min - max', 'time vs best', 'CPUs busy', 'threads', '']);
    assert.deepEqual(first?.slice(1, 6), ['3', '1.00 s', '± 1.0 %', '1.00 s - 1.10 s', '1.00x']);
    assert.deepEqual(second?.slice(1, 7), ['0', '', '', '', '≥ 1.5x', '']);
    assert.match(second?.[8] ?? '', /stopped early, clearly slower/);
  });
});

describe('doubts', () => {
  it('are full sentences that say what follows from them', () => {
    const state = [envelope('plan', PLAN)].reduce(reduce, initialRunState());
    assert.equal(doubtSentence({ kind: 'foreign_load', cpus: 0.02, contaminated: 1 }, state), 'Other programs disturbed 1 run, which was repeated.');
    assert.equal(doubtSentence({ kind: 'foreign_load', cpus: 0.02, contaminated: 3 }, state), 'Other programs disturbed 3 runs, which were repeated.');
    assert.equal(doubtSentence({ kind: 'foreign_load', cpus: 0.4, contaminated: 0 }, state), 'Other programs used 0.4 CPUs on average during the runs.');
    assert.equal(doubtSentence({ kind: 'foreign_load', cpus: 0.4, contaminated: 3 }, state), 'Other programs used 0.4 CPUs on average during the runs, and disturbed 3 runs so much that they were repeated.');
    assert.match(doubtSentence({ kind: 'drift', change: -0.054 }, state), /^Times fell by 5\.4 % over the run: the machine was not steady\. The settings took turns/);
  });
});

describe('numbers', () => {
  it('are written as people read them', () => {
    assert.deepEqual([0, 12, 1500, 640e6, 1.24e9, 99.96e9, 150e9].map(durationText), ['0 ns', '12 ns', '1.50 us', '640 ms', '1.24 s', '100 s', '2.5 min']);
    assert.deepEqual([1.9, 1.03, 12.4, 0.5].map(ratioText), ['1.9x', '1.03x', '12x', '0.5x']);
    assert.equal(intervalText([1.8, 2.04]), '1.8-2.0');
    assert.equal(countText(1234567), '1,234,567');
    assert.equal(percentText(0.004), '0.4 %');
  });
});

describe('session with the real runner', function () {
  this.timeout(60_000);
  const runner = findRunner(undefined);
  before(function () {
    // Built by `npm run build:all`; without it nothing here can be said.
    if ('problem' in runner) this.skip();
  });

  async function run(body: BenchRequest, cancelAfter?: number): Promise<{ state: RunState; lines: string[] }> {
    assert.ok('path' in runner);
    const lines: string[] = [];
    const session = new BenchSession(body, createRunnerPort(runner.path), { event: (_event, _state, line) => lines.push(line) });
    if (cancelAfter !== undefined) setTimeout(() => session.cancel(), cancelAfter);
    return { state: await session.done, lines };
  }

  it('folds a simulated search into a verdict, and the stream fits the schema', async () => {
    const { state, lines } = await run(request({ 1: 1, 2: 0.52, 4: 0.5 }));
    assert.equal(state.status, 'finished');
    assert.equal(state.verdict?.outcome, 'faster');
    const gain = measuredGain(state);
    assert.ok(gain && [2, 3, 4].includes(gain.best.threads ?? 0));
    assert.match(gain.proof, /^(?:1\.9|2\.0)x faster, measured \(95 % CI \S+-\S+, \d+ runs\)$/);
    assert.match(verdictLabel(state) ?? '', /^best \d threads: /);
    assert.match(alignTable(armTable(state)), /OMP_NUM_THREADS=1 .*in force/);
    assert.match(ratioSentence(state) ?? '', /pairs$/);
    assert.ok(closingSentence(state).length > 20);
    // The schema says the same of every line as the types do.
    const schema = JSON.parse(readFileSync(path.join(root, 'native/schema/protocol.schema.json'), 'utf8')) as { definitions?: object; $defs?: object };
    const validate = new Ajv({ strict: false, validateFormats: false }).compile({ ...schema, type: undefined, properties: undefined, required: undefined, oneOf: undefined, $ref: schema.$defs ? '#/$defs/Envelope' : '#/definitions/Envelope' });
    for (const line of lines) assert.ok(validate(JSON.parse(line)), `${line}: ${JSON.stringify(validate.errors)}`);
    assert.ok(!validate({ v: 1, type: 'hello', data: {} }), 'the schema refuses what is no event');
    // A replay of the recording is the run.
    assert.deepEqual(decodeRecording(lines.join('\n')).reduce(reduce, initialRunState()), state);
    for (const doubt of state.doubts) assert.match(doubtSentence(doubt, state), /\.$/);
  });

  it('divides no setting by itself: where the one in force stays, the verdict names its rival', () => {
    const verdict = (best: number): RunState => ({ ...initialRunState(), verdict: { outcome: 'current_is_best', best, current: 0, speedup: 0.99, interval: [0.96, 1.01], pairs: 32, tied: [], sentence: '' } });
    assert.equal(ratioSentence(verdict(0)), null);
    assert.match(ratioSentence(verdict(1)) ?? '', /^current \/ best = 0\.99x, 95 % CI 0\.96-1\.01, 32 pairs$/);
  });

  it('cancels, and keeps what was measured', async () => {
    const body = request({ 1: 0.1, 2: 0.1 });
    const { state } = await run({ ...body, workload: { ...body.workload, simulated: { ...(body.workload.simulated ?? { seconds_by_threads: {}, noise: 0, outliers: 0, drift: 0 }), real_seconds: 0.1 } } }, 700);
    assert.equal(state.status, 'cancelled');
    assert.ok(state.trials.length > 0);
  });

  it('reports a request the runner refuses', async () => {
    const { state } = await run({ ...request({ 1: 1, 2: 1 }), current: 9 });
    assert.equal(state.failed?.code, 'bad_request');
  });
});

describe('session when the runner dies', () => {
  /** A port whose runner the test plays itself. */
  function played(): { port: RunnerPort; say: (event: Envelope) => void; exit: (exit: Partial<RunnerExit>) => void; killed: number[]; log: string[] } {
    let handlers: Parameters<RunnerPort['start']>[0] | undefined;
    const killed: number[] = [];
    const log: string[] = [];
    const port: RunnerPort = {
      start: (given) => {
        handlers = given;
        return { send: (line) => void log.push((JSON.parse(line) as { type: string }).type), closeInput: () => void log.push('close'), kill: () => void log.push('kill') };
      },
      killGroup: (group) => void killed.push(group),
      after: (milliseconds, action) => {
        const timer = setTimeout(action, milliseconds / 100);
        return () => clearTimeout(timer);
      },
    };
    return { port, say: (event) => handlers?.output(`${JSON.stringify(event)}\n`), exit: (exit) => handlers?.exited({ code: null, signal: null, stderrTail: '', startError: null, ...exit }), killed, log };
  }

  it('kills the groups it was told of, keeps the results, and says what happened', async () => {
    const { port, say, exit, killed } = played();
    const session = new BenchSession(request({ 1: 1, 2: 1 }), port, { event: () => {} });
    say(envelope('plan', PLAN));
    say(envelope('trial_finished', { ...FINISHED, trial: 1 }));
    say(envelope('trial_started', STARTED));
    exit({ signal: 'SIGSEGV', stderrTail: 'thread main panicked' });
    const state = await session.done;
    assert.deepEqual(killed, [10]);
    assert.equal(state.trials.length, 1);
    assert.match(state.failed?.message ?? '', /SIGSEGV.*kept \(1 trial/);
    assert.match(state.failed?.hint ?? '', /panicked/);
  });

  it('says that it could not start', async () => {
    const { port, exit } = played();
    const session = new BenchSession(request({ 1: 1, 2: 1 }), port, { event: () => {} });
    exit({ startError: 'spawn ENOENT' });
    assert.equal((await session.done).failed?.code, 'cannot_start');
  });

  it('asks, then closes the input, then kills a runner that does not listen', async () => {
    const { port, say, exit, killed, log } = played();
    const session = new BenchSession(request({ 1: 1, 2: 1 }), port, { event: () => {} });
    say(envelope('plan', PLAN));
    say(envelope('trial_started', STARTED));
    session.cancel();
    session.cancel();
    await new Promise((resolve) => setTimeout(resolve, 250));
    assert.deepEqual(log, ['start', 'cancel', 'close', 'kill']);
    exit({ signal: 'SIGKILL' });
    assert.equal((await session.done).status, 'cancelled');
    assert.ok(killed.includes(10));
  });

  it('asks once for a pause and once for its end, and for neither after a cancel', () => {
    const { port, log } = played();
    const session = new BenchSession(request({ 1: 1, 2: 1 }), port, { event: () => {} });
    session.resume();
    session.pause();
    session.pause();
    assert.equal(session.pauseAsked, true);
    session.resume();
    assert.equal(session.pauseAsked, false);
    session.cancel();
    session.pause();
    assert.deepEqual(log, ['start', 'pause', 'resume', 'cancel']);
  });

  it('survives a program that is no runner', async () => {
    const session = new BenchSession(request({ 1: 1, 2: 1 }), createRunnerPort('/bin/cat'), { event: () => {} });
    const state = await session.done;
    assert.ok(state.failed);
    const absent = new BenchSession(request({ 1: 1, 2: 1 }), createRunnerPort('/nonexistent/runner'), { event: () => {} });
    assert.equal((await absent.done).failed?.code, 'cannot_start');
  });
});
