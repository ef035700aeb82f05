/** The only place that knows lines and columns of the protocol. */
import type { CodeDescription, Diagnostic, Location, Position, Range, TextEdit as ProtocolEdit, WorkspaceEdit } from 'vscode-languageserver';
import { DiagnosticSeverity, DiagnosticTag } from 'vscode-languageserver';
import type { Finding, Severity } from '../core/finding.ts';
import type { LineIndex, TextEdit } from '../core/sourceText.ts';
import type { Anchor, TextRange } from '../core/span.ts';
import type { Engine } from '../engine/engine.ts';
import { ruleUrl } from '../report/rulePage.ts';

const SEVERITY: Readonly<Record<Severity, DiagnosticSeverity>> = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  information: DiagnosticSeverity.Information,
  hint: DiagnosticSeverity.Hint,
};

export const SOURCE = 'ThreadGauge';

/** What the client understands, as far as it changes what is sent. */
export interface DiagnosticAbilities {
  readonly relatedInformation: boolean;
  readonly tags: boolean;
  readonly codeDescription: boolean;
}

export function toPosition(offset: number, lines: LineIndex): Position {
  const { line, column } = lines.positionAt(offset);
  return { line, character: column };
}

export function toRange(range: TextRange, lines: LineIndex): Range {
  return { start: toPosition(range.start, lines), end: toPosition(range.end, lines) };
}

export function fromPosition(position: Position, lines: LineIndex): number {
  return lines.offsetAt({ line: position.line, column: position.character });
}

export function fromRange(range: Range, lines: LineIndex): TextRange {
  return { start: fromPosition(range.start, lines), end: fromPosition(range.end, lines) };
}

/** A place on a line, behind its text. */
export function endOfLine(line: number, lines: LineIndex, text: string): Position {
  const next = line + 1 < lines.lineCount ? lines.lineStart(line + 1) : text.length;
  let end = next;
  while (end > lines.lineStart(line) && /[\r\n]/.test(text[end - 1] ?? '')) end--;
  return { line, character: end - lines.lineStart(line) };
}

export function anchorRange(anchor: Anchor, engine: Engine): Range {
  const lines = engine.lines(anchor.uri);
  return lines ? toRange(engine.resolve(anchor), lines) : { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
}

export function toLocation(anchor: Anchor, engine: Engine, clientUri: (uri: string) => string): Location {
  return { uri: clientUri(anchor.uri), range: anchorRange(anchor, engine) };
}

/** A finding as a diagnostic of its file. */
export function toDiagnostic(finding: Finding, engine: Engine, abilities: DiagnosticAbilities, clientUri: (uri: string) => string): Diagnostic {
  const description: CodeDescription = { href: ruleUrl(finding.rule) };
  return {
    range: anchorRange(finding.primary, engine),
    severity: SEVERITY[finding.severity],
    code: finding.rule,
    ...(abilities.codeDescription ? { codeDescription: description } : {}),
    source: SOURCE,
    message: finding.message,
    ...(finding.unnecessary && abilities.tags ? { tags: [DiagnosticTag.Unnecessary] } : {}),
    ...(abilities.relatedInformation && finding.related.length > 0 ? { relatedInformation: finding.related.map(({ anchor, message }) => ({ location: toLocation(anchor, engine, clientUri), message })) } : {}),
  };
}

/** Edits of several files, with versions of open documents where the client checks them. */
export function toWorkspaceEdit(edits: ReadonlyMap<string, readonly TextEdit[]>, engine: Engine, clientUri: (uri: string) => string, version: (uri: string) => number | null, documentChanges: boolean): WorkspaceEdit {
  const files = [...edits].filter(([, list]) => list.length > 0).map(([uri, list]) => ({ uri, edits: toEdits(uri, list, engine) }));
  if (documentChanges) return { documentChanges: files.map(({ uri, edits: list }) => ({ textDocument: { uri: clientUri(uri), version: version(uri) }, edits: list })) };
  return { changes: Object.fromEntries(files.map(({ uri, edits: list }) => [clientUri(uri), list])) };
}

function toEdits(uri: string, edits: readonly TextEdit[], engine: Engine): ProtocolEdit[] {
  const lines = engine.lines(uri);
  return lines ? edits.map((edit) => ({ range: toRange(edit, lines), newText: edit.newText })) : [];
}

/** True when two ranges of the protocol share a place; touching counts. */
export function intersects(a: Range, b: Range): boolean {
  return !before(a.end, b.start) && !before(b.end, a.start);
}

function before(a: Position, b: Position): boolean {
  return a.line < b.line || (a.line === b.line && a.character < b.character);
}
