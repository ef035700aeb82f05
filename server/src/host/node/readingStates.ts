/** How the thread that reads ahead and the one that waits for it tell each other what is done. */
import type { MessagePort } from 'node:worker_threads';
import type { WholeReading } from '../../engine/readingHelp.ts';

/** Of each file two states: of its first reading, and of what is left when that made an outline. Whoever turns one from FREE to something else does the work. */
export const STATES_PER_FILE = 2;

export const FREE = 0;
/** The helper is at it. */
export const BUSY = 1;
/** The helper has sent what it found. */
export const DONE = 2;
/** The engine does it. */
export const LEFT = 3;
/** There is an outline; the rest is not read. */
export const OUTLINED = 4;
/** The same, and the engine asked for its imports, so that a program probably reaches it. */
export const REACHED = 5;
/** The helper has sent the imports of an outline. */
export const CHECKED = 6;

export interface FileToRead {
  readonly uri: string;
  readonly text: string;
}

export interface ReadingTask {
  readonly files: readonly FileToRead[];
  readonly states: Int32Array;
  readonly port: MessagePort;
}

/** What was found of the file at `index`. */
export type ReadingMessage = { readonly index: number } & ({ readonly kind: 'whole'; readonly reading: WholeReading } | { readonly kind: 'outline'; readonly mayHoldMainGuard: boolean } | { readonly kind: 'imports'; readonly imports: readonly string[] | null });
