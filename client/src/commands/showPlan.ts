/** `threadgauge.showPlan`: the effective thread plan of a launch, of the active file, or of the workspace. */
import * as vscode from 'vscode';
import { isLaunchRef } from '../bench/chooseLaunch.ts';
import { DOCUMENT_SELECTOR } from '../languageClient.ts';
import type { Services } from '../services.ts';

/** Argument: a launch; the active file, if the server reads it, when absent. */
export function showPlan(services: Services) {
  return async (launch?: unknown): Promise<void> => {
    const active = vscode.window.activeTextEditor?.document;
    const isRead = active !== undefined && vscode.languages.match(DOCUMENT_SELECTOR, active) > 0;
    await services.plans.show(isLaunchRef(launch) ? launch : isRead ? { uri: active.uri.toString() } : undefined);
  };
}
