/** Files of a workspace on disk: which to look at, and their text. */
import { existsSync, readFileSync, statSync, type Dirent, type Stats } from 'node:fs';
import { open, readdir, readFile, realpath, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ignore, { type Ignore } from 'ignore';
import { MAX_FILE_SIZE } from '../../engine/engine.ts';
import { CONFIG_NAME } from '../../engine/folderConfig.ts';

/** Directories that hold other people's code or build results. */
const SKIPPED = new Set(['.git', '.hg', '.svn', 'node_modules', 'site-packages', '__pycache__', '.venv', 'venv', '.tox', '.nox', '.mypy_cache', '.pytest_cache', '.ruff_cache', '.eggs', '.ipynb_checkpoints']);

/** A file's content, or why there is none; `message` is a full sentence. */
export type FileContent =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'unreadable'; readonly reason: 'too-large' | 'binary' | 'encoding'; readonly message: string }
  | { readonly kind: 'missing'; readonly message: string };

/** Reads a UTF-8 or BOM-marked UTF-16 file. Never throws. */
export async function readSource(file: string): Promise<FileContent> {
  try {
    return unreadable(await stat(file)) ?? decodeSource(await readFile(file));
  } catch (error) {
    return missing(error);
  }
}

/** Reads a file as `readSource` does, while everything else waits: what has nothing else to do gets many files several times faster so. */
export function readSourceAtOnce(file: string): FileContent {
  try {
    return unreadable(statSync(file)) ?? decodeSource(readFileSync(file));
  } catch (error) {
    return missing(error);
  }
}

/** Why a file is not to be read; null when it is. */
function unreadable(status: Stats): FileContent | null {
  // Reading a pipe would wait for its writer.
  if (!status.isFile()) return { kind: 'missing', message: 'This is not a regular file.' };
  const { size } = status;
  return size > MAX_FILE_SIZE ? { kind: 'unreadable', reason: 'too-large', message: `The file is ${(size / 1024 / 1024).toFixed(1)} MB; files above ${MAX_FILE_SIZE / 1024 / 1024} MB are not read.` } : null;
}

function missing(error: unknown): FileContent {
  return { kind: 'missing', message: `The file cannot be read: ${error instanceof Error ? error.message : String(error)}.` };
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true });

/** Decodes a file's bytes the way editors do. */
export function decodeSource(bytes: Uint8Array): FileContent {
  const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : null;
  if (utf16 === null && bytes.subarray(0, 8192).includes(0)) return { kind: 'unreadable', reason: 'binary', message: 'The file is binary and was not read.' };
  try {
    // The mark itself is dropped, as editors do, so that offsets agree with theirs.
    return { kind: 'text', text: utf16 === null ? UTF_8.decode(bytes) : new TextDecoder(utf16, { fatal: true }).decode(bytes) };
  } catch {
    return { kind: 'unreadable', reason: 'encoding', message: 'The file is not valid UTF-8 and was not read.' };
  }
}

/** Replaces the text of a file that exists, as a whole or not at all; its permissions, byte order mark and links stay. Throws when the disk refuses, or when the file is not UTF-8. */
export async function saveSource(file: string, text: string): Promise<void> {
  const target = await realpath(file);
  const { mode } = await stat(target);
  const before = await readFile(target);
  if (before[0] === 0xff || before[0] === 0xfe) throw new Error(`${file} is UTF-16; ThreadGauge writes only UTF-8`);
  const mark = before[0] === 0xef && before[1] === 0xbb && before[2] === 0xbf ? '\uFEFF' : '';
  const temporary = `${target}.${process.pid}.tmp`;
  await writeFile(temporary, mark + text, { mode });
  await rename(temporary, target);
}

export interface ScanOptions {
  /** Decides by name and first 4 KiB whether a file is of interest. */
  readonly claims: (uri: string, head: string) => boolean;
  /** Files looked at, at most. */
  readonly limit?: number;
  readonly cancelled?: () => boolean;
}

export interface ScanResult {
  /** Absolute paths, sorted. */
  readonly files: readonly string[];
  /** True when the limit ended the scan. */
  readonly truncated: boolean;
}

/** Finds files below a directory, honouring .gitignore (also those of parent directories up to the repository). Symbolic links to directories are not followed. */
export async function scanDirectory(root: string, options: ScanOptions): Promise<ScanResult> {
  const limit = options.limit ?? 20_000;
  const files: string[] = [];
  let seen = 0;
  let truncated = false;
  type Rule = { readonly base: string; readonly rules: Ignore };
  const ignored = (rules: readonly Rule[], file: string, directory: boolean): boolean => {
    let verdict = false;
    for (const { base, rules: own } of rules) {
      const relative = path.relative(base, file).split(path.sep).join('/') + (directory ? '/' : '');
      const result = own.test(relative);
      if (result.ignored) verdict = true;
      else if (result.unignored) verdict = false;
    }
    return verdict;
  };
  const load = async (directory: string): Promise<Rule[]> => {
    const text = await readFile(path.join(directory, '.gitignore'), 'utf8').catch(() => null);
    return text === null ? [] : [{ base: directory, rules: ignore().add(text) }];
  };
  const visit = async (directory: string, inherited: readonly Rule[]): Promise<void> => {
    if (truncated || options.cancelled?.()) return;
    let entries: Dirent[];
    try {
      entries = await readdir(directory, { withFileTypes: true });
    } catch {
      return;
    }
    // A directory with this file is a virtual environment, whatever its name.
    if (directory !== root && entries.some((entry) => entry.name === 'pyvenv.cfg')) return;
    const rules = [...inherited, ...(await load(directory))];
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const full = path.join(directory, entry.name);
      if (entry.isDirectory()) {
        if (!SKIPPED.has(entry.name) && !ignored(rules, full, true)) await visit(full, rules);
        continue;
      }
      if (!entry.isFile() && !entry.isSymbolicLink()) continue;
      if (ignored(rules, full, false)) continue;
      if (++seen > limit) {
        truncated = true;
        return;
      }
      const uri = uriOfPath(full);
      if (options.claims(uri, '') || (mayNeedHead(entry.name) && options.claims(uri, await head(full)))) files.push(full);
    }
  };
  const above: Rule[] = [];
  for (let parent = path.dirname(root), child = root; parent !== child; child = parent, parent = path.dirname(parent)) {
    if (await isRepository(child)) break;
    above.unshift(...(await load(parent)));
  }
  await visit(root, (await insideRepository(root)) ? above : []);
  return { files: files.sort(), truncated };
}

/** The configuration files in the folders above a file or folder, and in its own, nearest first. */
export function configsAbove(start: string): readonly string[] {
  const found: string[] = [];
  for (let folder = start, child = ''; folder !== child; child = folder, folder = path.dirname(folder)) {
    const file = path.join(folder, CONFIG_NAME);
    if (existsSync(file)) found.push(file);
  }
  return found;
}

/** Names without an extension may be scripts by their first line; these formats serve many purposes, which their first lines tell. */
function mayNeedHead(name: string): boolean {
  return !name.slice(1).includes('.') || /\.(?:ya?ml|json|conf|cfg|ini|properties|tpl)$|^(?:Docker|Container)file\./i.test(name);
}

async function head(file: string): Promise<string> {
  try {
    const handle = await open(file, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch {
    return '';
  }
}

async function isRepository(directory: string): Promise<boolean> {
  return stat(path.join(directory, '.git')).then(
    () => true,
    () => false,
  );
}

async function insideRepository(directory: string): Promise<boolean> {
  for (let at = directory; ; at = path.dirname(at)) {
    if (await isRepository(at)) return true;
    if (path.dirname(at) === at) return false;
  }
}

/** The `file:` URI of a path, in the one spelling used as a key. */
export function uriOfPath(file: string): string {
  return pathToFileURL(path.resolve(file)).href;
}

/** The path of a `file:` URI; null for other schemes. */
export function pathOfUri(uri: string): string | null {
  try {
    return uri.startsWith('file:') ? fileURLToPath(uri) : null;
  } catch {
    return null;
  }
}

/** One spelling per file: editors escape more characters than Node does. */
export function canonicalUri(uri: string): string {
  const file = pathOfUri(uri);
  return file === null ? uri : uriOfPath(file);
}
