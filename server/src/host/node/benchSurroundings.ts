/** What is installed that a benchmark may try: allocators, and the OpenMP runtime that a Python's PyTorch brings along. Looks at files; starts nothing. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { OpenMp } from '../../bench/variations.ts';

/** Files by which an allocator is known, the preferred one first. `minimal` is tcmalloc without its profiler, which can clash with others. */
const ALLOCATOR_FILES: Readonly<Record<string, RegExp>> = {
  jemalloc: /^libjemalloc\.so(?:\.\d+)?$/,
  tcmalloc: /^libtcmalloc_minimal\.so(?:\.\d+)?$/,
  'tcmalloc (full)': /^libtcmalloc\.so(?:\.\d+)?$/,
};
const LARGEST_SCRIPT = 4 * 1024 * 1024;

/** Directories in which the loader looks, as configured; `root` is `/` outside of tests. */
export function loaderDirectories(root: string, arch: string | null): readonly string[] {
  const usual = ['/usr/local/lib', '/usr/lib64', '/lib64', ...(arch === null ? [] : [`/usr/lib/${arch}-linux-gnu`, `/lib/${arch}-linux-gnu`, `/usr/local/lib/${arch}-linux-gnu`]), '/usr/lib', '/lib'];
  const configured: string[] = [];
  for (const file of names(path.join(root, 'etc/ld.so.conf.d')).filter((name) => name.endsWith('.conf'))) {
    for (const line of (readText(path.join(root, 'etc/ld.so.conf.d', file)) ?? '').split(/\r?\n/)) if (line.startsWith('/')) configured.push(line.trim());
  }
  return [...new Set([...usual, ...configured])];
}

/** Allocators that can be preloaded: name → file. One tcmalloc is enough. */
export function findAllocators(arch: string | null, more: readonly string[] = [], root = '/'): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const directory of [...more, ...loaderDirectories(root, arch)]) {
    const files = names(path.join(root, directory));
    for (const [name, pattern] of Object.entries(ALLOCATOR_FILES)) {
      // The versioned name is the library; the plain one may be a link for the linker only.
      const file = files.filter((candidate) => pattern.test(candidate)).sort((a, b) => b.length - a.length)[0];
      if (file !== undefined && !found.has(name)) found.set(name, path.posix.join(directory, file));
    }
  }
  if (found.has('tcmalloc')) found.delete('tcmalloc (full)');
  return found;
}

/** The OpenMP runtime within the torch of a Python's environment; null when it has none of its own. */
export function openMpOf(python: string): OpenMp | null {
  const prefix = path.dirname(path.dirname(python));
  const windows = path.join(prefix, 'Lib', 'site-packages', 'torch', 'lib');
  const unix = names(path.join(prefix, 'lib')).filter((name) => /^python3\.\d+t?$/.test(name)).map((name) => path.join(prefix, 'lib', name, 'site-packages', 'torch', 'lib'));
  for (const directory of [...unix, windows]) {
    const files = names(directory);
    if (files.some((name) => /^libiomp5/.test(name))) return 'libiomp5';
    if (files.some((name) => /^libgomp/.test(name))) return 'libgomp';
  }
  return null;
}

/** Options of a script that are switches, from its calls of `add_argument(…, action="store_true")`. */
export function switchesOf(text: string): readonly string[] {
  return [...text.matchAll(/\.add_argument\(([^()]*?)\)/gs)].flatMap(([, inner = '']) => (/action\s*=\s*(["'])store_true\1/.test(inner) ? [...inner.matchAll(/(["'])(--?[\w-]+)\1/g)].map(([, , name = '']) => name) : []));
}

/** The text of a file that is not too large; null when it cannot be read. */
export function readText(file: string): string | null {
  try {
    return statSync(file).size > LARGEST_SCRIPT ? null : readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function names(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
