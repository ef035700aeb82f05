/** Loads the parser's WebAssembly from beside the bundle, or from node_modules when run from source. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Language, Parser } from 'web-tree-sitter';
import type { SyntaxParser } from '../../readers/python/syntaxParser.ts';

let initialised: Promise<void> | undefined;
let python: Promise<SyntaxParser> | undefined;

/** The Python parser; loaded once per process. Rejects with a full sentence when a file is missing. */
export function loadPythonParser(): Promise<SyntaxParser> {
  python ??= load('tree-sitter-python.wasm').catch((error: unknown) => {
    python = undefined;
    throw error;
  });
  return python;
}

async function load(grammar: string): Promise<SyntaxParser> {
  const runtime = locate('web-tree-sitter.wasm', 'web-tree-sitter');
  initialised ??= Parser.init({ locateFile: () => runtime });
  await initialised;
  const language = await Language.load(await readFile(locate(grammar, '@vscode/tree-sitter-wasm/wasm')));
  const parser = new Parser();
  parser.setLanguage(language);
  return parser;
}

/** Looks beside the running file first, then in each node_modules above it. */
function locate(file: string, packageFolder: string): string {
  const here = import.meta.dirname;
  const beside = path.join(here, file);
  if (existsSync(beside)) return beside;
  for (let folder = here; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'node_modules', packageFolder, file);
    if (existsSync(candidate)) return candidate;
    if (folder === path.dirname(folder)) throw new Error(`${file} is missing: it belongs beside the server, in ${here}. Reinstall ThreadGauge, or run "npm ci" in a checkout.`);
  }
}
