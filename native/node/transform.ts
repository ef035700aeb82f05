/** What becomes of one source on its way to the engine: marks, and the beginning of the region. */
import { findRegion } from './region.ts';
import { hasInsertions, Insertions } from './insertions.ts';
import { markStatements, NAME, parseSource, type ModuleKind, type Parsed, type Recorder } from './instrument.ts';
import { isOwnFile, type Orders } from './orders.ts';
import { applyWithMap, sourcePlaces, type WrittenFile } from './sourcePlaces.ts';

/** Where the probe's functions are; `Symbol.for`, because sources may be changed on another thread. */
export const HOME = 'threadgauge.probe';
const LARGEST_SOURCE = 8 * 1024 * 1024;

/** What a marked file says of itself when it is loaded. */
export interface FileHead {
  readonly files: readonly WrittenFile[];
  readonly records: readonly (readonly [file: number, line: number])[];
  /** Records whose executions may overlap (1), or that belong to a loop (2). */
  readonly single: readonly (readonly [record: number, kind: number])[];
}

/** True when a file's source is to be changed. */
export function isWanted(path: string, orders: Orders): boolean {
  return path === orders.entry || (orders.mode !== 'region' && isOwnFile(path, orders.roots));
}

/** The changed source, or null when it stays as it is. Never throws. */
export function transform(source: string, path: string, kind: ModuleKind, orders: Orders): string | null {
  if (hasInsertions(source) || source.length > LARGEST_SOURCE) return null;
  const entry = path === orders.entry;
  let parsed: Parsed;
  try {
    parsed = parseSource(source, kind);
  } catch {
    // The engine will say what is wrong with it; or it is a language of its own, which a loader turns into JavaScript.
    return null;
  }
  try {
    const insertions = new Insertions();
    const home = `globalThis[Symbol.for(${JSON.stringify(HOME)})]`;
    const { body } = parsed.program;
    if (entry) {
      const region = findRegion(parsed.program, kind);
      const call = `${home}.mark(${JSON.stringify(region.reason)});`;
      const before = body[region.index - 1];
      if (before) insertions.open(before.end, `;${call}`);
      else insertions.open(headPlace(parsed).at, `${headPlace(parsed).semicolon}${call}`);
    }
    if (orders.mode !== 'region') addMarks(parsed, path, orders, home, insertions);
    return insertions.isEmpty ? null : applyWithMap(source, path, insertions);
  } catch {
    return null;
  }
}

function addMarks(parsed: Parsed, path: string, orders: Orders, home: string, insertions: Insertions): void {
  const places = sourcePlaces(parsed.source, path, orders.roots);
  if (places.files.length === 0) return;
  const records: (readonly [number, number])[] = [];
  const single = new Map<number, number>();
  const wanted = places.files.map(({ path: file }) => {
    const only = orders.cpuLines === null ? null : new Set(orders.cpuLines[file] ?? []);
    const never = new Set(orders.skippedLines[file] ?? []);
    return (line: number): boolean => (only === null || only.has(line)) && !never.has(line);
  });
  const recorder: Recorder = {
    record: (at) => {
      const place = places.placeOf(at);
      if (place === null || !wanted[place[0]]?.(place[1])) return null;
      return records.push(place) - 1;
    },
    neverSample: (record, always) => single.set(record, always ? 2 : 1),
    sameLine: (one, other) => {
      const [first, second] = [places.placeOf(one), places.placeOf(other)];
      return first !== null && second !== null && first[0] === second[0] && first[1] === second[1];
    },
  };
  const marks = new Insertions();
  const slot = markStatements(parsed, recorder, marks);
  if (records.length === 0) return;
  const head: FileHead = { files: places.files, records, single: [...single] };
  const names = ['g', 'b', 'e', 'n', 'v', 'r', 'i', 'a', 'l'].map((letter) => `${letter}:${NAME(letter)}`).join();
  const place = headPlace(parsed);
  // As text within a string: it is read once, and no name of the file can mean anything else in it.
  insertions.open(place.at, `${place.semicolon}const {${names}}=${home}.open(${JSON.stringify(JSON.stringify(head)).replaceAll('*/', '*\\/').replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')});${slot ? `let ${NAME('w')};` : ''}`);
  insertions.add(marks);
}

/** Behind the directives, where the first statement may stand. */
function headPlace({ source, program }: Parsed): { readonly at: number; readonly semicolon: string } {
  let [at, semicolon] = [source.startsWith('#!') ? (/\n|$/.exec(source)?.index ?? 0) : 0, ''];
  if (source.startsWith('#!') && at < source.length) at++;
  for (const statement of program.body) {
    if (statement.type !== 'ExpressionStatement' || statement.directive === undefined) break;
    [at, semicolon] = [statement.end, ';'];
  }
  return { at, semicolon };
}
