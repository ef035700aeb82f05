/** The thread plan as a read-only Markdown document. */
import * as vscode from 'vscode';
import type { LaunchRef, PlanReply } from '../../server/src/bench/messages.ts';
import { messageOf } from './log.ts';

export const PLAN_SCHEME = 'threadgauge-plan';

/** Serves `threadgauge-plan:` documents; their query names the file, empty = the workspace. */
export class PlanDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #plans: (uri?: string) => Promise<PlanReply>;
  readonly #change = new vscode.EventEmitter<vscode.Uri>();
  readonly #registration: vscode.Disposable;

  readonly onDidChange = this.#change.event;

  constructor(plans: (uri?: string) => Promise<PlanReply>) {
    this.#plans = plans;
    this.#registration = vscode.workspace.registerTextDocumentContentProvider(PLAN_SCHEME, this);
  }

  dispose(): void {
    this.#registration.dispose();
    this.#change.dispose();
  }

  async provideTextDocumentContent(document: vscode.Uri): Promise<string> {
    const uri = document.query || undefined;
    const where = uri === undefined ? 'this workspace' : vscode.workspace.asRelativePath(vscode.Uri.parse(uri));
    try {
      const { markdown } = await this.#plans(uri);
      if (markdown.length === 0) return `# Thread plan of ${where}\n\nNo launch starts here or reaches this file.\n`;
      return `# Thread plan of ${where}\n\n${markdown.join('\n\n---\n\n')}\n`;
    } catch (error) {
      return `# Thread plan of ${where}\n\n${messageOf(error)}\n`;
    }
  }

  /** Opens the plan of a file, of a launch's file, or of the workspace, rendered. */
  async show(about?: LaunchRef | { readonly uri: string }): Promise<void> {
    const document = vscode.Uri.from({ scheme: PLAN_SCHEME, path: 'Thread plan.md', ...(about ? { query: about.uri } : {}) });
    this.#change.fire(document);
    try {
      await vscode.commands.executeCommand('markdown.showPreviewToSide', document);
    } catch {
      // The built-in Markdown extension may be disabled.
      await vscode.window.showTextDocument(document, { preview: true, viewColumn: vscode.ViewColumn.Beside });
    }
  }
}
