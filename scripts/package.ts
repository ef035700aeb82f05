/** Packs the extension for this platform into a VSIX and reports its size. Run after `scripts/build.ts --runner`. */
import { createVSIX, listFiles, PackageManager } from '@vscode/vsce';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const MEBIBYTE = 1024 * 1024;
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
const target = `${process.platform}-${process.arch === 'arm' ? 'armhf' : process.arch}`;
const runner = path.join(root, 'dist/bin', process.platform === 'win32' ? 'threadgauge-runner.exe' : 'threadgauge-runner');
if (!existsSync(runner)) throw new Error(`${path.relative(root, runner)} is missing; run \`npm run build:all\` first.`);

const packagePath = path.join(root, `threadgauge-${target}-${version}.vsix`);
// Everything is bundled, so that there is nothing to install; README's pictures are not in the package, so their links stay as written.
await createVSIX({ cwd: root, packagePath, target, dependencies: false, rewriteRelativeLinks: false, skipLicense: false, allowMissingRepository: true });

const files = (await listFiles({ cwd: root, packageManager: PackageManager.None })).map((file) => ({ file, size: statSync(path.join(root, file)).size })).sort((a, b) => b.size - a.size);
for (const { file, size } of files) console.log(`${(size / MEBIBYTE).toFixed(3).padStart(8)} MiB  ${file}`);
console.log(`${path.basename(packagePath)}: ${(statSync(packagePath).size / MEBIBYTE).toFixed(2)} MiB packed, ${files.length} files`);
