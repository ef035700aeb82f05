/** The extension starts where it is needed, and quickly. */
import assert from 'node:assert/strict';
import * as vscode from 'vscode';

import type { ExtensionApi } from '../../client/src/extension.ts';

const EXTENSION_ID = 'threadgauge.threadgauge';

/** What the extension gives to tests. */
export async function extensionApi(): Promise<ExtensionApi> {
  const extension = vscode.extensions.getExtension<ExtensionApi>(EXTENSION_ID);
  assert.ok(extension, 'the extension is known');
  return extension.activate();
}

describe('activation', () => {
  it('happens because the workspace holds a launch.json', async () => {
    const extension = vscode.extensions.getExtension(EXTENSION_ID);
    assert.ok(extension, 'the extension is known');
    for (let i = 0; i < 100 && !extension.isActive; i++) await new Promise((resolve) => setTimeout(resolve, 100));
    assert.ok(extension.isActive, 'it activated by itself');
  });
});
