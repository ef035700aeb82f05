/** `threadgauge.inspectProcess`: what a running process does, chosen from a list or given by its id. */
import * as vscode from 'vscode';
import type { RunningProcess } from '../../../server/src/bench/protocol.generated.ts';
import { messageOf } from '../log.ts';
import type { Services } from '../services.ts';

/** Programs that are likely to compute: interpreters, and servers that start them. */
const LIKELY = /^(?:python[\d.]*|pypy[\d.]*|node|nodejs|deno|bun|gunicorn|uvicorn|hypercorn|torchrun|celery|ray|accelerate|jupyter.*|ipython[\d.]*|tritonserver|ollama|llama-(?:server|cli)|vllm)(?:\.exe)?$/;
const TITLED = /^(?:gunicorn|uvicorn|celeryd?|ray::)/;

interface Item extends vscode.QuickPickItem {
  readonly pid: number | null;
}

/** Argument: the id of a process; a list when absent. */
export function inspectProcess(services: Services) {
  return async (pid?: unknown): Promise<void> => {
    const chosen = typeof pid === 'number' ? pid : await choose(services);
    if (chosen !== undefined) await services.inspections.show(chosen);
  };
}

async function choose({ server }: Services): Promise<number | undefined> {
  const list = server.processes().then(({ processes, problem }): Item[] => {
    const items = processes.filter(isLikely).map(item);
    if (problem !== null) void vscode.window.showWarningMessage(problem);
    return [...items, { label: '$(edit) Enter a process id…', pid: null, alwaysShow: true }];
  });
  try {
    const picked = await vscode.window.showQuickPick(list, { title: 'Inspect a running process', placeHolder: 'Programs of this user that may compute, newest first', matchOnDescription: true, matchOnDetail: true });
    if (picked?.pid !== null) return picked?.pid;
  } catch (error) {
    void vscode.window.showErrorMessage(messageOf(error));
    return undefined;
  }
  const typed = await vscode.window.showInputBox({ title: 'Inspect a running process', prompt: 'Id of the process', validateInput: (text) => (/^[1-9]\d{0,8}$/.test(text.trim()) ? null : 'Give a whole number, such as 4711.') });
  return typed === undefined ? undefined : Number(typed.trim());
}

function isLikely({ command }: RunningProcess): boolean {
  const [first = ''] = command;
  // The editor's own helpers run in Node.js too.
  const own = command.some((word) => /[\\/]\.vscode(?:-server|-oss|-insiders)?[\\/]|vscode-server|[\\/]extensions[\\/]|extensionHost|tsserver/.test(word));
  return !own && (LIKELY.test(first.replace(/^.*[\\/]/, '')) || TITLED.test(first));
}

function item({ pid, command, cwd, age_s: age, threads }: RunningProcess): Item {
  const [first = '', ...rest] = command;
  return { label: [first.replace(/^.*[\\/]/, ''), ...rest].join(' ').slice(0, 120), description: `${pid} · ${threads} thread${threads === 1 ? '' : 's'} · ${ageText(age)}`, ...(cwd == null ? {} : { detail: cwd }), pid };
}

function ageText(seconds: number): string {
  if (seconds < 100) return `${Math.round(seconds)} s`;
  return seconds < 6000 ? `${Math.round(seconds / 60)} min` : seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}
