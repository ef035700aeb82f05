/** Reads a text with a reader the way the engine does, for tests. */
import type { LaunchFact, LinkFact, SettingFact } from '../../../server/src/core/fact.ts';
import type { Reader, Refusal } from '../../../server/src/core/reader.ts';
import { readWhole, type WholeText } from '../../../server/src/core/readWhole.ts';
import { applyEdits, type TextEdit } from '../../../server/src/core/sourceText.ts';

export type ReadText = WholeText;

/** Facts of a text with the offsets of its chunks. */
export function readText(reader: Reader, text: string, uri = 'file:///w/file'): ReadText {
  return readWhole(reader, uri, text);
}

export function settings(read: ReadText): readonly SettingFact[] {
  return read.facts.facts.filter((fact) => fact.kind === 'setting');
}

export function launches(read: ReadText): readonly LaunchFact[] {
  return read.facts.facts.filter((fact) => fact.kind === 'launch');
}

export function links(read: ReadText): readonly LinkFact[] {
  return read.facts.facts.filter((fact) => fact.kind === 'link');
}

/** The launch's own settings by name, the last wins; `undefined` values are not known text. */
export function environmentOf(read: ReadText, launch: LaunchFact): ReadonlyMap<string, string | null | undefined> {
  const result = new Map<string, string | null | undefined>();
  for (const entry of launch.environment) {
    const fact = read.facts.facts[entry.fact];
    if (fact?.kind !== 'setting') continue;
    const { value } = fact;
    const own = value.kind === 'environment' && value.name === fact.name && value.fallback ? value.fallback : value;
    const text = fact.operation === 'unset' ? null : own.kind === 'known' ? String(own.value) : undefined;
    if (fact.operation === 'default' && typeof result.get(fact.name) === 'string') continue;
    result.set(fact.name, entry.maybe ? undefined : text);
  }
  return result;
}

/** The text after `place`, or the refusal. */
export function place(reader: Reader, text: string, launchId: string, name: string, value: string | null): string | Refusal {
  const { facts, offsets } = readText(reader, text);
  const edits = reader.place?.({ launchId, name, value }, text, facts, offsets) ?? { refused: 'no place' };
  return isRefusal(edits) ? edits : applyEdits(text, edits);
}

export function isRefusal(value: readonly TextEdit[] | Refusal): value is Refusal {
  return 'refused' in value;
}

/** A small generator of pseudo-random numbers in [0, 1), the same on every run. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A text with a few random deletions, insertions and swaps, as someone who types leaves it. */
export function mutate(text: string, random: () => number): string {
  let result = text;
  for (let i = 0; i < 1 + Math.floor(random() * 4); i++) {
    const at = Math.floor(random() * (result.length + 1));
    const junk = ['"', "'", '{', '}', ',', '\n', '\r\n', '$', '${', '$(', '`', '\\', '#', '=', ';', '&', '|', '<<', '\u0000', '\uFEFF', 'é', '\uD83D', '((', 'done', 'fi'];
    if (random() < 0.5) result = result.slice(0, at) + result.slice(Math.min(result.length, at + Math.floor(random() * 12)));
    else result = result.slice(0, at) + (junk[Math.floor(random() * junk.length)] ?? '') + result.slice(at);
  }
  return result;
}
