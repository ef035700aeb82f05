/** Draws measured times after the lines they belong to, in every visible editor of a measured file. */
import { createHash } from 'node:crypto';
import * as vscode from 'vscode';
import type { MeasuredLine, MeasuredParams } from '../../../server/src/bench/messages.ts';
import { messageOf } from '../log.ts';
import { annotationsEnabled, onSettingsChanged } from '../settings.ts';
import { HOT_ABOVE, lineText, SHOWN_ABOVE } from './lineText.ts';
import { applyChanges, isStale, track, type LineAt, type Tracked } from './trackedLines.ts';

const KEY = 'threadgauge.measured';
/** Files whose measurements are kept across reloads. */
const KEPT = 50;
/** At the most four paints a second. */
const PAINT_EVERY_MS = 250;

/** The measurements of one file. */
interface Stored {
  readonly launch: MeasuredParams['launch'];
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Of the text that the line numbers fit, hex. */
  readonly sha256: string;
  readonly lines: readonly Tracked<MeasuredLine>[];
}

/** What a line looks like to tests and to people who read the log. */
export interface Annotation {
  readonly line: number;
  readonly text: string;
  readonly stale: boolean;
  readonly measured: MeasuredLine;
}

/** One decoration type per style, created once; lines are told apart by their own render options. */
export class Annotations implements vscode.Disposable {
  readonly #memento: vscode.Memento;
  readonly #log: vscode.LogOutputChannel;
  readonly #disposables: vscode.Disposable[] = [];
  readonly #styles = {
    normal: style('threadgauge.measuredForeground'),
    hot: style('threadgauge.hotForeground', vscode.OverviewRulerLane.Right),
    stale: style('threadgauge.staleForeground'),
  };
  readonly #stored = new Map<string, Stored>();
  /** Of open documents: the lines as they are now. */
  readonly #live = new Map<string, Stored>();
  #timer: NodeJS.Timeout | undefined;

  constructor(memento: vscode.Memento, log: vscode.LogOutputChannel) {
    this.#memento = memento;
    this.#log = log;
    for (const stored of memento.get<readonly (readonly [string, Stored])[]>(KEY) ?? []) this.#stored.set(...stored);
    this.#disposables.push(
      ...Object.values(this.#styles),
      vscode.workspace.onDidChangeTextDocument((event) => this.#follow(event)),
      vscode.workspace.onDidOpenTextDocument((document) => this.#restore(document)),
      vscode.workspace.onDidSaveTextDocument((document) => this.#keep(document)),
      vscode.workspace.onDidCloseTextDocument((document) => this.#live.delete(document.uri.toString())),
      // The editor drops decorations when it switches documents; at once, or the text would flash.
      vscode.window.onDidChangeVisibleTextEditors(() => this.#paint()),
      onSettingsChanged(() => this.#paint()),
    );
    for (const document of vscode.workspace.textDocuments) this.#restore(document);
    this.#publish();
    this.#paint();
  }

  dispose(): void {
    clearTimeout(this.#timer);
    for (const disposable of this.#disposables) disposable.dispose();
  }

  /** Replaces what is known about one file. Its line numbers fit the text that the server knows: that of the editor, else that on disk. */
  accept(measured: MeasuredParams): void {
    const { uri, launch, sha256, lines } = measured;
    this.#stored.delete(uri);
    this.#live.delete(uri);
    if (lines.length > 0) void this.#place(uri, { launch, sha256, lines }).catch((error: unknown) => this.#log.warn(messageOf(error)));
    else void this.#save();
    this.#publish();
    this.#paintSoon();
  }

  /** Forgets everything. */
  async clear(): Promise<void> {
    this.#stored.clear();
    this.#live.clear();
    this.#publish();
    this.#paint();
    await this.#save();
  }

  /** What is drawn in a document, by line. */
  shown(document: vscode.TextDocument): readonly Annotation[] {
    const live = this.#live.get(document.uri.toString());
    if (!live || !annotationsEnabled()) return [];
    return live.lines
      .flatMap(({ line, text, indent, value }) => {
        if (line === null || line >= document.lineCount || value.share < SHOWN_ABOVE) return [];
        const stale = isStale({ line, text, indent, value }, lineAt(document));
        return [{ line, text: lineText(value, stale), stale, measured: value }];
      })
      .sort((a, b) => a.line - b.line);
  }

  async #place(uri: string, { launch, sha256, lines }: Pick<MeasuredParams, 'launch' | 'sha256' | 'lines'>): Promise<void> {
    const values = lines.map((line) => ({ line: line.line, endLine: line.endLine, value: line }));
    const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri);
    const document = open ?? (await vscode.workspace.openTextDocument(vscode.Uri.parse(uri)));
    const stored: Stored = { launch, at: Date.now(), sha256: open ? hashOf(open) : sha256, lines: track(values, lineAt(document)) };
    this.#stored.set(uri, stored);
    this.#live.set(uri, stored);
    this.#publish();
    this.#paintSoon();
    await this.#save();
  }

  /** Takes up stored measurements of a document that reads as it did. */
  #restore(document: vscode.TextDocument): void {
    const stored = this.#stored.get(document.uri.toString());
    if (stored && hashOf(document) === stored.sha256) this.#live.set(document.uri.toString(), stored);
  }

  /** After a save the file on disk is what the lines fit. */
  #keep(document: vscode.TextDocument): void {
    const uri = document.uri.toString();
    const live = this.#live.get(uri);
    if (!live) return;
    this.#stored.set(uri, { ...live, sha256: hashOf(document) });
    void this.#save();
  }

  #follow(event: vscode.TextDocumentChangeEvent): void {
    const live = this.#live.get(event.document.uri.toString());
    if (!live || event.contentChanges.length === 0) return;
    const changes = event.contentChanges.map(({ range, text }) => ({ start: range.start, end: range.end, insertedBreaks: text.split(/\r\n|\r|\n/).length - 1 }));
    this.#live.set(event.document.uri.toString(), { ...live, lines: applyChanges(live.lines, changes, lineAt(event.document)) });
    this.#paintSoon();
  }

  #paintSoon(): void {
    this.#timer ??= setTimeout(() => this.#paint(), PAINT_EVERY_MS);
  }

  #paint(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const editor of vscode.window.visibleTextEditors) this.#paintEditor(editor);
  }

  #paintEditor(editor: vscode.TextEditor): void {
    const { document } = editor;
    const live = this.#live.get(document.uri.toString());
    const options = { normal: [] as vscode.DecorationOptions[], hot: [] as vscode.DecorationOptions[], stale: [] as vscode.DecorationOptions[] };
    for (const { line, text, stale, measured } of this.shown(document)) {
      const end = document.lineAt(line).range.end;
      options[stale ? 'stale' : measured.share >= HOT_ABOVE ? 'hot' : 'normal'].push({
        range: new vscode.Range(end, end),
        renderOptions: { after: { contentText: text } },
        ...(live ? { hoverMessage: hover(live, measured, stale) } : {}),
      });
    }
    for (const name of ['normal', 'hot', 'stale'] as const) editor.setDecorations(this.#styles[name], options[name]);
  }

  async #save(): Promise<void> {
    const newest = [...this.#stored].sort(([, a], [, b]) => a.at - b.at).slice(-KEPT);
    await this.#memento.update(KEY, newest);
    this.#log.debug(`${newest.length} files have measurements.`);
  }

  #publish(): void {
    void vscode.commands.executeCommand('setContext', 'threadgauge.hasMeasurements', this.#stored.size > 0);
  }
}

/** Text after the line; the colour is the theme's to change, and only repeats what the text says. */
function style(color: string, lane?: vscode.OverviewRulerLane): vscode.TextEditorDecorationType {
  return vscode.window.createTextEditorDecorationType({
    after: { color: new vscode.ThemeColor(color), margin: '0 0 0 3em', fontStyle: 'normal' },
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    ...(lane === undefined ? {} : { overviewRulerColor: new vscode.ThemeColor(color), overviewRulerLane: lane }),
  });
}

function lineAt(document: vscode.TextDocument): LineAt {
  return (line) => (line < document.lineCount ? document.lineAt(line).text : undefined);
}

function hashOf(document: vscode.TextDocument): string {
  return createHash('sha256').update(document.getText(), 'utf8').digest('hex');
}

function hover(live: Stored, line: MeasuredLine, stale: boolean): vscode.MarkdownString {
  const { launch } = live;
  const reference = encodeURIComponent(JSON.stringify([{ uri: launch.uri, launchId: launch.launchId }]));
  const markdown = new vscode.MarkdownString(line.hover, true);
  // Only our own commands, and only those that ask before they run something.
  markdown.isTrusted = { enabledCommands: ['threadgauge.runBenchmark', 'threadgauge.showReport'] };
  if (stale) markdown.appendMarkdown('\n\n$(sync) **Stale:** edited since it was measured.');
  markdown.appendMarkdown(`\n\nMeasured ${new Date(live.at).toLocaleString()} with `).appendText(launch.label);
  markdown.appendMarkdown(` · [Show report](command:threadgauge.showReport?${reference}) · [Measure again](command:threadgauge.runBenchmark?${reference})`);
  return markdown;
}
