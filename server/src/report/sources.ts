/** What a report asks about files, so that it stays apart from where they are kept. */
import type { PlaceJson, RangeJson } from '../core/reportJson.ts';
import type { LineIndex, TextEdit } from '../core/sourceText.ts';
import type { Anchor, TextRange } from '../core/span.ts';
import type { FixProposal } from '../core/finding.ts';
import type { Refusal } from '../core/reader.ts';

export interface ReportSources {
  text(uri: string): string;
  lines(uri: string): LineIndex;
  resolve(anchor: Anchor): TextRange;
  /** How the file is named in this report: a path relative to the working directory, or the URI. */
  display(uri: string): string;
  materialise(fix: FixProposal): ReadonlyMap<string, readonly TextEdit[]> | Refusal;
}

/** A range as contracts write it: 1-based. */
export function rangeJson(uri: string, range: TextRange, sources: ReportSources): RangeJson {
  const lines = sources.lines(uri);
  const start = lines.positionAt(range.start);
  const end = lines.positionAt(range.end);
  return { start: { line: start.line + 1, column: start.column + 1 }, end: { line: end.line + 1, column: end.column + 1 } };
}

/** Where an anchor is. */
export function placeJson(anchor: Anchor, sources: ReportSources): PlaceJson {
  return { file: sources.display(anchor.uri), range: rangeJson(anchor.uri, sources.resolve(anchor), sources) };
}
