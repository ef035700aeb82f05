/** The facts of a file by kind, sorted once: rules ask the same files about the same kinds for every launch that reaches them. */
import type { Fact, FileFacts } from './fact.ts';
import { saysNothingAlone } from './outlinedFile.ts';
import { perFile } from './perFile.ts';

type FactOf<K extends Fact['kind']> = Extract<Fact, { kind: K }>;

/** Kinds of which a file that says nothing by itself has none. */
const SAYING: ReadonlySet<Fact['kind']> = new Set(['setting', 'launch', 'link', 'limit', 'suppression']);

/** Facts of one kind in document order; none when there is no such file. A file that was only outlined is not read for kinds that it cannot hold. */
export function factsOfKind<K extends Fact['kind']>(file: FileFacts | undefined, kind: K): readonly FactOf<K>[] {
  if (file === undefined || (SAYING.has(kind) && saysNothingAlone(file))) return [];
  return (byKind(file).get(kind) ?? []) as readonly FactOf<K>[];
}

const byKind = perFile(({ facts }): ReadonlyMap<Fact['kind'], readonly Fact[]> => {
  const kinds = new Map<Fact['kind'], Fact[]>();
  for (const fact of facts) {
    const same = kinds.get(fact.kind);
    if (same) same.push(fact);
    else kinds.set(fact.kind, [fact]);
  }
  return kinds;
});
