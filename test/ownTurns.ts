/** Benchmarks of these tests take turns among themselves only: other work on this machine must not keep them waiting. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const directory = mkdtempSync(path.join(tmpdir(), 'threadgauge-turns-'));
process.env['THREADGAUGE_LOCK_DIR'] = directory;
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
