/** Compiles the native runner for Windows and macOS, as far as this machine can: `npm run check:platforms -- [--fetch] [TARGET …]`. */
// Three ways, the first that is possible: the target's standard library is installed (`rustup target add`), its
// source is (`rustup component add rust-src`), or, with --fetch on Debian, a compiler with its source is taken from
// the archive and unpacked into our cache. Compiling only: nothing is linked and nothing runs.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
// @ts-expect-error Plain JavaScript, because it also runs before Node 24 is there.
import { cache } from './bootstrap.mjs';

const TARGETS = ['x86_64-pc-windows-msvc', 'aarch64-apple-darwin', 'x86_64-apple-darwin'];
const native = path.resolve(import.meta.dirname, '../native');
/** Debian's compiler of the browsers, which is newer than its own; and what it needs. */
const RELEASE = 'trixie';
const PACKAGES = ['rustc-web', 'rust-web-src', 'libstd-rust-web-dev', 'libc6', 'libgcc-s1', 'libstdc++6', 'zlib1g', 'libzstd1', 'libxml2', 'libedit2', 'libtinfo6', 'libffi8', 'libbsd0', 'libmd0', 'liblzma5', 'libicu76', 'libz3-4'];

const { values, positionals } = parseArgs({ options: { fetch: { type: 'boolean', default: false } }, allowPositionals: true });
let failed = 0;
for (const target of positionals.length > 0 ? positionals : TARGETS) {
  const way = wayFor(target);
  if (way === null) {
    console.log(`${target}: not checked: neither its standard library nor the source of the compiler's is installed (rustup target add ${target}${existsSync('/usr/bin/apt-get') ? '; or --fetch' : ''})`);
    failed++;
    continue;
  }
  console.log(`${target}: ${way.how}`);
  const { status } = spawnSync('cargo', ['check', '--quiet', '--locked', '--workspace', '--target', target, ...way.options], { cwd: native, stdio: 'inherit', env: { ...process.env, CARGO_TARGET_DIR: path.join(native, 'target/platforms'), ...way.env } });
  console.log(`${target}: ${status === 0 ? 'compiles' : 'does NOT compile'}`);
  if (status !== 0) failed++;
}
process.exit(failed > 0 ? 1 : 0);

interface Way {
  readonly how: string;
  readonly options: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

function wayFor(target: string): Way | null {
  const sysroot = execFileSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8', cwd: native }).trim();
  if (existsSync(path.join(sysroot, 'lib/rustlib', target, 'lib'))) return { how: 'with the installed standard library', options: [], env: {} };
  // An unstable part of cargo, for which a stable compiler is told to be an unstable one.
  const fromSource = { options: ['-Zbuild-std=std,panic_abort,proc_macro'], env: { RUSTC_BOOTSTRAP: '1' } };
  if (existsSync(path.join(sysroot, 'lib/rustlib/src/rust/library/std'))) return { how: 'with a standard library compiled from its source', ...fromSource };
  const rustc = values.fetch ? fetchCompiler() : null;
  return rustc === null ? null : { how: 'with a compiler of Debian and a standard library compiled from its source', options: fromSource.options, env: { ...fromSource.env, RUSTC: rustc } };
}

/** A compiler with its source, unpacked into the cache; null where apt has none. */
function fetchCompiler(): string | null {
  const directory = path.join(cache as string, 'rust-with-source');
  const rustc = path.join(directory, 'rustc');
  if (existsSync(rustc)) return rustc;
  const [root, apt] = [path.join(directory, 'root'), path.join(directory, 'apt')];
  try {
    for (const folder of [root, 'lists/partial', 'archives/partial', 'etc', 'debs'].map((name) => path.resolve(apt, name))) mkdirSync(folder, { recursive: true });
    const key = '/usr/share/keyrings/debian-archive-keyring.gpg';
    writeFileSync(path.join(apt, 'etc/sources.list'), `deb [signed-by=${key}] http://deb.debian.org/debian ${RELEASE} main\n`);
    writeFileSync(path.join(apt, 'status'), '');
    writeFileSync(path.join(apt, 'apt.conf'), `Dir "${apt}";\nDir::Etc "etc";\nDir::Etc::sourcelist "sources.list";\nDir::Etc::sourceparts "-";\nDir::State::lists "lists";\nDir::State "${apt}";\nDir::State::status "${apt}/status";\nDir::Cache "${apt}";\n`);
    const env = { ...process.env, APT_CONFIG: path.join(apt, 'apt.conf') };
    const aptGet = (args: readonly string[]): string => execFileSync('apt-get', args, { env, cwd: path.join(apt, 'debs'), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    console.log('fetching a compiler with its source from Debian (about 200 MB, once) …');
    aptGet(['update', '-qq']);
    // The library of the standard library and LLVM carry their version in their names.
    const needs = execFileSync('apt-cache', ['depends', '--recurse', '--no-recommends', '--no-suggests', '--no-conflicts', '--no-breaks', '--no-replaces', '--no-enhances', 'rustc-web'], { env, encoding: 'utf8' });
    const versioned = [...new Set(needs.split('\n').filter((name) => /^(?:libstd-rust-web-\d|libllvm\d)/.test(name)))];
    aptGet(['download', '-qq', ...PACKAGES, ...versioned]);
    for (const name of readdirSync(path.join(apt, 'debs'))) execFileSync('dpkg', ['-x', path.join(apt, 'debs', name), root]);
    const libraries = path.join(root, 'usr/lib/x86_64-linux-gnu');
    const program = path.join(root, 'usr/bin/rustc');
    // Through its own loader: it is made for a newer system than this may be.
    writeFileSync(rustc, `#!/bin/sh\nexec '${libraries}/ld-linux-x86-64.so.2' --library-path '${libraries}:${root}/usr/lib' --argv0 '${program}' '${program}' "$@"\n`);
    chmodSync(rustc, 0o755);
    execFileSync(rustc, ['--version'], { stdio: 'ignore' });
    rmSync(apt, { recursive: true });
    return rustc;
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    console.log(`no compiler could be fetched: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}
