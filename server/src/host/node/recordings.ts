/** Saved event streams of benchmark runs. */
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Writes a whole file or nothing. A device or a pipe is written to as it is: it must not be replaced by a file. */
export async function writeAtomically(file: string, content: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const present = await stat(file).catch(() => null);
  if (present && !present.isFile()) return writeFile(file, content);
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, content);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

/** A name that sorts by time and says what was measured. */
export function recordingName(label: string, now: Date): string {
  const safe = label.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[-.]+|-+$/g, '').slice(0, 60);
  return `${now.toISOString().replaceAll(':', '-').replace(/\..*/, '')}-${safe || 'run'}.ndjson`;
}
