/** Somebody who reads files of a workspace at the same time as the engine does, so that several processors work. */
import type { Fact, Gap } from '../core/fact.ts';
import type { ChunkOffsets } from '../core/span.ts';

/** What a whole file says, and where its fact-bearing chunks start. */
export interface WholeReading {
  readonly facts: readonly Fact[];
  readonly gaps: readonly Gap[];
  readonly offsets: ChunkOffsets;
}

/**
 * What an engine that reads files once asks before it reads one itself.
 * Null says that the engine is to read the file, and that nobody else is going to. A text that differs from the one that the helper was given is none of its business.
 */
export interface ReadingHelp {
  /** What the file says; only whether it may hold a main guard when an outline is enough for it. */
  reading(uri: string, text: string): WholeReading | { readonly mayHoldMainGuard: boolean } | null;
  /** Told of files that the engine made an outline of. */
  outlined(uri: string, text: string): void;
  /** The modules that an outline names, null when it has to be read in full to tell; undefined when the helper does not know. */
  imports(uri: string, text: string): readonly string[] | null | undefined;
  /** All that a file says of which there was an outline. */
  rest(uri: string, text: string): WholeReading | null;
}
