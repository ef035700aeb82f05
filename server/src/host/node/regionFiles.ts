/** The part of a program that a benchmark is to cover, found in its file; of a notebook, with the script that its cells become. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Reader } from '../../core/reader.ts';
import { type Problem, type Region, type RegionTarget, resolveRegion } from '../../bench/region.ts';
import { notebookScript } from '../../readers/notebookScript.ts';

export interface PreparedRegion {
  readonly region: Region & { readonly path: string };
  /** Of a notebook: the script that runs instead of it, from the notebook's own directory. Null for a script. */
  readonly script: { readonly path: string; readonly text: string; readonly cwd: string } | null;
  readonly notes: readonly string[];
  /** Takes away what was written. */
  dispose(): void;
}

/** Finds a part of a file with this text. The script of a notebook goes into a temporary directory, never beside the notebook. */
export function prepareRegion(file: string, text: string, target: RegionTarget, python: Reader): PreparedRegion | Problem {
  const name = path.basename(file);
  const statements = (source: string): ReturnType<NonNullable<Reader['statements']>> => python.statements?.(source) ?? [];
  if (!/\.ipynb$/i.test(file)) {
    const region = resolveRegion(target, text, statements(text), name);
    return 'problem' in region ? region : { region: { ...region, path: file }, script: null, notes: [], dispose: () => {} };
  }
  if (target.kind === 'lines') return { problem: `${name} is a notebook: name the cell too, as in cell:3:${target.first}${target.last === target.first ? '' : `-${target.last}`}.` };
  const built = notebookScript(text, target.kind === 'cell' ? target.cell : lastCell(text));
  if ('problem' in built) return built;
  const region = target.kind === 'cell' ? ofCell(target, built, statements(built.text), name) : resolveRegion(target, built.text, statements(built.text), name);
  if ('problem' in region) return region;
  const directory = mkdtempSync(path.join(tmpdir(), 'threadgauge-notebook-'));
  const script = path.join(directory, `${path.basename(file, path.extname(file))}.py`);
  writeFileSync(script, built.text, { mode: 0o600 });
  return { region: { ...region, path: script }, script: { path: script, text: built.text, cwd: path.dirname(file) }, notes: built.notes, dispose: () => rmSync(directory, { recursive: true, force: true }) };
}

function ofCell(target: Extract<RegionTarget, { kind: 'cell' }>, built: Exclude<ReturnType<typeof notebookScript>, Problem>, statements: ReturnType<NonNullable<Reader['statements']>>, name: string): Region | Problem {
  const cell = built.cells.get(target.cell);
  if (!cell) return { problem: `${name} has no code cell ${target.cell}.` };
  const where = `cell ${target.cell} of ${name}`;
  const { lines } = target;
  if (lines && cell.first + lines.last - 1 > cell.last) return { problem: `${capital(where)} has only ${cell.last - cell.first + 1} lines.` };
  const [first, last] = lines ? [cell.first + lines.first - 1, cell.first + lines.last - 1] : [cell.first, cell.last];
  const region = resolveRegion({ kind: 'lines', first, last }, built.text, statements, where);
  if ('problem' in region) return { problem: lines ? `There is no statement at line ${lines.first}${lines.last === lines.first ? '' : ` to ${lines.last}`} of ${where}.` : `${capital(where)} holds no statement.` };
  if (region.function) return { problem: `${capital(where)} only defines a function${lines ? ' there' : ''}, which it does not call; choose the cell that calls it, or the function by its name.` };
  return lines ? { ...region, label: region.label.startsWith('lines ') ? `lines ${lines.first} to ${lines.last} of cell ${target.cell}` : region.label } : { ...region, label: `cell ${target.cell}` };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Place of the last code cell, from 1. */
function lastCell(json: string): number {
  try {
    const { cells } = JSON.parse(json) as { cells?: readonly { readonly cell_type?: unknown }[] };
    return (cells ?? []).findLastIndex((cell) => cell.cell_type === 'code') + 1;
  } catch {
    return 1;
  }
}
