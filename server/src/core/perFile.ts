/** An answer about one file's facts, found once for each version of them. */
import type { FileFacts } from './fact.ts';

export function perFile<T>(find: (file: FileFacts) => T): (file: FileFacts) => T {
  const known = new WeakMap<FileFacts, { readonly answer: T }>();
  return (file) => {
    let entry = known.get(file);
    if (!entry) known.set(file, (entry = { answer: find(file) }));
    return entry.answer;
  };
}
