/** Where ThreadGauge's own native parts are. */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { isExecutable } from './executable.ts';

const NAME = process.platform === 'win32' ? 'threadgauge-runner.exe' : 'threadgauge-runner';

/** The runner's path, or a full sentence that says where it was looked for. */
export type FoundRunner = { readonly path: string } | { readonly problem: string };

/** Looks at the setting, `THREADGAUGE_RUNNER`, beside the bundle, and in the build directory when run from source. */
export function findRunner(setting: string | undefined): FoundRunner {
  const named = setting || process.env['THREADGAUGE_RUNNER'];
  if (named) return isExecutable(named) ? { path: path.resolve(named) } : { problem: `The runner ${named} does not exist or may not be executed.` };
  const candidates = [...ancestors(import.meta.dirname).flatMap((directory) => [path.join(directory, 'bin', NAME), path.join(directory, 'dist/bin', NAME)]), ...buildDirectories()];
  const found = candidates.find(isExecutable);
  return found === undefined ? { problem: `The benchmark runner ${NAME} is not installed for this platform (${process.platform}-${process.arch}).` } : { path: found };
}

/** The directory to put on PYTHONPATH for the probe, or null. */
export function findProbeDirectory(): string | null {
  const candidates = ancestors(import.meta.dirname).flatMap((directory) => [path.join(directory, 'python'), path.join(directory, 'native/python')]);
  return candidates.find((directory) => existsSync(path.join(directory, 'threadgauge_probe'))) ?? null;
}

/** The file that a program of Node.js loads first, or null: it is bundled, so from source it is there once `dist` was built. */
export function findNodeProbe(): string | null {
  const candidates = ancestors(import.meta.dirname).flatMap((directory) => [path.join(directory, 'node/probe.cjs'), path.join(directory, 'dist/node/probe.cjs')]);
  return candidates.find((file) => existsSync(file)) ?? null;
}

function buildDirectories(): string[] {
  const builds = ancestors(import.meta.dirname).flatMap((directory) => ['release', 'debug'].map((kind) => path.join(directory, 'native/target', kind, NAME)));
  // The one built last is the one being worked on.
  return builds.filter(isExecutable).sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
}

/** The directory and its parents as far as a checkout is deep. */
function ancestors(directory: string): string[] {
  const all = [directory];
  for (let i = 0; i < 4; i++) all.push(path.dirname(all[all.length - 1] ?? directory));
  return all;
}
