/** Benchmarks through the language server: the real runner on a small Python program. */
import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { CancellationTokenSource, type CodeAction, type CodeLens, type InlayHint, WorkDoneProgress } from 'vscode-languageserver';
import { decodeRecording } from '../../server/src/bench/decode.ts';
import type { BenchEventParams, BenchPreview, BenchReply, ComparisonReply, LaunchInfo, MeasuredParams, RecordingReply, RecordingsReply } from '../../server/src/bench/messages.ts';
import { METHODS, SERVER_COMMANDS } from '../../server/src/bench/messages.ts';
import type { BenchRequest } from '../../server/src/bench/protocol.generated.ts';
import { initialRunState, reduce } from '../../server/src/bench/runState.ts';
import { findProbeDirectory, findRunner } from '../../server/src/host/node/findRunner.ts';
import { EDITOR, startClient, type TestClient, until } from './testClient.ts';

const PROGRAM = `import os
import time


def work():
    threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    for _ in range(4):
        time.sleep(0.03 / threads)


if __name__ == "__main__":
    work()
`;
const LAUNCH = `{
  // Kept.
  "configurations": [
    { "name": "work", "type": "debugpy", "request": "launch", "program": "\${workspaceFolder}/work.py", "env": { "OMP_NUM_THREADS": "1" } },
    { "name": "forever", "type": "debugpy", "request": "launch", "program": "\${workspaceFolder}/forever.py", "env": { "OMP_NUM_THREADS": "1" } }
  ]
}
`;
const FOREVER = 'import os, subprocess, time\nopen(f"pid{os.getpid()}", "w").close()\nopen(f"pid{subprocess.Popen([\'sleep\', \'600\']).pid}", "w").close()\ntime.sleep(600)\n';

/** The same run on a simulated workload, so that the verdict does not hang on how quiet the machine is. */
function simulated(request: BenchRequest): BenchRequest {
  return { ...request, workload: { ...request.workload, python: null, simulated: { seconds_by_threads: { 1: 1, 4: 0.27 }, noise: 0.01, outliers: 0, drift: 0, real_seconds: 0 } }, lines: { enabled: false, arms: [] } };
}

describe('benchmarks through the language server', function () {
  this.timeout(120_000);
  let folder: string;
  let client: TestClient;

  before(function () {
    // Built by `npm run build:all`.
    if ('problem' in findRunner(undefined)) this.skip();
  });
  beforeEach(() => {
    folder = path.join(mkdtempSync(path.join(realpathSync(tmpdir()), 'threadgauge-lspbench-')), 'w');
    mkdirSync(path.join(folder, '.vscode'), { recursive: true });
    writeFileSync(path.join(folder, 'work.py'), PROGRAM);
    writeFileSync(path.join(folder, 'forever.py'), FOREVER);
    writeFileSync(path.join(folder, '.vscode/launch.json'), LAUNCH);
  });
  afterEach(async () => {
    await client?.stop();
    rmSync(path.dirname(folder), { recursive: true });
  });

  const ref = (launchId: string): { uri: string; launchId: string } => ({ uri: pathToFileURL(path.join(folder, '.vscode/launch.json')).href, launchId });
  const bench = (argument: object, token?: string): Promise<BenchReply> => client.connection.sendRequest<BenchReply>('workspace/executeCommand', { command: SERVER_COMMANDS.bench, arguments: [argument], ...(token === undefined ? {} : { workDoneToken: token }) });
  const events = (): BenchEventParams[] => client.notifications.flatMap(({ method, params }) => (method === METHODS.benchEvent ? [params as BenchEventParams] : []));

  it('previews exactly what it would start, and starts nothing', async () => {
    client = await startClient(folder);
    const preview = await client.connection.sendRequest<BenchPreview>(METHODS.benchPreview, ref('work'));
    assert.equal(preview.refusal, null);
    assert.equal(preview.argv.at(-1), path.join(folder, 'work.py'));
    assert.equal(preview.cwd, folder);
    assert.deepEqual(preview.environment, [{ name: 'OMP_NUM_THREADS', value: '1', from: preview.environment[0]?.from }]);
    assert.ok(preview.arms.length >= 2 && preview.arms.filter(({ current }) => current).length === 1);
    assert.ok(preview.estimate.maxTrials > 10);
    assert.deepEqual(events(), []);
  });

  it('previews what people changed: counts, further settings, several instances', async () => {
    writeFileSync(path.join(folder, 'work.py'), `import torch\n${PROGRAM}`);
    client = await startClient(folder);
    const preview = (params: object): Promise<BenchPreview> => client.connection.sendRequest<BenchPreview>(METHODS.benchPreview, { ...ref('work'), ...params });
    const proposed = await preview({});
    const chosen = ({ variations }: BenchPreview): readonly string[] => variations.flatMap((variation) => (variation.chosen ? [variation.label] : []));
    assert.ok(chosen(proposed).includes('OMP_WAIT_POLICY=passive'), chosen(proposed).join(', '));
    const changed = await preview({ threads: [2, 3], variations: ['OMP_WAIT_POLICY=passive'] });
    assert.deepEqual(changed.arms.map(({ threads }) => threads), [1, 2, 3]);
    assert.deepEqual(chosen(changed), ['OMP_WAIT_POLICY=passive']);
    assert.equal(changed.variations.length, proposed.variations.length, 'the others stay on offer');
    assert.deepEqual(chosen(await preview({ variations: [] })), []);
    const without = await preview({ threads: [2, 3], variations: [] });
    assert.ok(changed.estimate.usualTrials > without.estimate.usualTrials, 'the estimate is that of what was chosen');
    if (process.platform === 'linux') {
      const grid = await preview({ mode: 'grid', threads: [1], instances: [1], latencyLimitSeconds: 0.5 });
      assert.equal(grid.refusal, null);
      assert.deepEqual(grid.arms.map(({ instances }) => instances), [1, 1]);
    }
    for (const wrong of [{ mode: 'all' }, { threads: [0] }, { instances: ['2'] }, { variations: [1] }, { vary: ['everything'] }, { latencyLimitSeconds: -1 }, { budgetSeconds: '9' }]) {
      await assert.rejects(preview(wrong), /needs \{uri, launchId\}/, JSON.stringify(wrong));
    }
  });

  it('starts a debug configuration as VS Code would: open file, settings, the chosen Python', async () => {
    const python = path.join(folder, 'chosen-python');
    writeFileSync(python, '#!/bin/sh\n', { mode: 0o755 });
    writeFileSync(
      path.join(folder, '.vscode/launch.json'),
      `{ "configurations": [
        { "name": "open", "type": "debugpy", "request": "launch", "program": "\${file}", "args": "--n 3 'two words'", "env": { "OMP_NUM_THREADS": "1" }, "osx": { "env": { "OMP_NUM_THREADS": "1" } } },
        { "name": "asks", "type": "debugpy", "request": "launch", "program": "work.py", "args": ["\${input:n}"] }
      ] }`,
    );
    client = await startClient(folder);
    const preview = (params: object): Promise<BenchPreview> => client.connection.sendRequest<BenchPreview>(METHODS.benchPreview, params);
    const open = await preview({ ...ref('open'), python, activeFile: pathToFileURL(path.join(folder, 'work.py')).href });
    assert.equal(open.refusal, null);
    assert.deepEqual(open.argv, [python, path.join(folder, 'work.py'), '--n', '3', 'two words']);
    assert.deepEqual(open.interpreter, { path: python, from: "the Python extension's choice" });
    assert.deepEqual(open.environment, [{ name: 'OMP_NUM_THREADS', value: '1', from: 'env of "open"' }]);
    assert.match((await preview(ref('open'))).refusal ?? '', /\$\{file\} stands for the file that is open in the editor/);
    assert.match((await preview(ref('asks'))).refusal ?? '', /\$\{input:n\} is asked for each time/);
  });

  it('measures the selected lines of a file by themselves, and keeps the result apart from that of the launch', async () => {
    client = await startClient(folder, { annotations: 'decorations', bench: { budgetSeconds: 60 } }, EDITOR);
    const uri = client.open(path.join(folder, 'work.py'));
    const region = { uri, lines: { first: 7, last: 7 } };
    const preview = await client.connection.sendRequest<BenchPreview>(METHODS.benchPreview, { ...ref('work'), region });
    assert.equal(preview.refusal, null);
    assert.deepEqual(preview.region, { path: path.join(folder, 'work.py'), first: 8, last: 8, label: 'time.sleep(0.03 / threads)' });
    const reply = await bench({ ...ref('work'), region, threads: [1, 4] });
    assert.equal(reply.outcome, 'finished', reply.message);
    assert.equal(reply.state?.plan?.selection?.unit, 'call');
    const [one] = reply.state?.arms ?? [];
    assert.ok((one?.summary?.median_ns ?? 0) >= 30e6 && (one?.summary?.calls ?? 0) >= 5, JSON.stringify(one));
    if (reply.state?.verdict?.outcome === 'faster') assert.match(reply.message, / times faster per call than /);
    const { refusal } = await client.connection.sendRequest<BenchPreview>(METHODS.benchPreview, { ...ref('work'), mode: 'verify' });
    assert.match(refusal ?? '', /no better setting to verify/);
    const empty = await client.connection.sendRequest<BenchPreview>(METHODS.benchPreview, { ...ref('work'), region: { uri, lines: { first: 2, last: 3 } } });
    assert.equal(empty.refusal, 'There is no statement at lines 3 to 4 of work.py.');
    const named = await client.connection.sendRequest<BenchPreview>(METHODS.benchPreview, { ...ref('work'), region: { uri, function: 'work' } });
    assert.deepEqual([named.refusal, named.region?.label], [null, 'function work']);
  });

  it('measures, relays every event, and offers the winner where it works', async () => {
    const storageDir = path.join(path.dirname(folder), 'recordings');
    client = await startClient(folder, { storageDir, annotations: 'decorations' }, EDITOR, simulated);
    const progress: { kind: string; percentage?: number }[] = [];
    client.connection.onProgress(WorkDoneProgress.type, 'token-1', (value) => void progress.push(value));
    const launch = client.open(path.join(folder, '.vscode/launch.json'));
    const reply = await bench({ ...ref('work'), threads: [1, 4] }, 'token-1');
    assert.equal(reply.outcome, 'finished', reply.message);
    assert.equal(reply.state?.verdict?.outcome, 'faster', reply.message);
    // The view is a fold over what was relayed, and over the recording.
    const state = events().map(({ event }) => event).reduce(reduce, initialRunState());
    assert.deepEqual(state, reply.state);
    assert.ok(reply.recording?.startsWith(storageDir));
    assert.deepEqual(decodeRecording(readFileSync(reply.recording ?? '', 'utf8')).reduce(reduce, initialRunState()), reply.state);
    // Kept runs, as an editor asks for them.
    const listed = await client.connection.sendRequest<RecordingsReply>(METHODS.recordings, {});
    assert.deepEqual(listed.recordings.map(({ label, status, sentence }) => [label, status, sentence]), [['work', 'complete', reply.message]]);
    const id = listed.recordings[0]?.id ?? '';
    const shown = await client.connection.sendRequest<RecordingReply>(METHODS.recording, { id });
    assert.deepEqual([shown.state, shown.about?.launch], [reply.state, ref('work')]);
    assert.ok(shown.about && shown.about.request.workload.env['PATH'] === undefined && shown.about.request.workload.env['OMP_NUM_THREADS'] === '1' && shown.about.interpreter !== null);
    const { markdown } = await client.connection.sendRequest<ComparisonReply>(METHODS.compareRecordings, { first: id, second: id });
    assert.match(markdown, /^\| OMP\\_NUM\\_THREADS=1 \(in force\) \|.*\| 1\.00x \|/m);
    const output = path.join(path.dirname(folder), 'out.json');
    await client.connection.sendRequest(METHODS.exportRecording, { id, format: 'json', output });
    assert.equal((JSON.parse(readFileSync(output, 'utf8')) as { format: string }).format, 'threadgauge-recording');
    await assert.rejects(client.connection.sendRequest(METHODS.exportRecording, { id, format: 'json', output: path.join(output, 'x') }), /was not written/);
    await assert.rejects(client.connection.sendRequest(METHODS.removeRecording, { id: '../work' }), /There is no recording \.\.\/work/);
    assert.deepEqual(readdirSync(folder).filter((name) => name.endsWith('.tmp') || name.endsWith('.ndjson')), []);
    assert.equal(progress[0]?.kind, 'begin');
    assert.equal(progress.at(-1)?.kind, 'end');

    const lenses = await client.connection.sendRequest<CodeLens[]>('textDocument/codeLens', { textDocument: { uri: launch } });
    assert.ok(lenses.some(({ command }) => /^best \d threads: [\d.]+x \(95 % CI/.test(command?.title ?? '')), JSON.stringify(lenses));
    const position = lenses[0]?.range.start ?? { line: 0, character: 0 };
    const actions = await client.connection.sendRequest<CodeAction[]>('textDocument/codeAction', { textDocument: { uri: launch }, range: { start: position, end: position }, context: { diagnostics: [] } });
    const set = actions.find(({ title }) => /^Set OMP_NUM_THREADS=\d: [\d.]+x faster, measured \(95 % CI .*, \d+ runs\)$/.test(title));
    assert.ok(set, JSON.stringify(actions));
    const [change] = set.edit?.documentChanges ?? [];
    assert.ok(change && 'edits' in change);
    assert.match(JSON.stringify(change.edits), /"newText":"\\?"?\d/);
    assert.ok(actions.some(({ command }) => command?.command === 'threadgauge.verifyBenchmark'));

    const verified = await bench({ ...ref('work'), mode: 'verify' });
    assert.equal(verified.outcome, 'finished', verified.message);
    assert.equal(verified.state?.arms.length, 2);
    assert.equal(verified.state?.verdict?.outcome, 'faster', verified.message);
  });

  it('measures a variable that the script writes itself, changes it there, and verifies that', async () => {
    const script = `import os\n\nos.environ['OMP_NUM_THREADS'] = '1'\nos.environ["MKL_NUM_THREADS"] = str(1)\n\nimport torch\n\nprint(torch.ones(9, 9) @ torch.ones(9, 9))\n`;
    writeFileSync(path.join(folder, 'own.py'), script);
    // The run is simulated; all that is asked of PyTorch is that it could be imported.
    const modules = path.join(path.dirname(folder), 'modules');
    mkdirSync(modules);
    writeFileSync(path.join(modules, 'torch.py'), '');
    const inherited = process.env['PYTHONPATH'];
    process.env['PYTHONPATH'] = modules;
    after(() => {
      if (inherited === undefined) delete process.env['PYTHONPATH'];
      else process.env['PYTHONPATH'] = inherited;
    });
    const requests: BenchRequest[] = [];
    client = await startClient(folder, {}, EDITOR, (request) => {
      requests.push(request);
      return simulated(request);
    });
    const uri = client.open(path.join(folder, 'own.py'));
    const reply = await bench({ uri, launchId: '', threads: [1, 4] });
    assert.equal(reply.outcome, 'finished', reply.message);
    assert.match(reply.message, /^(?:OMP|MKL)_NUM_THREADS=4 is [\d.]+ times faster than (?:OMP|MKL)_NUM_THREADS=1 \(set by own\.py\)/);
    const position = { line: 2, character: 3 };
    const actions = await client.connection.sendRequest<CodeAction[]>('textDocument/codeAction', { textDocument: { uri }, range: { start: position, end: position }, context: { diagnostics: [] } });
    const set = actions.find(({ title }) => /^Set (?:OMP|MKL)_NUM_THREADS=\d: [\d.]+x faster, measured/.test(title));
    const [change] = set?.edit?.documentChanges ?? [];
    assert.ok(change && 'edits' in change, JSON.stringify(actions));
    const edits = change.edits as { range: { start: { line: number } }; newText: string }[];
    assert.deepEqual(edits.map(({ range, newText }) => [range.start.line, newText]).sort(), [[2, "'4'"], [3, '"4"']]);
    const verified = await bench({ uri, launchId: '', mode: 'verify' });
    assert.equal(verified.state?.verdict?.outcome, 'faster', verified.message);
    const arms = requests.at(-1)?.arms.map(({ env, pin_env }) => [env['OMP_NUM_THREADS'], env['MKL_NUM_THREADS'], pin_env]);
    assert.deepEqual(arms, [['1', '1', true], ['4', '4', true]]);
  });

  it('shows measured lines as hints in other editors, and moves them with edits', async function () {
    if (findProbeDirectory() === null) this.skip();
    client = await startClient(folder, {});
    const uri = client.open(path.join(folder, 'work.py'));
    const reply = await bench({ ...ref('work'), mode: 'lines' });
    const measured = client.notifications.flatMap(({ method, params }) => (method === METHODS.measured ? [params as MeasuredParams] : [])).at(-1);
    assert.equal(measured?.uri, uri);
    assert.equal(measured?.stale, false);
    assert.match(measured?.lines.find(({ line }) => line === 7)?.label ?? '', /4x/);
    assert.equal(reply.outcome, 'finished', reply.message);
    const hints = (): Promise<InlayHint[]> => client.connection.sendRequest<InlayHint[]>('textDocument/inlayHint', { textDocument: { uri }, range: { start: { line: 0, character: 0 }, end: { line: 50, character: 0 } } });
    const before = await hints();
    const sleeping = before.find(({ position }) => position.line === 7);
    assert.ok(sleeping, JSON.stringify(before));
    assert.equal(sleeping.position.character, '        time.sleep(0.03 / threads)'.length);
    void client.connection.sendNotification('textDocument/didChange', { textDocument: { uri, version: 2 }, contentChanges: [{ range: { start: { line: 2, character: 0 }, end: { line: 2, character: 0 } }, text: '# one more\n' }] });
    assert.ok((await hints()).some(({ position, label }) => position.line === 8 && label === sleeping.label));
    void client.connection.sendNotification('textDocument/didChange', { textDocument: { uri, version: 3 }, contentChanges: [{ range: { start: { line: 8, character: 8 }, end: { line: 8, character: 8 } }, text: 'x = ' }] });
    assert.ok(!(await hints()).some(({ position }) => position.line === 8), 'a touched line loses its numbers');
  });

  it('pauses after the run that measures, says so, and goes on', async () => {
    client = await startClient(folder, { annotations: 'decorations', bench: { lines: false } }, EDITOR, (request) => ({ ...simulated(request), workload: { ...simulated(request).workload, simulated: { seconds_by_threads: { 1: 1, 4: 0.27 }, noise: 0.01, outliers: 0, drift: 0, real_seconds: 0.05 } } }));
    const messages: string[] = [];
    client.connection.onProgress(WorkDoneProgress.type, 'token-3', (value) => void messages.push(('message' in value ? value.message : undefined) ?? ''));
    const order = (command: string): Promise<number> => client.connection.sendRequest<number>('workspace/executeCommand', { command, arguments: [{}] });
    assert.equal(await order(SERVER_COMMANDS.pause), 0);
    const running = bench({ ...ref('work'), threads: [1, 4] }, 'token-3');
    await until(() => events().some(({ event }) => event.type === 'trial_finished'), 'the first run', 30_000);
    assert.equal(await order(SERVER_COMMANDS.pause), 1);
    await until(() => messages.some((message) => message.startsWith('paused after')), 'the pause', 10_000);
    const before = events().length;
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(events().length, before, 'nothing is measured');
    assert.equal(await order(SERVER_COMMANDS.resume), 1);
    assert.equal((await running).outcome, 'finished');
  });

  for (const how of ['request', 'progress', 'command', 'trust'] as const) {
    it(`ends at once when cancelled by ${how}, and leaves no process`, async () => {
      client = await startClient(folder);
      const source = new CancellationTokenSource();
      const running = client.connection.sendRequest<BenchReply>('workspace/executeCommand', { command: SERVER_COMMANDS.bench, arguments: [ref('forever')], workDoneToken: 'token-2' }, source.token);
      const pids = (): number[] => readdirSync(folder).flatMap((name) => (/^pid\d+$/.test(name) ? [Number(name.slice(3))] : []));
      await until(() => pids().length >= 2, 'the workload', 30_000);
      const second = await bench(ref('work'));
      assert.equal(second.outcome, 'refused');
      if (how === 'progress') void client.connection.sendNotification('window/workDoneProgress/cancel', { token: 'token-2' });
      else if (how === 'trust') void client.connection.sendNotification(METHODS.trust, { trusted: false });
      else if (how === 'command') await client.connection.sendRequest('workspace/executeCommand', { command: SERVER_COMMANDS.cancel, arguments: [] });
      else source.cancel();
      const reply = await running;
      assert.equal(reply.outcome, 'cancelled', reply.message);
      await until(() => pids().every((pid) => !alive(pid)), 'the end of every process');
    });
  }

  it('says what is missing instead of starting', async () => {
    client = await startClient(folder, { interpreter: '/nonexistent/python' });
    assert.match((await bench(ref('work'))).message, /nonexistent\/python.*does not exist/);
    await client.stop();
    client = await startClient(folder, { runnerPath: '/nonexistent/runner' });
    const reply = await bench(ref('work'));
    assert.equal(reply.outcome, 'refused');
    assert.match(reply.message, /nonexistent\/runner/);
    const [first] = await client.connection.sendRequest<LaunchInfo[]>(METHODS.launches, {});
    assert.equal(typeof first?.refusal, 'string');
  });
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
