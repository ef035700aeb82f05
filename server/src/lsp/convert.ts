/** The only place that knows lines and columns of the protocol, and in which of the client's documents a place is. */
import type { CodeDescription, Diagnostic, Location, Position, Range, TextEdit as ProtocolEdit, WorkspaceEdit } from 'vscode-languageserver';
import { DiagnosticSeverity, DiagnosticTag } from 'vscode-languageserver';
import type { Finding, Severity } from '../core/finding.ts';
import type { LineIndex, LinePosition, TextEdit } from '../core/sourceText.ts';
import type { Anchor, TextRange } from '../core/span.ts';
import type { Engine } from '../engine/engine.ts';
import type { ConfigProblem } from '../engine/folderConfig.ts';
import { cellAt } from '../readers/notebook/cells.ts';
import { ruleUrl } from '../report/rulePage.ts';
import type { ClientDocument } from './notebooks.ts';

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

/** What the client has open, as `Places` asks for it. */
export interface ClientDocuments {
  documentOf(uri: string): ClientDocument;
  /** The cells of an open notebook; null of every other file. */
  cellDocuments(file: string): readonly string[] | null;
  /** How the client spells a file. */
  clientUri(file: string): string;
  /** The version of an open document, by the client's URI. */
  version(uri: string): number | null;
}

const NOWHERE: Range = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };

/** The way between places of files and places of the client's documents. They differ in notebooks, whose cells are documents. */
export class Places {
  readonly #engine: Engine;
  readonly #documents: ClientDocuments;

  constructor(engine: Engine, documents: ClientDocuments) {
    this.#engine = engine;
    this.#documents = documents;
  }

  documentOf(uri: string): ClientDocument {
    return this.#documents.documentOf(uri);
  }

  clientUri(file: string): string {
    return this.#documents.clientUri(file);
  }

  version(uri: string): number | null {
    return this.#documents.version(uri);
  }

  /** The documents of a file, as the client names them: its cells when it is an open notebook. */
  documentsOf(file: string): readonly string[] {
    return this.#documents.cellDocuments(file) ?? [this.#documents.clientUri(file)];
  }

  location(file: string, range: TextRange): Location {
    const documents = this.#documents.cellDocuments(file);
    const cell = documents && cellAt(this.#engine.cells(file) ?? [], range.start);
    const document = cell ? documents?.[cell.index] : undefined;
    if (cell && document !== undefined) return { uri: document, range: { start: toPosition(cell.toCell(range.start)), end: toPosition(cell.toCell(range.end)) } };
    const lines = documents ? undefined : this.#engine.lines(file);
    return { uri: this.#documents.clientUri(file), range: lines ? { start: toPosition(lines.positionAt(range.start)), end: toPosition(lines.positionAt(range.end)) } : NOWHERE };
  }

  anchor(anchor: Anchor): Location {
    return this.location(anchor.uri, this.#engine.resolve(anchor));
  }

  /** Where a place is in one document; null when it is in another. */
  rangeIn(document: ClientDocument, file: string, range: TextRange): Range | null {
    if (file !== document.file) return null;
    const found = this.location(file, range);
    if (document.cell === null) return this.#documents.cellDocuments(file) ? null : found.range;
    return found.uri === this.#documents.cellDocuments(file)?.[document.cell] ? found.range : null;
  }

  anchorIn(document: ClientDocument, anchor: Anchor): Range | null {
    return anchor.uri === document.file ? this.rangeIn(document, anchor.uri, this.#engine.resolve(anchor)) : null;
  }

  /** The offset in the file of a position in a document; null when the file is not known. */
  offset({ file, cell }: ClientDocument, { line, character }: Position): number | null {
    const position: LinePosition = { line, column: character };
    if (cell === null) return this.#engine.lines(file)?.offsetAt(position) ?? null;
    return this.#engine.cells(file)?.find(({ index }) => index === cell)?.fromCell(position) ?? null;
  }

  /** Edits of several files, with versions of open documents where the client checks them; null when one would change an open notebook outside of its cells. */
  workspaceEdit(edits: ReadonlyMap<string, readonly TextEdit[]>, documentChanges: boolean): WorkspaceEdit | null {
    const byDocument = new Map<string, ProtocolEdit[]>();
    for (const [file, list] of edits) {
      for (const edit of list) {
        const placed = this.#edit(file, edit);
        if (!placed) return null;
        const known = byDocument.get(placed.uri);
        if (known) known.push(placed.edit);
        else byDocument.set(placed.uri, [placed.edit]);
      }
    }
    if (documentChanges) return { documentChanges: [...byDocument].map(([uri, list]) => ({ textDocument: { uri, version: this.version(uri) }, edits: list })) };
    return { changes: Object.fromEntries(byDocument) };
  }

  #edit(file: string, edit: TextEdit): { readonly uri: string; readonly edit: ProtocolEdit } | null {
    const { uri, range } = this.location(file, edit);
    const documents = this.#documents.cellDocuments(file);
    if (!documents) return { uri, edit: { range, newText: edit.newText } };
    const cell = cellAt(this.#engine.cells(file) ?? [], edit.start);
    return cell && edit.end <= cell.range.end ? { uri, edit: { range, newText: cell.toCellEdit(edit).newText } } : null;
  }
}

function toPosition({ line, column }: LinePosition): Position {
  return { line, character: column };
}

/** A place on a line, behind its text. */
export function endOfLine(line: number, lines: LineIndex, text: string): Position {
  const next = line + 1 < lines.lineCount ? lines.lineStart(line + 1) : text.length;
  let end = next;
  while (end > lines.lineStart(line) && /[\r\n]/.test(text[end - 1] ?? '')) end--;
  return { line, character: end - lines.lineStart(line) };
}

/** A finding as a diagnostic at a place of its document. */
export function toDiagnostic(finding: Finding, range: Range, places: Places, abilities: DiagnosticAbilities): Diagnostic {
  const description: CodeDescription = { href: ruleUrl(finding.rule) };
  return {
    range,
    severity: SEVERITY[finding.severity],
    code: finding.rule,
    ...(abilities.codeDescription ? { codeDescription: description } : {}),
    source: SOURCE,
    message: finding.message,
    ...(finding.unnecessary && abilities.tags ? { tags: [DiagnosticTag.Unnecessary] } : {}),
    ...(abilities.relatedInformation && finding.related.length > 0 ? { relatedInformation: finding.related.map(({ anchor, message }) => ({ location: places.anchor(anchor), message })) } : {}),
  };
}

/** A problem of a configuration file as a diagnostic of that file. */
export function configDiagnostic({ uri, range, message }: ConfigProblem, places: Places): Diagnostic {
  const sentence = `${message.charAt(0).toUpperCase()}${message.slice(1)}${/[.!?]$/.test(message) ? '' : '.'}`;
  return { range: places.location(uri, range).range, severity: DiagnosticSeverity.Warning, source: SOURCE, message: `${sentence} The rest of the file holds.` };
}

/** True when two ranges of the protocol share a place; touching counts. */
export function intersects(a: Range, b: Range): boolean {
  return !before(a.end, b.start) && !before(b.end, a.start);
}

function before(a: Position, b: Position): boolean {
  return a.line < b.line || (a.line === b.line && a.character < b.character);
}
