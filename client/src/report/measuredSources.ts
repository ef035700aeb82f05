/** The files that were measured, each version read once. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { SourceLines } from '../../../server/src/bench/recording.ts';
import type { RunState } from '../../../server/src/bench/runState.ts';
import { sourceLines } from '../../../server/src/bench/sourceLines.ts';

/** Keeps what it has read. */
export class MeasuredSources {
  readonly #known = new Map<string, string>();

  /** Text of measured lines; files that changed since or cannot be read are left out. */
  of(state: RunState): Promise<SourceLines> {
    return sourceLines(state, (path, sha256) => this.#read(path, sha256));
  }

  async #read(path: string, sha256: string): Promise<string | null> {
    const known = this.#known.get(sha256);
    if (known !== undefined) return known;
    try {
      const bytes = await readFile(path);
      if (createHash('sha256').update(bytes).digest('hex') !== sha256) return null;
      const text = bytes.toString('utf8');
      this.#known.set(sha256, text);
      return text;
    } catch {
      return null;
    }
  }
}
