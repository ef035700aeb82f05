/** The settings, read from the editor into the shapes that the server takes. */
import * as vscode from 'vscode';
import type { BenchSettings, Configuration, InitializationOptions, RuleLevel } from '../../server/src/bench/messages.ts';

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

/** What the server is told whenever a setting changes. */
export function serverConfiguration(): Configuration {
  const bench: BenchSettings = {
    budgetSeconds: read('bench.budgetSeconds', 900),
    trialSeconds: read('bench.trialSeconds', 120),
    lines: read('bench.lines', true),
  };
  return {
    machine: read<object | null>('machine', null),
    interpreter: read('interpreter', ''),
    rules: read<Record<string, RuleLevel>>('rules', {}),
    bench,
  };
}

/** What the server is told when it starts. */
export function initializationOptions(storage: vscode.Uri): InitializationOptions {
  const runnerPath = read('runner.path', '');
  return {
    ...serverConfiguration(),
    trusted: vscode.workspace.isTrusted,
    ...(runnerPath ? { runnerPath } : {}),
    ...(storage.scheme === 'file' ? { storageDir: storage.fsPath } : {}),
    annotations: 'decorations',
  };
}

/** Calls back when a setting of ours changed. `restart` = it takes a new server to apply it. */
export function onSettingsChanged(listener: (restart: boolean) => void): vscode.Disposable {
  return vscode.workspace.onDidChangeConfiguration((event) => {
    if (event.affectsConfiguration(SECTION)) listener(event.affectsConfiguration(`${SECTION}.runner.path`));
  });
}
