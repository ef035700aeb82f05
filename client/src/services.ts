/** What commands work with; made once in `activate`. */
import type * as vscode from 'vscode';
import type { Annotations } from './annotate/annotations.ts';
import type { BenchRuns } from './bench/benchRuns.ts';
import type { ServerConnection } from './languageClient.ts';
import type { InspectDocuments } from './inspectDocuments.ts';
import type { PlanDocuments } from './planDocuments.ts';
import type { ReportPanel } from './report/reportPanel.ts';

export interface Services {
  readonly context: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  readonly server: ServerConnection;
  readonly runs: BenchRuns;
  readonly annotations: Annotations;
  readonly report: ReportPanel;
  readonly plans: PlanDocuments;
  readonly inspections: InspectDocuments;
  /** Of the runs this window has asked for and that have not answered. */
  readonly cancellations: Set<vscode.CancellationTokenSource>;
}
