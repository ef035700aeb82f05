/** Builds `dist/`: one minified bundle per entry, the grammars, the probes and (with --runner) the native runner. */
import { build, type BuildOptions, type Plugin } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const dist = path.join(root, 'dist');
const development = process.argv.includes('--dev');
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };

const shared: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  minify: !development,
  sourcemap: development,
  target: 'es2023',
  logLevel: 'warning',
  legalComments: 'none',
  define: { 'process.env.THREADGAUGE_VERSION': JSON.stringify(version) },
};
const nodeShared: BuildOptions = {
  ...shared,
  platform: 'node',
  // The packages' ESM builds keep esbuild from following their UMD `require` calls.
  mainFields: ['module', 'main'],
  // CommonJS has no import.meta; the sources find their data files beside themselves.
  define: { ...shared.define, 'import.meta.dirname': '__dirname', 'import.meta.url': '__filename' },
};

/** Leaves an import to another bundle, so that it is not compiled before it is asked for. */
function besides(source: string, bundle: string): Plugin {
  return { name: 'besides', setup: ({ onResolve }) => onResolve({ filter: /^\./ }, ({ path: wanted }) => (wanted === source ? { path: bundle, external: true } : null)) };
}

mkdirSync(dist, { recursive: true });
// The bundles are CommonJS although the sources are not.
writeFileSync(path.join(dist, 'package.json'), '{"type":"commonjs"}\n');
rmSync(path.join(dist, 'python'), { recursive: true, force: true });
await Promise.all([
  build({ ...nodeShared, format: 'cjs', external: ['vscode'], entryPoints: ['client/src/extension.ts'], outfile: 'dist/extension.js' }),
  build({ ...nodeShared, format: 'cjs', entryPoints: ['server/src/lsp/node.ts'], outfile: 'dist/server.js' }),
  build({ ...nodeShared, format: 'cjs', entryPoints: ['server/src/host/node/readingWorker.ts'], outfile: 'dist/readingWorker.js' }),
  build({ ...nodeShared, format: 'cjs', entryPoints: ['server/src/cli/start.ts'], outfile: 'dist/cli.js', banner: { js: '#!/usr/bin/env node' }, plugins: [besides('./main.ts', './command.js')] }),
  build({ ...nodeShared, format: 'cjs', entryPoints: ['server/src/cli/main.ts'], outfile: 'dist/command.js' }),
  build({ ...shared, platform: 'browser', format: 'iife', entryPoints: [{ in: 'client/src/report/app/main.ts', out: 'report' }, { in: 'client/src/report/app/report.css', out: 'report' }, { in: 'client/src/report/app/standalone.ts', out: 'reportPage' }, { in: 'client/src/report/app/standalone.css', out: 'reportPage' }], outdir: 'dist' }),
  // Run by the Node.js of the program under measurement, which may be older than ours.
  build({ ...shared, platform: 'node', target: 'node18', mainFields: ['module', 'main'], format: 'cjs', entryPoints: ['native/node/probe.ts'], outfile: 'dist/node/probe.cjs' }),
  build({ ...shared, platform: 'node', target: 'node18', mainFields: ['module', 'main'], format: 'esm', entryPoints: ['native/node/hooks.ts'], outfile: 'dist/node/hooks.mjs' }),
]);
chmodSync(path.join(dist, 'cli.js'), 0o755);

for (const [from, to] of [
  ['node_modules/web-tree-sitter/web-tree-sitter.wasm', 'web-tree-sitter.wasm'],
  ...['python', 'typescript', 'tsx'].map((grammar) => [`node_modules/@vscode/tree-sitter-wasm/wasm/tree-sitter-${grammar}.wasm`, `tree-sitter-${grammar}.wasm`] as const),
] as const) {
  copyFileSync(path.join(root, from), path.join(dist, to));
}
cpSync(path.join(root, 'native/python/threadgauge_probe'), path.join(dist, 'python/threadgauge_probe'), {
  recursive: true,
  filter: (source) => !source.includes('__pycache__'),
});

if (process.argv.includes('--runner')) {
  execFileSync('cargo', ['build', '--release', '--locked', '--quiet', '-p', 'threadgauge-runner-cli'], { cwd: path.join(root, 'native'), stdio: 'inherit' });
}
const name = process.platform === 'win32' ? 'threadgauge-runner.exe' : 'threadgauge-runner';
const runner = path.join(root, 'native/target/release', name);
if (existsSync(runner)) {
  mkdirSync(path.join(dist, 'bin'), { recursive: true });
  rmSync(path.join(dist, 'bin', name), { force: true });
  copyFileSync(runner, path.join(dist, 'bin', name));
  chmodSync(path.join(dist, 'bin', name), 0o755);
}
