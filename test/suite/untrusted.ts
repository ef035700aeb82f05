/** In a folder that is not trusted everything is read and nothing is started. */
import assert from 'node:assert/strict';
import * as vscode from 'vscode';

describe('an untrusted workspace', () => {
  it('is what this window is', () => {
    assert.equal(vscode.workspace.isTrusted, false);
  });
});
