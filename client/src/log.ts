/** The extension's log; its level is the editor's. */
import * as vscode from 'vscode';

/** Created once, because an output channel lives in the editor's list until it is disposed. */
export function createLog(): vscode.LogOutputChannel {
  return vscode.window.createOutputChannel('ThreadGauge', { log: true });
}

/** What a caught value says, for people. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
