/** `threadgauge check`: findings of files and folders. */
import { SEVERITIES, type Severity } from '../core/finding.ts';
import type { CheckJson } from '../core/reportJson.ts';
import { applyEdits } from '../core/sourceText.ts';
import { combineSafeFixes } from '../engine/combineFixes.ts';
import type { Engine } from '../engine/engine.ts';
import { pathOfUri, saveSource } from '../host/node/workspaceFiles.ts';
import { checkJson } from '../report/findingsJson.ts';
import { checkText } from '../report/findingsText.ts';
import { githubAnnotations } from '../report/github.ts';
import { ruleUrl } from '../report/rulePage.ts';
import { sarifLog } from '../report/sarif.ts';
import { RULES } from '../rules/index.ts';
import { loadWorkspace, openFile } from './loadWorkspace.ts';
import { styleFor, write } from './output.ts';

export interface CheckOptions {
  readonly format: 'text' | 'json' | 'sarif' | 'github';
  readonly machine?: string;
  readonly failOn: Severity;
  readonly preview: boolean;
  readonly fix: boolean;
}

/** A fix may make another one possible; a fix that keeps coming back must not loop. */
const MAX_FIX_PASSES = 10;

/** Prints the findings; returns the exit code. */
export async function check(paths: readonly string[], options: CheckOptions, version: string): Promise<number> {
  const { engine, sources, machine, files } = await loadWorkspace(paths, options.machine, { preview: options.preview });
  if (options.fix) await applySafeFixes(engine);
  const findings = engine.findings();
  const gaps = engine.gaps();
  // Code scanning and annotations show lines of files; people and programs are told the cell of a notebook.
  const json = (): CheckJson => checkJson(findings, gaps, machine, sources);
  const byLines = (): CheckJson => checkJson(findings, gaps, machine, { ...sources, cells: () => null });
  switch (options.format) {
    case 'json':
      await write(process.stdout, `${JSON.stringify(json(), null, 2)}\n`);
      break;
    case 'sarif':
      await write(process.stdout, `${JSON.stringify(sarifLog(byLines().findings, RULES, version, ruleUrl), null, 2)}\n`);
      break;
    case 'github':
      await write(process.stdout, githubAnnotations(byLines().findings));
      break;
    case 'text':
      await write(process.stdout, checkText(findings, gaps, engine.plans(), files, sources, styleFor(process.stdout)));
      break;
  }
  const limit = SEVERITIES.indexOf(options.failOn);
  return findings.some(({ severity }) => SEVERITIES.indexOf(severity) <= limit) ? 1 : 0;
}

async function applySafeFixes(engine: Engine): Promise<void> {
  const done = new Map<string, number>();
  let count = 0;
  for (let pass = 0; pass < MAX_FIX_PASSES; pass++) {
    const { edits, applied } = combineSafeFixes(engine.findings(), (fix) => engine.materialise(fix));
    if (applied.length === 0) break;
    count += applied.length;
    for (const [uri, list] of edits) {
      const file = pathOfUri(uri);
      const before = engine.text(uri);
      if (file === null || !before) continue;
      await saveSource(file, applyEdits(before.text, list));
      openFile(engine, file);
      done.set(uri, (done.get(uri) ?? 0) + list.length);
    }
  }
  const plural = (n: number, unit: string): string => `${n} ${unit}${n === 1 ? '' : 's'}`;
  process.stderr.write(`threadgauge: ${count} safe fix${count === 1 ? '' : 'es'} applied in ${plural(done.size, 'file')}\n`);
}
