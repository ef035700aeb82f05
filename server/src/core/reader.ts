/** The contract between a format and the rest: text in, facts out, and edits that put a setting where the format keeps it. */
import type { Fact, FileFacts, Gap } from './fact.ts';
import type { FileOutline } from './outlinedFile.ts';
import type { FileIdentity, TextEdit } from './sourceText.ts';
import type { ChunkOffsets, TextRange } from './span.ts';

/** A chunk as read, before the file is assembled. `syntax` is plain data and is compared structurally. */
export interface ReadChunk {
  readonly chunk: number;
  readonly syntax: unknown;
}

/** A request to make an environment variable hold a value for one launch. */
export interface PlaceIntent {
  readonly launchId: string;
  readonly name: string;
  /** null removes the setting. */
  readonly value: string | null;
}

/** Why a reader cannot place a setting; shown as the action's disabled reason. */
export interface Refusal {
  readonly refused: string;
}

/** A statement as people select it, with those inside. */
export interface Statement extends TextRange {
  /** Where its own line begins: behind the decorators of a definition. */
  readonly head: number;
  readonly kind: 'function' | 'class' | 'loop' | 'other';
  /** Of a function or class. */
  readonly name: string | null;
  /** The blocks inside, in order; none for a simple statement. */
  readonly blocks: readonly (readonly Statement[])[];
}

/**
 * One format. Pure: no reader looks at disk, clock, environment or another file.
 * `Syntax` is what one chunk's text says on its own; `assemble` resolves names across chunks.
 */
export interface Reader<Syntax = unknown> {
  readonly id: string;
  /** `certain` by name or language id, `maybe` by shape, `no` otherwise. `head` is the first 4 KiB. */
  claims(file: FileIdentity & { readonly head: string }): 'certain' | 'maybe' | 'no';
  /** Consecutive ranges that cover the text. Formats without chunks return one range. */
  split(text: string): readonly TextRange[];
  /** The part of `split`'s ranges from one of their starts on, up to the first further start that `isKnown` accepts; for edits of long files. A format that decides about the text as a whole may answer with ranges from 0 on instead. */
  splitFrom?(text: string, from: number, isKnown: (start: number) => boolean): readonly TextRange[];
  /**
   * What the whole text says when that is nothing by itself, so that it need not be read until something reaches it; null = read it.
   * Only asked for files that are read once.
   */
  outline?(uri: string, text: string): FileOutline | null;
  /** Reads one chunk. Spans inside are relative to the chunk and carry `chunk: 0`. Never throws. */
  read(chunkText: string): Syntax;
  /** True when the chunk says nothing about threads and may be left out of numbering. */
  isEmpty(syntax: Syntax): boolean;
  /** Facts of the whole file; spans carry the number of their chunk. Never throws. `once` when there will be no other version of the file, so that nothing need be kept for one. */
  assemble(uri: string, chunks: readonly { readonly chunk: number; readonly syntax: Syntax }[], once?: boolean): { readonly facts: readonly Fact[]; readonly gaps: readonly Gap[] };
  /**
   * Edits that make `intent.name` hold `intent.value` for the launch, leaving every other byte alone.
   * Round-trip law: applying the edits and reading again gives the setting back.
   */
  place?(intent: PlaceIntent, text: string, facts: FileFacts, offsets: ChunkOffsets): readonly TextEdit[] | Refusal;
  /** The whole statement around a fact's absolute range (`export X=1` around `X=1`), so that a fix can move it or stand beside it. */
  statementAt?(range: TextRange, text: string): TextRange;
  /**
   * For each given line of the text, the offset at which the statements that start on it end; of a compound statement only the head counts.
   * A line on which none starts ends where it ends.
   */
  statementEnds?(text: string, lines: readonly TextRange[]): readonly number[];
  /** The statements of a text, for people who select some of them. */
  statements?(text: string): readonly Statement[];
  /** Edits that remove the statement or entry at a fact's absolute range and leave a text that still parses. */
  remove?(range: TextRange, text: string): readonly TextEdit[] | Refusal;
}
