/** What the runner asks of the probe, in the variable THREADGAUGE_PROBE. */
import { realpathSync } from 'node:fs';
import path from 'node:path';

export interface Orders {
  /** `region`: one mark; `wall`: time of every statement; `cpu`: CPU clocks on some lines. */
  readonly mode: 'region' | 'wall' | 'cpu';
  /** Where the report goes. */
  readonly out: string;
  /** Real paths; only files below them are timed. */
  readonly roots: readonly string[];
  /** Lines with clocks, by real path; null in other modes. */
  readonly cpuLines: Readonly<Record<string, readonly number[]>> | null;
  /** Lines too short and too frequent to be timed, by path; their marks are left out. */
  readonly skippedLines: Readonly<Record<string, readonly number[]>>;
  readonly cell: string | null;
  readonly ortIntraOpThreads: number | null;
  readonly pinnedEnvironment: Readonly<Record<string, string | null>> | null;
  /** Where the instances of one trial wait for each other. */
  readonly barrier: { readonly path: string; readonly index: number; readonly count: number } | null;
  /** Real path of the entry module. */
  readonly entry: string | null;
}

/** The orders in a variable's text. Throws when they make no sense. */
export function readOrders(text: string, entry: string | null): Orders {
  const given = JSON.parse(text) as Record<string, unknown>;
  const { mode, out } = given;
  if ((mode !== 'region' && mode !== 'wall' && mode !== 'cpu') || typeof out !== 'string') throw new Error('unknown mode');
  const linesOf = (value: unknown): Record<string, readonly number[]> =>
    Object.fromEntries(Object.entries((value ?? {}) as Record<string, readonly number[]>).map(([file, lines]) => [realPath(file), lines]));
  return {
    mode,
    out,
    roots: ((given['roots'] ?? []) as string[]).map((root) => realPath(root)),
    cpuLines: mode === 'cpu' ? linesOf(given['cpu_lines']) : null,
    skippedLines: linesOf(given['skipped_lines']),
    cell: (given['cell'] as string | null | undefined) ?? null,
    ortIntraOpThreads: (given['ort_intra_op_threads'] as number | null | undefined) ?? null,
    pinnedEnvironment: (given['pinned_env'] as Record<string, string | null> | null | undefined) ?? null,
    barrier: (given['barrier'] as Orders['barrier'] | undefined) ?? null,
    entry,
  };
}

/** Whether a file is one of the workspace's own. */
export function isOwnFile(file: string, roots: readonly string[]): boolean {
  if (!path.isAbsolute(file) || file.split(/[\\/]/).includes('node_modules')) return false;
  return roots.some((root) => file.startsWith(root.endsWith(path.sep) ? root : root + path.sep));
}

/** The path without links; the path itself when it does not exist. */
export function realPath(file: string): string {
  try {
    return realpathSync.native(file);
  } catch {
    return path.resolve(file);
  }
}
