/** Runs the suite in a desktop VS Code through @vscode/test-electron. */
import { runTests } from '@vscode/test-electron';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { EditorOptions } from './editorHost.ts';

/** Resolves when the window has closed: null after a run of the suite, else what went wrong as a sentence. */
export async function runDesktopSession(executable: string, options: EditorOptions): Promise<string | null> {
  if (!options.tests) return 'A desktop session needs tests to run.';
  const data = mkdtempSync(path.join(tmpdir(), 'threadgauge-desktop-'));
  mkdirSync(path.join(data, 'User'), { recursive: true });
  writeFileSync(path.join(data, 'User/settings.json'), JSON.stringify({ ...options.settings, 'security.workspace.trust.startupPrompt': 'never' }));
  try {
    await runTests({
      vscodeExecutablePath: executable,
      extensionDevelopmentPath: options.extension,
      extensionTestsPath: options.tests,
      extensionTestsEnv: { ...options.env },
      launchArgs: [options.folder, '--user-data-dir', data, '--disable-extensions', '--disable-telemetry', ...(options.trusted ? ['--disable-workspace-trust'] : []), ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
    });
    return null;
  } catch (error) {
    return `The desktop editor ended badly: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    rmSync(data, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
