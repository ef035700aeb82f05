/** The text of measured lines, as long as the files are still what ran. */
import type { SourceLines } from './recording.ts';
import type { RunState } from './runState.ts';

/** Trimmed text by path and zero-based line; files of which `textOf` has no version with that hash are left out. */
export async function sourceLines(state: RunState, textOf: (path: string, sha256: string) => Promise<string | null>): Promise<SourceLines> {
  const files = state.lines.flatMap((lines) => lines.files);
  const wanted = new Map<string, { readonly sha256: string; readonly lines: Set<number> }>();
  for (const file of files) {
    const entry = wanted.get(file.path) ?? { sha256: file.sha256, lines: new Set<number>() };
    for (const { line } of file.lines) entry.lines.add(line - 1);
    wanted.set(file.path, entry);
  }
  const read = [...wanted].map(async ([path, { sha256, lines }]) => {
    const text = await textOf(path, sha256);
    if (text === null) return [];
    const all = text.split(/\r\n|\r|\n/);
    return [[path, Object.fromEntries([...lines].map((line) => [line, (all[line] ?? '').trim()]))] as const];
  });
  return Object.fromEntries((await Promise.all(read)).flat());
}
