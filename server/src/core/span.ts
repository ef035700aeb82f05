/** Positions that survive edits elsewhere in the file: offsets relative to a chunk. */

/**
 * A half-open range of UTF-16 offsets, relative to the start of a chunk.
 *
 * `chunk` is the index among the *fact-bearing* chunks of the file, so inserting
 * a statement that says nothing about threads leaves every span as it was.
 */
export interface Span {
  readonly chunk: number;
  readonly start: number;
  readonly end: number;
}

/** A span in a named file: what plans and findings point at. */
export interface Anchor {
  readonly uri: string;
  readonly span: Span;
}

/** A half-open range of absolute UTF-16 offsets in one version of a text. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** Where each fact-bearing chunk of a file starts, in absolute UTF-16 offsets. */
export type ChunkOffsets = readonly number[];

/** Resolves a chunk-relative span to absolute offsets. A span of a chunk that no longer exists resolves to the end of the last known chunk. */
export function resolveSpan(span: Span, offsets: ChunkOffsets): TextRange {
  const base = offsets[span.chunk] ?? offsets[offsets.length - 1] ?? 0;
  return { start: base + span.start, end: base + span.end };
}

/** True when both spans name the same range of the same chunk. */
export function sameSpan(a: Span, b: Span): boolean {
  return a.chunk === b.chunk && a.start === b.start && a.end === b.end;
}
