/** Asks which launch is meant, when a command does not say. */
import * as vscode from 'vscode';
import type { LaunchInfo, LaunchRef } from '../../../server/src/bench/messages.ts';

/** True for an argument that names a launch, as lenses and code actions give it. */
export function isLaunchRef(value: unknown): value is LaunchRef {
  return typeof value === 'object' && value !== null && 'uri' in value && typeof value.uri === 'string' && 'launchId' in value && typeof value.launchId === 'string';
}

/** A launch of the active file if it has one, else of the workspace; undefined when people dismiss the question. */
export async function chooseLaunch(launches: (uri?: string) => Promise<readonly LaunchInfo[]>, placeHolder: string): Promise<LaunchInfo | undefined> {
  // A cell is a document of its own; what is launched is its notebook.
  const active = (vscode.window.activeNotebookEditor?.notebook.uri ?? vscode.window.activeTextEditor?.document.uri)?.toString();
  const all = await launches();
  const isNear = (launch: LaunchInfo): boolean => launch.uri === active || launch.entry === active;
  const near = all.filter(isNear);
  const offered = near.length > 0 ? near : all;
  const only = offered.length === 1 ? offered[0] : undefined;
  if (only) return only;
  if (offered.length === 0) {
    void vscode.window.showInformationMessage('No launch was found in this workspace: no launch.json configuration, shell script or Python program that starts compute threads.');
    return undefined;
  }
  const item = (launch: LaunchInfo): vscode.QuickPickItem & { launch: LaunchInfo } => ({
    label: launch.label,
    description: launch.plan,
    detail: launch.refusal ?? `${vscode.workspace.asRelativePath(vscode.Uri.parse(launch.uri))} · ${launch.command}`,
    launch,
  });
  const others = all.filter((launch) => !offered.includes(launch));
  const items = [...offered.map(item), ...(others.length > 0 ? [{ label: 'Other launches', kind: vscode.QuickPickItemKind.Separator } as never, ...others.map(item)] : [])];
  return (await vscode.window.showQuickPick(items, { placeHolder, matchOnDescription: true, matchOnDetail: true }))?.launch;
}
