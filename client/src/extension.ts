/** Entry of the extension: makes the services and starts the language server without waiting for it. */
import type * as vscode from 'vscode';
import { Annotations } from './annotate/annotations.ts';
import { BenchRuns } from './bench/benchRuns.ts';
import { registerCommands } from './commands/index.ts';
import { InspectDocuments } from './inspectDocuments.ts';
import { ServerConnection } from './languageClient.ts';
import { createLog } from './log.ts';
import { PlanDocuments } from './planDocuments.ts';
import { ReportPanel } from './report/reportPanel.ts';
import type { Services } from './services.ts';
import { Status } from './status.ts';

let server: ServerConnection | undefined;

/** What other code in the extension host may look at; tests do. */
export interface ExtensionApi {
  readonly annotations: Pick<Annotations, 'shown'>;
  readonly runs: Pick<BenchRuns, 'latest' | 'running'>;
}

/** Called by the editor, once. */
export function activate(context: vscode.ExtensionContext): ExtensionApi {
  const began = performance.now();
  const log = createLog();
  const connection = new ServerConnection(context, log);
  server = connection;
  const runs = new BenchRuns(context.workspaceState);
  const annotations = new Annotations(context.workspaceState, log);
  const report = new ReportPanel(context.extensionUri, runs);
  const plans = new PlanDocuments((uri) => connection.plan(uri === undefined ? {} : { uri }));
  const inspections = new InspectDocuments((pid) => connection.inspect({ pid }));
  const services: Services = { context, log, server: connection, runs, annotations, report, plans, inspections, cancellations: new Set() };
  context.subscriptions.push(
    log,
    runs,
    annotations,
    report,
    plans,
    inspections,
    new Status(connection, runs, log),
    registerCommands(services),
    connection.onBenchEvent((event) => runs.accept(event)),
    connection.onMeasured((measured) => annotations.accept(measured)),
    connection.onState((state) => {
      if (state === 'stopped') runs.abandonRunning();
    }),
  );
  connection.start();
  log.info(`Activated in ${(performance.now() - began).toFixed(1)} ms.`);
  return { annotations, runs };
}

/** Called by the editor when it closes; it waits for the promise. */
export function deactivate(): Promise<void> | undefined {
  return server?.dispose();
}
