/** Starts a real editor on a folder with this extension loaded from source, and ends everything it started. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { ensureCodeServer } from './codeServer.ts';

/** The variable by which processes of one editor are known, however they detached themselves. */
const MARK = 'THREADGAUGE_EDITOR_MARK';
const CHROMIUM_FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--force-color-profile=srgb', '--hide-scrollbars'];

export interface EditorOptions {
  /** Absolute path of the folder to open. */
  readonly folder: string;
  /** Absolute path of the extension's root. */
  readonly extension: string;
  /** A file to open at once; absolute path. */
  readonly open?: string;
  /** A CommonJS file exporting `run()`, executed inside the extension host; the editor then shows no notifications by itself. */
  readonly tests?: string;
  /** False: the folder is not trusted. */
  readonly trusted: boolean;
  /** Added to the environment of the extension host. */
  readonly env: Readonly<Record<string, string>>;
  /** Settings of the machine the editor's server runs on. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly log: (line: string) => void;
}

/** VS Code's own server of the embedded editor, reachable by any browser of this machine. */
export interface EditorServer {
  readonly address: string;
  /** Ends the server and whatever its extension host left behind; the command lines of leftovers are returned. */
  stop(): Promise<readonly string[]>;
}

/** An embedded editor with the browser that shows it. */
export interface BrowserEditor extends EditorServer {
  readonly page: Page;
}

/** Starts VS Code's server and returns when it answers. */
export async function startEditorServer(options: EditorOptions): Promise<EditorServer> {
  const vscode = ensureCodeServer(options.log);
  const data = mkdtempSync(path.join(tmpdir(), 'threadgauge-editor-'));
  mkdirSync(path.join(data, 'data/Machine'), { recursive: true });
  writeFileSync(path.join(data, 'data/Machine/settings.json'), JSON.stringify(options.settings));
  const port = await freePort();
  const mark = randomUUID();
  const args = [
    path.join(vscode, 'out/server-main.js'),
    ...['--host', '127.0.0.1', '--port', String(port), '--without-connection-token', '--accept-server-license-terms', '--disable-telemetry'],
    ...(options.trusted ? ['--disable-workspace-trust'] : []),
    // A built VS Code ignores the development path in the address without this; with it, it shows no notifications.
    ...(options.tests ? ['--enable-smoke-test-driver'] : []),
    ...['--server-data-dir', data],
  ];
  const extensions = path.join(data, 'extensions');
  install(extensions, options.tests ? declareDebugger(path.join(data, 'debugger')) : options.extension);
  const environment: NodeJS.ProcessEnv = { ...process.env, ...options.env, [MARK]: mark };
  for (const name of Object.keys(environment)) if (/^(?:VSCODE_|ELECTRON_)/.test(name)) delete environment[name];
  const server = spawn(process.execPath, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: environment });
  let output = '';
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-8000);
      if (process.env['THREADGAUGE_EDITOR_VERBOSE']) process.stderr.write(text);
    });
  }
  const stop = async (): Promise<readonly string[]> => {
    const leftovers = await endGroup(server, mark);
    rmSync(data, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    return leftovers;
  };
  try {
    await answers(`http://127.0.0.1:${port}/version`, server, 60_000);
  } catch (error) {
    await stop();
    throw new Error(`The embedded editor did not start: ${error instanceof Error ? error.message : String(error)}\n${output}`);
  }
  const remote = (file: string): string => `vscode-remote://127.0.0.1:${port}${file.split(path.sep).join('/')}`;
  const payload = [...(options.tests ? [['extensionDevelopmentPath', remote(options.extension)], ['extensionTestsPath', remote(options.tests)]] : []), ...(options.open ? [['openFile', remote(options.open)]] : [])];
  return {
    address: `http://127.0.0.1:${port}/?folder=${encodeURIComponent(options.folder)}&payload=${encodeURIComponent(JSON.stringify(payload))}`,
    stop,
  };
}

/** Makes a folder an installed extension of an editor, by a link. */
function install(extensions: string, folder: string): void {
  const { name, publisher, version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as { name: string; publisher: string; version: string };
  const relativeLocation = `${publisher}.${name}-${version}`;
  mkdirSync(extensions, { recursive: true });
  symlinkSync(folder, path.join(extensions, relativeLocation), 'junction');
  const entry = { identifier: { id: `${publisher}.${name}` }, version, location: { $mid: 1, scheme: 'file', path: path.join(extensions, relativeLocation).split(path.sep).join('/') }, relativeLocation };
  writeFileSync(path.join(extensions, 'extensions.json'), JSON.stringify([entry]));
}

/**
 * An extension without code that declares the debugger type of the example's launches, as the Python debugger does
 * in every editor of a Python user. Without one VS Code underlines each launch by itself.
 */
function declareDebugger(folder: string): string {
  const text = { type: 'string' };
  const properties = { program: text, console: text, envFile: text, cwd: text, python: text, module: text, args: { type: ['array', 'string'] }, env: { type: 'object' } };
  const manifest = {
    name: 'debugger-type',
    publisher: 'threadgauge-suite',
    version: '0.0.0',
    engines: { vscode: '^1.90.0' },
    contributes: { debuggers: [{ type: 'debugpy', label: 'Python', languages: ['python'], configurationAttributes: { launch: { properties } } }] },
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
  return folder;
}

/** Starts the embedded editor and a browser window on it. */
export async function startBrowserEditor(options: EditorOptions, viewport = { width: 1280, height: 800 }): Promise<BrowserEditor> {
  const executablePath = findChromium();
  const server = await startEditorServer(options);
  let browser: Browser | undefined;
  try {
    browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS });
    const context = await browser.newContext({ viewport, deviceScaleFactor: 1, colorScheme: 'dark' });
    const page = await context.newPage();
    if (process.env['THREADGAUGE_EDITOR_VERBOSE']) page.on('console', (message) => console.error(`[page] ${message.text()}`));
    await page.goto(server.address, { waitUntil: 'domcontentloaded', timeout: 60_000 });
    return {
      address: server.address,
      page,
      stop: async () => {
        await browser?.close();
        return server.stop();
      },
    };
  } catch (error) {
    await browser?.close();
    await server.stop();
    throw error;
  }
}

/** Absolute path of a Chromium or Chrome of this machine. Throws with what to do when there is none. */
export function findChromium(): string {
  const given = process.env['THREADGAUGE_BROWSER'];
  const candidates = given ? [given] : ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'].flatMap(onPath);
  const found = candidates.find((file) => existsSync(file));
  if (!found) throw new Error('No Chromium was found to show the embedded editor in. Install one (Debian: `apt-get install chromium`) or set THREADGAUGE_BROWSER to its path.');
  return found;
}

/** The places where a command lies on PATH, nearest first. */
export function onPath(command: string): readonly string[] {
  const extensions = process.platform === 'win32' ? ['.cmd', '.exe', '.bat'] : [''];
  return (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .flatMap((folder) => extensions.map((extension) => path.join(folder, command + extension)))
    .filter((file) => existsSync(file));
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (address && typeof address === 'object' ? resolve(address.port) : reject(new Error('No free port.'))));
    });
  });
}

async function answers(url: string, server: ChildProcess, withinMs: number): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline) {
    if (server.exitCode !== null || server.signalCode !== null) throw new Error(`its server ended with ${server.exitCode ?? server.signalCode}.`);
    try {
      if ((await fetch(url, { signal: AbortSignal.timeout(2000) })).ok) return;
    } catch {
      // Not listening yet.
    }
    await pause(200);
  }
  throw new Error(`no answer from ${url} within ${withinMs / 1000} s.`);
}

/** Ends the process group politely, then for good; then every process that carries the mark. Returns the command lines of the latter. */
async function endGroup(leader: ChildProcess, mark: string): Promise<readonly string[]> {
  const signal = (name: NodeJS.Signals): void => {
    if (leader.pid === undefined) return;
    try {
      process.kill(process.platform === 'win32' ? leader.pid : -leader.pid, name);
    } catch {
      // Gone already.
    }
  };
  signal('SIGTERM');
  for (let i = 0; i < 50 && marked(mark).length > 0; i++) await pause(100);
  const leftovers = marked(mark);
  signal('SIGKILL');
  for (const { pid } of leftovers) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone already.
    }
  }
  return leftovers.map(({ command }) => command);
}

/** Processes whose environment carries the mark. Linux only; elsewhere the process group has to do. */
function marked(mark: string): readonly { pid: number; command: string }[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        if (!readFileSync(`/proc/${name}/environ`, 'latin1').includes(`${MARK}=${mark}`)) return [];
        return [{ pid: Number(name), command: readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() }];
      } catch {
        return [];
      }
    });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
