/** What a benchmark needs to know of this computer: paths, programs, the Python to use. */
import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import path from 'node:path';
import type { Machine } from '../../core/machine.ts';
import type { BenchHost, Interpreter } from '../../bench/request.ts';
import { findAllocators, openMpOf, readText, switchesOf } from './benchSurroundings.ts';
import { isExecutable } from './executable.ts';
import { findNodeProbe, findProbeDirectory } from './findRunner.ts';
import { pathOfUri } from './workspaceFiles.ts';

const WINDOWS = process.platform === 'win32';

export interface BenchHostOptions {
  readonly machine: Machine;
  /** Asked for in so many words (`--python`); wins over everything. */
  readonly demanded?: string | undefined;
  /** What the editor's Python extension has chosen for the workspace. */
  readonly chosen?: string | undefined;
  /** The setting `threadgauge.interpreter`; empty = not set. */
  readonly interpreter?: string | undefined;
  /** Directories in which virtual environments are looked for; the search goes no higher. */
  readonly folders: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** The host of the computer this process runs on. Looks at files; starts nothing. */
export function createBenchHost(options: BenchHostOptions): BenchHost {
  return {
    environment: options.environment ?? definedVariables(process.env),
    machine: options.machine,
    probeDirectory: findProbeDirectory(),
    nodeProbe: findNodeProbe(),
    pathOf: pathOfUri,
    directoryOf: path.dirname,
    resolve: (base, file) => path.resolve(base, file),
    isFile,
    isDirectory: (file) => statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false,
    textOf: readText,
    findInterpreter: (word, from, environment, named) => findInterpreter(word, from, environment, options, named ?? false),
    allocators: () => findAllocators(options.machine.arch, condaLibraries(options.environment ?? definedVariables(process.env))),
    openMpOf,
    switchesOf: (script) => switchesOf(readText(script) ?? ''),
    findProgram: (word, cwd, environment) => findProgram(word, cwd, environment['PATH'] ?? ''),
  };
}

function condaLibraries(environment: Readonly<Record<string, string>>): readonly string[] {
  const prefix = environment['CONDA_PREFIX'];
  return prefix ? [path.join(prefix, 'lib')] : [];
}

/** The variables of an environment that are set. */
export function definedVariables(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** A path that the launch names (in a debug configuration also a bare name) decides, as it does in VS Code; then the Python extension's choice, the setting, a virtual environment, PATH. */
function findInterpreter(word: string, from: string, environment: Readonly<Record<string, string>>, options: BenchHostOptions, named: boolean): Interpreter | { readonly problem: string } {
  const search = environment['PATH'] ?? '';
  const given = (program: string, origin: string): Interpreter | { readonly problem: string } => {
    const found = findProgram(program, from, search);
    return found === null ? { problem: `The Python ${program} (${origin}) does not exist or may not be executed.` } : { path: found, from: origin };
  };
  if (options.demanded) return given(options.demanded, '--python');
  if (named || /[\\/]/.test(word)) {
    const found = findProgram(word, from, search);
    if (found !== null) return { path: found, from: 'named in the launch' };
    return { problem: `The Python ${/[\\/]/.test(word) ? path.resolve(from, word) : word}, which the launch names, does not exist or may not be executed.` };
  }
  if (options.chosen && isExecutable(options.chosen)) return { path: options.chosen, from: "the Python extension's choice" };
  if (options.interpreter) return given(options.interpreter, 'setting threadgauge.interpreter');
  for (const directory of searchDirectories(from, options.folders)) {
    for (const name of ['.venv', 'venv']) {
      const candidate = pythonOf(path.join(directory, name));
      if (isExecutable(candidate)) return { path: candidate, from: `${name} in ${directory}` };
    }
  }
  const active = environment['VIRTUAL_ENV'];
  if (active && isExecutable(pythonOf(active))) return { path: pythonOf(active), from: 'VIRTUAL_ENV' };
  for (const name of new Set([word, 'python3', 'python'])) {
    const found = findProgram(name, from, environment['PATH'] ?? '');
    if (found !== null) return { path: found, from: 'PATH' };
  }
  return { problem: `No Python was found: there is no .venv or venv in the workspace, and neither python3 nor python is on PATH. Name the Python to use (--python on the command line, the setting threadgauge.interpreter in an editor).` };
}

/** From a directory up to the workspace folder that holds it; then the folders themselves. */
function searchDirectories(from: string, folders: readonly string[]): readonly string[] {
  const result: string[] = [];
  const within = folders.find((folder) => from === folder || from.startsWith(folder + path.sep));
  if (within !== undefined) {
    for (let directory = from; ; directory = path.dirname(directory)) {
      result.push(directory);
      if (directory === within) break;
    }
  } else {
    result.push(from);
  }
  return [...new Set([...result, ...folders])];
}

function pythonOf(environment: string): string {
  return WINDOWS ? path.join(environment, 'Scripts', 'python.exe') : path.join(environment, 'bin', 'python');
}

function findProgram(word: string, cwd: string, searchPath: string): string | null {
  if (/[\\/]/.test(word)) {
    const named = path.resolve(cwd, word);
    return isExecutable(named) ? named : null;
  }
  const names = WINDOWS ? [word, `${word}.exe`] : [word];
  for (const directory of searchPath.split(path.delimiter)) {
    for (const name of names) {
      const candidate = path.resolve(cwd, directory, name);
      if (directory !== '' && isExecutable(candidate)) return candidate;
    }
  }
  return null;
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

/**
 * Which modules the program's Python cannot find, or null when that could not be told.
 * Runs that interpreter, so only ever as part of a benchmark somebody asked for.
 */
export function missingModules(python: string, modules: readonly string[], cwd: string, environment: Readonly<Record<string, string>>): Promise<readonly string[] | null> {
  if (modules.length === 0) return Promise.resolve([]);
  const program = 'import importlib.util, sys\nprint("\\n".join(m for m in sys.argv[1:] if importlib.util.find_spec(m) is None))';
  return new Promise((resolve) => {
    execFile(python, ['-c', program, ...modules], { cwd, env: environment, timeout: 20_000, windowsHide: true }, (error, stdout) => {
      resolve(error ? null : stdout.split(/\r?\n/).filter((line) => modules.includes(line)));
    });
  });
}
