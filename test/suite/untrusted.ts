/** In a folder that is not trusted everything is read and nothing is started. */
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { LaunchRef } from '../../server/src/bench/messages.ts';
import { screenshot, windowText } from './harness.ts';
import { diagnostic, open, pause, reset, uriOf, waitFor, workloads } from './workspace.ts';

describe('an untrusted workspace', () => {
  after(reset);

  it('is what this window is', () => {
    assert.equal(vscode.workspace.isTrusted, false);
  });

  it('gets its warnings', async () => {
    await open('infer.py');
    await diagnostic('infer.py', 'env-set-after-import');
  });

  it('starts no benchmark, and says why and what to do', async () => {
    const launch: LaunchRef = { uri: uriOf('.vscode/launch.json').toString(), launchId: 'infer' };
    const reply = await vscode.commands.executeCommand('threadgauge.runBenchmark', launch, { confirmed: true });
    assert.equal(reply, undefined);
    await pause(1000);
    assert.deepEqual(workloads(), []);
    // Under test the editor shows notifications only in their list.
    await vscode.commands.executeCommand('notifications.showList');
    await screenshot('untrusted');
    await waitFor('the reason to show', async () => {
      const text = await windowText();
      return text === null || (text.includes('is not trusted') && text.includes('Manage Workspace Trust')) ? true : undefined;
    });
  });

  it('is refused by the server too, whoever asks', async () => {
    const launch: LaunchRef = { uri: uriOf('.vscode/launch.json').toString(), launchId: 'infer' };
    const reply = await vscode.commands.executeCommand<{ outcome: string; message: string }>('threadgauge.server.bench', launch);
    assert.equal(reply.outcome, 'refused');
    assert.match(reply.message, /trust/);
    assert.deepEqual(workloads(), []);
  });
});
