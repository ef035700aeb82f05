/** A benchmark of real PyTorch from the command to the code action, and its end by cancel. */
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { BenchReply, LaunchRef } from '../../server/src/bench/messages.ts';
import { extensionApi } from './activation.ts';
import { frameTexts, report, screenshot } from './harness.ts';
import { known, limit, workspaceOf } from './launches.ts';
import { actionsAt, apply, open, pause, prepareWindow, rangeOf, reset, uriOf, waitFor, workloads } from './workspace.ts';

/** Pictures show the whole example; tests run a quarter of it. */
const THOROUGH = process.env['UPDATE_SCREENSHOTS'] === '1';
const LAUNCH: LaunchRef = { uri: uriOf('.vscode/launch.json').toString(), launchId: THOROUGH ? 'infer' : 'infer (quick)' };

/** Work whose time grows with the team by so much that the order of the settings does not depend on the machine. */
const CROWDED_LAUNCHES = `{
  "version": "0.2.0",
  "configurations": [
    {
      "name": "crowded",
      "type": "debugpy",
      "request": "launch",
      "program": "\${workspaceFolder}/crowded.py",
      // Copied from a larger machine.
      "env": { "OMP_NUM_THREADS": "64", "MKL_DYNAMIC": "FALSE" }
    }
  ]
}
`;
const CROWDED_SCRIPT = `import os
import time

import torch

a = torch.randn(128, 128)
b = torch.randn(128, 128)
for _ in range(4):
    c = torch.relu(a @ b)
    # Stands for what each thread costs: waits for locks, caches that are too small.
    time.sleep(0.005 * int(os.environ["OMP_NUM_THREADS"]))
`;

describe('a benchmark of real PyTorch', function () {
  this.timeout(420_000);
  let reply: BenchReply | undefined;

  before(() => limit(THOROUGH ? 400 : 240));

  after(reset);

  it('runs, shows its progress and ends with a verdict', async () => {
    await open('infer.py');
    await known(LAUNCH.launchId);
    reply = await vscode.commands.executeCommand<BenchReply | undefined>('threadgauge.runBenchmark', LAUNCH, THOROUGH ? { confirmed: true } : { confirmed: true, threads: [1, 2], vary: 'none' });
    assert.ok(reply, 'it was started');
    assert.equal(reply.outcome, 'finished', reply.message);
    assert.ok(reply.state?.verdict, 'there is a verdict');
    assert.ok(reply.state.arms.length >= 2, 'several settings were compared');
  });

  it('writes times after the lines that did the work', async () => {
    const editor = await open('infer.py');
    const { annotations } = await extensionApi();
    const shown = await waitFor('annotations', () => {
      const found = annotations.shown(editor.document);
      return found.length > 0 ? found : undefined;
    });
    const small = rangeOf(editor.document, 'c = a @ b').start.line;
    const large = rangeOf(editor.document, 'c = torch.mm(a, b)').start.line;
    for (const line of [small, large]) {
      const annotation = shown.find((found) => found.line === line);
      assert.ok(annotation, `line ${line + 1} has a time; there: ${shown.map((found) => found.line + 1).join(', ')}`);
      assert.match(annotation.text, /^[█░]{6} \d+ % · [\d.,]+ (?:min|s|ms) · [\d,]+x/);
      assert.equal(annotation.stale, false);
    }
    assert.ok(shown.find((found) => found.line === small)?.text.includes(THOROUGH ? '2,000x' : '500x'), 'as often as the loop says');
  });

  it('fills the report: verdict, chart, table', async () => {
    await vscode.commands.executeCommand('threadgauge.showReport');
    const texts = await waitFor('the report', async () => {
      const found = await frameTexts();
      if (found === null) return [];
      return found.some((text) => text.includes('The settings compared')) ? found : undefined;
    });
    if (texts.length === 0) return;
    const report = texts.find((text) => text.includes('The settings compared')) ?? '';
    for (const word of ['OMP_NUM_THREADS=', 'Median', 'MAD', 'Lines of infer.py', 'Machine and run']) assert.ok(report.includes(word), `${word} in ${report}`);
  });

  it('looks like this', async () => {
    await prepareWindow();
    const editor = await open('infer.py');
    await vscode.commands.executeCommand('workbench.action.closePanel');
    await vscode.commands.executeCommand('threadgauge.showReport');
    await vscode.commands.executeCommand('workbench.action.toggleMaximizeEditorGroup');
    await pause(1500);
    await screenshot('report', 1150);
    await vscode.commands.executeCommand('workbench.action.toggleMaximizeEditorGroup');
    await vscode.commands.executeCommand('workbench.action.closeEditorsInOtherGroups');
    await vscode.commands.executeCommand('workbench.action.closeOtherEditors');
    const again = await vscode.window.showTextDocument(editor.document, { viewColumn: vscode.ViewColumn.One, preview: false });
    const first = rangeOf(again.document, 'def small_matmul');
    // On the empty line above, so that no word is highlighted.
    again.selection = new vscode.Selection(first.start.translate(-1), first.start.translate(-1));
    again.revealRange(first, vscode.TextEditorRevealType.AtTop);
    await pause(1500);
    await screenshot('annotations', 1000);
  });

  it('keeps its times beside the lines through edits, and greys those that changed', async () => {
    const editor = await open('infer.py');
    const { annotations } = await extensionApi();
    const lineOf = (text: string): number => rangeOf(editor.document, text).start.line;
    const before = annotations.shown(editor.document).find((found) => found.line === lineOf('c = a @ b'));
    assert.ok(before);
    await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), '# one\n# two\n'));
    const moved = annotations.shown(editor.document).find((found) => found.line === lineOf('c = a @ b'));
    assert.equal(moved?.text, before.text);
    await editor.edit((edit) => edit.replace(rangeOf(editor.document, 'c = a @ b'), 'c = b @ a'));
    const shown = annotations.shown(editor.document);
    assert.deepEqual(shown.filter((found) => found.stale).map((found) => found.line), [lineOf('c = b @ a')]);
    assert.ok(shown.find((found) => found.stale)?.text.startsWith('⟳'));
    await vscode.commands.executeCommand('workbench.action.files.revert');
  });

  it('is forgotten on request', async () => {
    const editor = await open('infer.py');
    const { annotations } = await extensionApi();
    await vscode.commands.executeCommand('threadgauge.clearMeasurements');
    assert.deepEqual(annotations.shown(editor.document), []);
  });
});

describe('a part of a program', function () {
  this.timeout(300_000);

  before(() => limit(60));
  after(reset);

  it('is offered by a lens where a model is called', async () => {
    const { document } = await open('infer.py');
    await known(LAUNCH.launchId);
    const lenses = await waitFor('a lens on the call', async () => {
      const found = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', document.uri, 50);
      return found.some((lens) => lens.command?.command === 'threadgauge.benchmarkSelection') ? found : undefined;
    });
    const on = lenses.flatMap((lens) => (lens.command?.command === 'threadgauge.benchmarkSelection' ? [document.getText(lens.range)] : []));
    assert.deepEqual(on, ['block(x)'], 'and on no other call');
  });

  it('is measured by the call when it is selected', async () => {
    const editor = await open('infer.py');
    const { start } = rangeOf(editor.document, 'c = torch.mm(a, b)');
    editor.selection = new vscode.Selection(start.with({ character: 0 }), start.translate(1).with({ character: 0 }));
    const reply = await vscode.commands.executeCommand<BenchReply | undefined>('threadgauge.benchmarkSelection', LAUNCH, { confirmed: true, threads: [1, 2] });
    assert.equal(reply?.outcome, 'finished', reply?.message);
    assert.equal(reply?.state?.plan?.region, 'selected');
    assert.deepEqual([reply?.state?.plan?.selection?.first_line, reply?.state?.plan?.selection?.last_line], [start.line + 1, start.line + 1], 'only the line that is selected');
    const counted = (reply?.state?.trials ?? []).filter(({ status }) => status === 'ok');
    assert.ok(counted.length > 0);
    for (const { calls, cold_ns, region_ns } of counted) assert.ok((calls ?? 0) >= 5 && (cold_ns ?? 0) > 0 && (region_ns ?? 0) > 0 && (region_ns ?? 0) < 1e9, JSON.stringify({ calls, cold_ns, region_ns }));
  });

  it('is refused where nothing can be measured', async () => {
    const editor = await open('infer.py');
    const line = rangeOf(editor.document, 'def small_matmul').start.line - 1;
    editor.selection = new vscode.Selection(line, 0, line, 0);
    assert.equal(await vscode.commands.executeCommand('threadgauge.benchmarkSelection', LAUNCH, { confirmed: true }), undefined);
  });
});

describe('a verdict', function () {
  this.timeout(600_000);
  before(() => limit(120));
  after(reset);

  it('becomes a code action that writes the setting where it works, and Verify measures it again', async function () {
    const ref = await workspaceOf(CROWDED_SCRIPT, CROWDED_LAUNCHES, 'crowded.py', 'crowded');
    const editor = await open('.vscode/launch.json');
    const offered = (): Promise<readonly vscode.CodeAction[]> => actionsAt('.vscode/launch.json', rangeOf(editor.document, '"crowded"'));
    let reply: BenchReply | undefined;
    // While other programs keep the CPUs busy a run claims nothing, however clear its numbers are.
    for (let attempt = 0; attempt < 3; attempt++) {
      reply = await vscode.commands.executeCommand<BenchReply | undefined>('threadgauge.runBenchmark', ref, { confirmed: true, threads: [1, 2], vary: 'none' });
      assert.equal(reply?.outcome, 'finished', reply?.message);
      await report({ type: 'log', text: `      ${reply.message}` });
      if (reply.state?.verdict?.outcome !== 'inconclusive') break;
      assert.ok(!(await offered()).some(({ title }) => title.includes('measured')), 'nothing is offered without a verdict');
    }
    if (reply?.state?.verdict?.outcome === 'inconclusive' && reply.state.doubts.some(({ kind }) => kind === 'foreign_load')) this.skip();
    assert.equal(reply?.state?.verdict?.outcome, 'faster', reply?.message);
    const actions = await offered();
    const best = actions.find((action) => /^Set OMP_NUM_THREADS=\d+: .*faster, measured/.test(action.title));
    assert.ok(best, `offered: ${actions.map((action) => action.title).join(', ')}`);
    await apply(best);
    const threads = /"env": \{ "OMP_NUM_THREADS": "(\d+)", "MKL_DYNAMIC": "FALSE" \}/.exec(editor.document.getText())?.[1];
    assert.ok(threads !== undefined && Number(threads) < 64, editor.document.getText());
    assert.ok(editor.document.getText().includes('// Copied from a larger machine.'), 'comments are kept');
    assert.ok(await editor.document.save());

    await limit(60);
    const verified = await vscode.commands.executeCommand<BenchReply | undefined>('threadgauge.verifyBenchmark', ref, { confirmed: true });
    assert.equal(verified?.outcome, 'finished', verified?.message);
    assert.equal(verified?.state?.arms.length, 2);
    assert.ok(verified?.state?.verdict, 'old and new were compared');
  });
});

describe('cancelling', function () {
  this.timeout(120_000);
  after(reset);

  it('ends the workload and everything it started', async () => {
    const running = vscode.commands.executeCommand<BenchReply | undefined>('threadgauge.runBenchmark', await known(LAUNCH.launchId), { confirmed: true });
    await waitFor('the workload to run', () => (workloads().length > 0 ? true : undefined), 60_000);
    await vscode.commands.executeCommand('threadgauge.cancelBenchmark');
    const reply = await running;
    assert.equal(reply?.outcome, 'cancelled', reply?.message);
    await waitFor(`the workload to end (${workloads().join(' | ')})`, () => (workloads().length === 0 ? true : undefined), 10_000);
  });

  it('works for a program that ignores SIGTERM and forks', async () => {
    const script = [
      'import os, signal, time',
      'import torch',
      'torch.set_num_threads(1)',
      'signal.signal(signal.SIGTERM, signal.SIG_IGN)',
      'if os.fork() == 0:',
      '    os.setsid()',
      '    time.sleep(600)',
      'torch.mm(torch.randn(64, 64), torch.randn(64, 64))',
      'time.sleep(600)',
      '',
    ].join('\n');
    const ref = await workspaceOf(script);
    const running = vscode.commands.executeCommand<BenchReply | undefined>('threadgauge.runBenchmark', ref, { confirmed: true });
    await waitFor('the workload and its child to run', () => (workloads().length > 1 ? true : undefined), 60_000);
    await vscode.commands.executeCommand('threadgauge.cancelBenchmark');
    const reply = await running;
    assert.equal(reply?.outcome, 'cancelled', reply?.message);
    await waitFor('the workload to end', () => (workloads().length === 0 ? true : undefined), 15_000);
  });
});
