/** Starts a rule: `npm run new-rule env-set-after-import` makes its two files and its line in the list. */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const folder = path.join(root, 'server/src/rules');
const id = process.argv[2] ?? '';

/** Name of a rule in `index.ts`. */
function variable(rule: string): string {
  return rule.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

if (!/^[a-z][a-z0-9]*(?:-[a-z0-9]+)+$/.test(id)) fail('usage: npm run new-rule <rule-id>   (lower-case words joined by hyphens that name what is found)');
if (existsSync(path.join(folder, id))) fail(`server/src/rules/${id} exists already`);

const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
mkdirSync(path.join(folder, id));
writeFileSync(
  path.join(folder, id, 'rule.md'),
  `# ${id}

## What it finds

## Why it costs

## Examples

### Reported

\`\`\`python file=infer.py
import torch

torch.set_num_threads(4)
^ ${id}
\`\`\`

### Fine: first look-alike

\`\`\`python file=infer.py
import torch
\`\`\`

### Fine: second look-alike

\`\`\`python file=infer.py
import os
\`\`\`

### Unknown: the value comes from elsewhere

\`\`\`python file=infer.py
import sys

import torch

torch.set_num_threads(int(sys.argv[1]))
\`\`\`

## How to fix

## When it says nothing

## Sources
`,
);
writeFileSync(
  path.join(folder, id, 'rule.ts'),
  `/** Reports … */
import { defineRule } from '../rule.ts';

export const rule = defineRule({
  id: '${id}',
  family: 'invalid-value',
  severity: 'warning',
  stage: 'preview',
  since: '${version}',
  fix: 'none',
  needs: 'file',
  summary: '',
  sources: ['measured: '],
  messages: {
    found: '',
  },
  check({ file }, report) {
    for (const fact of file.facts) {
      if (fact.kind !== 'setting') continue;
      report({ messageId: 'found', at: { uri: file.uri, span: fact.span } });
    }
  },
});
`,
);

const ids = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name).sort();
const imports = ids.map((rule) => `import { rule as ${variable(rule)} } from './${rule}/rule.ts';\n`).join('');
const list = ids.map((rule) => `  ${variable(rule)},\n`).join('');
writeFileSync(path.join(folder, 'index.ts'), `/** Every rule, sorted by id. */\nimport type { Rule } from './rule.ts';\n${imports}\nexport const RULES: readonly Rule[] = [\n${list}];\n`);
console.log(`server/src/rules/${id}: write rule.md first, see it fail (npm run test:unit -- -g ${id}), then rule.ts.`);
