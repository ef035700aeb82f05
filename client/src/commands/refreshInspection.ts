/** `threadgauge.refreshInspection`: looks again at the process whose document is shown. */
import * as vscode from 'vscode';
import { INSPECT_SCHEME } from '../inspectDocuments.ts';
import type { Services } from '../services.ts';

/** Argument: the document; the active one when absent. */
export function refreshInspection({ inspections }: Services) {
  return (document?: unknown): void => {
    const uri = document instanceof vscode.Uri ? document : vscode.window.activeTextEditor?.document.uri;
    if (uri?.scheme === INSPECT_SCHEME) inspections.refresh(uri);
  };
}
