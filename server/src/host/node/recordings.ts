/** Saved event streams of benchmark runs. */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Writes a whole file or nothing. */
export async function writeAtomically(file: string, content: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, content);
  await rename(temporary, file);
}

/** A name that sorts by time and says what was measured. */
export function recordingName(label: string, now: Date): string {
  const safe = label.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[-.]+|-+$/g, '').slice(0, 60);
  return `${now.toISOString().replaceAll(':', '-').replace(/\..*/, '')}-${safe || 'run'}.ndjson`;
}
