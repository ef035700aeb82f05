/** Finds or installs the embedded VS Code: the one inside the npm package code-server, outside our dependency tree. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
// @ts-expect-error Plain JavaScript, because it also runs before Node 24 is there.
import { cache } from './bootstrap.mjs';

/** Pinned, so that what the tests ran on is known. Holds VS Code 1.139. */
export const CODE_SERVER_VERSION = '4.139.1';
/** Its packages with native parts; the others run as published. */
const NATIVE_PACKAGES = ['node-pty', '@vscode/spdlog', '@vscode/native-watchdog', '@parcel/watcher'];

/**
 * The folder of VS Code's server (`out/server-main.js` lies in it). Installs it into the cache on first use, which takes a few minutes;
 * `THREADGAUGE_CODE_SERVER` names an existing npm prefix instead. Throws with what to do when it cannot be had.
 */
export function ensureCodeServer(log: (line: string) => void): string {
  const given = process.env['THREADGAUGE_CODE_SERVER'];
  const prefix = given || path.join(cache as string, `code-server-${CODE_SERVER_VERSION}`);
  const vscode = path.join(prefix, 'node_modules/code-server/lib/vscode');
  if (existsSync(path.join(vscode, 'out/server-main.js'))) return vscode;
  if (given) throw new Error(`THREADGAUGE_CODE_SERVER is ${given}, but there is no ${path.relative(given, vscode)}/out/server-main.js below it.`);

  log(`Installing the embedded editor (npm package code-server ${CODE_SERVER_VERSION}, once, about 400 MB) into ${prefix}`);
  const staging = `${prefix}.${process.pid}`;
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { recursive: true });
  writeFileSync(path.join(staging, 'package.json'), '{"private":true}\n');
  const stagedVscode = path.join(staging, 'node_modules/code-server/lib/vscode');
  try {
    // Its install script fetches from outside the registry; what that script does for us are the two commands after it.
    npm(['install', '--ignore-scripts', '--no-audit', '--no-fund', `code-server@${CODE_SERVER_VERSION}`], staging);
    npm(['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], stagedVscode);
    npm(['rebuild', ...NATIVE_PACKAGES], stagedVscode);
  } catch (error) {
    rmSync(staging, { recursive: true, force: true });
    throw new Error(`The embedded editor could not be installed (${error instanceof Error ? error.message : String(error)}). Install VS Code and put \`code\` on PATH, or set THREADGAUGE_CODE_SERVER to a folder where \`npm install code-server@${CODE_SERVER_VERSION}\` was run.`);
  }
  renameSync(staging, prefix);
  return vscode;
}

function npm(args: readonly string[], cwd: string): void {
  execFileSync('npm', args, { cwd, stdio: ['ignore', 'ignore', 'inherit'], shell: process.platform === 'win32', timeout: 900_000 });
}
