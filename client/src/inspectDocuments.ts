/** What a running process does, as a read-only text document. */
import * as vscode from 'vscode';
import type { InspectReply } from '../../server/src/bench/messages.ts';
import { messageOf } from './log.ts';

export const INSPECT_SCHEME = 'threadgauge-process';

/** Serves `threadgauge-process:` documents; their query is the id of the process. Each look replaces the one before. */
export class InspectDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #inspect: (pid: number) => Promise<InspectReply>;
  readonly #change = new vscode.EventEmitter<vscode.Uri>();
  readonly #registration: vscode.Disposable;

  readonly onDidChange = this.#change.event;

  constructor(inspect: (pid: number) => Promise<InspectReply>) {
    this.#inspect = inspect;
    this.#registration = vscode.workspace.registerTextDocumentContentProvider(INSPECT_SCHEME, this);
  }

  dispose(): void {
    this.#registration.dispose();
    this.#change.dispose();
  }

  async provideTextDocumentContent(document: vscode.Uri): Promise<string> {
    try {
      const { text } = await this.#inspect(Number(document.query));
      return text;
    } catch (error) {
      return `${messageOf(error)}\n`;
    }
  }

  /** Looks at a process and opens what was seen; looks again when the document is open already. */
  async show(pid: number): Promise<void> {
    const document = vscode.Uri.from({ scheme: INSPECT_SCHEME, path: `Process ${pid}.txt`, query: String(pid) });
    this.#change.fire(document);
    await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: `Looking at process ${pid}` }, async () => {
      await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(document), { preview: true });
    });
  }

  /** Looks again at the process whose document is shown. */
  refresh(document: vscode.Uri): void {
    this.#change.fire(document);
  }
}
