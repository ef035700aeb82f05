/** The built server over real standard input and output, and what it leaves behind when its client goes. */
import { strict as assert } from 'node:assert';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { createMessageConnection, type Diagnostic, type MessageConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-languageserver/node';
import { SERVER_COMMANDS } from '../../server/src/bench/messages.ts';
import { findRunner } from '../../server/src/host/node/findRunner.ts';
import { EDITOR, until } from './testClient.ts';

const root = path.resolve(import.meta.dirname, '../..');
const bundle = path.join(root, 'dist/server.js');

describe('built server over stdio', function () {
  this.timeout(60_000);
  let folder: string;
  let child: ChildProcess;
  let connection: MessageConnection;
  let closed: Promise<number | null>;

  before(function () {
    // `npm run build` makes it.
    if (!existsSync(bundle)) this.skip();
  });
  beforeEach(async () => {
    folder = mkdtempSync(path.join(realpathSync(tmpdir()), 'threadgauge-stdio-'));
    mkdirSync(path.join(folder, '.vscode'));
    writeFileSync(path.join(folder, 'late.py'), 'import os\nimport torch\nos.environ["OMP_NUM_THREADS"] = "4"\n\n\ndef main():\n    print(torch.ones(2) @ torch.ones(2))\n\n\nif __name__ == "__main__":\n    main()\n');
    writeFileSync(path.join(folder, 'forever.py'), 'import os, subprocess, time\nopen(f"pid{os.getpid()}", "w").close()\nopen(f"pid{subprocess.Popen([\'sleep\', \'600\']).pid}", "w").close()\ntime.sleep(600)\n');
    writeFileSync(path.join(folder, '.vscode/launch.json'), '{ "configurations": [{ "name": "forever", "type": "debugpy", "request": "launch", "program": "${workspaceFolder}/forever.py" }] }\n');
    const runner = findRunner(undefined);
    child = spawn(process.execPath, [bundle, '--stdio'], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...('path' in runner ? { THREADGAUGE_RUNNER: runner.path } : {}) } });
    closed = new Promise((resolve) => child.on('exit', resolve));
    assert.ok(child.stdout && child.stdin);
    connection = createMessageConnection(new StreamMessageReader(child.stdout), new StreamMessageWriter(child.stdin));
    connection.onRequest(() => null);
    connection.listen();
    await connection.sendRequest('initialize', { processId: process.pid, rootUri: null, capabilities: EDITOR, workspaceFolders: [{ uri: pathToFileURL(folder).href, name: 'w' }], initializationOptions: {} });
    void connection.sendNotification('initialized', {});
  });
  afterEach(() => {
    connection.dispose();
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  it('analyses, and leaves with code 0 after shutdown and exit', async () => {
    const uri = pathToFileURL(path.join(folder, 'late.py')).href;
    void connection.sendNotification('textDocument/didOpen', { textDocument: { uri, languageId: 'python', version: 1, text: readFileSync(path.join(folder, 'late.py'), 'utf8') } });
    const { items } = await connection.sendRequest<{ items: Diagnostic[] }>('textDocument/diagnostic', { textDocument: { uri } });
    assert.ok(items.some(({ code }) => code === 'env-set-after-import'));
    await connection.sendRequest('shutdown');
    void connection.sendNotification('exit');
    assert.equal(await closed, 0);
  });

  for (const how of ['closes its pipes', 'kills the server', 'asks it to shut down'] as const) {
    it(`leaves no process of a benchmark when the client ${how}`, async function () {
      if ('problem' in findRunner(undefined)) this.skip();
      const uri = pathToFileURL(path.join(folder, '.vscode/launch.json')).href;
      connection.sendRequest('workspace/executeCommand', { command: SERVER_COMMANDS.bench, arguments: [{ uri, launchId: 'forever' }] }).catch(() => {});
      const pids = (): number[] => readdirSync(folder).flatMap((name) => (/^pid\d+$/.test(name) ? [Number(name.slice(3))] : []));
      await until(() => pids().length >= 2, 'the workload', 30_000);
      if (how === 'kills the server') child.kill('SIGKILL');
      else if (how === 'closes its pipes') child.stdin?.end();
      else {
        await connection.sendRequest('shutdown');
        void connection.sendNotification('exit');
      }
      await closed;
      await until(() => pids().every((pid) => !alive(pid)), 'the end of every process');
    });
  }
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
