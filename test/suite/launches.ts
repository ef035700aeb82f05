/** Launches that the suite writes, and how long they may run. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { LaunchRef } from '../../server/src/bench/messages.ts';
import { FOLDER, uriOf, waitFor } from './workspace.ts';

/** Seconds that a run may take from now on; it says so when they did not suffice. */
export async function limit(seconds: number): Promise<void> {
  await vscode.workspace.getConfiguration('threadgauge').update('bench.budgetSeconds', seconds, vscode.ConfigurationTarget.Global);
}

/** Replaces the script that the example's launches start, and returns once the server knows the launch. */
export async function workspaceOf(script: string, launches?: string, name = 'infer.py', label = 'infer'): Promise<LaunchRef> {
  writeFileSync(path.join(FOLDER, name), script);
  if (launches !== undefined) writeFileSync(path.join(FOLDER, '.vscode/launch.json'), launches);
  return known(label);
}

/** A launch of launch.json that can be run; a test before may have replaced the files a moment ago. */
export async function known(label: string): Promise<LaunchRef> {
  const { uri } = await vscode.workspace.openTextDocument(uriOf('.vscode/launch.json'));
  return waitFor(`a lens on "${label}"`, async () => {
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', uri, 50);
    return lenses.map((lens) => (lens.command?.command === 'threadgauge.runBenchmark' ? (lens.command.arguments?.[0] as LaunchRef) : undefined)).find((ref) => ref?.launchId === label);
  });
}
