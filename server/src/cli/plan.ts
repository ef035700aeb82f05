/** `threadgauge plan` and `threadgauge machine`. */
import { planReportJson } from '../report/planJson.ts';
import { planText } from '../report/planText.ts';
import { machineText } from '../report/machineText.ts';
import { probeMachine } from '../host/node/runnerProcess.ts';
import { loadWorkspace } from './loadWorkspace.ts';
import { styleFor, write } from './output.ts';
import { UsageError } from './usageError.ts';

/** Prints the effective plan of every launch. */
export async function plan(paths: readonly string[], options: { readonly format: 'text' | 'json'; readonly machine?: string }): Promise<number> {
  const { engine, sources, machine } = await loadWorkspace(paths, options.machine);
  const plans = engine.plans();
  if (options.format === 'json') await write(process.stdout, `${JSON.stringify(planReportJson(plans, machine, sources), null, 2)}\n`);
  else await write(process.stdout, planText(plans, sources, styleFor(process.stdout)));
  return 0;
}

/** Prints what the runner sees of this machine. */
export async function machine(options: { readonly format: 'text' | 'json' }): Promise<number> {
  const probed = await probeMachine(undefined);
  if (probed.machine === null) throw new UsageError(probed.problem ?? 'this machine could not be described');
  await write(process.stdout, options.format === 'json' ? `${JSON.stringify(probed.machine, null, 2)}\n` : machineText(probed.machine));
  return 0;
}
