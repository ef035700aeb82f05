/** What people do round a benchmark: choose its settings, pause it, measure again, compare instances, keep it, look at a process. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { BenchReply, LaunchRef } from '../../server/src/bench/messages.ts';
import { extensionApi } from './activation.ts';
import { click, frameTexts, press, screenshot, type, windowText } from './harness.ts';
import { limit, workspaceOf } from './launches.ts';
import { FOLDER, open, pause, prepareWindow, rangeOf, reset, waitFor, workloads } from './workspace.ts';

const LAUNCHES = `{
  "version": "0.2.0",
  "configurations": [
    { "name": "light", "type": "debugpy", "request": "launch", "program": "\${workspaceFolder}/light.py", "env": { "OMP_NUM_THREADS": "4" } }
  ]
}
`;
/** Real work of a library that does not take seconds to load. */
const SCRIPT = `import time

import numpy


def work(a):
    for _ in range(5):
        a = a @ a / 400
    time.sleep(0.03)
    return a


if __name__ == "__main__":
    for _ in range(3):
        work(numpy.ones((400, 400)))
`;

type Reply = BenchReply | undefined;

async function setAsking(ask: boolean): Promise<void> {
  await vscode.workspace.getConfiguration('threadgauge').update('bench.askBeforeRun', ask ? undefined : false, vscode.ConfigurationTarget.Global);
}

/** The text of the results panel once it holds a word; null where the editor has no page. */
function reportWith(word: string): Promise<string | null> {
  return waitFor(`"${word}" in the report`, async () => {
    const texts = await frameTexts();
    return texts === null ? null : texts.find((text) => text.includes(word));
  });
}

/** What the editor says in its notifications; under test they show only in their list. */
async function notifications(): Promise<string> {
  await vscode.commands.executeCommand('notifications.showList');
  await pause(500);
  return (await windowText()) ?? '';
}

describe('round a benchmark', function () {
  this.timeout(180_000);
  let launch: LaunchRef;
  let reply: Reply;

  before(async () => {
    await limit(60);
    launch = await workspaceOf(SCRIPT, LAUNCHES, 'light.py', 'light');
    await open('light.py');
  });
  after(async () => {
    await setAsking(true);
    await reset();
  });

  it('people choose what it tries', async function () {
    if ((await windowText()) === null) return this.skip();
    const running = vscode.commands.executeCommand<Reply>('threadgauge.changeSettings', launch, { confirmed: true, budgetSeconds: 20 });
    await waitFor('the proposals', async () => ((await windowText())?.includes('Other thread counts…') === true ? true : undefined));
    await screenshot('settings');
    await click('choice', '1 thread');
    await click('choice', 'Other thread counts…');
    await press('Enter');
    await waitFor('the question for counts', async () => ((await windowText())?.includes('separated by commas') === true ? true : undefined));
    await type('3, 5');
    await press('Enter');
    const changed = await running;
    assert.equal(changed?.outcome, 'finished', changed?.message);
    const threads = changed?.state?.arms.map(({ arm }) => arm.threads) ?? [];
    assert.ok(!threads.includes(1), `one thread was left out: ${threads.join(', ')}`);
    for (const count of [3, 5]) assert.ok(threads.includes(count), `${count} of ${threads.join(', ')}`);
    assert.ok(changed?.state?.arms.some(({ current, arm }) => current && arm.label.startsWith('OMP_NUM_THREADS=4')), 'what is in force is measured in any case');
  });

  it('it waits while it is paused, and goes on', async () => {
    const { runs } = await extensionApi();
    const running = vscode.commands.executeCommand<Reply>('threadgauge.runBenchmark', launch, { confirmed: true, threads: [1, 2], budgetSeconds: 25 });
    await waitFor('the workload to run', () => (workloads().length > 0 ? true : undefined), 60_000);
    await vscode.commands.executeCommand('threadgauge.pauseBenchmark');
    await waitFor('the pause', () => (runs.latest(launch)?.state.progress?.paused === true ? true : undefined), 30_000);
    const before = runs.latest(launch)?.state.trials.length;
    await reportWith('paused after');
    await pause(1500);
    assert.deepEqual(workloads(), [], 'nothing runs meanwhile');
    assert.equal(runs.latest(launch)?.state.trials.length, before);
    await vscode.commands.executeCommand('threadgauge.resumeBenchmark');
    const resumed = await running;
    assert.equal(resumed?.outcome, 'finished', resumed?.message);
    assert.ok((resumed?.state?.trials.length ?? 0) > (before ?? 0), 'it went on');
  });

  it('the same part is measured again with the same settings', async function () {
    const { runs } = await extensionApi();
    const editor = await open('light.py');
    const line = rangeOf(editor.document, 'a = a @ a').start.line;
    editor.selection = new vscode.Selection(line, 0, line, 0);
    const first = await vscode.commands.executeCommand<Reply>('threadgauge.benchmarkSelection', launch, { confirmed: true, threads: [1, 2], budgetSeconds: 20 });
    assert.equal(first?.outcome, 'finished', first?.message);
    if ((await reportWith('Cold against steady')) === null) return this.skip();
    await setAsking(false);
    await click('button', 'Measure again');
    const again = await waitFor('another run', () => {
      const run = runs.latest();
      return run && run.runId !== first?.runId ? run : undefined;
    });
    await vscode.commands.executeCommand('threadgauge.cancelBenchmark');
    await waitFor('its end', () => (runs.running().length === 0 ? true : undefined));
    assert.deepEqual(again.params?.region?.lines, { first: line, last: line });
    assert.deepEqual(again.params?.threads, [1, 2]);
    assert.equal(again.params?.budgetSeconds, 20);
  });

  it('several instances are compared, and the panel shows the front', async () => {
    reply = await vscode.commands.executeCommand<Reply>('threadgauge.benchmarkGrid', launch, { confirmed: true, threads: [1], instances: [1, 2], latencyLimitSeconds: 60, budgetSeconds: 30 });
    assert.equal(reply?.outcome, 'finished', reply?.message ?? (await notifications()));
    const { front, arms } = reply?.state ?? {};
    assert.ok(front?.points.some(({ instances }) => instances === 2), arms?.map(({ arm }) => arm.label).join(', '));
    assert.ok(front?.points.some(({ on_front: onFront }) => onFront));
    // The panel draws four times a second: the last it gets to know is what was seen of the processes.
    const text = await reportWith('Threads, as they were seen');
    if (text === null) return;
    for (const wanted of ['Latency against throughput', 'Shortest time: ', 'Most work: ', 'Instances x threads']) assert.ok(text.includes(wanted), `${wanted} in ${text}`);
    await prepareWindow();
    await vscode.commands.executeCommand('threadgauge.showReport');
    await vscode.commands.executeCommand('workbench.action.toggleMaximizeEditorGroup');
    await pause(1500);
    await screenshot('grid', 1400);
    await vscode.commands.executeCommand('workbench.action.toggleMaximizeEditorGroup');
  });

  it('it is kept, shown, exported and deleted', async () => {
    const file = reply?.recording;
    assert.ok(file && existsSync(file), 'it was kept');
    const id = path.basename(file).replace(/\.[^.]*$/, '');
    const page = path.join(FOLDER, 'kept.html');
    await vscode.commands.executeCommand('threadgauge.recordings', id, 'html', page);
    assert.match(readFileSync(page, 'utf8'), /Latency against throughput/);
    await vscode.commands.executeCommand('threadgauge.recordings', id, 'show');
    await waitFor('the recording in a tab', () => (vscode.window.tabGroups.all.some(({ tabs }) => tabs.some(({ label }) => label.startsWith('Recording: light'))) ? true : undefined));
    await vscode.commands.executeCommand('threadgauge.recordings', id, 'delete', 'confirmed');
    assert.equal(existsSync(file), false);
  });

  it('a running process is looked at', async function () {
    if (process.platform !== 'linux') return this.skip();
    const program = spawn(process.env['THREADGAUGE_PYTHON'] ?? 'python3', ['-c', 'import time; time.sleep(60)'], { env: { ...process.env, OMP_NUM_THREADS: '3' } });
    try {
      await waitFor('the process', () => (program.pid !== undefined && readFileSync(`/proc/${program.pid}/cmdline`, 'utf8').includes('sleep') ? true : undefined));
      await vscode.commands.executeCommand('threadgauge.inspectProcess', program.pid);
      const text = vscode.window.activeTextEditor?.document.getText() ?? '';
      assert.ok(text.startsWith(`process ${program.pid} `), text);
      assert.match(text, /OMP_NUM_THREADS=3/);
    } finally {
      program.kill('SIGKILL');
    }
  });
});
