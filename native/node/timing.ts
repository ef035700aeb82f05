/**
 * Collects what the marked statements say.
 *
 * Times are inclusive: a line's time contains all that it calls, other lines too. Recursion and tasks that are on
 * one line at once are not counted twice, by a telescope: `begin` gives *now minus the total*, `end` makes the total
 * *now minus that*, which replaces whatever the same statement added in between.
 *
 * A short statement that is reached often is only timed now and then, at random, so that measuring costs it about
 * `BUDGET` of its time. Its hits are exact all the same: a countdown runs from one timed execution to the next. What
 * is too short even for that is counted only, and named in the report, so that the next run leaves its marks out.
 */
import { writeSync } from 'node:fs';
import process from 'node:process';

/** Share of a short statement's time that measuring it may cost. */
const BUDGET = 0.01;
/** Executions timed one by one, before any are left out. */
const FIRST = 30;
const LONGEST_GAP = 4096;
/** Below this mean (ms) a mark costs more than it tells. */
const TOO_SHORT_MS = 0.001;
const MANY = 20_000;
const NEVER = 0x7fff_ffff;
/** What all marks on short statements together may cost, as a share of the run, before some are left out of the next. */
const MARKS_BUDGET = 0.02;
/** Statements longer than this on average (ms) keep their marks in any case. */
const LONG_MS = 0.02;
/** What a statement costs (ms) that has marks and is not timed this time: seen in programs whose small functions are no longer inlined. */
const PASSING_MS = 0.00006;

const now = performance.now.bind(performance);
const cpuUsage = process.cpuUsage.bind(process);
const ownUsage = (process as { threadCpuUsage?: () => NodeJS.CpuUsage }).threadCpuUsage?.bind(process);

/** Where a record's statement stands: index of the file in the report, line. */
export type RecordPlace = readonly [file: number, line: number];

/** A line of the report: line, hits, wall ns, CPU ns, CPU ns of the main thread, first ns, awaited ns. */
export type Row = [number, number, number, number | null, number | null, number, number | null];

/** What the marks of one file call. */
export interface Marks {
  /** Countdown to the next timed execution, by record. */
  readonly g: Int32Array;
  readonly b: (record: number) => unknown;
  readonly e: (record: number, key: unknown, value: unknown) => unknown;
  /** Begins a suspension. */
  readonly n: (record: number) => number;
  /** Its first argument: the second has the clock read after it. */
  readonly v: (value: unknown, start: number) => unknown;
  /** Ends a suspension. */
  readonly r: (record: number, value: unknown, start: number) => unknown;
  readonly i: (record: number, iterable: unknown) => unknown;
  readonly a: (record: number, iterable: unknown) => unknown;
  /** The body of a loop over what is awaited begins. */
  readonly l: (record: number) => void;
}

interface Key {
  readonly wall: number;
  readonly cpu: number;
  readonly own: number;
  readonly line: number;
  readonly file: number;
}

/** One marked file that was loaded. */
class FileTiming {
  readonly places: readonly RecordPlace[];
  readonly countdown: Int32Array;
  readonly gap: Int32Array;
  readonly hits: Float64Array;
  readonly total: Float64Array;
  readonly scaled: Float64Array;
  readonly count: Float64Array;
  readonly first: Float64Array;
  readonly awaited: Float64Array;
  readonly cpu: Float64Array;
  readonly own: Float64Array;
  /** 1 while an execution is timed. */
  readonly inside: Uint8Array;
  /** 1: may overlap with itself, so that no execution stands for others; 2: a loop's own, which also never ends to be timed. */
  readonly single: Uint8Array;
  readonly starts: Float64Array;

  constructor(places: readonly RecordPlace[], single: readonly (readonly [record: number, kind: number])[]) {
    const length = places.length;
    this.places = places;
    this.countdown = new Int32Array(length).fill(1);
    this.gap = new Int32Array(length).fill(1);
    this.hits = new Float64Array(length);
    this.total = new Float64Array(length);
    this.scaled = new Float64Array(length);
    this.count = new Float64Array(length);
    this.first = new Float64Array(length);
    this.awaited = new Float64Array(length);
    this.cpu = new Float64Array(length);
    this.own = new Float64Array(length);
    this.inside = new Uint8Array(length);
    this.single = new Uint8Array(length);
    this.starts = new Float64Array(length);
    for (const [record, kind] of single) this.single[record] = kind;
  }

  /** Executions so far, those since the last timed one included. */
  hitsOf(record: number): number {
    return (this.hits[record] ?? 0) + (this.gap[record] ?? 0) - (this.countdown[record] ?? 0);
  }
}

/** All marked files of this process. */
export class Timing {
  readonly #withClocks: boolean;
  readonly #cell: { readonly descriptor: number; readonly words: Uint32Array } | null;
  readonly #files: FileTiming[] = [];
  #seed = 0x9e37_79b9;
  /** ms one measurement adds to the time it measures, and costs in all. */
  #bias = 0;
  #cost = 0.0001;

  constructor(withClocks: boolean, cell: number | null) {
    this.#withClocks = withClocks;
    this.#cell = cell === null ? null : { descriptor: cell, words: new Uint32Array(2) };
    if (!withClocks) this.#calibrate();
  }

  /** The functions for the marks of a file. `single`: records whose executions never stand for others, and why. */
  open(places: readonly RecordPlace[], single: readonly (readonly [record: number, kind: number])[]): Marks {
    const file = new FileTiming(places, single);
    this.#files.push(file);
    return this.#withClocks ? this.#clocked(file) : this.#timed(file);
  }

  #timed(file: FileTiming): Marks {
    const { countdown, gap, hits, total, scaled, count, first, inside, single } = file;
    const b = (record: number): number => {
      hits[record] += gap[record];
      countdown[record] = gap[record] = this.#nextGap(file, record);
      inside[record] = 1;
      return now() + 1 - total[record];
    };
    const e = (record: number, key: unknown, value: unknown): unknown => {
      if (key !== 0) {
        const end = now() + 1 - (key as number);
        const spent = end - total[record];
        if (inside[record] === 0 && single[record] === 0) single[record] = 1;
        inside[record] = 0;
        if (spent > 0) {
          const seen = count[record];
          if (seen === 0) first[record] = spent;
          const weight = gap[record] === NEVER ? 0 : gap[record] - 1;
          // What took far longer than usual was interrupted; it stands for itself only.
          if (weight > 0 && single[record] === 0 && spent < Math.max(0.3, (50 * total[record]) / seen)) scaled[record] += Math.max(0, spent - this.#bias) * weight;
          total[record] = end;
        }
        count[record]++;
      }
      return value;
    };
    return { g: countdown, b, e, ...this.#suspensions(file), ...iterations(file, b, e) };
  }

  #clocked(file: FileTiming): Marks {
    const { countdown, gap, hits, total, cpu, own, count, first, places } = file;
    const cell = this.#cell;
    const set = (line: number, number: number): void => {
      if (!cell) return;
      cell.words[0] = line;
      cell.words[1] = number;
      writeSync(cell.descriptor, cell.words, 0, 8, 0);
    };
    const b = (record: number): Key => {
      hits[record] += gap[record];
      countdown[record] = 1;
      const [line, number] = [cell?.words[0] ?? 0, cell?.words[1] ?? 0];
      const place = places[record];
      set(place[1], place[0] + 1);
      const used = cpuUsage();
      const mine = ownUsage?.();
      return { wall: now() - total[record], cpu: used.user + used.system - cpu[record], own: mine ? mine.user + mine.system - own[record] : 0, line, file: number };
    };
    const e = (record: number, key: unknown, value: unknown): unknown => {
      if (key !== 0) {
        const { wall, cpu: cpuStart, own: ownStart, line, file: number } = key as Key;
        const end = now() - wall;
        const used = cpuUsage();
        const mine = ownUsage?.();
        if (end > total[record]) {
          if (count[record] === 0) first[record] = end;
          total[record] = end;
          cpu[record] = Math.max(cpu[record], used.user + used.system - cpuStart);
          if (mine) own[record] = Math.max(own[record], mine.user + mine.system - ownStart);
        }
        count[record]++;
        set(line, number);
      }
      return value;
    };
    return { g: countdown, b, e, ...this.#suspensions(file), ...iterations(file, b, e) };
  }

  #suspensions({ awaited }: FileTiming): Pick<Marks, 'n' | 'v' | 'r'> {
    return {
      n: (record) => now() - awaited[record],
      v: (value) => value,
      r: (record, value, start) => {
        const end = now() - start;
        if (end > awaited[record]) awaited[record] = end;
        return value;
      },
    };
  }

  /** How many executions the next timed one is away. */
  #nextGap(file: FileTiming, record: number): number {
    const { hits, total, scaled, count, single } = file;
    const seen = count[record];
    if (seen < FIRST || single[record] === 2) return 1;
    const reached = hits[record];
    const mean = (total[record] + scaled[record]) / (scaled[record] === 0 ? seen : reached);
    if (reached > MANY && mean < TOO_SHORT_MS) {
      // Enough is known of it; from here on it is only counted.
      if (single[record] === 1 || reached > 20 * MANY) return NEVER;
    }
    const gap = this.#cost / (Math.max(mean, 1e-6) * BUDGET);
    if (single[record] !== 0 || gap < 1.5) return 1;
    // A generator of its own, so that the program's random numbers stay what they are.
    this.#seed ^= this.#seed << 13;
    this.#seed ^= this.#seed >>> 17;
    this.#seed ^= this.#seed << 5;
    return 1 + Math.floor(((this.#seed >>> 0) / 0x1_0000_0000) * 2 * (Math.min(gap, LONGEST_GAP) - 1) + 0.5);
  }

  #calibrate(): void {
    const file = new FileTiming([[0, 0]], [[0, 2]]);
    const { b, e } = this.#timed(file);
    const [costs, biases]: [number[], number[]] = [[], []];
    for (let round = 0; round < 60; round++) {
      file.hits[0] = 0;
      const before = file.total[0];
      const start = now();
      for (let i = 0; i < 50; i++) e(0, b(0), null);
      costs.push((now() - start) / 50);
      biases.push((file.total[0] - before) / 50);
    }
    this.#cost = Math.max(costs.sort((x, y) => x - y)[20] ?? 0, 0.00005);
    this.#bias = biases.sort((x, y) => x - y)[10] ?? 0;
  }

  /** Rows by index of the file, and the lines that were too short to be timed throughout. */
  rows(): { readonly rows: ReadonlyMap<number, readonly Row[]>; readonly hot: ReadonlyMap<number, readonly number[]> } {
    const byFile = new Map<number, Map<number, Row>>();
    const hot = new Map<number, Set<number>>();
    const short: { readonly number: number; readonly line: number; readonly cost: number }[] = [];
    for (const file of this.#files) {
      for (const [record, [number, line]] of file.places.entries()) {
        const hits = file.hitsOf(record);
        const count = file.count[record] ?? 0;
        // What never came to its end (an error, the end of the process) has no time.
        if (hits <= 0 || count === 0) continue;
        if ((file.total[record] ?? 0) / count < LONG_MS) short.push({ number, line, cost: count * this.#cost + hits * PASSING_MS });
        const measured = Math.max(0, (file.total[record] ?? 0) - this.#bias * Math.min(count, hits)) + (file.scaled[record] ?? 0);
        // What was only counted in the end took as long as before.
        const covered = file.scaled[record] === 0 ? count : (file.hits[record] ?? 0);
        const wall = nanoseconds(file.gap[record] === NEVER && covered > 0 ? (measured * hits) / covered : measured);
        const clocks: [number | null, number | null] = this.#withClocks ? [(file.cpu[record] ?? 0) * 1000, ownUsage ? (file.own[record] ?? 0) * 1000 : null] : [null, null];
        const awaited = file.awaited[record] ? Math.min(nanoseconds(file.awaited[record] ?? 0), wall) : null;
        const row: Row = [line, hits, wall, ...clocks, nanoseconds(file.first[record] ?? 0), awaited];
        const rows = byFile.get(number) ?? new Map<number, Row>();
        byFile.set(number, rows);
        const other = rows.get(line);
        if (other === undefined) rows.set(line, row);
        else {
          // Several statements on one line.
          other[1] = Math.max(other[1], row[1]);
          for (const field of [2, 3, 4, 5, 6] as const) if (row[field] !== null) other[field] = (other[field] ?? 0) + row[field];
        }
      }
    }
    // The dearest first, until the rest costs no more than it may.
    let costs = short.reduce((sum, { cost }) => sum + cost, 0);
    for (const { number, line, cost } of this.#withClocks ? [] : short.sort((a, b) => b.cost - a.cost)) {
      if (costs <= MARKS_BUDGET * now()) break;
      costs -= cost;
      const lines = hot.get(number) ?? new Set();
      hot.set(number, lines.add(line));
    }
    return {
      rows: new Map([...byFile].map(([number, rows]) => [number, [...rows.values()].sort((a, b) => a[0] - b[0])])),
      hot: new Map([...hot].map(([number, lines]) => [number, [...lines].sort((a, b) => a - b)])),
    };
  }
}

function nanoseconds(ms: number): number {
  return Math.max(0, Math.round(ms * 1e6));
}

/** Iterators that only hand out what is there already. */
function isPlain(value: unknown): boolean {
  return typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value) || value instanceof Map || value instanceof Set;
}

/** Time of what a loop goes over, which runs between the bodies. */
function iterations(file: FileTiming, b: (record: number) => unknown, e: Marks['e']): Pick<Marks, 'i' | 'a' | 'l'> {
  const keys: unknown[] = [];
  const { count, total, starts, awaited } = file;
  const rest = (iterator: Iterator<unknown> | AsyncIterator<unknown>, next: (value?: unknown) => unknown): Record<string, unknown> => ({
    next,
    get return() {
      const method = iterator.return as ((value?: unknown) => unknown) | undefined;
      return method == null ? undefined : (value?: unknown) => method.call(iterator, value);
    },
  });
  return {
    i: (record, iterable) => {
      const method = isPlain(iterable) ? null : (iterable as Iterable<unknown>)[Symbol.iterator];
      if (typeof method !== 'function') return iterable;
      return {
        [Symbol.iterator]: () => {
          const iterator = method.call(iterable);
          const inner = iterator.next;
          let timed = 0;
          return rest(iterator, () => {
            // Too short to matter: what is not timed costs nearly nothing.
            if (timed++ > 256 && total[record] / count[record] < 0.002) {
              file.hits[record]++;
              return inner.call(iterator);
            }
            const key = b(record);
            const result = e(record, key, inner.call(iterator)) as IteratorResult<unknown>;
            // The last call says only that there is nothing more.
            if (result.done) file.hits[record]--;
            return result;
          });
        },
      };
    },
    a: (record, iterable) => {
      const method = iterable === null || iterable === undefined ? null : (iterable as AsyncIterable<unknown>)[Symbol.asyncIterator];
      if (typeof method !== 'function') return iterable;
      return {
        [Symbol.asyncIterator]: () => {
          const iterator = method.call(iterable);
          const inner = iterator.next;
          return rest(iterator, () => {
            keys[record] = b(record);
            const promise = inner.call(iterator);
            starts[record] = now() - awaited[record];
            return promise;
          });
        },
      };
    },
    l: (record) => {
      const key = keys[record];
      if (key === undefined) return;
      keys[record] = undefined;
      const end = now() - starts[record];
      if (end > awaited[record]) awaited[record] = end;
      e(record, key, null);
    },
  };
}
