/** Running processes: what the runner sees of them, and the plan of their command line. */
import { execFile, spawn } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { commandText, machineOfProcess } from '../../bench/matchLaunch.ts';
import type { InspectedProcess, Inspection, RunningProcess } from '../../bench/protocol.generated.ts';
import type { Plan } from '../../core/plan.ts';
import { machineFromJson } from '../../core/machine.ts';
import type { Reader } from '../../core/reader.ts';
import { Engine } from '../../engine/engine.ts';
import { findRunner } from './findRunner.ts';
import { readSource, scanDirectory, uriOfPath } from './workspaceFiles.ts';

/** Files beside the program that are read for its plan. */
const NEIGHBOURS = 2000;
const LARGEST_ANSWER = 16 * 1024 * 1024;

export type Told<T> = { readonly value: T } | { readonly problem: string };

/** Looks at a process and its descendants for some seconds. Never throws. */
export function inspectProcess(runnerSetting: string | undefined, pid: number, seconds: number): Promise<Told<Inspection>> {
  return ask<Inspection>(runnerSetting, ['inspect', String(pid), '--seconds', String(seconds)], seconds * 1000 + 20_000);
}

/** This user's programs, newest first. Never throws. */
export function runningProcesses(runnerSetting: string | undefined): Promise<Told<readonly RunningProcess[]>> {
  return ask<readonly RunningProcess[]>(runnerSetting, ['processes'], 20_000);
}

/** Looks again and again until the process ends or `signal` says so; a problem as a full sentence, else null. */
export function watchProcess(runnerSetting: string | undefined, pid: number, seconds: number, each: (inspection: Inspection) => void, signal: AbortSignal): Promise<string | null> {
  const found = findRunner(runnerSetting);
  if ('problem' in found) return Promise.resolve(found.problem);
  return new Promise((resolve) => {
    const child = spawn(found.path, ['inspect', String(pid), '--seconds', String(seconds), '--watch'], { stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
    let rest = '';
    let stderr = '';
    const stop = (): void => void child.kill('SIGTERM');
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') each(JSON.parse(line) as Inspection);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-4096)));
    child.on('error', (error) => resolve(`The runner ${found.path} could not be started: ${error.message}.`));
    child.on('close', (code) => resolve(code === 0 || signal.aborted ? null : plain(stderr)));
  });
}

function ask<T>(runnerSetting: string | undefined, words: readonly string[], timeout: number): Promise<Told<T>> {
  const found = findRunner(runnerSetting);
  if ('problem' in found) return Promise.resolve(found);
  return new Promise((resolve) => {
    execFile(found.path, words, { timeout, maxBuffer: LARGEST_ANSWER, windowsHide: true }, (error, stdout, stderr) => {
      if (error) {
        resolve({ problem: stderr.trim() === '' ? `The runner ${found.path} did not answer: ${error.message.split('\n')[0]}.` : plain(stderr) });
        return;
      }
      try {
        resolve({ value: JSON.parse(stdout) as T });
      } catch (cause) {
        resolve({ problem: `The runner ${found.path} answered in a way that is not understood: ${cause instanceof Error ? cause.message : String(cause)}.` });
      }
    });
  });
}

/** The last thing a runner said, without its name. */
function plain(stderr: string): string {
  const text = stderr.trim().replace(/^threadgauge-runner: /, '').split('\n')[0] ?? '';
  return text === '' ? 'The runner ended without a word.' : text;
}

/** The plan of a process's command line with the environment and the CPUs that it has; null when nothing is known of such a program. */
export async function planOfCommand(process: InspectedProcess, inspection: Inspection, readers: readonly Reader[]): Promise<Plan | null> {
  const { cwd } = process;
  if (cwd == null || !path.isAbsolute(cwd)) return null;
  const machine = machineOfProcess(machineFromJson(inspection.machine), process);
  const engine = new Engine({ readers, rules: [], machine, once: true });
  const script = process.command.find((word) => /\.(?:py|[cm]?[jt]s)$/.test(word));
  const folders = new Set([cwd, ...(script === undefined ? [] : [path.dirname(path.resolve(cwd, script))])]);
  for (const folder of folders) {
    // The whole disk and a whole home are no project.
    if (folder === path.parse(folder).root || folder === os.homedir()) continue;
    const { files } = await scanDirectory(folder, { claims: (uri, head) => /\.(?:py|[cm]?[jt]s)$/.test(uri) && engine.claims({ uri, languageId: '', head }), limit: NEIGHBOURS });
    for (const file of files) await open(engine, file);
  }
  if (script !== undefined) await open(engine, path.resolve(cwd, script));
  // Read as a line of a shell script, so that it is planned like every other launch.
  const uri = uriOfPath(path.join(cwd, '.threadgauge-inspected.sh'));
  engine.open({ uri, languageId: 'shellscript', version: 0, text: `${commandText(process)}\n` });
  return engine.plans(uri).find(({ launch }) => launch.uri === uri) ?? null;
}

async function open(engine: Engine, file: string): Promise<void> {
  const uri = uriOfPath(file);
  if (engine.text(uri)) return;
  const content = await readSource(file);
  if (content.kind === 'text') engine.open({ uri, languageId: '', version: 0, text: content.text });
}
