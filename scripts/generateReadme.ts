/** Writes README's settings table from the manifest, between its markers. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const START = '<!-- settings: generated -->';
const END = '<!-- /settings -->';

interface Setting {
  readonly type?: string | readonly string[];
  readonly default?: unknown;
  readonly description?: string;
  readonly markdownDescription?: string;
}

/** README with a fresh table. `manifest` is the text of package.json. */
export function generateReadme(manifest: string): ReadonlyMap<string, string> {
  const { contributes } = JSON.parse(manifest) as { contributes?: { configuration?: { properties?: Record<string, Setting> } } };
  const rows = Object.entries(contributes?.configuration?.properties ?? {}).map(([name, setting]) => {
    const text = (setting.markdownDescription ?? setting.description ?? '').replaceAll(/\s+/g, ' ').replaceAll('|', '\\|');
    return `| \`${name}\` | \`${JSON.stringify(setting.default ?? null).replaceAll('|', '\\|')}\` | ${text} |`;
  });
  const table = ['| setting | default | meaning |', '|---|---|---|', ...rows].join('\n');
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
  const start = readme.indexOf(START);
  const end = readme.indexOf(END);
  if (start < 0 || end < start) throw new Error(`README.md lacks the markers ${START} and ${END}`);
  return new Map([['README.md', `${readme.slice(0, start + START.length)}\n${table}\n${readme.slice(end)}`]]);
}
