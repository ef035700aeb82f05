/** Measured lines of files, moved along with edits; a statement of which a line was touched loses its numbers. */
import type { LaunchRef, MeasuredLine, MeasuredParams } from '../bench/messages.ts';

interface MeasuredEntry {
  readonly runId: string;
  readonly launch: LaunchRef & { readonly label: string };
  readonly sha256: string;
  /** The text the line numbers fit. */
  text: readonly string[];
  stale: boolean;
  lines: readonly MeasuredLine[];
}

/** By canonical URI. */
export class MeasuredStore {
  readonly #files = new Map<string, MeasuredEntry>();

  /** Takes over the numbers of a run; `text` is what ran. */
  set(uri: string, measured: Omit<MeasuredParams, 'uri' | 'stale'>, text: string): void {
    const { runId, launch, sha256, lines } = measured;
    this.#files.set(uri, { runId, launch, sha256, lines, text: splitLines(text), stale: false });
  }

  /** Numbers that belong to a text that is not at hand. */
  setStale(uri: string, measured: Omit<MeasuredParams, 'uri' | 'stale'>): void {
    const { runId, launch, sha256 } = measured;
    this.#files.set(uri, { runId, launch, sha256, lines: [], text: [], stale: true });
  }

  /** The file's text is now this one. Statements above and below what changed keep their numbers. Returns true when something moved or was lost. */
  update(uri: string, text: string): boolean {
    const entry = this.#files.get(uri);
    if (!entry || entry.stale) return false;
    const before = entry.text;
    const after = splitLines(text);
    let head = 0;
    while (head < before.length && head < after.length && before[head] === after[head]) head++;
    if (head === before.length && head === after.length) return false;
    let tail = 0;
    while (tail < before.length - head && tail < after.length - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
    const shift = after.length - before.length;
    const tailStart = before.length - tail;
    entry.lines = entry.lines.flatMap((line) => {
      if ((line.endLine ?? line.line) < head) return [line];
      if (line.line < tailStart) return [];
      return [{ ...line, line: line.line + shift, ...(line.endLine === undefined ? {} : { endLine: line.endLine + shift }) }];
    });
    entry.text = after;
    return true;
  }

  get(uri: string): MeasuredParams | undefined {
    const entry = this.#files.get(uri);
    return entry && { uri, runId: entry.runId, launch: entry.launch, sha256: entry.sha256, stale: entry.stale, lines: entry.lines };
  }

  /** Forgets everything; returns the URIs that had numbers. */
  clear(): readonly string[] {
    const uris = [...this.#files.keys()];
    this.#files.clear();
    return uris;
  }
}

function splitLines(text: string): readonly string[] {
  return text.split(/\r\n|\r|\n/);
}
