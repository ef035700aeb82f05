/** Which Python the editor's Python extension has chosen for a file. */
import * as vscode from 'vscode';

/** The part of its interface that is used; https://github.com/microsoft/vscode-python documents it. */
interface PythonApi {
  readonly environments?: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly id: string; readonly path: string };
    resolveEnvironment(environment: { readonly id: string; readonly path: string }): Promise<{ readonly executable?: { readonly uri?: vscode.Uri } } | undefined>;
  };
}

/** The extension may take long to find environments the first time; a benchmark need not wait for it. */
const PATIENCE_MS = 5000;

/** Path of the interpreter; undefined without the extension, or when it does not say in time. */
export async function chosenPython(resource: vscode.Uri): Promise<string | undefined> {
  const extension = vscode.extensions.getExtension<PythonApi>('ms-python.python');
  if (!extension) return undefined;
  const ask = async (): Promise<string | undefined> => {
    const { environments } = extension.isActive ? extension.exports : await extension.activate();
    const environment = environments?.getActiveEnvironmentPath(resource);
    if (!environments || !environment) return undefined;
    // The path may be that of an environment's folder.
    return (await environments.resolveEnvironment(environment))?.executable?.uri?.fsPath ?? environment.path;
  };
  const patience = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), PATIENCE_MS));
  return Promise.race([ask().catch(() => undefined), patience]);
}
