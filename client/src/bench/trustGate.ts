/** The one place that decides whether a program of the workspace may be started. */
import * as vscode from 'vscode';

const MANAGE = 'Manage Workspace Trust';

/** True when the workspace is trusted; else says why nothing is started, and offers to change that. */
export function mayRun(): boolean {
  if (vscode.workspace.isTrusted) return true;
  const message = 'This workspace is not trusted, so nothing was started. A benchmark runs the programs of the workspace: trust it if you know where it comes from.';
  void vscode.window.showWarningMessage(message, MANAGE).then((choice) => {
    if (choice === MANAGE) void vscode.commands.executeCommand('workbench.trust.manage');
  });
  return false;
}
