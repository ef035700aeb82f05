/** `threadgauge.benchmarkSelection`: measures the selected code of a program by itself. */
import * as vscode from 'vscode';
import type { RegionParams } from '../../../server/src/bench/messages.ts';
import { isLaunchRef } from '../bench/chooseLaunch.ts';
import { runBench, type RunOptions } from '../bench/runBench.ts';
import type { Services } from '../services.ts';

/** Arguments: a launch with a `region`, as lenses give it (the selection of the active editor when absent), and options; result as of `runBenchmark`. */
export function benchmarkSelection(services: Services) {
  return (argument?: unknown, options: RunOptions = {}) => {
    const region = isLaunchRef(argument) && 'region' in argument ? (argument.region as RegionParams) : selectedRegion();
    if (region === null) {
      void vscode.window.showInformationMessage('Select the code to measure in a Python file or in a cell of a notebook first.');
      return undefined;
    }
    return runBench(services, 'search', isLaunchRef(argument) ? argument : undefined, { ...options, region });
  };
}

/** The lines that the selection of the active editor touches; without a selection the line of the cursor. */
function selectedRegion(): RegionParams | null {
  const editor = vscode.window.activeTextEditor;
  if (editor?.document.languageId !== 'python') return null;
  const { start, end } = editor.selection;
  // A selection of whole lines ends before the first character of the next one.
  const last = end.line > start.line && end.character === 0 ? end.line - 1 : end.line;
  return { uri: editor.document.uri.toString(), lines: { first: start.line, last } };
}
