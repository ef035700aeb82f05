/** Every command by its id without the prefix. */
import * as vscode from 'vscode';
import type { Services } from '../services.ts';
import { benchmarkGrid } from './benchmarkGrid.ts';
import { benchmarkSelection } from './benchmarkSelection.ts';
import { cancelBenchmark } from './cancelBenchmark.ts';
import { changeSettings } from './changeSettings.ts';
import { clearMeasurements } from './clearMeasurements.ts';
import { inspectProcess } from './inspectProcess.ts';
import { pauseBenchmark } from './pauseBenchmark.ts';
import { recordings } from './recordings.ts';
import { refreshInspection } from './refreshInspection.ts';
import { restartServer } from './restartServer.ts';
import { resumeBenchmark } from './resumeBenchmark.ts';
import { runBenchmark } from './runBenchmark.ts';
import { showLog } from './showLog.ts';
import { showPlan } from './showPlan.ts';
import { showReport } from './showReport.ts';
import { verifyBenchmark } from './verifyBenchmark.ts';

const COMMANDS = { benchmarkGrid, benchmarkSelection, cancelBenchmark, changeSettings, clearMeasurements, inspectProcess, pauseBenchmark, recordings, refreshInspection, restartServer, resumeBenchmark, runBenchmark, showLog, showPlan, showReport, verifyBenchmark };

/** Registers them all. */
export function registerCommands(services: Services): vscode.Disposable {
  return vscode.Disposable.from(...Object.entries(COMMANDS).map(([name, command]) => vscode.commands.registerCommand(`threadgauge.${name}`, command(services))));
}
