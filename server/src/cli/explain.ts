/** `threadgauge explain RULE`: the rule's page. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { MEASURED_KINDS } from '../core/measuredKinds.ts';
import { ruleUrl } from '../report/rulePage.ts';
import { RULES } from '../rules/index.ts';
import { write } from './output.ts';
import { UsageError } from './usageError.ts';

/** Prints the page of a rule, from the documentation beside the program or in short. */
export async function explain(id: string): Promise<number> {
  const measured = MEASURED_KINDS.get(id);
  if (measured !== undefined) {
    await write(process.stdout, `# ${id}\n\n${measured} Found by a benchmark; \`.threadgauge.json\` and comments name it like a rule.\n\nPage: ${ruleUrl(id)}\n`);
    return 0;
  }
  const rule = RULES.find((candidate) => candidate.id === id);
  if (!rule) {
    const near = RULES.map((candidate) => candidate.id).filter((candidate) => candidate.split('-').some((part) => part.length > 3 && id.includes(part)));
    throw new UsageError(`there is no rule "${id}"${near.length > 0 ? `; did you mean ${near.slice(0, 3).join(', ')}?` : '; `threadgauge explain --list` names them all'}`);
  }
  const page = pageOf(id);
  const text = page === undefined ? [`# ${rule.id}`, '', rule.summary, '', `Family ${rule.family}, ${rule.severity}.`, '', 'Sources:', ...rule.sources.map((source) => `- ${source}`), '', `Page: ${ruleUrl(id)}`].join('\n') : await readFile(page, 'utf8');
  await write(process.stdout, `${text.trimEnd()}\n`);
  return 0;
}

/** Prints every rule with its summary. */
export async function listRules(): Promise<number> {
  const width = Math.max(...RULES.map(({ id }) => id.length));
  await write(process.stdout, RULES.map(({ id, severity, summary }) => `${id.padEnd(width)}  ${severity.padEnd(11)}  ${summary}\n`).join(''));
  return 0;
}

function pageOf(id: string): string | undefined {
  let directory: string = import.meta.dirname;
  for (let i = 0; i < 4; i++, directory = path.dirname(directory)) {
    const candidates = [path.join(directory, 'docs/rules', `${id}.md`), path.join(directory, 'rules', id, 'rule.md')];
    const found = candidates.find((candidate) => existsSync(candidate));
    if (found !== undefined) return found;
  }
  return undefined;
}
