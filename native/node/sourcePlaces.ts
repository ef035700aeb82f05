/** Leads from places of the JavaScript that runs to places of what its author wrote, through source maps. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Insertions } from './insertions.ts';
import { isOwnFile, realPath } from './orders.ts';
import { shiftMappings } from './shiftedMap.ts';

export interface WrittenFile {
  readonly path: string;
  readonly sha256: string;
}

/** The places of one loaded file. */
export interface SourcePlaces {
  readonly files: readonly WrittenFile[];
  /** File (index in `files`) and line (from 1) of an offset; null when it belongs to none of the workspace's own. */
  placeOf(offset: number): readonly [file: number, line: number] | null;
}

interface MapPayload {
  sources?: (string | null)[];
  sourceRoot?: string;
  mappings?: string;
  sections?: unknown;
}

const COMMENT = /^[ \t]*\/\/[#@] *sourceMappingURL=(\S+)[ \t]*$/gm;
const LARGEST_MAP = 64 * 1024 * 1024;

/** Places of a source that was loaded from a path. Without a source map, or one that leads nowhere, those of the source itself. */
export function sourcePlaces(source: string, file: string, roots: readonly string[]): SourcePlaces {
  const starts = lineStarts(source);
  const payload = loadMap(source, file);
  const map = payload === null ? null : readMap(payload);
  if (map !== null) {
    const files: WrittenFile[] = [];
    const numbers = new Map<string, number | null>();
    const numberOf = (name: string): number | null => {
      let number = numbers.get(name);
      if (number === undefined) {
        const written = resolveSource(name, map.directory);
        const own = written !== null && isOwnFile(written, roots) ? describe(written) : null;
        number = own === null ? null : files.push(own) - 1;
        numbers.set(name, number);
      }
      return number;
    };
    const placeOf = (offset: number): readonly [number, number] | null => {
      const line = lineOf(starts, offset);
      const entry = map.map.findEntry(line, offset - (starts[line] ?? 0)) as { originalSource?: string; originalLine?: number; generatedLine?: number };
      // A place before the first one of its line belongs to what stands before it, not to this statement.
      if (entry.originalSource === undefined || entry.originalLine === undefined || entry.generatedLine !== line) return null;
      const number = numberOf(entry.originalSource);
      return number === null ? null : [number, entry.originalLine + 1];
    };
    if (map.sources.some((name) => numberOf(name) !== null)) return { files, placeOf };
  }
  const own = isOwnFile(file, roots) ? describe(file) : null;
  if (own === null) return { files: [], placeOf: () => null };
  return { files: [own], placeOf: (offset) => [0, lineOf(starts, offset) + 1] };
}

function describe(file: string): WrittenFile | null {
  try {
    return { path: file, sha256: createHash('sha256').update(readFileSync(file)).digest('hex') };
  } catch {
    return null;
  }
}

/** The source with insertions, its source map moved with them. */
export function applyWithMap(source: string, file: string, insertions: Insertions): string {
  const result = insertions.apply(source);
  const loaded = loadMap(source, file);
  if (loaded === null || typeof loaded.payload.mappings !== 'string') return result;
  const starts = lineStarts(source);
  const places = insertions.lengths();
  const before = (offset: number): number => {
    let [low, high] = [0, places.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((places[middle]?.at ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return places[low - 1]?.until ?? 0;
  };
  const mappings = shiftMappings(loaded.payload.mappings, (line, column) => {
    const start = starts[line];
    return start === undefined ? 0 : before(start + column) - before(start - 1);
  });
  if (mappings === null) return result;
  const { payload, directory } = loaded;
  const sources = (payload.sources ?? []).map((name) => (name === null || /^[a-z]{2,}:/i.test(name) || payload.sourceRoot ? name : pathToFileURL(path.resolve(directory, name)).href));
  const url = `data:application/json;base64,${Buffer.from(JSON.stringify({ ...payload, sources, mappings })).toString('base64')}`;
  const at = result.lastIndexOf(loaded.comment);
  return at < 0 ? result : result.slice(0, at) + loaded.comment.replace(loaded.url, () => url) + result.slice(at + loaded.comment.length);
}

interface LoadedMap {
  readonly payload: MapPayload;
  readonly directory: string;
  /** The whole comment, and the address in it. */
  readonly comment: string;
  readonly url: string;
}

function readMap({ payload, directory }: LoadedMap): { readonly map: SourceMap; readonly directory: string; readonly sources: readonly string[] } | null {
  try {
    const root = payload.sourceRoot ?? '';
    const sources = (payload.sources ?? []).map((name) => (name === null ? '' : root === '' || /^(?:[a-z]+:|\/)/i.test(name) ? name : `${root.replace(/\/$/, '')}/${name}`));
    return { map: new SourceMap({ ...payload, sourceRoot: '', sources } as never), directory, sources };
  } catch {
    return null;
  }
}

function loadMap(source: string, file: string): LoadedMap | null {
  const match = [...source.matchAll(COMMENT)].at(-1);
  const url = match?.[1];
  if (!match || url === undefined) return null;
  try {
    let text: string;
    let directory = path.dirname(file);
    const data = /^data:application\/json[^,]*?(;base64)?,/.exec(url);
    if (data) text = data[1] ? Buffer.from(url.slice(data[0].length), 'base64').toString('utf8') : decodeURIComponent(url.slice(data[0].length));
    else {
      if (/^[a-z]+:\/\//i.test(url) && !url.startsWith('file:')) return null;
      const place = url.startsWith('file:') ? fileURLToPath(url) : path.resolve(directory, decodeURI(url));
      directory = path.dirname(place);
      text = readFileSync(place, 'utf8');
    }
    if (text.length > LARGEST_MAP) return null;
    return { payload: JSON.parse(text.replace(/^\)\]\}'[^\n]*\n/, '')) as MapPayload, directory, comment: match[0], url };
  } catch {
    return null;
  }
}

function resolveSource(name: string, directory: string): string | null {
  try {
    if (name === '') return null;
    if (name.startsWith('file:')) return realPath(fileURLToPath(name));
    if (/^[a-z]{2,}:/i.test(name)) return null;
    return realPath(path.resolve(directory, name));
  } catch {
    return null;
  }
}

function lineStarts(source: string): readonly number[] {
  const starts = [0];
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** From 0. */
function lineOf(starts: readonly number[], offset: number): number {
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
