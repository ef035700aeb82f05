/**
 * Sets up what a fresh machine lacks, each part only when it is missing:
 * npm packages (with Node 24), the bundles and the native runner, a Python with PyTorch, and a browser for the embedded editor.
 * Plain JavaScript, because it runs before Node 24 is there. Parts are named on the command line; `all` is every part.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const TORCH = 'torch==2.13.0';
const windows = process.platform === 'win32';

/** The folder for what outlives a checkout: the Python environment and the embedded editor. */
export const cache = path.join(process.env['XDG_CACHE_HOME'] || path.join(os.homedir(), '.cache'), 'threadgauge');

/** Ends with one clear line. */
function fail(message) {
  console.error(`bootstrap: ${message}`);
  process.exit(2);
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options });
  if (result.error) fail(`cannot start ${command}: ${result.error.message}`);
  if (result.status !== 0) fail(`\`${[command, ...args].join(' ')}\` ended with ${result.signal ?? `exit code ${result.status}`}.`);
}

function has(command, args = ['--version']) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** npm on Windows is a .cmd file, which only a shell starts; its arguments here are constants. */
function npm(...args) {
  run(windows ? 'npm.cmd' : 'npm', args, { shell: windows });
}

/** Installs the packages when the lock file changed since the last time. */
function packages() {
  const lock = createHash('sha256').update(readFileSync(path.join(root, 'package-lock.json'))).digest('hex');
  const stamp = path.join(root, 'node_modules/.threadgauge-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.log('bootstrap: installing npm packages …');
  npm('ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error');
  // Only these two need their install scripts: Node 24 itself, and esbuild's check of its binary.
  npm('rebuild', 'node', 'esbuild', '--loglevel=error');
  writeFileSync(stamp, lock);
}

/** Bundles and the native runner. Cargo decides itself what is stale. */
function build() {
  if (!has('cargo')) fail('Rust is missing. Install it with rustup (1.88 or newer) so that `cargo --version` works, then run this again.');
  console.log('bootstrap: building …');
  const node = path.join(root, 'node_modules/.bin', windows ? 'node.cmd' : 'node');
  run(node, ['scripts/build.ts', '--runner'], { shell: windows });
}

/** The interpreter of the environment with PyTorch, made on first use; THREADGAUGE_PYTHON names another. */
export function pythonWithTorch() {
  const given = process.env['THREADGAUGE_PYTHON'];
  if (given) return given;
  return path.join(cache, 'venv', windows ? 'Scripts/python.exe' : 'bin/python');
}

function python() {
  const interpreter = pythonWithTorch();
  if (existsSync(interpreter) && has(interpreter, ['-c', 'import torch'])) return;
  if (process.env['THREADGAUGE_PYTHON']) fail(`THREADGAUGE_PYTHON=${interpreter} cannot \`import torch\`. Install torch there, or unset the variable to have an environment made.`);
  const system = ['python3', 'python'].find((name) => has(name, ['-c', 'import sys, venv; assert sys.version_info >= (3, 9)']));
  if (!system) fail('Python 3.9 or newer with the venv module is missing. Install it so that `python3 -m venv` works, then run this again.');
  console.log(`bootstrap: installing ${TORCH} into ${path.join(cache, 'venv')} (once, some minutes) …`);
  mkdirSync(cache, { recursive: true });
  rmSync(path.join(cache, 'venv'), { recursive: true, force: true });
  run(system, ['-m', 'venv', path.join(cache, 'venv')]);
  run(interpreter, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', TORCH, 'numpy']);
}

/** A Chromium for the embedded editor; not needed where a VS Code can be used. */
function browser() {
  const known = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  if (process.env['VSCODE_EXECUTABLE_PATH'] || process.env['THREADGAUGE_BROWSER'] || known.some((name) => has(name))) return;
  if (process.platform === 'linux' && process.getuid?.() === 0 && has('apt-get')) {
    console.log('bootstrap: installing Chromium …');
    run('apt-get', ['update', '-qq']);
    run('apt-get', ['install', '-y', '-qq', 'chromium']);
    return;
  }
  console.log('bootstrap: no Chromium found; the embedded editor opens in your own browser. Tests of the editor need one, or VSCODE_EXECUTABLE_PATH.');
}

const PARTS = { packages, build, python, browser };

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = process.argv.slice(2);
  const names = wanted.includes('all') || wanted.length === 0 ? Object.keys(PARTS) : wanted;
  for (const name of names) {
    if (!(name in PARTS)) fail(`unknown part "${name}"; parts: ${Object.keys(PARTS).join(', ')}, all`);
    PARTS[name]();
  }
}
