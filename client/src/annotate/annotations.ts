/** Draws measured times after the lines they belong to, in every visible editor of a measured file. */
import { createHash } from 'node:crypto';
import * as vscode from 'vscode';
import type { MeasuredLine, MeasuredParams } from '../../../server/src/bench/messages.ts';
import { annotationsEnabled, onSettingsChanged } from '../settings.ts';
import { HOT_ABOVE, lineText, SHOWN_ABOVE } from './lineText.ts';
import { applyChanges, isStale, track, type LineAt, type Tracked } from './trackedLines.ts';

const KEY = 'threadgauge.measured';
/** Files whose measurements are kept across reloads. */
const KEPT = 50;
/** At the most four paints a second. */
const PAINT_EVERY_MS = 250;

/** The measurements of one file, for text with a known hash. */
interface Stored {
  readonly measured: MeasuredParams;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A file's measurements while it is open. */
interface Live {
  readonly stored: Stored;
  lines: readonly Tracked<MeasuredLine>[];
  /** The measured text was not the open text, so that nothing says which line is which. */
  readonly unplaced: boolean;
}

/** What a line looks like to tests and to people who read the log. */
export interface Annotation {
  readonly line: number;
  readonly text: string;
  readonly stale: boolean;
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
  readonly #live = new Map<string, Live>();
  #timer: NodeJS.Timeout | undefined;

  constructor(memento: vscode.Memento, log: vscode.LogOutputChannel) {
    this.#memento = memento;
    this.#log = log;
    for (const stored of memento.get<readonly Stored[]>(KEY) ?? []) this.#stored.set(stored.measured.uri, stored);
    this.#disposables.push(
      ...Object.values(this.#styles),
      vscode.workspace.onDidChangeTextDocument((event) => this.#follow(event)),
      vscode.workspace.onDidOpenTextDocument((document) => this.#place(document)),
      vscode.workspace.onDidCloseTextDocument((document) => this.#live.delete(document.uri.toString())),
      // The editor drops decorations when it switches documents; at once, or the text would flash.
      vscode.window.onDidChangeVisibleTextEditors(() => this.#paint()),
      onSettingsChanged(() => this.#paint()),
    );
    for (const document of vscode.workspace.textDocuments) this.#place(document);
    this.#publish();
    this.#paint();
  }

  dispose(): void {
    clearTimeout(this.#timer);
    for (const disposable of this.#disposables) disposable.dispose();
  }

  /** Replaces what is known about one file. */
  accept(measured: MeasuredParams): void {
    if (measured.lines.length === 0) {
      this.#stored.delete(measured.uri);
      this.#live.delete(measured.uri);
    } else {
      this.#stored.set(measured.uri, { measured, at: Date.now() });
      for (const document of vscode.workspace.textDocuments) if (document.uri.toString() === measured.uri) this.#place(document, true);
    }
    void this.#save();
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
      .flatMap((tracked) => {
        if (tracked.line === null || tracked.value.share < SHOWN_ABOVE) return [];
        const stale = isLineStale(live, tracked, document);
        return [{ line: tracked.line, text: lineText(tracked.value, stale), stale }];
      })
      .sort((a, b) => a.line - b.line);
  }

  /** Puts the measurements on the lines of a document. Those of another text are drawn only when they are news, and then as stale. */
  #place(document: vscode.TextDocument, isNews = false): void {
    const uri = document.uri.toString();
    const stored = this.#stored.get(uri);
    if (!stored) return;
    const unplaced = !hasHash(document, stored.measured.sha256);
    if (unplaced && !isNews) {
      this.#live.delete(uri);
      return;
    }
    const values = stored.measured.lines.map((line) => ({ line: line.line, value: line }));
    this.#live.set(uri, { stored, lines: track(values, lineAt(document)), unplaced });
  }

  #follow(event: vscode.TextDocumentChangeEvent): void {
    const live = this.#live.get(event.document.uri.toString());
    if (!live || event.contentChanges.length === 0) return;
    const changes = event.contentChanges.map(({ range, text }) => ({ start: range.start, end: range.end, insertedBreaks: text.split(/\r\n|\r|\n/).length - 1 }));
    live.lines = applyChanges(live.lines, changes, lineAt(event.document));
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
    if (live && annotationsEnabled()) {
      for (const tracked of live.lines) {
        if (tracked.line === null || tracked.line >= document.lineCount || tracked.value.share < SHOWN_ABOVE) continue;
        const stale = isLineStale(live, tracked, document);
        const end = document.lineAt(tracked.line).range.end;
        options[stale ? 'stale' : tracked.value.share >= HOT_ABOVE ? 'hot' : 'normal'].push({
          range: new vscode.Range(end, end),
          hoverMessage: hover(live, tracked.value, stale),
          renderOptions: { after: { contentText: lineText(tracked.value, stale) } },
        });
      }
    }
    for (const name of ['normal', 'hot', 'stale'] as const) editor.setDecorations(this.#styles[name], options[name]);
  }

  async #save(): Promise<void> {
    const newest = [...this.#stored.values()].sort((a, b) => a.at - b.at).slice(-KEPT);
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

function isLineStale(live: Live, tracked: Tracked<MeasuredLine>, document: vscode.TextDocument): boolean {
  return live.unplaced || isStale(tracked, lineAt(document));
}

/** The editor leaves out a byte order mark that the file may have. */
function hasHash(document: vscode.TextDocument, sha256: string): boolean {
  const text = document.getText();
  return [text, `\uFEFF${text}`].some((variant) => createHash('sha256').update(variant, 'utf8').digest('hex') === sha256);
}

function hover(live: Live, line: MeasuredLine, stale: boolean): vscode.MarkdownString {
  const { launch } = live.stored.measured;
  const reference = encodeURIComponent(JSON.stringify([{ uri: launch.uri, launchId: launch.launchId }]));
  const markdown = new vscode.MarkdownString(line.hover, true);
  // Only our own commands, and only those that ask before they run something.
  markdown.isTrusted = { enabledCommands: ['threadgauge.runBenchmark', 'threadgauge.showReport'] };
  if (stale) markdown.appendMarkdown('\n\n$(sync) **Stale:** edited since it was measured.');
  markdown.appendMarkdown(`\n\nMeasured ${new Date(live.stored.at).toLocaleString()} with `).appendText(launch.label);
  markdown.appendMarkdown(` · [Show report](command:threadgauge.showReport?${reference}) · [Measure again](command:threadgauge.runBenchmark?${reference})`);
  return markdown;
}
