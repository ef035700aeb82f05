/** The suite's copy of the example: opening, waiting, and putting back what a test changed. */
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';

export const FOLDER = process.env['THREADGAUGE_SUITE_FOLDER'] ?? '';
const ORIGINAL = process.env['THREADGAUGE_SUITE_ORIGINAL'] ?? '';

/** URI of a file of the example, by its path in the folder. */
export function uriOf(name: string): vscode.Uri {
  return vscode.Uri.file(path.join(FOLDER, name));
}

/** Opens a file in the first column. */
export async function open(name: string): Promise<vscode.TextEditor> {
  return vscode.window.showTextDocument(uriOf(name), { viewColumn: vscode.ViewColumn.One, preview: false });
}

/** Closes everything unsaved and restores the files. */
export async function reset(): Promise<void> {
  for (const document of vscode.workspace.textDocuments) {
    if (!document.isDirty) continue;
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand('workbench.action.files.revert');
  }
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  for (const name of readdirSync(FOLDER)) rmSync(path.join(FOLDER, name), { recursive: true, force: true });
  cpSync(ORIGINAL, FOLDER, { recursive: true, filter: (source) => !source.includes('__pycache__') });
}

/** The first defined result of `probe`; fails with `what` after the time. */
export async function waitFor<T>(what: string, probe: () => T | undefined | Promise<T | undefined>, withinMs = 20_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const result = await probe();
    if (result !== undefined) return result;
    if (Date.now() > deadline) throw new Error(`Waited ${withinMs / 1000} s in vain for ${what}.`);
    await pause(100);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Our diagnostics of a file. */
export function diagnosticsOf(name: string): readonly vscode.Diagnostic[] {
  return vscode.languages.getDiagnostics(uriOf(name)).filter((diagnostic) => /thread\s?gauge/i.test(diagnostic.source ?? ''));
}

/** The rule a diagnostic is of. */
export function ruleOf(diagnostic: vscode.Diagnostic): string {
  const { code } = diagnostic;
  return String(typeof code === 'object' ? code.value : code);
}

/** A diagnostic of a rule in a file, once it is there. */
export function diagnostic(name: string, rule: string): Promise<vscode.Diagnostic> {
  return waitFor(`${rule} in ${name} (there: ${diagnosticsOf(name).map(ruleOf).join(', ') || 'none'})`, () => diagnosticsOf(name).find((found) => ruleOf(found) === rule));
}

/** The code actions for a range, with their edits. */
export async function actionsAt(name: string, range: vscode.Range): Promise<readonly vscode.CodeAction[]> {
  return vscode.commands.executeCommand<vscode.CodeAction[]>('vscode.executeCodeActionProvider', uriOf(name), range, undefined, 50);
}

/** Applies an action's edit, or runs its command. */
export async function apply(action: vscode.CodeAction): Promise<void> {
  if (action.edit && !(await vscode.workspace.applyEdit(action.edit))) throw new Error(`The edit of "${action.title}" was not applied.`);
  if (action.command) await vscode.commands.executeCommand(action.command.command, ...((action.command.arguments ?? []) as unknown[]));
}

/** Text of a file as it was before any test. */
export function originalText(name: string): string {
  return readFileSync(path.join(ORIGINAL, name), 'utf8');
}

/** Command lines of this machine's processes that run something of the folder; Linux only. */
export function workloads(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
        return words.some((word) => word.startsWith(FOLDER + path.sep) && word.endsWith('.py')) ? [words.join(' ').trim()] : [];
      } catch {
        return [];
      }
    });
}

/** Where a text first stands in a document. */
export function rangeOf(document: vscode.TextDocument, text: string): vscode.Range {
  const start = document.getText().indexOf(text);
  if (start < 0) throw new Error(`${path.basename(document.fileName)} does not hold ${JSON.stringify(text)}.`);
  return new vscode.Range(document.positionAt(start), document.positionAt(start + text.length));
}

/** The window without what has nothing to do with us, for pictures. */
export async function prepareWindow(): Promise<void> {
  const settings = { 'workbench.colorTheme': 'Default Dark Modern', 'editor.minimap.enabled': false, 'chat.disableAIFeatures': true, 'workbench.layoutControl.enabled': false, 'window.commandCenter': false, 'breadcrumbs.enabled': false };
  for (const [name, value] of Object.entries(settings)) await vscode.workspace.getConfiguration().update(name, value, vscode.ConfigurationTarget.Global);
  await vscode.commands.executeCommand('workbench.action.closeAuxiliaryBar');
  await vscode.commands.executeCommand('workbench.action.closeSidebar');
  await vscode.commands.executeCommand('notifications.clearAll');
}
