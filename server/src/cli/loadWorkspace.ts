/** Reads the files and folders named on a command line into an engine. */
import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { Machine } from '../core/machine.ts';
import { machineFromJson, UNKNOWN_MACHINE } from '../core/machine.ts';
import { Engine, type EngineConfig } from '../engine/engine.ts';
import { loadParsers } from '../host/node/grammars.ts';
import { paysToReadAhead, ReadingThread } from '../host/node/readingThread.ts';
import { probeMachine } from '../host/node/runnerProcess.ts';
import { configsAbove, pathOfUri, readSourceAtOnce, scanDirectory, uriOfPath } from '../host/node/workspaceFiles.ts';
import { engineSources } from '../lsp/reportSources.ts';
import { createReaders } from '../readers/index.ts';
import type { ReportSources } from '../report/sources.ts';
import { RULES } from '../rules/index.ts';
import { UsageError } from './usageError.ts';

export interface LoadedWorkspace {
  readonly engine: Engine;
  readonly sources: ReportSources;
  readonly machine: Machine;
  /** Files that a reader understood. */
  readonly files: number;
}

/** Loads paths (the working directory when there are none). `machineFile` replaces the machine at hand. */
export async function loadWorkspace(paths: readonly string[], machineFile: string | undefined, config: EngineConfig = {}): Promise<LoadedWorkspace> {
  keepShortLivedYoung();
  const [machine, parsers] = await Promise.all([targetMachine(machineFile), loadParsers()]);
  const readers = createReaders(parsers);
  const help = new ReadingThread();
  const engine = new Engine({ readers, rules: RULES, machine, once: true, help, probed: machineFile === undefined, config: { ...config, fixedMachine: machineFile !== undefined }, log: (message, error) => process.stderr.write(`threadgauge: ${message} ${error instanceof Error ? (error.stack ?? '') : String(error)}\n`) });
  const files = new Set<string>();
  for (const given of paths.length === 0 ? ['.'] : paths) {
    const full = path.resolve(given);
    if (!existsSync(full)) throw new UsageError(`${given} does not exist`);
    if (statSync(full).isDirectory()) {
      const { files: found, truncated } = await scanDirectory(full, { claims: (uri, head) => engine.claims({ uri, languageId: '', head }), limit: 200_000 });
      if (truncated) process.stderr.write(`threadgauge: ${given} holds more than 200,000 files; the rest was not looked at\n`);
      for (const file of found) files.add(file);
    } else {
      openFile(engine, full);
      files.add(full);
    }
  }
  if (paysToReadAhead(files.size)) help.prepare();
  for (const file of files) {
    if (engine.text(uriOfPath(file))) continue;
    // A dangling link or a file without permission is no reason to withhold the rest; only what was named must be there.
    const problem = tryOpenFile(engine, file);
    if (problem !== null) process.stderr.write(`threadgauge: ${problem}\n`);
  }
  openConfigsAbove(engine, paths.length === 0 ? ['.'] : paths);
  const [problem, ...more] = engine.configProblems();
  if (problem) throw new UsageError(`${displayPath(problem.uri)}:${problem.line}: ${problem.message}${more.length > 0 ? ` (and ${more.length} more)` : ''}`);
  help.start([...files].map(uriOfPath).flatMap((uri) => (engine.text(uri)?.text ? [{ uri, text: engine.text(uri)?.text ?? '' }] : [])));
  const named = [...files].filter((file) => engine.facts(uriOfPath(file)) !== undefined).length;
  return { engine, machine, files: named, sources: engineSources(engine, displayPath) };
}

/**
 * V8 notices that some of what is read from a file outlives a collection and then makes all of its kind among the old objects, where it holds on to the rest of its file.
 * But a scan is done with a file before it reads the next: in three of four scans of 1,528 files that cost a tenth of the time and 90 MB.
 */
function keepShortLivedYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}

/** Configuration of the folders above what was named holds for it too. */
function openConfigsAbove(engine: Engine, paths: readonly string[]): void {
  for (const given of paths) for (const file of configsAbove(path.resolve(given))) if (!engine.text(uriOfPath(file))) tryOpenFile(engine, file);
}

/** Reads one file into the engine. Throws a UsageError when it cannot be read at all. */
export function openFile(engine: Engine, file: string): void {
  const problem = tryOpenFile(engine, file);
  if (problem !== null) throw new UsageError(problem);
}

/** Reads one file into the engine; the problem when it cannot be read at all. */
export function tryOpenFile(engine: Engine, file: string): string | null {
  const uri = uriOfPath(file);
  const content = readSourceAtOnce(file);
  if (content.kind === 'text') engine.open({ uri, languageId: '', version: 0, text: content.text });
  else if (content.kind === 'unreadable') engine.openUnreadable({ uri, languageId: '' }, content.reason, content.message);
  else return `${path.relative(process.cwd(), file)}: ${content.message}`;
  return null;
}

/** Relative to the working directory. */
export function displayPath(uri: string): string {
  const file = pathOfUri(uri);
  return file === null ? uri : path.relative(process.cwd(), file).split(path.sep).join('/') || '.';
}

/** The machine of a file, else this one, else one of which nothing is known. */
export async function targetMachine(file: string | undefined): Promise<Machine> {
  if (file === undefined) {
    const { machine, problem } = await probeMachine(undefined);
    if (machine === null) process.stderr.write(`threadgauge: ${problem} Findings that depend on the machine are left out.\n`);
    return machine ?? UNKNOWN_MACHINE;
  }
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`the machine file ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  try {
    return machineFromJson(json);
  } catch (error) {
    throw new UsageError(`the machine file ${file} is not usable: ${error instanceof Error ? error.message : String(error)}`);
  }
}
