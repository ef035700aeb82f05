/** `threadgauge.recordings`: the benchmarks that were kept: show, compare, export, delete. */
import * as vscode from 'vscode';
import type { RecordingsReply } from '../../../server/src/bench/messages.ts';
import { messageOf } from '../log.ts';
import type { Services } from '../services.ts';

type Listed = RecordingsReply['recordings'][number];
type Action = 'show' | 'compare' | 'html' | 'json' | 'delete';

const ACTIONS: readonly (vscode.QuickPickItem & { readonly action: Action })[] = [
  { action: 'show', label: '$(graph) Show', detail: 'In the results panel' },
  { action: 'compare', label: '$(diff) Compare with …', detail: 'The same settings in another recording' },
  { action: 'html', label: '$(file-code) Export as HTML …', detail: 'A report with plots, complete in one file' },
  { action: 'json', label: '$(json) Export as JSON …', detail: 'Everything that was measured; a baseline for `threadgauge bench --compare`' },
  { action: 'delete', label: '$(trash) Delete' },
];

/** Arguments, for keybindings and tests: the id of a recording, what to do with it, and with `compare` the other id or with an export the file. */
export function recordings(services: Services) {
  return async (id?: unknown, action?: unknown, more?: unknown): Promise<void> => {
    try {
      const { recordings: all, skipped } = await services.server.recordings();
      for (const sentence of skipped) services.log.warn(sentence);
      const chosen = typeof id === 'string' ? all.find((recording) => recording.id === id) : await choose(all, skipped.length, 'Which benchmark?');
      if (!chosen) return;
      const what = ACTIONS.find((known) => known.action === action) ?? (await vscode.window.showQuickPick(ACTIONS, { title: titleOf(chosen), placeHolder: chosen.sentence }));
      if (what) await perform(services, chosen, what.action, all, typeof more === 'string' ? more : undefined);
    } catch (error) {
      services.log.error(messageOf(error));
      void vscode.window.showErrorMessage(messageOf(error));
    }
  };
}

async function choose(all: readonly Listed[], skipped: number, placeHolder: string): Promise<Listed | undefined> {
  if (all.length === 0) {
    void vscode.window.showInformationMessage(`No benchmark has been kept yet.${skipped > 0 ? ' Files that could not be read are named in the log.' : ''}`);
    return undefined;
  }
  const items = all.map((recording) => ({ label: recording.label, description: [when(recording), ...(recording.status === 'complete' ? [] : [recording.status])].join(' · '), detail: recording.sentence, recording }));
  return (await vscode.window.showQuickPick(items, { placeHolder: skipped > 0 ? `${placeHolder} (${skipped} broken file${skipped === 1 ? '' : 's'} left out, see the log)` : placeHolder, matchOnDescription: true, matchOnDetail: true }))?.recording;
}

async function perform(services: Services, recording: Listed, action: Action, all: readonly Listed[], more: string | undefined): Promise<void> {
  const { id } = recording;
  switch (action) {
    case 'show': {
      const { label, startedAt, state, sources, about } = await services.server.recording({ id });
      services.report.showRecorded({ label, startedAt: Date.parse(startedAt), state, sources, ...(about ? { about } : {}) });
      return;
    }
    case 'compare': {
      const other = more ?? (await choose(all.filter((candidate) => candidate.id !== id), 0, `Compare ${titleOf(recording)} with which?`))?.id;
      if (other === undefined) return;
      // The older one is the first.
      const [first, second] = [id, other].sort();
      const { markdown } = await services.server.compareRecordings({ first: first ?? id, second: second ?? other });
      await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ language: 'markdown', content: markdown }), { preview: true });
      return;
    }
    case 'html':
    case 'json': {
      const target = more === undefined ? await vscode.window.showSaveDialog({ defaultUri: suggested(`${id}.${action}`), filters: action === 'html' ? { HTML: ['html'] } : { JSON: ['json'] } }) : vscode.Uri.file(more);
      if (!target) return;
      await services.server.exportRecording({ id, format: action, output: target.fsPath });
      const open = 'Open';
      // The message waits for people; the command does not.
      void vscode.window.showInformationMessage(`Exported to ${target.fsPath}.`, open).then((choice) => {
        if (choice === open) void (action === 'html' ? vscode.env.openExternal(target) : vscode.window.showTextDocument(target));
      });
      return;
    }
    case 'delete': {
      const confirm = 'Delete';
      if (more !== 'confirmed' && (await vscode.window.showWarningMessage(`Delete the recording ${titleOf(recording)}?`, { modal: true }, confirm)) !== confirm) return;
      await services.server.removeRecording({ id });
      return;
    }
  }
}

/** Beside the workspace, because the storage is no place that people look into. */
function suggested(name: string): vscode.Uri | undefined {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  return folder ? vscode.Uri.joinPath(folder, name) : undefined;
}

function when({ startedAt }: Listed): string {
  const time = new Date(startedAt);
  return Number.isNaN(time.getTime()) ? startedAt : time.toLocaleString();
}

function titleOf(recording: Listed): string {
  return `${recording.label}, ${when(recording)}`;
}
