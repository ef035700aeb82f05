/** Runs test/suite inside a real VS Code, prints its results, and fails when a test fails or a process survives. */
import { build } from 'esbuild';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { startBrowserEditor, type EditorOptions } from './editorHost.ts';
// @ts-expect-error Plain JavaScript, because it also runs before Node 24 is there.
import { pythonWithTorch } from './bootstrap.mjs';

const root = path.resolve(import.meta.dirname, '..');
const TIMEOUT_MS = Number(process.env['THREADGAUGE_SUITE_TIMEOUT_S'] ?? 900) * 1000;
/** One window each: trust is a property of the window. */
const SESSIONS = [
  { name: 'trusted', trusted: true },
  { name: 'untrusted', trusted: false },
] as const;

/** What the suite reports over HTTP; `test/suite/harness.ts` is the other end. */
type SuiteEvent =
  | { readonly type: 'suite'; readonly title: string; readonly depth: number }
  | { readonly type: 'pass'; readonly title: string; readonly depth: number; readonly ms: number }
  | { readonly type: 'pending'; readonly title: string; readonly depth: number; readonly ms: number }
  | { readonly type: 'fail'; readonly title: string; readonly depth: number; readonly ms: number; readonly error: string }
  | { readonly type: 'log'; readonly text: string }
  | { readonly type: 'done'; readonly error?: string };


const only = process.argv.find((argument) => argument.startsWith('--grep='))?.slice('--grep='.length);
const wanted = process.argv.find((argument) => argument.startsWith('--session='))?.slice('--session='.length);
const screenshots = path.join(root, process.env['UPDATE_SCREENSHOTS'] === '1' ? 'docs/images' : 'test-results');

for (const needed of ['dist/extension.js', 'dist/server.js']) {
  if (!existsSync(path.join(root, needed))) throw new Error(`${needed} is missing; run \`npm run build:all\` first.`);
}
const bundle = path.join(root, '.tsbuild/suite/suite.cjs');
await build({
  absWorkingDir: root,
  entryPoints: ['test/suite/main.ts'],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['vscode', 'mocha'],
  sourcemap: 'inline',
  logLevel: 'warning',
});

const python = pythonWithTorch() as string;
const totals = { passes: 0, failures: 0, pending: 0 };
const failures: { readonly fullTitle: string; readonly err: { readonly message: string } }[] = [];
const problems: string[] = [];
for (const session of SESSIONS) {
  if (wanted && wanted !== session.name) continue;
  problems.push(...(await runSession(session.name, session.trusted)));
}
for (const problem of problems) {
  totals.failures++;
  failures.push({ fullTitle: 'the editor', err: { message: problem } });
  console.log(`  ✘ ${problem}`);
}
console.log(`\n  ${totals.passes} passing${totals.pending ? `\n  ${totals.pending} pending` : ''}\n  ${totals.failures} failing`);
const results = process.env['THREADGAUGE_RESULTS'];
if (results) writeFileSync(results, JSON.stringify({ stats: totals, failures }));
process.exitCode = totals.failures > 0 || totals.passes === 0 ? 1 : 0;

async function runSession(name: string, trusted: boolean): Promise<readonly string[]> {
  const home = mkdtempSync(path.join(tmpdir(), 'threadgauge-suite-'));
  const folder = path.join(home, 'matmul');
  cpSync(path.join(root, 'examples/matmul'), folder, { recursive: true, filter: (source) => !source.includes('__pycache__') });
  const found: string[] = [];
  let finish: (problem: string | null) => void = () => {};
  const finished = new Promise<string | null>((resolve) => (finish = resolve));
  let page: Page | undefined;
  const control = await listen(async (url, body) => {
    if (url === '/event') {
      const event = body as SuiteEvent;
      print(event);
      if (event.type === 'done') finish(event.error ?? null);
      return {};
    }
    if (!page) return { skipped: 'This editor has no page.' };
    if (url === '/screenshot') {
      const { name: file, height } = body as { name: string; height?: number };
      mkdirSync(screenshots, { recursive: true });
      const target = path.join(screenshots, `${path.basename(file)}.png`);
      const size = page.viewportSize();
      if (size && height !== undefined) {
        await page.setViewportSize({ ...size, height });
        // The editor lays itself out anew.
        await page.waitForTimeout(1000);
      }
      await page.screenshot({ path: target });
      if (size) await page.setViewportSize(size);
      return { path: target };
    }
    if (url === '/text') return { text: await page.locator('body').innerText() };
    if (url === '/frameText') {
      const texts = await Promise.all(page.frames().map(async (frame) => frame.locator('body').innerText({ timeout: 2000 }).catch(() => '')));
      return { texts };
    }
    if (url === '/type') {
      await page.keyboard.type((body as { text: string }).text);
      return {};
    }
    if (url === '/click') {
      const { what, text } = body as { what: 'choice' | 'button'; text: string };
      if (what === 'choice') {
        await page.locator('.quick-input-list .monaco-list-row', { hasText: text }).first().click({ timeout: 20_000 });
        return { clicked: true };
      }
      // A webview draws a little after the extension knows: what is not there yet is waited for, as a person would.
      const until = Date.now() + 20_000;
      do {
        for (const frame of page.frames()) {
          const button = frame.getByRole('button', { name: text, exact: true });
          if ((await button.count().catch(() => 0)) === 0) continue;
          await button.first().click({ timeout: 20_000 });
          return { clicked: true };
        }
        await page.waitForTimeout(100);
      } while (Date.now() < until);
      throw new Error(`No button reads "${text}".`);
    }
    if (url === '/press') {
      await page.keyboard.press((body as { key: string }).key);
      return {};
    }
    return { skipped: `Unknown request ${url}.` };
  });
  const address = control.address();
  const controlUrl = `http://127.0.0.1:${address && typeof address === 'object' ? address.port : 0}`;
  const env: Record<string, string> = {
    THREADGAUGE_SUITE: name,
    THREADGAUGE_SUITE_CONTROL: controlUrl,
    THREADGAUGE_SUITE_ORIGINAL: path.join(root, 'examples/matmul'),
    THREADGAUGE_SUITE_FOLDER: folder,
    THREADGAUGE_PYTHON: python,
    ...(only ? { THREADGAUGE_SUITE_GREP: only } : {}),
  };
  const options: EditorOptions = {
    folder,
    extension: root,
    tests: bundle,
    trusted,
    env,
    settings: { 'threadgauge.interpreter': python },
    log: console.log,
  };
  const timer = setTimeout(() => finish(`The ${name} session did not end within ${TIMEOUT_MS / 1000} s.`), TIMEOUT_MS);
  let stop: () => Promise<readonly string[]> = async () => [];
  try {
    if (process.env['VSCODE_EXECUTABLE_PATH']) {
      const { runDesktopSession } = await import('./desktopEditor.ts');
      finish(await runDesktopSession(process.env['VSCODE_EXECUTABLE_PATH'], options));
    } else {
      const editor = await startBrowserEditor(options);
      stop = editor.stop;
      page = editor.page;
      page.on('crash', () => finish('The browser page crashed.'));
    }
    const problem = await finished;
    if (problem) {
      found.push(problem);
      if (page) {
        mkdirSync(path.join(root, 'test-results'), { recursive: true });
        await page.screenshot({ path: path.join(root, `test-results/${name}-at-failure.png`) }).catch(() => undefined);
      }
    }
  } catch (error) {
    found.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    clearTimeout(timer);
    for (const survivor of await stop()) found.push(`Survived the editor: ${survivor}`);
    control.closeAllConnections();
    control.close();
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
  return found;
}

function print(event: SuiteEvent): void {
  if (event.type === 'log') return console.log(event.text);
  if (event.type === 'done') return;
  const indent = '  '.repeat(event.depth);
  if (event.type === 'suite') return console.log(`${indent}${event.title}`);
  if (event.type === 'pass' || event.type === 'pending') {
    totals[event.type === 'pass' ? 'passes' : 'pending']++;
    return console.log(`${indent}${event.type === 'pass' ? '✔' : '-'} ${event.title} (${event.ms} ms)`);
  }
  totals.failures++;
  failures.push({ fullTitle: event.title, err: { message: event.error } });
  console.log(`${indent}✘ ${event.title} (${event.ms} ms)\n${event.error.replaceAll(/^/gm, `${indent}    `)}`);
}

function listen(answer: (url: string, body: unknown) => Promise<object>): Promise<Server> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      Promise.resolve()
        .then(() => answer(request.url ?? '', JSON.parse(Buffer.concat(chunks).toString('utf8') || 'null')))
        .then(
          (reply) => response.end(JSON.stringify(reply)),
          (error: unknown) => response.writeHead(500).end(JSON.stringify({ error: String(error) })),
        );
    });
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}
