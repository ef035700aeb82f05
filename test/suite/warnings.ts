/** Warnings, hovers, lenses and fixes on the example, as people see them. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { screenshot } from './harness.ts';
import { actionsAt, apply, diagnostic, diagnosticsOf, FOLDER, open, originalText, pause, prepareWindow, rangeOf, reset, ruleOf, uriOf, waitFor } from './workspace.ts';

describe('warnings', () => {
  afterEach(reset);

  it('appear in the script, with the other half and a link to the rule', async () => {
    await open('infer.py');
    const late = await diagnostic('infer.py', 'env-set-after-import');
    assert.match(late.message, /OMP_NUM_THREADS is set after `import torch`/);
    assert.ok(typeof late.code === 'object' && late.code.target.toString().includes('env-set-after-import'), 'a link to the rule');
    const related = late.relatedInformation ?? [];
    assert.ok(related.length > 0, 'related information');
    await diagnostic('infer.py', 'interop-set-again');
  });

  it('appear in files that are not open', async () => {
    await waitFor('findings in launch.json, .env and serve.sh', () => ['.vscode/launch.json', '.env', 'serve.sh'].every((name) => diagnosticsOf(name).length > 0) || undefined);
    const product = diagnosticsOf('serve.sh').find((found) => /4 .*x 32 threads = 128 threads/.test(found.message));
    assert.ok(product, `a message that proves itself; there: ${diagnosticsOf('serve.sh').map((found) => found.message).join(' | ')}`);
  });

  it('follow typing', async () => {
    const editor = await open('infer.py');
    const late = await diagnostic('infer.py', 'env-set-after-import');
    await editor.edit((edit) => edit.delete(editor.document.lineAt(late.range.start.line).range));
    await waitFor('the warning to go', () => (diagnosticsOf('infer.py').some((found) => ruleOf(found) === 'env-set-after-import') ? undefined : true));
  });

  it('come with a hover that shows the plan and where its numbers come from', async () => {
    const editor = await open('.vscode/launch.json');
    await diagnostic('.env', 'omp-num-threads-invalid');
    const name = rangeOf(editor.document, '"infer"');
    const hovers = await waitFor('a hover', async () => {
      const found = await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', editor.document.uri, name.start.translate(0, 2));
      return found.length > 0 ? found : undefined;
    });
    const text = hovers.flatMap((hover) => hover.contents.map((content) => (typeof content === 'string' ? content : content.value))).join('\n');
    assert.match(text, /thread/);
    assert.match(text, /OMP_NUM_THREADS/);
    assert.match(text, /launch\.json/);
  });

  it('stand beside lenses that run a benchmark and show the plan', async () => {
    const editor = await open('.vscode/launch.json');
    const lenses = await waitFor('lenses', async () => {
      const found = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', editor.document.uri, 50);
      return found.some((lens) => lens.command?.command === 'threadgauge.runBenchmark') ? found : undefined;
    });
    const runs = lenses.filter((lens) => lens.command?.command === 'threadgauge.runBenchmark');
    assert.equal(runs.length, 3, 'one for each configuration');
    assert.ok(lenses.some((lens) => lens.command?.command === 'threadgauge.showPlan' && /Plan:/.test(lens.command.title)));
  });

  it('look like this', async () => {
    await prepareWindow();
    const editor = await open('infer.py');
    await diagnostic('infer.py', 'env-set-after-import');
    editor.revealRange(new vscode.Range(0, 0, 0, 0), vscode.TextEditorRevealType.AtTop);
    await vscode.commands.executeCommand('workbench.actions.view.problems');
    const launches = await vscode.window.showTextDocument(uriOf('.vscode/launch.json'), { viewColumn: vscode.ViewColumn.Two, preview: false });
    await pause(1500);
    const others = vscode.languages.getDiagnostics(launches.document.uri).filter((found) => !diagnosticsOf('.vscode/launch.json').includes(found));
    assert.deepEqual(others.map(({ message }) => message).filter((message) => /debug/i.test(message)), [], 'the suite has a debugger of this type');
    const name = rangeOf(launches.document, '"infer"').start.translate(0, 3);
    launches.selection = new vscode.Selection(name, name);
    await vscode.commands.executeCommand('editor.action.showHover');
    await pause(2000);
    await screenshot('warnings');
  });
});

describe('fixes', () => {
  afterEach(reset);

  it('move the assignment above the import', async () => {
    const editor = await open('infer.py');
    const late = await diagnostic('infer.py', 'env-set-after-import');
    const actions = await actionsAt('infer.py', late.range);
    const move = actions.find((action) => /above|before/i.test(action.title));
    assert.ok(move, `offered: ${actions.map((action) => action.title).join(', ')}`);
    await apply(move);
    const text = editor.document.getText();
    assert.ok(text.indexOf('os.environ["OMP_NUM_THREADS"]') < text.indexOf('import torch'), text.slice(0, 400));
    assert.ok(text.indexOf('import os') < text.indexOf('os.environ["OMP_NUM_THREADS"]'), 'os is imported before it is used');
    // serve.py imports torch before it imports infer.py: for that launch the warning stays true.
    const isOwn = (found: vscode.Diagnostic): boolean => ruleOf(found) === 'env-set-after-import' && (found.relatedInformation ?? []).some(({ location, message }) => location.uri.path.endsWith('/infer.py') && message.includes('reads'));
    await waitFor('the warning to go', () => (diagnosticsOf('infer.py').some(isOwn) ? undefined : true));
  });

  it('replace a value that OpenMP refuses in .env', async () => {
    await open('.env');
    const invalid = await diagnostic('.env', 'omp-num-threads-invalid');
    const actions = (await actionsAt('.env', invalid.range)).filter((action) => action.edit);
    assert.ok(actions.length > 0, 'a fix is offered');
    await apply(actions[0] as vscode.CodeAction);
    assert.notEqual((await vscode.workspace.openTextDocument(uriOf('.env'))).getText(), originalText('.env'));
    await waitFor('the finding to go', () => (diagnosticsOf('.env').some((found) => ruleOf(found) === 'omp-num-threads-invalid') ? undefined : true));
  });

  it('create env in a launch configuration, and keep its comments', async () => {
    const launches = `{
  // Started by hand.
  "version": "0.2.0",
  "configurations": [
    {
      "name": "pool", // many workers
      "type": "debugpy",
      "request": "launch",
      "program": "\${workspaceFolder}/pool.py"
    }
  ]
}
`;
    const script = 'import multiprocessing\n\nimport torch\n\n\ndef work(n):\n    a = torch.randn(n, n)\n    return (a @ a).sum().item()\n\n\nif __name__ == "__main__":\n    with multiprocessing.get_context("spawn").Pool(16) as pool:\n        print(sum(pool.map(work, [512] * 64)))\n';
    mkdirSync(path.join(FOLDER, '.vscode'), { recursive: true });
    writeFileSync(path.join(FOLDER, 'pool.py'), script);
    writeFileSync(path.join(FOLDER, '.vscode/launch.json'), launches);
    const editor = await open('.vscode/launch.json');
    await open('pool.py');
    const { name, action } = await waitFor('a fix that sets the environment of the launch', async () => {
      for (const file of ['.vscode/launch.json', 'pool.py']) {
        for (const found of diagnosticsOf(file)) {
          const action = (await actionsAt(file, found.range)).find(({ title, edit }) => edit && /^Set OMP_NUM_THREADS=/.test(title));
          if (action) return { name: file, action };
        }
      }
      return undefined;
    });
    assert.ok(name);
    await apply(action);
    const text = editor.document.getText();
    assert.match(text, /"env": \{\s*"OMP_NUM_THREADS": "\d+"\s*\}/);
    assert.ok(text.includes('// Started by hand.') && text.includes('// many workers'), text);
    const kept = text.replace(/,?\s*"env": \{[^}]*\}/, '');
    assert.equal(kept.replaceAll(/\s/g, ''), launches.replaceAll(/\s/g, ''), 'nothing else changed');
  });

  it('of the safe kind run together on request, and no others', async () => {
    const launches = `{
  "version": "0.2.0",
  "configurations": [
    {
      "name": "slips", // two that say what was meant
      "type": "debugpy",
      "request": "launch",
      "program": "\${workspaceFolder}/infer.py",
      "env": { "OMP_NUM_THREADS": "4.0", "MKL_NUM_THREADS": " 2" }
    },
    {
      "name": "guess", // one that does not
      "type": "debugpy",
      "request": "launch",
      "program": "\${workspaceFolder}/infer.py",
      "env": { "OMP_NUM_THREADS": "auto" }
    }
  ]
}
`;
    writeFileSync(path.join(FOLDER, '.vscode/launch.json'), launches);
    const editor = await open('.vscode/launch.json');
    await waitFor('the findings of all three values', () => {
      const rules = diagnosticsOf('.vscode/launch.json').map(ruleOf);
      return rules.filter((rule) => rule === 'omp-num-threads-invalid').length === 2 && rules.includes('mkl-num-threads-invalid') ? true : undefined;
    });
    const review = (await actionsAt('.vscode/launch.json', rangeOf(editor.document, '"auto"'))).filter(({ edit }) => edit);
    assert.ok(review.length > 0, 'the third value has a fix too, for people to review');
    await vscode.commands.executeCommand('editor.action.sourceAction', { kind: 'source.fixAll.threadgauge', apply: 'first' });
    const expected = launches.replace('"4.0"', '"4"').replace('" 2"', '"2"');
    await waitFor('the safe fixes to be applied', () => (editor.document.getText() === launches ? undefined : true));
    assert.equal(editor.document.getText(), expected);
    await waitFor('only the finding to review to be left', () => {
      const invalid = diagnosticsOf('.vscode/launch.json').map(ruleOf).filter((rule) => rule.endsWith('-num-threads-invalid'));
      return invalid.length === 1 && invalid[0] === 'omp-num-threads-invalid' ? true : undefined;
    });
  });
});
