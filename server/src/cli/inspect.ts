/** `threadgauge inspect PID`: what a running process does, and its plan beside it. */
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { inspectionDifferences, inspectText, type InspectedPlan } from '../bench/inspectText.ts';
import { machineOfProcess, matchLaunch } from '../bench/matchLaunch.ts';
import type { Inspection } from '../bench/protocol.generated.ts';
import { machineFromJson } from '../core/machine.ts';
import { Engine } from '../engine/engine.ts';
import { loadParsers } from '../host/node/grammars.ts';
import { inspectProcess, planOfCommand, watchProcess } from '../host/node/inspectProcess.ts';
import { pathOfUri, scanDirectory, uriOfPath } from '../host/node/workspaceFiles.ts';
import { engineSources } from '../lsp/reportSources.ts';
import { planLaunch } from '../plan/planLaunch.ts';
import { createReaders } from '../readers/index.ts';
import { planJson } from '../report/planJson.ts';
import { placeJson, placeText } from '../report/sources.ts';
import { displayPath, tryOpenFile } from './loadWorkspace.ts';
import { styleFor, write } from './output.ts';
import { UsageError } from './usageError.ts';

export interface InspectOptions {
  readonly seconds: number;
  readonly watch: boolean;
  readonly format: 'text' | 'json';
}

/** Files of a folder that are looked at for launches. */
const NEIGHBOURS = 2000;

/** Plans for what was seen first; they do not change while it is watched. */
interface Planned {
  readonly plans: readonly InspectedPlan[];
  readonly json: readonly object[];
}

/** Looks once, or again and again until the process ends or Ctrl-C. */
export async function inspect(pid: number, { seconds, watch, format }: InspectOptions): Promise<number> {
  if (!watch) {
    const told = await inspectProcess(undefined, pid, seconds);
    if ('problem' in told) throw new UsageError(told.problem);
    await print(told.value, await planned(told.value), format);
    return 0;
  }
  const abort = new AbortController();
  const onSignal = (): void => abort.abort();
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  let plans: Promise<Planned> | null = null;
  let printed: Promise<void> = Promise.resolve();
  const problem = await watchProcess(undefined, pid, seconds, (inspection) => {
    plans ??= planned(inspection);
    const own = plans;
    printed = printed.then(async () => print(inspection, await own, format, true));
  }, abort.signal);
  await printed;
  if (problem !== null) throw new UsageError(problem);
  return 0;
}

async function print(inspection: Inspection, { plans, json }: Planned, format: 'text' | 'json', again = false): Promise<void> {
  if (format === 'json') {
    await write(process.stdout, `${JSON.stringify({ ...inspection, plans: json, differences: inspectionDifferences(inspection, plans) }, null, again ? undefined : 2)}\n`);
    return;
  }
  // On a terminal each look replaces the one before.
  if (again && process.stdout.isTTY) await write(process.stdout, '\u001B[2J\u001B[H');
  const [first = '', ...rest] = inspectText(inspection, plans).split('\n');
  await write(process.stdout, `${styleFor(process.stdout).bold(first)}\n${rest.join('\n')}${again && !process.stdout.isTTY ? '\n' : ''}`);
}

async function planned(inspection: Inspection): Promise<Planned> {
  const [root] = inspection.processes;
  if (!root) return { plans: [], json: [] };
  const readers = createReaders(await loadParsers());
  const machine = machineOfProcess(machineFromJson(inspection.machine), root);
  const engine = new Engine({ readers, rules: [], machine, once: true });
  const home = os.homedir();
  for (const folder of new Set([process.cwd(), ...(root.cwd == null ? [] : [root.cwd])])) {
    if (folder === path.parse(folder).root || folder === home || !existsSync(folder)) continue;
    const { files } = await scanDirectory(folder, { claims: (uri, head) => engine.claims({ uri, languageId: '', head }), limit: NEIGHBOURS });
    for (const file of files) if (!engine.text(uriOfPath(file))) await tryOpenFile(engine, file);
  }
  const sources = engineSources(engine, displayPath);
  const plans: InspectedPlan[] = [];
  const json: object[] = [];
  const match = matchLaunch(root, engine.launches(), { pathOf: pathOfUri, resolve: (base, file) => path.resolve(base, file) });
  if (match) {
    const plan = planLaunch(match.launch, engine.graph(), machine);
    plans.push({ match, place: placeText(placeJson(match.launch.anchor, sources)), plan });
    json.push({ of: 'launch', variables: match.differences, ...planJson(plan, sources) });
  }
  const command = await planOfCommand(root, inspection, readers);
  if (command) {
    plans.push({ match: null, place: null, plan: command });
    json.push({ of: 'command', processes: command.processes.value, intraOp: command.intraOp.value, interOp: command.interOp.value, totalThreads: command.totalThreads.value, cores: command.cores.value, certainty: command.certainty, unknowns: command.unknowns });
  }
  return { plans, json };
}
