/** Opens an editor with this extension on a copy of the example: the user's own VS Code, else the embedded one in the browser. */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
// @ts-expect-error Plain JavaScript, because it also runs before Node 24 is there.
import { cache, pythonWithTorch } from './bootstrap.mjs';
import { onPath, startBrowserEditor, startEditorServer, type EditorOptions } from './editorHost.ts';

const root = path.resolve(import.meta.dirname, '..');
/** With --check: start, wait until the extension warns, stop; the exit code tells. */
const check = process.argv.includes('--check');
/** With --embedded: the embedded editor even if there is a `code`. */
const embedded = check || process.argv.includes('--embedded');

const python = pythonWithTorch() as string;
const folder = freshExample();
const script = path.join(folder, 'infer.py');
const code = embedded ? undefined : onPath('code')[0];

if (code) {
  console.log(`Opening VS Code (${code}) on ${folder}`);
  const editor = spawn(code, ['--new-window', `--extensionDevelopmentPath=${root}`, folder, script], { stdio: 'inherit', shell: process.platform === 'win32' });
  editor.on('exit', (status) => (process.exitCode = status ?? 1));
} else {
  const options: EditorOptions = { folder, open: script, extension: root, trusted: true, env: {}, settings: {}, log: console.log };
  await (check ? checkEditor(options) : serve(options));
}

/** A copy, so that trying things out leaves the checkout clean; replaced at every start. */
function freshExample(): string {
  const target = path.join(cache as string, check ? `demo-check-${process.pid}` : 'demo', 'matmul');
  rmSync(target, { recursive: true, force: true });
  cpSync(path.join(root, 'examples/matmul'), target, { recursive: true, filter: (source) => !source.includes('__pycache__') });
  mkdirSync(path.join(target, '.vscode'), { recursive: true });
  const settings = path.join(target, '.vscode/settings.json');
  if (existsSync(python) && !existsSync(settings)) writeFileSync(settings, `${JSON.stringify({ 'threadgauge.interpreter': python }, null, 2)}\n`);
  return target;
}

async function serve(options: EditorOptions): Promise<void> {
  const editor = await startEditorServer(options);
  console.log(`\nThe editor is served at\n\n  ${editor.address}\n\nCtrl+C ends it.`);
  openBrowser(editor.address);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
  await editor.stop();
}

/** Best effort: the address is printed anyway. */
function openBrowser(address: string): void {
  const opener = process.platform === 'darwin' ? 'open' : process.platform === 'win32' ? 'explorer' : 'xdg-open';
  if (process.platform === 'linux' && !process.env['DISPLAY'] && !process.env['WAYLAND_DISPLAY']) return;
  spawn(opener, [address], { detached: true, stdio: 'ignore' })
    .on('error', () => undefined)
    .unref();
}

async function checkEditor(options: EditorOptions): Promise<void> {
  const editor = await startBrowserEditor(options);
  let problem: string | null = null;
  try {
    await editor.page.locator('.squiggly-error, .squiggly-warning').first().waitFor({ state: 'attached', timeout: 90_000 });
    console.log('The extension is active and warns in infer.py.');
  } catch (error) {
    problem = `No warning appeared: ${error instanceof Error ? error.message : String(error)}`;
    mkdirSync(path.join(root, 'test-results'), { recursive: true });
    await editor.page.screenshot({ path: path.join(root, 'test-results/demo-check.png') }).catch(() => undefined);
  }
  const survivors = await editor.stop();
  rmSync(path.dirname(options.folder), { recursive: true, force: true });
  for (const survivor of survivors) problem ??= `Survived the editor: ${survivor}`;
  if (problem) console.error(problem);
  process.exitCode = problem ? 1 : 0;
}
