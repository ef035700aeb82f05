/** Many runs hit by random kills, several at a time, and what is left when all are over. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type KillCase, type KillResult, oneRun, SIGNALS, VICTIMS } from './oneRun.ts';
import { Families, type Process, processes } from './processTable.ts';
import { PROGRAMS } from './programs.ts';

export interface KillRunsOptions {
  readonly runs: number;
  readonly seed: number;
  /** Runs at a time. */
  readonly atOnce: number;
  /** Milliseconds that processes may take to be gone once the owner is. */
  readonly patience?: number;
  readonly done?: (result: KillResult, count: number) => void;
}

export interface KillRuns {
  readonly results: readonly KillResult[];
  /** Supervisors without a runner that were started meanwhile. */
  readonly orphans: readonly Process[];
  /** Files for a run's own use that are still there after one more run, which clears up. */
  readonly leftFiles: readonly string[];
}

/** Milliseconds between two looks at the families. */
const LOOK = 15;
/** The latest moment of a kill; by then most runs are in the middle. */
const LATEST = 5_500;

/** The cases of a seed; the same again for the same seed. */
export function killCases(runs: number, seed: number): readonly KillCase[] {
  const random = generator(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  return Array.from({ length: runs }, (_, number) => ({
    number,
    by: random() < 0.7 ? ('cli' as const) : ('editor' as const),
    program: pick(Object.keys(PROGRAMS)),
    after: Math.round(random() * LATEST),
    victims: shuffled(VICTIMS, random),
    signal: pick(SIGNALS),
    choice: random(),
  }));
}

/** Runs them all. */
export async function killRuns({ runs, seed, atOnce, patience = 8_000, done }: KillRunsOptions): Promise<KillRuns> {
  const began = ticksNow();
  const temporary = mkdtempSync(path.join(tmpdir(), 'kills-tmp-'));
  const families = new Families();
  const looking = setInterval(() => families.look(), LOOK);
  const results: KillResult[] = [];
  const cases = [...killCases(runs, seed)];
  try {
    const worker = async (): Promise<void> => {
      for (let next = cases.shift(); next; next = cases.shift()) {
        const result = await oneRun(next, { families, patience, temporary });
        results.push(result);
        done?.(result, results.length);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    // The files of a killed run are cleared away by the next one: here is that one, killed by nobody.
    await oneRun({ number: runs, by: 'cli', program: 'threads', after: 60_000, victims: [], signal: 'SIGTERM', choice: 0 }, { families, patience, temporary });
    const all = processes();
    const runners = new Set(all.filter(({ command }) => command.includes('threadgauge-runner') || command.includes('/deps/')).map(({ pid }) => pid));
    const orphans = all.filter(({ command, parent, started, zombie }) => !zombie && started >= began && command.startsWith('threadgauge-supervisor') && !runners.has(parent));
    return { results, orphans, leftFiles: readdirSync(temporary) };
  } finally {
    clearInterval(looking);
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** The age of the machine in the unit of `/proc/PID/stat`: that of the youngest process. */
function ticksNow(): number {
  return Math.max(...processes().map(({ started }) => started));
}

function shuffled<T>(list: readonly T[], random: () => number): readonly T[] {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j] as T, copy[i] as T];
  }
  return copy;
}

/** Numbers from 0 to 1 (mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
