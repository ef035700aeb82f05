/** Running processes for a client: the list, and one of them beside the plan of the launch that fits it. */
import path from 'node:path';
import { inspectText, type InspectedPlan } from '../bench/inspectText.ts';
import { machineOfProcess, matchLaunch } from '../bench/matchLaunch.ts';
import type { InspectParams, InspectReply, ProcessesReply } from '../bench/messages.ts';
import { machineFromJson } from '../core/machine.ts';
import type { Reader } from '../core/reader.ts';
import type { Engine } from '../engine/engine.ts';
import { inspectProcess, planOfCommand, runningProcesses } from '../host/node/inspectProcess.ts';
import { pathOfUri } from '../host/node/workspaceFiles.ts';
import { planLaunch } from '../plan/planLaunch.ts';
import { placeJson, placeText } from '../report/sources.ts';
import { engineSources } from './reportSources.ts';

const LONGEST_S = 60;

export interface InspectOptions {
  readonly engine: Engine;
  readonly readers: readonly Reader[];
  readonly runnerPath: string | undefined;
  /** How a file is named to people. */
  readonly display: (uri: string) => string;
}

/** True for what a client may ask. */
export function isInspectParams(value: unknown): value is InspectParams {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, seconds } = value as Record<string, unknown>;
  return Number.isInteger(pid) && (pid as number) > 0 && (seconds === undefined || (typeof seconds === 'number' && seconds > 0 && seconds <= LONGEST_S));
}

/** Looks at a process. Never rejects. */
export async function inspectForClient({ pid, seconds = 1 }: InspectParams, { engine, readers, runnerPath, display }: InspectOptions): Promise<InspectReply> {
  const told = await inspectProcess(runnerPath, pid, seconds);
  if ('problem' in told) return { text: `${told.problem}\n`, inspection: null };
  const inspection = told.value;
  const [root] = inspection.processes;
  if (!root) return { text: inspectText(inspection, []), inspection };
  const plans: InspectedPlan[] = [];
  const match = matchLaunch(root, engine.launches(), { pathOf: pathOfUri, resolve: (base, file) => path.resolve(base, file) });
  if (match) {
    const plan = planLaunch(match.launch, engine.graph(), machineOfProcess(machineFromJson(inspection.machine), root));
    plans.push({ match, place: placeText(placeJson(match.launch.anchor, engineSources(engine, display))), plan });
  }
  const command = await planOfCommand(root, inspection, readers);
  if (command) plans.push({ match: null, place: null, plan: command });
  return { text: inspectText(inspection, plans), inspection };
}

/** The programs of this user. Never rejects. */
export async function processesForClient(runnerPath: string | undefined): Promise<ProcessesReply> {
  const told = await runningProcesses(runnerPath);
  return 'problem' in told ? { processes: [], problem: told.problem } : { processes: told.value, problem: null };
}
