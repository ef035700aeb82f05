/** The settings that the client reads itself. */
import * as vscode from 'vscode';
import type { InitializationOptions } from '../../server/src/bench/messages.ts';

const SECTION = 'threadgauge';

function read<T>(name: string, otherwise: T): T {
  return vscode.workspace.getConfiguration(SECTION).get<T>(name) ?? otherwise;
}

/** True when measured lines are to be shown. */
export function annotationsEnabled(): boolean {
  return read('annotations.enabled', true);
}

/** True when the first benchmark of a launch is to be confirmed. */
export function askBeforeRun(): boolean {
  return read('bench.askBeforeRun', true);
}

/** What the server is told when it starts; the other settings it asks for itself, and again when they change. */
export function initializationOptions(storage: vscode.Uri): InitializationOptions {
  const runnerPath = read('runner.path', '');
  return {
    trusted: vscode.workspace.isTrusted,
    ...(runnerPath ? { runnerPath } : {}),
    ...(storage.scheme === 'file' ? { storageDir: vscode.Uri.joinPath(storage, 'recordings').fsPath } : {}),
    annotations: 'decorations',
  };
}

/** Calls back when a setting of ours changed. `restart` = the server reads it only when it starts. */
export function onSettingsChanged(listener: (restart: boolean) => void): vscode.Disposable {
  return vscode.workspace.onDidChangeConfiguration((event) => {
    if (event.affectsConfiguration(SECTION)) listener(event.affectsConfiguration(`${SECTION}.runner.path`));
  });
}
