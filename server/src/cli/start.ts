/** Starts the `threadgauge` command; on one or two processors with a single helper thread of V8. */
import { enableCompileCache } from 'node:module';
import os from 'node:os';

/** Commands that keep one thread busy from beginning to end. */
const SCANS: ReadonlySet<string> = new Set(['check', 'plan']);

const HELPERS = '--v8-pool-size';

/**
 * True where a scan has more threads than processors: Node gives V8 four to compile and collect with, whatever the machine has.
 * On two processors a scan of 1,528 files takes 3.8 s with one helper and 4.1 s with four, which take turns with the thread that does the work; with more processors it was not measured.
 */
function isOversubscribed(): boolean {
  const given = [...process.execArgv, ...(process.env['NODE_OPTIONS'] ?? '').split(/\s+/)];
  return os.availableParallelism() <= 2 && !given.some((option) => option.startsWith(HELPERS));
}

const [, script, ...rest] = process.argv;
const scans = SCANS.has(rest[0] ?? '');
// The number can only be given when Node starts: it replaces itself, as the same process with the same streams. On Windows and in Electron it cannot.
if (typeof process.execve === 'function' && process.platform !== 'win32' && process.versions['electron'] === undefined && script !== undefined && scans && isOversubscribed()) {
  process.execve(process.execPath, [process.argv0, ...process.execArgv, `${HELPERS}=1`, script, ...rest], process.env);
}
// What V8 made of the program is kept in the folder for temporary files, which makes up for the second start. Benchmarks leave nothing anywhere.
if (scans) enableCompileCache();
void import('./main.ts');
