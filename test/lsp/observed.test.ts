/** What a benchmark saw of a launch, as diagnostics on it: there, gone when the launch changes, gone when cleared. */
import { strict as assert } from 'node:assert';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type CodeAction, type Diagnostic, DiagnosticSeverity } from 'vscode-languageserver';
import type { BenchReply } from '../../server/src/bench/messages.ts';
import { SERVER_COMMANDS } from '../../server/src/bench/messages.ts';
import { startClient, type TestClient, until } from './testClient.ts';

const MACHINE = { os: 'linux', arch: 'x86_64', sockets: 1, physicalCores: 2, logicalCores: 2, numaNodes: 1, cpuQuota: 1, affinity: null, siblings: null, nodes: null, coreKinds: null, model: 'Some CPU' };
const LAUNCH = (threads: number): string => `{ "configurations": [\n  { "name": "work", "type": "debugpy", "request": "launch", "program": "\${workspaceFolder}/work.py", "env": { "OMP_NUM_THREADS": "${threads}" } }\n] }\n`;

/** A runner that tells of a run in which the quota stopped the program. */
const RUNNER = `#!${process.execPath}
const say = (type, data) => process.stdout.write(JSON.stringify({ v: 1, type, data }) + '\\n');
const machine = ${JSON.stringify(MACHINE)};
if (process.argv[2] === 'machine') {
  process.stdout.write(JSON.stringify(machine));
} else {
  say('hello', { protocol: 1, version: '0', pid: process.pid, machine, missing: [] });
  process.stdin.once('data', (line) => {
    const { arms, current } = JSON.parse(line).data;
    say('plan', { arms, current, mode: 'search', max_trials: 9, seed: 1, command: ['x'], region: 'process' });
    say('observed', { arm: current, runtimes: [], pools: [], peak_threads: 2, processes: 1, intra_op: 2, runs: 4, throttled_periods: [14, 19] });
    say('finished', { cancelled: false, elapsed_s: 1, counted_trials: 4 });
    process.exit(0);
  });
}
`;

describe('findings of a benchmark in the editor', function () {
  this.timeout(60_000);
  let folder: string;
  let client: TestClient;

  beforeEach(function () {
    if (process.platform === 'win32') this.skip();
    folder = path.join(mkdtempSync(path.join(realpathSync(tmpdir()), 'threadgauge-observed-')), 'w');
    mkdirSync(path.join(folder, '.vscode'), { recursive: true });
    writeFileSync(path.join(folder, 'work.py'), 'print(1)\n');
    writeFileSync(path.join(folder, '.vscode/launch.json'), LAUNCH(2));
    writeFileSync(path.join(folder, '../runner'), RUNNER);
    chmodSync(path.join(folder, '../runner'), 0o755);
  });
  afterEach(async () => {
    await client?.stop();
    rmSync(path.dirname(folder), { recursive: true });
  });

  const command = (name: string, argument?: object): Promise<unknown> => client.connection.sendRequest('workspace/executeCommand', { command: name, arguments: argument ? [argument] : [] });
  const measured = async (uri: string): Promise<readonly Diagnostic[]> => ((await client.diagnostics(uri)).items ?? []).filter(({ code }) => String(code).startsWith('measured-'));

  it('are shown on the launch until it changes or they are cleared', async () => {
    client = await startClient(folder, { runnerPath: path.join(folder, '../runner') });
    const uri = client.open(path.join(folder, '.vscode/launch.json'));
    assert.deepEqual(await measured(uri), []);
    const ref = { uri: pathToFileURL(path.join(folder, '.vscode/launch.json')).href, launchId: 'work' };
    const refreshes = client.refreshes;
    const reply = (await command(SERVER_COMMANDS.bench, ref)) as BenchReply;
    assert.equal(reply.outcome, 'finished', reply.message);
    await until(() => client.refreshes > refreshes, 'the editor is told');
    const [found, ...more] = await measured(uri);
    assert.equal(more.length, 0);
    assert.equal(found?.code, 'measured-quota-unseen');
    assert.equal(found?.range.start.line, 1);
    assert.match(found?.codeDescription?.href ?? '', /docs\/measured\.md#measured-quota-unseen$/);
    assert.match(String(found?.message), /14 of 19 periods \(74 %\).* Measured in 4 runs of .* on Some CPU, 2 CPUs\./);

    void client.connection.sendNotification('textDocument/didChange', { textDocument: { uri, version: 2 }, contentChanges: [{ text: LAUNCH(1) }] });
    assert.deepEqual(await measured(uri), [], 'what was measured is no longer what the launch says');
    void client.connection.sendNotification('textDocument/didChange', { textDocument: { uri, version: 3 }, contentChanges: [{ text: `\n${LAUNCH(2)}` }] });
    assert.equal((await measured(uri))[0]?.range.start.line, 2, 'it follows the text');
    await command(SERVER_COMMANDS.clearMeasurements);
    assert.deepEqual(await measured(uri), []);
  });

  it('obey levels and comments, and a comment for one of them is not called unknown or unused', async () => {
    client = await startClient(folder, { runnerPath: path.join(folder, '../runner') });
    const config = path.join(folder, '.threadgauge.json');
    writeFileSync(config, '{ "rules": { "measured-quota-unseen": "warning" } }\n');
    const configUri = client.open(config);
    const uri = client.open(path.join(folder, '.vscode/launch.json'));
    const reply = (await command(SERVER_COMMANDS.bench, { uri: pathToFileURL(path.join(folder, '.vscode/launch.json')).href, launchId: 'work' })) as BenchReply;
    assert.equal(reply.outcome, 'finished', reply.message);
    const [found] = await measured(uri);
    assert.equal(found?.severity, DiagnosticSeverity.Warning);
    assert.deepEqual((await client.diagnostics(configUri)).items ?? [], [], 'the kind is known');

    const actions = (await client.connection.sendRequest('textDocument/codeAction', { textDocument: { uri }, range: found?.range, context: { diagnostics: [found] } })) as readonly CodeAction[];
    const ignore = actions.find(({ title }) => title === 'Ignore measured-quota-unseen here');
    const [change] = ignore?.edit?.documentChanges ?? [];
    const edit = change && 'edits' in change ? change.edits[0] : undefined;
    assert.ok(edit && 'newText' in edit, JSON.stringify(actions));
    assert.equal(edit.newText.trim(), '// threadgauge: ignore[measured-quota-unseen]');
    const text = LAUNCH(2).split('\n');
    text.splice(edit.range.start.line, 0, edit.newText.trimEnd());
    void client.connection.sendNotification('textDocument/didChange', { textDocument: { uri, version: 2 }, contentChanges: [{ text: text.join('\n') }] });
    const codes = async (): Promise<readonly unknown[]> => ((await client.diagnostics(uri)).items ?? []).map(({ code }) => code);
    assert.deepEqual(await codes(), []);
    void client.connection.sendNotification('textDocument/didChange', { textDocument: { uri, version: 3 }, contentChanges: [{ text: text.join('\n').replace('[measured-quota-unseen]', '[measured-spinning]') }] });
    assert.deepEqual(await codes(), ['measured-quota-unseen'], 'another kind silences nothing, and whether it will is not known');
    void client.connection.sendNotification('textDocument/didChange', { textDocument: { uri: configUri, version: 2 }, contentChanges: [{ text: '{ "rules": { "measured-quota-unseen": "off" } }\n' }] });
    assert.deepEqual(await codes(), []);
  });
});
