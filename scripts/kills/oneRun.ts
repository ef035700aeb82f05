/** One benchmark that is hit by a kill at a random moment, and what is left of it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { parseRecording } from '../../server/src/bench/recording.ts';
import type { RunStatus } from '../../server/src/bench/runState.ts';
import { defaultRecordingsDirectory } from '../../server/src/host/node/recordings.ts';
import { recoverJournals } from '../../server/src/host/node/runJournal.ts';
import type { Families} from './processTable.ts';
import { lives, MARK, marked, type Process } from './processTable.ts';
import { PROGRAMS } from './programs.ts';

const root = path.resolve(import.meta.dirname, '../..');
export const BUNDLES = { cli: path.join(root, 'dist/cli.js'), server: path.join(root, 'dist/server.js') };

export const VICTIMS = ['owner', 'server', 'runner', 'supervisor', 'workload'] as const;
/** `owner` is the command line tool or the editor. */
export type Victim = (typeof VICTIMS)[number];
export const SIGNALS = ['SIGKILL', 'SIGTERM'] as const;
export type Signal = (typeof SIGNALS)[number];

/** What one run is to be; everything random about it is decided here. */
export interface KillCase {
  readonly number: number;
  readonly by: 'cli' | 'editor';
  readonly program: string;
  /** Milliseconds from the start of the owner to the kill. */
  readonly after: number;
  /** The first of these that is alive by then is hit. */
  readonly victims: readonly Victim[];
  readonly signal: Signal;
  /** Chooses among several workload processes, 0 to 1. */
  readonly choice: number;
}

export interface KillResult {
  readonly case: KillCase;
  /** What was hit; null when the run had ended by then. */
  readonly hit: { readonly victim: Victim; readonly command: string } | null;
  /** Milliseconds from the kill until every process of the run was gone; null when some never were. */
  readonly goneAfter: number | null;
  /** Milliseconds from the kill until the owner was gone. */
  readonly ownerGoneAfter: number;
  readonly survivors: readonly Process[];
  /** What is on disk once the next start has looked at it: no recording, one of a whole run, one that says how the run broke off, one of a run whose owner was killed, or one that cannot be read. */
  readonly recording: 'none' | 'whole' | 'cancelled or failed' | 'unfinished' | 'broken';
  /** Why it is broken, or what else is wrong. */
  readonly problem: string | null;
  /** Files beside the recordings. */
  readonly leftFiles: readonly string[];
}

export interface KillOptions {
  readonly families: Families;
  /** Milliseconds that a run hit by a kill may take to be gone once its owner is. */
  readonly patience: number;
  /** Directory for the files that runs keep for themselves, shared by all, so that later ones can clear up. */
  readonly temporary: string;
}

/** Milliseconds that a run may take that goes on although one of its processes was killed. */
const WHOLE_RUN = 60_000;

/** Runs one case to its very end. */
export async function oneRun(wanted: KillCase, { families, patience, temporary }: KillOptions): Promise<KillResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'kills-'));
  const mark = `${process.pid}-${wanted.number}-${path.basename(folder)}`;
  mkdirSync(path.join(folder, '.vscode'));
  mkdirSync(path.join(folder, 'turns'));
  const storage = path.join(folder, 'storage');
  writeFileSync(path.join(folder, 'work.py'), PROGRAMS[wanted.program] ?? '');
  writeFileSync(path.join(folder, '.vscode/launch.json'), '{ "configurations": [{ "name": "work", "type": "debugpy", "request": "launch", "program": "${workspaceFolder}/work.py" }] }\n');
  // Each run has its own turn: they are not there to measure anything.
  const env = { ...process.env, [MARK]: mark, TMPDIR: temporary, XDG_STATE_HOME: path.join(folder, 'state'), THREADGAUGE_LOCK_DIR: path.join(folder, 'turns') };
  const arguments_ = wanted.by === 'cli' ? [BUNDLES.cli, 'bench', 'work.py', '--threads', '1,2', '--budget', '4', '--no-lines', '--save', path.join(storage, 'run.ndjson')] : [path.join(import.meta.dirname, 'editor.ts'), BUNDLES.server, folder, storage];
  const owner = spawn(process.execPath, arguments_, { cwd: folder, env, stdio: 'ignore' });
  const gone = ended(owner);
  try {
    if (owner.pid === undefined) throw new Error(`${process.execPath} could not be started`);
    families.add(owner.pid);
    await Promise.race([sleep(wanted.after), gone]);
    families.look();
    const hit = owner.exitCode === null && owner.signalCode === null ? strike(wanted, owner.pid, families.of(owner.pid), mark) : null;
    const struck = performance.now();
    const inTime = await Promise.race([gone.then(() => true), sleep(WHOLE_RUN).then(() => false)]);
    const ownerGoneAfter = performance.now() - struck;
    let survivors: readonly Process[] = [];
    let goneAfter: number | null = null;
    const until = performance.now() + patience;
    for (;;) {
      families.look();
      survivors = left(mark, families.of(owner.pid));
      if (survivors.length === 0) {
        goneAfter = performance.now() - struck;
        break;
      }
      if (performance.now() >= until) break;
      await sleep(20);
    }
    for (const survivor of survivors) end(survivor);
    let disk = await recordings([storage, defaultRecordingsDirectory(env)]);
    // Until it is reaped a process has an id, and its files are taken for those of one that runs.
    for (const end = performance.now() + patience; disk.leftFiles.length > 0 && performance.now() < end; await sleep(100)) disk = await recordings([storage, defaultRecordingsDirectory(env)]);
    const problem = inTime ? disk.problem : `the owner did not end within ${WHOLE_RUN / 1000} s`;
    return { case: wanted, hit, goneAfter, ownerGoneAfter, survivors, ...disk, problem };
  } finally {
    if (owner.pid !== undefined) families.remove(owner.pid);
    if (owner.exitCode === null && owner.signalCode === null) owner.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Hits the first victim that is there. */
function strike(wanted: KillCase, owner: number, family: readonly Process[], mark: string): KillResult['hit'] {
  const alive = family.filter(lives);
  const parts: Record<Victim, readonly Process[]> = {
    owner: alive.filter(({ pid }) => pid === owner),
    server: alive.filter(({ pid, command }) => pid !== owner && command.includes(BUNDLES.server)),
    runner: alive.filter(({ command }) => /threadgauge-runner run\b/.test(command)),
    supervisor: alive.filter(({ command }) => command.startsWith('threadgauge-supervisor')),
    workload: [],
  };
  const known = new Set(Object.values(parts).flatMap((list) => list.map(({ pid }) => pid)));
  parts.workload = marked(mark).filter(({ pid, command }) => !known.has(pid) && pid !== owner && !command.includes(BUNDLES.cli));
  for (const victim of wanted.victims) {
    const list = parts[victim];
    const chosen = list[Math.floor(wanted.choice * list.length)];
    // Between the look and the blow it may have ended; then the next one is hit.
    if (!chosen || !lives(chosen)) continue;
    try {
      process.kill(chosen.pid, wanted.signal);
      return { victim, command: chosen.command };
    } catch {
      continue;
    }
  }
  return null;
}

/** Processes of a run that are still alive: those with its mark and those seen below its owner. */
function left(mark: string, family: readonly Process[]): readonly Process[] {
  const found = new Map(marked(mark).map((process) => [process.pid, process]));
  for (const process of family) if (lives(process)) found.set(process.pid, process);
  return [...found.values()];
}

function end(survivor: Process): void {
  if (!lives(survivor)) return;
  try {
    process.kill(survivor.pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/** The best that any of the directories holds. */
async function recordings(directories: readonly string[]): Promise<Pick<KillResult, 'recording' | 'problem' | 'leftFiles'>> {
  const leftFiles: string[] = [];
  let best: KillResult['recording'] = 'none';
  for (const directory of directories) {
    await recoverJournals(directory);
    if (!existsSync(directory)) continue;
    for (const name of readdirSync(directory)) {
      if (!name.endsWith('.ndjson')) {
        leftFiles.push(name);
        continue;
      }
      try {
        const kind = kindOf(parseRecording(readFileSync(path.join(directory, name), 'utf8')).state.status);
        if (RANKS.indexOf(kind) > RANKS.indexOf(best)) best = kind;
      } catch (error) {
        return { recording: 'broken', problem: `${name}: ${error instanceof Error ? error.message : String(error)}`, leftFiles };
      }
    }
  }
  return { recording: best, problem: null, leftFiles };
}

const RANKS: readonly KillResult['recording'][] = ['none', 'unfinished', 'cancelled or failed', 'whole'];

function kindOf(status: RunStatus): KillResult['recording'] {
  if (status === 'finished') return 'whole';
  return status === 'cancelled' || status === 'failed' ? 'cancelled or failed' : 'unfinished';
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.on('exit', () => resolve());
    child.on('error', () => resolve());
  });
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
