/** Runs one benchmark with progress and cancel, and says how it ended. */
import * as vscode from 'vscode';
import type { BenchParams, BenchPreview, BenchReply } from '../../../server/src/bench/messages.ts';
import { messageOf } from '../log.ts';
import type { Services } from '../services.ts';
import { changeSettings } from './changeSettings.ts';
import { chooseLaunch, isLaunchRef } from './chooseLaunch.ts';
import { confirmRun } from './confirmRun.ts';
import { chosenPython } from './pythonChoice.ts';
import { type RunSettings, settingsOf } from './runSettings.ts';
import { mayRun } from './trustGate.ts';

/** Of commands that run something; what lenses, tests and keybindings may say. */
export interface RunOptions extends RunSettings {
  /** True: the caller has shown what will run; do not ask again. */
  readonly confirmed?: boolean;
  /** True: let people choose the settings first, and show what will run although its command was agreed to before. */
  readonly change?: boolean;
  /** True: the settings are those of a run before; nothing is left to ask about them. */
  readonly again?: boolean;
  /** What the part of the program was called when it was measured before; ask when it reads otherwise now. */
  readonly expected?: string;
}

/** The whole way from the command to its end. Undefined when nothing was started. */
export async function runBench(services: Services, mode: 'search' | 'verify' | 'grid', launchArgument: unknown, options: RunOptions = {}): Promise<BenchReply | undefined> {
  if (!mayRun()) return undefined;
  const cancellation = new vscode.CancellationTokenSource();
  services.cancellations.add(cancellation);
  try {
    const question = mode === 'verify' ? 'Which launch shall be measured, old against new?' : mode === 'grid' ? 'Of which launch shall several instances be compared?' : options.region ? 'Which launch reaches the selected code?' : 'Which launch shall be benchmarked?';
    const launch = isLaunchRef(launchArgument) ? launchArgument : await chooseLaunch((uri) => services.server.launches(uri === undefined ? {} : { uri }), question);
    if (!launch) return undefined;
    const python = await chosenPython(vscode.Uri.parse(launch.uri));
    const activeFile = vscode.window.activeTextEditor?.document.uri.toString();
    const params: BenchParams = { uri: launch.uri, launchId: launch.launchId, mode, ...settingsOf(options), ...(python ? { python } : {}), ...(activeFile ? { activeFile } : {}) };
    const previewOf = (other: BenchParams): Promise<BenchPreview> => services.server.preview(other);
    const asked = { params, preview: await previewOf(params) };
    const offered = options.change ? await changeSettings(asked, previewOf) : asked;
    if (!offered) return undefined;
    if (offered.preview.refusal !== null) {
      void vscode.window.showErrorMessage(offered.preview.refusal);
      return undefined;
    }
    const always = options.change === true || (options.expected !== undefined && offered.preview.region?.label !== options.expected);
    const agreed = options.confirmed ? offered : await confirmRun(offered, { memento: services.context.workspaceState, previewOf, always });
    if (!agreed) return undefined;
    const { preview } = agreed;
    // Files run from disk: an edit that was not saved would not be measured.
    if (!(await vscode.workspace.saveAll(false))) return undefined;
    const reply = await runWithProgress(services, agreed.params, preview.region ? `${preview.launch.label}: ${preview.region.label}` : preview.launch.label, cancellation);
    tell(services, reply);
    return reply;
  } catch (error) {
    services.log.error(messageOf(error));
    void vscode.window.showErrorMessage(`The benchmark could not be run: ${messageOf(error)}`);
    return undefined;
  } finally {
    services.cancellations.delete(cancellation);
    cancellation.dispose();
  }
}

async function runWithProgress(services: Services, params: BenchParams, label: string, cancellation: vscode.CancellationTokenSource): Promise<BenchReply> {
  const title = `Benchmark of "${label}"`;
  return vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, cancellable: true, title }, async (progress, token) => {
    const listener = token.onCancellationRequested(() => cancellation.cancel());
    services.report.show(params, { preserveFocus: true });
    let shown = 0;
    try {
      return await services.server.bench(params, cancellation.token, (percent, message) => {
        progress.report({ message, increment: Math.max(0, percent - shown) });
        shown = Math.max(shown, percent);
      });
    } finally {
      listener.dispose();
    }
  });
}

/** One message at the most; none when the report that says the same is in view. */
function tell(services: Services, reply: BenchReply): void {
  services.log.info(`Benchmark ${reply.outcome}: ${reply.message}`);
  if (reply.recordingProblem) void vscode.window.showWarningMessage(reply.recordingProblem);
  if (reply.outcome === 'failed' || reply.outcome === 'refused') {
    const showLog = 'Show Log';
    void vscode.window.showErrorMessage(reply.message, showLog).then((choice) => {
      if (choice === showLog) services.log.show();
    });
    return;
  }
  if (services.report.visible) return;
  const showReport = 'Show Report';
  void vscode.window.showInformationMessage(reply.message, showReport).then((choice) => {
    if (choice === showReport) services.report.show();
  });
}
