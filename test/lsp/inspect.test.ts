/** Real processes through the language server and the command line: the list, one beside its plan, and what cannot be looked at. */
import { strict as assert } from 'node:assert';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { InspectReply, ProcessesReply } from '../../server/src/bench/messages.ts';
import { METHODS } from '../../server/src/bench/messages.ts';
import type { Inspection } from '../../server/src/bench/protocol.generated.ts';
import { findRunner } from '../../server/src/host/node/findRunner.ts';
import { startClient, type TestClient } from './testClient.ts';

const root = path.resolve(import.meta.dirname, '../..');

describe('running processes', function () {
  this.timeout(60_000);
  let folder: string;
  let program: ChildProcess;
  let client: TestClient | undefined;

  before(function () {
    if (process.platform !== 'linux' || 'problem' in findRunner(undefined)) this.skip();
  });
  beforeEach(async () => {
    folder = mkdtempSync(path.join(realpathSync(tmpdir()), 'threadgauge-inspect-'));
    writeFileSync(path.join(folder, 'serve.mjs'), "console.log('ready');\nsetInterval(() => {}, 1000);\n");
    writeFileSync(path.join(folder, 'run.sh'), 'UV_THREADPOOL_SIZE=8 node serve.mjs --port 80\n');
    program = spawn(process.execPath, ['serve.mjs', '--port', '80'], { cwd: folder, env: { PATH: process.env['PATH'], UV_THREADPOOL_SIZE: '6', SECRET_TOKEN: 'x' }, stdio: ['ignore', 'pipe', 'ignore'] });
    await new Promise((resolve) => program.stdout?.once('data', resolve));
  });
  afterEach(async () => {
    await client?.stop();
    client = undefined;
    program.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  let onOutput = (): void => {};
  const cli = (...args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> =>
    new Promise((resolve) => {
      const child = spawn(process.execPath, [path.join(root, 'server/src/cli/main.ts'), ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
      let out = '';
      let err = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        out += text;
        onOutput();
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
      child.on('close', (code) => resolve({ code, out, err }));
    });

  it('are listed and shown to the editor', async () => {
    client = await startClient(folder);
    const { processes, problem } = await client.connection.sendRequest<ProcessesReply>(METHODS.processes);
    assert.equal(problem, null);
    assert.deepEqual(processes.find(({ pid }) => pid === program.pid)?.command.slice(1), ['serve.mjs', '--port', '80']);
    const { text, inspection } = await client.connection.sendRequest<InspectReply>(METHODS.inspect, { pid: program.pid, seconds: 0.2 });
    assert.deepEqual(inspection?.processes[0]?.environment, { UV_THREADPOOL_SIZE: '6' });
    assert.match(text, /^process \d+ {2}\S*node serve\.mjs --port 80\n/);
    assert.match(text, /launch: .* \(run\.sh:1:\d+\)/);
    assert.match(text, /- The launch sets UV_THREADPOOL_SIZE=8, and the process was started with UV_THREADPOOL_SIZE=6\./);
    const gone = await client.connection.sendRequest<InspectReply>(METHODS.inspect, { pid: 4_000_000 });
    assert.deepEqual(gone, { text: 'There is no process 4000000.\n', inspection: null });
    await assert.rejects(client.connection.sendRequest(METHODS.inspect, { pid: 'abc' }), /needs \{pid\}/);
  });

  it('are shown at the terminal', async () => {
    const text = await cli('inspect', String(program.pid), '--seconds', '0.2');
    assert.equal(text.code, 0, text.err);
    assert.match(text.out, /started with UV_THREADPOOL_SIZE=6/);
    assert.ok(!text.out.includes('SECRET'));
    const json = await cli('inspect', String(program.pid), '--seconds', '0.2', '--format', 'json');
    const told = JSON.parse(json.out) as Inspection & { plans: readonly { of: string }[]; differences: readonly string[] };
    assert.equal(told.processes[0]?.pid, program.pid);
    assert.deepEqual(told.plans.map(({ of }) => of), ['launch', 'command']);
    assert.match(told.differences[0] ?? '', /UV_THREADPOOL_SIZE/);
    assert.equal(program.exitCode, null, 'nothing happened to the process');
  });

  it('are watched until they end', async () => {
    let looked = 0;
    onOutput = () => void (++looked === 2 && program.kill());
    const { code, out, err } = await cli('inspect', String(program.pid), '--seconds', '0.2', '--watch', '--format', 'json');
    onOutput = () => {};
    assert.equal(code, 0, err);
    const looks = out.trim().split('\n').map((line) => JSON.parse(line) as Inspection);
    assert.ok(looks.length >= 2, out);
  });

  it('that cannot be looked at give one clear line', async () => {
    const missing = await cli('inspect', '4000000');
    assert.deepEqual([missing.code, missing.err], [2, 'threadgauge: There is no process 4000000.\n']);
    const wrong = await cli('inspect', 'abc');
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /Give the id of a process/);
  });
});
