/** The text of measured lines, as long as the files are still what ran. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { RunState } from '../../../server/src/bench/runState.ts';

type Lines = Readonly<Record<number, string>>;

/** Reads each version of a file once. */
export class MeasuredSources {
  readonly #known = new Map<string, Lines>();

  /** Text by path and zero-based line, without surrounding blanks; files that changed since or cannot be read are left out. */
  async of(state: RunState): Promise<Readonly<Record<string, Lines>>> {
    const files = state.lines.flatMap((lines) => lines.files);
    const sources = await Promise.all([...new Map(files.map((file) => [file.path, file])).values()].map(async ({ path, sha256 }) => [path, await this.#read(path, sha256)] as const));
    const wanted = (path: string, text: Lines): Lines =>
      Object.fromEntries(files.filter((file) => file.path === path).flatMap((file) => file.lines.map(({ line }) => [line - 1, text[line - 1] ?? ''])));
    return Object.fromEntries(sources.flatMap(([path, text]) => (text ? [[path, wanted(path, text)]] : [])));
  }

  async #read(path: string, sha256: string): Promise<Lines | undefined> {
    const known = this.#known.get(sha256);
    if (known) return known;
    try {
      const bytes = await readFile(path);
      if (createHash('sha256').update(bytes).digest('hex') !== sha256) return undefined;
      const lines = Object.fromEntries(bytes.toString('utf8').split(/\r\n|\r|\n/).map((line, i) => [i, line.trim()]));
      this.#known.set(sha256, lines);
      return lines;
    } catch {
      return undefined;
    }
  }
}
