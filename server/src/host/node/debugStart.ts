/** Resolves debug configurations of launch.json on this computer, as VS Code would. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { parse } from 'jsonc-parser';
import type { DebuggerStart } from '../../bench/debugStart.ts';
import type { Launch } from '../../core/launchGraph.ts';
import type { Machine } from '../../core/machine.ts';
import { evaluate } from '../../core/value.ts';
import { dotenvReader } from '../../readers/dotenv/reader.ts';
import type { System } from '../../readers/launchJson/configurations.ts';
import { resolveConfiguration, settingsOfConfiguration } from '../../readers/launchJson/resolve.ts';
import { pathOfUri } from './workspaceFiles.ts';

export interface DebugStartOptions {
  /** Text of the file that holds the configuration. */
  readonly text: string;
  readonly folder: string;
  readonly folders: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly machine: Machine;
  readonly activeFile: string | null;
  /** Values of the settings that `settingsAskedFor` names; those that are not set are left out. */
  readonly settings: ReadonlyMap<string, unknown>;
  readonly interpreter: () => string | null;
}

const SYSTEM: System = process.platform === 'darwin' ? 'osx' : process.platform === 'win32' ? 'windows' : 'linux';

/** True for a launch that a debugger starts from a configuration. */
export function isDebugLaunch(launch: Launch): boolean {
  return launch.how === 'debug' && /(?:\/launch\.json|\.code-workspace)$/.test(launch.uri);
}

/** The folder that a configuration calls `${workspaceFolder}` when nobody says: the one that holds `.vscode`. */
export function folderOfConfiguration(launch: Launch): string {
  const directory = path.dirname(pathOfUri(launch.uri) ?? '/');
  return path.basename(directory) === '.vscode' ? path.dirname(directory) : directory;
}

/** The editor settings that a configuration refers to. */
export function settingsAskedFor(text: string, id: string): readonly string[] {
  return settingsOfConfiguration(text, id, SYSTEM);
}

/** The settings in a folder's `.vscode/settings.json`, by their full names; none when it cannot be read. */
export function folderSettings(folder: string): ReadonlyMap<string, unknown> {
  try {
    const settings: unknown = parse(readFileSync(path.join(folder, '.vscode/settings.json'), 'utf8'));
    return new Map(typeof settings === 'object' && settings !== null ? Object.entries(settings) : []);
  } catch {
    return new Map();
  }
}

/** How the launch would be started; null when its configuration starts no program by itself (a terminal's command line). */
export function debuggerStart(launch: Launch, options: DebugStartOptions): DebuggerStart | null {
  const { folder, environment, settings } = options;
  const start = resolveConfiguration(options.text, launch.id, {
    system: SYSTEM,
    folder,
    folders: options.folders,
    home: homedir(),
    environment,
    // A configuration that is started from its own file means another one.
    activeFile: options.activeFile === pathOfUri(launch.uri) ? null : options.activeFile,
    setting: (name) => settings.get(name),
    interpreter: options.interpreter,
  });
  if (start === null) return null;
  const notes = [...start.notes];
  const file = start.envFile === null ? null : path.resolve(folder, start.envFile);
  const seen = launch.layers.some(({ origin, settings: all }) => origin === 'envFile' && all.some(({ anchor }) => pathOfUri(anchor.uri) === file));
  const fileEnvironment = file === null || seen ? [] : environmentOfFile(file, options, notes);
  return { words: start.words, namesInterpreter: start.namesInterpreter, cwd: start.cwd === null ? null : path.resolve(folder, start.cwd), fileEnvironment, environment: start.environment, refusals: start.refusals, notes };
}

function environmentOfFile(file: string, { environment, machine }: DebugStartOptions, notes: string[]): DebuggerStart['fileEnvironment'] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    notes.push(`The file ${file}, which the configuration names as envFile, could not be read; its variables are missing.`);
    return [];
  }
  const own: Record<string, string> = {};
  const syntaxes = dotenvReader.split(text).map(({ start, end }, chunk) => ({ chunk, syntax: dotenvReader.read(text.slice(start, end)) }));
  for (const fact of dotenvReader.assemble(file, syntaxes).facts) {
    if (fact.kind !== 'setting' || fact.channel !== 'env') continue;
    const value = evaluate(fact.value, { machine, environment: (name) => own[name] ?? environment[name] });
    if (value.kind === 'known' && value.type !== 'other') own[fact.name] = value.value === null ? '' : String(value.value);
    else notes.push(`${fact.name} from ${file} is left out, because its value is not known before the launch.`);
  }
  return Object.entries(own).map(([name, value]) => ({ name, value, from: file }));
}
