/** Notebooks as an editor shows them: their cells are documents of their own. */
import { strict as assert } from 'node:assert';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CodeAction, CodeLens, CompletionItem, Diagnostic, Hover, TextDocumentEdit } from 'vscode-languageserver';
import { type BenchParams, type BenchPreview, METHODS, type PlanReply } from '../../server/src/bench/messages.ts';
import { cellDocument, cellUri, notebookCell, OLD_EDITOR, startClient, type TestCell, type TestClient, until } from './testClient.ts';

const code = (text: string): TestCell => ({ languageId: 'python', text });
const LATE = 'os.environ["OMP_NUM_THREADS"] = "4"';
const CELLS: readonly TestCell[] = [{ languageId: 'markdown', text: '# Products\n\ntorch.set_num_threads(0)' }, code('import os\nimport torch'), code(`x = 1\n${LATE}`), code('torch.rand(512, 512) @ torch.rand(512, 512)')];

describe('notebooks in the language server', function () {
  this.timeout(30_000);
  let folder: string;
  let file: string;
  let client: TestClient;
  let version = 1;

  beforeEach(() => {
    folder = mkdtempSync(path.join(realpathSync(tmpdir()), 'threadgauge-notebook-'));
    file = path.join(folder, 'work.ipynb');
    version = 1;
    const cells = CELLS.map(({ languageId, text }) => (languageId === 'markdown' ? { cell_type: 'markdown', metadata: {}, source: text } : { cell_type: 'code', metadata: {}, outputs: [], source: text.split(/(?<=\n)/) }));
    writeFileSync(file, JSON.stringify({ cells, metadata: { language_info: { name: 'python' } }, nbformat: 4, nbformat_minor: 5 }, null, 1));
  });
  afterEach(async () => {
    await client.stop();
    rmSync(folder, { recursive: true });
  });

  const change = (uri: string, cells: object): void => void client.connection.sendNotification('notebookDocument/didChange', { notebookDocument: { uri, version: ++version }, change: { cells } });
  const edit = (uri: string, cell: string, line: number, from: number, to: number, text: string): void =>
    change(uri, { textContent: [{ document: { uri: cell, version: version + 1 }, changes: [{ range: { start: { line, character: from }, end: { line, character: to } }, text }] }] });
  const places = async (uri: string): Promise<string[]> => ((await client.diagnostics(uri)).items ?? []).map(({ code: rule, range }) => `${String(rule)} ${range.start.line}:${range.start.character}`);
  const actions = async (uri: string, range: Diagnostic['range'], diagnostics: readonly Diagnostic[] = []): Promise<CodeAction[]> => client.connection.sendRequest('textDocument/codeAction', { textDocument: { uri }, range, context: { diagnostics } });

  it('find in the cell, and only there', async () => {
    client = await startClient(folder);
    const { uri, cells } = client.openNotebook(file);
    assert.deepEqual(await places(cells[2] ?? ''), ['env-set-after-import 1:0']);
    for (const other of [cells[0], cells[1], cells[3], uri]) assert.deepEqual(await places(other ?? ''), []);
    const [late] = (await client.diagnostics(cells[2] ?? '')).items ?? [];
    const related = late?.relatedInformation?.find(({ location }) => location.uri === cells[1]);
    assert.equal(related?.location.range.start.line, 1, 'the import is in another cell');
  });

  it('report their cells to those who ask for the whole workspace, and the file again when they are closed', async () => {
    client = await startClient(folder);
    const report = async (previousResultIds: readonly { uri: string; value: string }[] = []): Promise<{ uri: string; resultId: string; version: number | null; items?: Diagnostic[] }[]> =>
      (await client.connection.sendRequest<{ items: { uri: string; resultId: string; version: number | null; items?: Diagnostic[] }[] }>('workspace/diagnostic', { previousResultIds })).items;
    const [before, ...more] = await report();
    assert.deepEqual([before?.uri, more.length], [pathToFileURL(file).href, 0]);
    const { uri, cells } = client.openNotebook(file);
    const previous = before ? [{ uri: before.uri, value: before.resultId }] : [];
    const open = await report(previous);
    assert.deepEqual(open.find((item) => item.uri === uri)?.items, [], 'the file itself no longer');
    assert.deepEqual(open.find((item) => item.uri === cells[2])?.items?.map(({ range }) => range.start.line), [1]);
    assert.equal(open.find((item) => item.uri === cells[2])?.version, 1);
    await client.connection.sendNotification('notebookDocument/didClose', { notebookDocument: { uri }, cellTextDocuments: cells.map((cell) => ({ uri: cell })) });
    await until(() => client.refreshes > 0, 'the server to see that it is closed');
    const closed = await report([{ uri: cells[2] ?? '', value: 'x' }]);
    assert.deepEqual(closed.find((item) => item.uri === cells[2])?.items, []);
    assert.equal(closed.find((item) => item.uri === uri)?.items?.length, 1);
  });

  it('follow edits of a cell', async () => {
    client = await startClient(folder);
    const { uri, cells } = client.openNotebook(file);
    edit(uri, cells[2] ?? '', 0, 0, 0, '\n\n');
    assert.deepEqual(await places(cells[2] ?? ''), ['env-set-after-import 3:0']);
    edit(uri, cells[1] ?? '', 1, 0, 12, 'import json');
    assert.deepEqual(await places(cells[2] ?? ''), []);
    edit(uri, cells[1] ?? '', 1, 0, 11, 'import torch\nprint("a\\"b", \'\u{1F9F5}\')');
    assert.deepEqual(await places(cells[2] ?? ''), ['env-set-after-import 3:0']);
  });

  it('follow cells that are inserted, moved, deleted and turned into text', async () => {
    client = await startClient(folder);
    const { uri, cells } = client.openNotebook(file);
    const [, importing = '', setting = ''] = cells;
    await client.diagnostics(setting);
    // A new cell above: the places inside the others stay.
    const added = { ...code('import math'), uri: cellUri(uri, 9) };
    change(uri, { structure: { array: { start: 0, deleteCount: 0, cells: [notebookCell(added)] }, didOpen: [cellDocument(added)] } });
    assert.deepEqual(await places(setting), ['env-set-after-import 1:0']);
    edit(uri, added.uri, 0, 0, 11, 'import os\nimport torch\ntorch.set_num_threads(0)');
    assert.deepEqual(await places(added.uri), ['thread-setter-bad-argument 2:22']);
    change(uri, { structure: { array: { start: 0, deleteCount: 1 }, didClose: [{ uri: added.uri }] } });
    assert.deepEqual(await places(added.uri), []);
    // The setting goes above the import: a move is one splice without opened or closed cells.
    change(uri, { structure: { array: { start: 1, deleteCount: 2, cells: [{ kind: 2, document: setting }, { kind: 2, document: importing }] } } });
    assert.deepEqual(await places(setting), []);
    change(uri, { structure: { array: { start: 1, deleteCount: 2, cells: [{ kind: 2, document: importing }, { kind: 2, document: setting }] } } });
    assert.deepEqual(await places(setting), ['env-set-after-import 1:0']);
    change(uri, { data: [{ kind: 1, document: importing }] });
    assert.deepEqual(await places(setting), [], 'the import is text now');
  });

  it('ask for a refresh when another cell is concerned', async () => {
    client = await startClient(folder);
    const { uri, cells } = client.openNotebook(file);
    assert.equal((await places(cells[2] ?? '')).length, 1);
    const { refreshes } = client;
    edit(uri, cells[1] ?? '', 1, 0, 12, 'pass');
    await until(() => client.refreshes > refreshes, 'a refresh');
  });

  it('publish to editors that do not pull', async () => {
    client = await startClient(folder, {}, OLD_EDITOR);
    const { uri, cells } = client.openNotebook(file);
    const setting = cells[2] ?? '';
    await until(() => (client.published.get(setting)?.length ?? 0) > 0, 'diagnostics of the cell');
    assert.equal(client.published.get(uri)?.length ?? 0, 0);
    edit(uri, cells[1] ?? '', 1, 0, 12, 'pass');
    await until(() => client.published.get(setting)?.length === 0, 'no diagnostics');
  });

  it('show hovers and completion in the cell', async () => {
    client = await startClient(folder);
    const { uri, cells } = client.openNotebook(file);
    const hover = await client.connection.sendRequest<Hover | null>('textDocument/hover', { textDocument: { uri: cells[2] }, position: { line: 1, character: 15 } });
    assert.match((hover?.contents as { value: string } | undefined)?.value ?? '', /OMP\\?_NUM\\?_THREADS/);
    assert.deepEqual(hover?.range, { start: { line: 1, character: 11 }, end: { line: 1, character: 28 } });
    const complete = async (cell: string | undefined, line: number, character: number): Promise<CompletionItem[]> => (await client.connection.sendRequest<CompletionItem[] | null>('textDocument/completion', { textDocument: { uri: cell }, position: { line, character } })) ?? [];
    const values = await complete(cells[2], 1, 33);
    assert.ok(values.some(({ label }) => label === '8'), JSON.stringify(values.map(({ label }) => label)));
    edit(uri, cells[2] ?? '', 0, 0, 5, 'os.environ["MKL_');
    const names = await complete(cells[2], 0, 16);
    const name = names.find(({ label }) => label === 'MKL_NUM_THREADS');
    assert.deepEqual((name?.textEdit as { range?: unknown } | undefined)?.range, { start: { line: 0, character: 12 }, end: { line: 0, character: 16 } });
    assert.deepEqual(await complete(cells[0], 2, 3), []);
  });

  it('have a plan, which is asked for by any of their cells', async () => {
    client = await startClient(folder);
    const { cells } = client.openNotebook(file);
    const reply = await client.connection.sendRequest<PlanReply>(METHODS.plan, { uri: cells[3] });
    assert.equal(reply.plans.length, 1);
    assert.match(reply.markdown[0] ?? '', /intra-op/);
  });

  it('offer fixes that edit the cells', async () => {
    client = await startClient(folder);
    const { cells } = client.openNotebook(file);
    const [late] = (await client.diagnostics(cells[2] ?? '')).items ?? [];
    assert.ok(late);
    const listed = await actions(cells[2] ?? '', late.range, [late]);
    const move = listed.find(({ title, disabled }) => /above|before/i.test(title) && !disabled);
    assert.ok(move, listed.map(({ title, disabled }) => `${title} ${disabled?.reason ?? ''}`).join('; '));
    const { edit: found } = await client.connection.sendRequest<CodeAction>('codeAction/resolve', move);
    const changes = (found?.documentChanges ?? []) as TextDocumentEdit[];
    assert.deepEqual(changes.map(({ textDocument }) => textDocument.uri).sort(), [cells[1], cells[2]]);
    assert.ok(changes.every(({ textDocument }) => textDocument.version === 1));
    const inserted = changes.find(({ textDocument }) => textDocument.uri === cells[1])?.edits[0] as { range: Diagnostic['range']; newText: string } | undefined;
    assert.deepEqual(inserted, { range: { start: { line: 1, character: 0 }, end: { line: 1, character: 0 } }, newText: `${LATE}\n` });
    const ignore = listed.at(-1);
    assert.equal(ignore?.title, 'Ignore env-set-after-import here');
    const [comment] = ((ignore?.edit?.documentChanges ?? []) as TextDocumentEdit[]).filter(({ textDocument }) => textDocument.uri === cells[2]).flatMap(({ edits }) => edits as { range: Diagnostic['range']; newText: string }[]);
    assert.deepEqual(comment, { range: { start: { line: 1, character: 0 }, end: { line: 1, character: 0 } }, newText: '# threadgauge: ignore[env-set-after-import]\n' });
    assert.deepEqual(await actions(cells[0] ?? '', { start: { line: 0, character: 0 }, end: { line: 2, character: 5 } }), []);
  });

  it('are read as JSON when they are open as text, also beside their cells', async () => {
    client = await startClient(folder);
    const text = client.open(file);
    const [late] = (await client.diagnostics(text)).items ?? [];
    const line = readFileSync(file, 'utf8').split('\n').findIndex((one) => one.includes('OMP_NUM_THREADS'));
    assert.equal(late?.range.start.line, line);
    const { uri, cells } = client.openNotebook(file);
    assert.deepEqual(await places(text), [], 'the cells are what people edit');
    assert.equal((await places(cells[2] ?? '')).length, 1);
    await client.connection.sendNotification('notebookDocument/didClose', { notebookDocument: { uri }, cellTextDocuments: cells.map((cell) => ({ uri: cell })) });
    assert.equal((await client.diagnostics(text)).items?.[0]?.range.start.line, line);
  });

  it('survive nonsense', async () => {
    client = await startClient(folder);
    const { uri, cells } = client.openNotebook(file);
    change('file:///nowhere.ipynb', { data: [] });
    change(uri, { structure: { array: { start: 99, deleteCount: 99, cells: [{ kind: 2, document: 'vscode-notebook-cell:/x#unknown' }] } } });
    change(uri, { textContent: [{ document: { uri: 'vscode-notebook-cell:/x#other', version: 2 }, changes: [{ text: 'x' }] }] });
    change(uri, { structure: { array: { start: 0, deleteCount: 99 }, didClose: cells.map((cell) => ({ uri: cell })) } });
    assert.deepEqual(await places(cells[2] ?? ''), []);
    assert.equal(await client.connection.sendRequest('textDocument/hover', { textDocument: { uri: cells[2] }, position: { line: 9, character: 9 } }), null);
  });

  it('offer their cells with calls of a model to a benchmark, which runs those before it as a script elsewhere', async () => {
    const model = 'import torch\nnet = torch.nn.Linear(4, 4)';
    const cells = [code('%env OMP_NUM_THREADS=2'), code(model), code('x = torch.ones(4)\ny = net(x)')];
    writeFileSync(file, JSON.stringify({ cells: cells.map(({ text }) => ({ cell_type: 'code', metadata: {}, outputs: [], source: text })), metadata: { language_info: { name: 'python' } }, nbformat: 4, nbformat_minor: 5 }));
    client = await startClient(folder, { annotations: 'decorations' });
    const { cells: documents } = client.openNotebook(file, cells);
    const lensesOf = async (uri = ''): Promise<readonly CodeLens[]> => client.connection.sendRequest<CodeLens[]>('textDocument/codeLens', { textDocument: { uri } });
    assert.deepEqual((await lensesOf(documents[2])).map(({ command, range }) => `${range.start.line} ${command?.title}`), ['0 Benchmark this cell', '1 Benchmark this']);
    assert.deepEqual((await lensesOf(documents[1])).filter(({ command }) => command?.title.startsWith('Benchmark')), []);
    const [cell, call] = (await lensesOf(documents[2])).map(({ command }) => command?.arguments?.[0] as BenchParams);
    const preview = async (params: BenchParams | undefined): Promise<BenchPreview> => client.connection.sendRequest<BenchPreview>(METHODS.benchPreview, params);
    const whole = await preview(cell);
    assert.deepEqual([whole.region?.label, whole.region?.first, whole.region?.last], ['cell 3', 4, 5]);
    const part = await preview(call);
    assert.deepEqual([part.region?.label, part.region?.first], ['y = net(x)', 5]);
    for (const { argv, cwd } of [whole, part]) {
      assert.equal(cwd, folder);
      assert.ok(argv.at(-1)?.endsWith('work.py') && !argv.at(-1)?.startsWith(folder), argv.join(' '));
    }
    assert.deepEqual(readdirSync(folder), ['work.ipynb']);
  });
});
