/** How the command starts where V8 would have more helper threads than there are processors. */
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const start = path.resolve(import.meta.dirname, '../../../server/src/cli/start.ts');

describe('start of the command', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'threadgauge-start-'));
    writeFileSync(path.join(folder, 'run.py'), 'import torch\ntorch.set_num_threads(0)\n');
    // Says at the end with which options Node runs, and as which process.
    writeFileSync(path.join(folder, 'tell.cjs'), "process.on('exit', () => process.stderr.write(`OPTIONS ${JSON.stringify(process.execArgv)} ${process.pid}\\n`));\n");
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function run(before: readonly string[], args: readonly string[], environment: NodeJS.ProcessEnv = {}): { readonly status: number | null; readonly pid: number; readonly stdout: string; readonly options: readonly string[]; readonly endedAs: number } {
    const [program, ...rest] = [...before, process.execPath, '-r', path.join(folder, 'tell.cjs'), start, ...args];
    const { status, pid, stdout, stderr } = spawnSync(program ?? '', rest, { cwd: folder, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '', ...environment } });
    const told = /^OPTIONS (.*) (\d+)$/m.exec(stderr);
    return { status, pid, stdout, options: JSON.parse(told?.[1] ?? assert.fail(stderr)) as string[], endedAs: Number(told?.[2]) };
  }

  it('leaves a scan on one processor one helper, as the same process with the same result', function () {
    if (process.platform !== 'linux') this.skip();
    const { status, pid, stdout, options, endedAs } = run(['taskset', '-c', String(firstProcessor())], ['check', '--format', 'json', 'run.py']);
    assert.equal(status, 1);
    assert.deepEqual(options.slice(2), ['--v8-pool-size=1']);
    assert.equal(endedAs, pid);
    assert.equal((JSON.parse(stdout) as { findings: unknown[] }).findings.length, 1);
  });

  it('changes nothing that was asked for, nor for what is no scan', function () {
    if (process.platform !== 'linux') this.skip();
    const one = ['taskset', '-c', String(firstProcessor())];
    assert.deepEqual(run(one, ['check', 'run.py'], { NODE_OPTIONS: '--v8-pool-size=3' }).options.slice(2), []);
    assert.deepEqual(run(one, ['explain', 'torch-threads-invalid']).options.slice(2), []);
  });
});

/** A processor that this process may use. */
function firstProcessor(): number {
  const list = spawnSync('taskset', ['-cp', String(process.pid)], { encoding: 'utf8' }).stdout;
  return Number(/:\s*(\d+)/.exec(list)?.[1] ?? assert.fail(list));
}
