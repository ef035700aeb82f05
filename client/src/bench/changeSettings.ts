/** Lets people choose the settings that a benchmark tries. */
import * as vscode from 'vscode';
import type { BenchParams, BenchPreview } from '../../../server/src/bench/messages.ts';
import type { Agreed } from './confirmRun.ts';
import { type Choice, choicesOf, countsOf, withChoice, withoutChoice } from './runSettings.ts';

interface Item extends vscode.QuickPickItem {
  readonly choice?: Choice;
  readonly own?: true;
}

/** What runs with the settings that people choose; undefined when they dismiss the question. Offered is what the server proposes by itself, so that nothing that was left out is lost. */
export async function changeSettings({ params }: Agreed, previewOf: (params: BenchParams) => Promise<BenchPreview>): Promise<Agreed | undefined> {
  const bare = withoutChoice(params);
  const chosen = await choose({ params: bare, preview: await previewOf(bare) }, params);
  return chosen && { params: chosen, preview: await previewOf(chosen) };
}

/** The proposal with what is chosen from it, as in `current` until people say otherwise; undefined when people dismiss the question. */
async function choose(proposed: Agreed, current: BenchParams): Promise<BenchParams | undefined> {
  const choices = choicesOf(proposed.preview, current.threads);
  const items: Item[] = [];
  choices.forEach((choice, index) => {
    if (choice.group !== choices[index - 1]?.group) items.push({ label: choice.group, kind: vscode.QuickPickItemKind.Separator });
    items.push({ label: choice.label, description: choice.reason, picked: isPicked(choice, current), choice });
  });
  items.push({ label: 'Not in the list', kind: vscode.QuickPickItemKind.Separator }, { label: '$(edit) Other thread counts…', own: true, alwaysShow: true });
  const inForce = proposed.preview.arms.find((arm) => arm.current);
  const picked = await vscode.window.showQuickPick(items, {
    canPickMany: true,
    ignoreFocusOut: true,
    matchOnDescription: true,
    title: `Settings to try for "${proposed.preview.launch.label}"`,
    placeHolder: inForce ? `${inForce.label} is in force today and is always measured` : 'What shall be compared?',
  });
  if (!picked) return undefined;
  let own: readonly number[] = [];
  if (picked.some((item) => item.own)) {
    const text = await vscode.window.showInputBox({
      title: 'Other thread counts',
      prompt: 'Thread counts to try too, separated by commas',
      placeHolder: '3, 6, 12',
      ignoreFocusOut: true,
      validateInput: (typed) => (countsOf(typed) === null ? 'Give whole numbers from 1, such as 3, 6, 12.' : null),
    });
    if (text === undefined) return undefined;
    own = countsOf(text) ?? [];
  }
  return withChoice(proposed.params, choices, picked.flatMap(({ choice }) => (choice ? [choice] : [])), own);
}

/** As it was left the last time, else as it was proposed. */
function isPicked({ group, value, picked }: Choice, { threads, instances, variations }: BenchParams): boolean {
  const chosen = group === 'Thread counts' ? threads : group === 'Instances' ? instances : variations;
  return chosen === undefined ? picked : (chosen as readonly (number | string)[]).includes(value);
}
