/** Lenses over launches and over calls that run a model: run a benchmark, the plan in a few words, the last verdict. */
import type { CodeLens } from 'vscode-languageserver';
import type { LaunchRef } from '../bench/messages.ts';
import { CLIENT_COMMANDS, SERVER_COMMANDS } from '../bench/messages.ts';
import { neverMeasured } from '../bench/request.ts';
import { verdictLabel } from '../bench/toMeasured.ts';
import type { ActionContext } from './codeActions.ts';
import { launchesShownIn } from './launchPlaces.ts';
import type { ClientDocument } from './notebooks.ts';
import { planLabel } from './planLabel.ts';
import { offeredRegions, regionKey } from './regionLenses.ts';

/** The lenses of a document. */
export function codeLenses(document: ClientDocument, { engine, places, abilities, results }: ActionContext): CodeLens[] {
  const lenses: CodeLens[] = [];
  for (const { plan, anchor, own } of launchesShownIn(engine, document.file)) {
    const { launch } = plan;
    const range = places.anchorIn(document, anchor);
    if (!range) continue;
    const ref: LaunchRef = { uri: places.clientUri(launch.uri), launchId: launch.id };
    const add = (title: string, ofClient: string, server: string, argument: object = ref): void => {
      // Without our extension a lens can only name commands the server executes; an empty command shows text.
      lenses.push({ range, command: { title, command: abilities.ownClient ? ofClient : server, arguments: [argument] } });
    };
    if (!own) {
      add(`Plan (${launch.label}): ${planLabel(plan)}`, CLIENT_COMMANDS.showPlan, '');
      continue;
    }
    if (!neverMeasured(launch, plan, engine.graph())) add('Run benchmark', CLIENT_COMMANDS.runBenchmark, SERVER_COMMANDS.bench);
    add(`Plan: ${planLabel(plan)}`, CLIENT_COMMANDS.showPlan, '');
    const state = results.get(launch.key);
    const label = state ? verdictLabel(state) : null;
    if (label !== null) add(label, CLIENT_COMMANDS.showReport, '');
    if (state?.verdict?.outcome === 'faster') add('Verify', CLIENT_COMMANDS.verifyBenchmark, SERVER_COMMANDS.bench, abilities.ownClient ? ref : { ...ref, mode: 'verify' });
  }
  for (const { title, range, launch, region } of offeredRegions(document, engine, places)) {
    const argument = { uri: places.clientUri(launch.uri), launchId: launch.id, region };
    lenses.push({ range, command: { title, command: abilities.ownClient ? CLIENT_COMMANDS.benchmarkSelection : SERVER_COMMANDS.bench, arguments: [argument] } });
    const state = results.get(regionKey(launch, region));
    const label = state ? verdictLabel(state) : null;
    if (label !== null) lenses.push({ range, command: { title: label, command: abilities.ownClient ? CLIENT_COMMANDS.showReport : '', arguments: [argument] } });
  }
  return lenses;
}
