/** One run under the probe: what was measured, and the report. */
import { closeSync, mkdirSync, openSync, readFileSync, readSync, renameSync, statSync, writeFileSync, writeSync } from 'node:fs';
import Module from 'node:module';
import path from 'node:path';
import process from 'node:process';
import type { Orders } from './orders.ts';
import type { WrittenFile } from './sourcePlaces.ts';
import { Timing, type Marks, type RecordPlace } from './timing.ts';
import type { FileHead } from './transform.ts';

/** Packages whose versions belong to a result. */
const NAMED = ['onnxruntime-node', 'onnxruntime-web', 'onnxruntime-common', '@huggingface/transformers', '@xenova/transformers', '@tensorflow/tfjs-node', '@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs', 'node-llama-cpp', 'sharp'];

export class Session {
  readonly orders: Orders;
  readonly timing: Timing | null;
  readonly errors: string[] = [];
  /** Package folders of modules that were loaded through `import`, which no cache tells. */
  readonly packages = new Map<string, string>();
  readonly #files: WrittenFile[] = [];
  #start: { readonly wall: bigint; readonly cpu: number } | null = null;
  #reason: string | null = null;
  #written = false;
  #met = false;

  constructor(orders: Orders) {
    this.orders = orders;
    this.timing = orders.mode === 'region' ? null : new Timing(orders.mode === 'cpu', this.#openCell(orders.cell));
  }

  #openCell(cell: string | null): number | null {
    if (cell === null || this.orders.mode !== 'cpu') return null;
    try {
      return openSync(cell, 'r+');
    } catch {
      return null;
    }
  }

  /** What marked sources call when they are loaded. */
  readonly open = (text: string): Marks => {
    const { files, records, single } = JSON.parse(text) as FileHead;
    if (this.timing === null) throw new Error('nothing is timed in this run');
    const numbers = files.map((file) => {
      const known = this.#files.findIndex(({ path: other }) => other === file.path);
      return known >= 0 ? known : this.#files.push(file) - 1;
    });
    const places = records.map(([file, line]): RecordPlace => [numbers[file] ?? 0, line]);
    return this.timing.open(places, single);
  };

  /** The end of the leading imports: the region begins. */
  readonly mark = (reason: string | null): void => {
    if (this.#start !== null) return;
    this.#reason = reason;
    this.#meet(true);
    this.#start = { wall: process.hrtime.bigint(), cpu: cpuNanoseconds() };
  };

  /**
   * Marks this instance as arrived; with `wait`, returns when all of them are. The file has one byte for each.
   * Waiting sleeps: a spinning instance would slow down those still on their way.
   */
  #meet(wait: boolean): void {
    const { barrier } = this.orders;
    if (barrier === null || this.#met) return;
    this.#met = true;
    try {
      const file = openSync(barrier.path, 'r+');
      writeSync(file, Uint8Array.of(1), 0, 1, barrier.index);
      const arrived = new Uint8Array(barrier.count);
      const sleeper = new Int32Array(new SharedArrayBuffer(4));
      for (let pause = 0.2; wait; pause = Math.min(pause * 1.5, 5)) {
        readSync(file, arrived, 0, barrier.count, 0);
        if (!arrived.includes(0)) break;
        Atomics.wait(sleeper, 0, 0, pause);
      }
      closeSync(file);
    } catch (error) {
      // Nobody is waited for; the times tell how far the work overlapped.
      this.errors.push(`The instances could not wait for each other: ${String(error)}.`);
    }
  }

  /** Notes the package that a file belongs to. */
  notePackage(file: string): void {
    const at = file.lastIndexOf(`node_modules${path.sep}`);
    if (at < 0) return;
    const [first = '', second = ''] = file.slice(at + 13).split(path.sep);
    const name = first.startsWith('@') ? `${first}/${second}` : first;
    if (NAMED.includes(name) && !this.packages.has(name)) this.packages.set(name, path.join(file.slice(0, at + 13), name));
  }

  /** Writes the report, once, at the end, atomically. Never throws. */
  write(): void {
    if (this.#written) return;
    this.#written = true;
    // It will not come any more; the others need not wait.
    this.#meet(false);
    try {
      const end = { wall: process.hrtime.bigint(), cpu: cpuNanoseconds() };
      const region = this.#start === null ? null : { start_ns: Number(this.#start.wall), end_ns: Number(end.wall), cpu_start_ns: this.#start.cpu, cpu_end_ns: end.cpu };
      const measured = this.timing?.rows();
      const linesOf = (number: number): object => ({ lines: measured?.rows.get(number) ?? [], hot: measured?.hot.get(number) ?? [] });
      const report = {
        version: 1,
        mode: this.orders.mode,
        runtime: `Node.js ${process.versions.node}`,
        versions: this.#versions(),
        region,
        region_reason: region === null ? 'The probe could not tell the imports of the entry module from its work.' : this.#reason,
        observed_threads: null,
        files: this.#files.map((file, number) => ({ ...file, ...linesOf(number) })),
        error: this.errors.join(' ') || null,
        clock: 'CLOCK_MONOTONIC',
      };
      // Someone may have cleaned up the temporary files of a running program.
      if (statSync(path.dirname(this.orders.out), { throwIfNoEntry: false }) === undefined) mkdirSync(path.dirname(this.orders.out), { mode: 0o700 });
      const temporary = `${this.orders.out}.${process.pid}.part`;
      writeFileSync(temporary, JSON.stringify(report));
      renameSync(temporary, this.orders.out);
    } catch {
      // Nothing of this may reach the program.
    }
  }

  #versions(): Record<string, string> {
    for (const file of Object.keys((Module as unknown as { _cache: Record<string, unknown> })._cache)) this.notePackage(file);
    const versions: Record<string, string> = { node: process.versions.node };
    for (const [name, folder] of [...this.packages].sort()) {
      try {
        const { version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as { version?: unknown };
        if (typeof version === 'string') versions[name] = version;
      } catch {
        // It is gone; then its version is not known.
      }
    }
    return versions;
  }
}

function cpuNanoseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}
