/** Token snapshots of the injection grammars over the grammars of the languages it is injected into. */
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GRAMMARS } from '../scripts/generateGrammar.ts';

const root = path.resolve(import.meta.dirname, '..');
const SAMPLES = [
  { file: 'affinity.sh', grammar: 'shellscript', scope: 'source.shell', language: 'shellscript', extension: '.sh' },
  { file: 'Dockerfile.dockerfile', grammar: 'docker', scope: 'source.dockerfile', language: 'dockerfile', extension: '.dockerfile' },
  { file: 'compose.yaml', grammar: 'yaml', scope: 'source.yaml', language: 'yaml', extension: '.yaml' },
  { file: 'service.env', grammar: 'dotenv', scope: 'source.dotenv', language: 'dotenv', extension: '.env' },
  { file: 'launch.jsonc', grammar: 'jsonc', scope: 'source.json.comments', language: 'jsonc', extension: '.jsonc' },
] as const;

describe('injection grammars', function () {
  this.timeout(60_000);
  for (const { file, grammar, scope, language, extension } of SAMPLES) {
    it(`tokenises ${file} as reviewed`, () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'threadgauge-grammar-'));
      try {
        const manifest = path.join(folder, 'package.json');
        writeFileSync(
          manifest,
          JSON.stringify({
            contributes: {
              languages: [{ id: language, extensions: [extension] }],
              grammars: [
                { language, scopeName: scope, path: path.relative(folder, path.join(root, `node_modules/tm-grammars/grammars/${grammar}.json`)) },
                ...GRAMMARS.filter(({ injectTo }) => injectTo.includes(scope)).map((ours) => ({ ...ours, path: path.relative(folder, path.join(root, ours.path)) })),
              ],
            },
          }),
        );
        const args = [path.join(root, 'node_modules/vscode-tmgrammar-test/dist/snapshot.js'), '--config', manifest, '--scope', scope];
        if (process.env['UPDATE'] === '1') args.push('--updateSnapshot');
        try {
          execFileSync(process.execPath, [...args, path.join(root, 'test/syntaxes', file)], { encoding: 'utf8', stdio: 'pipe' });
        } catch (error) {
          assert.fail(String((error as { stdout?: string }).stdout));
        }
        const snapshot = readFileSync(path.join(root, 'test/syntaxes', `${file}.snap`), 'utf8');
        assert.match(snapshot, /support\.constant\.thread-variable\.threadgauge/, 'the injection took part');
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }
});
