/** Keeps tests apart from the rest of the machine: their benchmarks take turns among themselves only, and nothing is kept in the user's storage. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const directory = mkdtempSync(path.join(tmpdir(), 'threadgauge-tests-'));
process.env['THREADGAUGE_LOCK_DIR'] = directory;
process.env['XDG_STATE_HOME'] = path.join(directory, 'state');
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
