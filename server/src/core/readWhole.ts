/** Reads a text in one go with one reader, for callers that keep no chunks. */
import type { FileFacts } from './fact.ts';
import type { Reader } from './reader.ts';
import type { ChunkOffsets } from './span.ts';

/** Facts of a text, and where each fact-bearing chunk starts in it. */
export interface WholeText {
  readonly facts: FileFacts;
  readonly offsets: ChunkOffsets;
}

/** The facts of a text that no engine holds. Never throws, as readers do not. */
export function readWhole(reader: Reader, uri: string, text: string): WholeText {
  const chunks: { chunk: number; syntax: unknown }[] = [];
  const offsets: number[] = [];
  for (const range of reader.split(text)) {
    const syntax = reader.read(text.slice(range.start, range.end));
    if (reader.isEmpty(syntax)) continue;
    chunks.push({ chunk: chunks.length, syntax });
    offsets.push(range.start);
  }
  return { facts: { uri, reader: reader.id, ...reader.assemble(uri, chunks) }, offsets };
}
