/** Starts the thread that reads files ahead, and hands out what it found without waiting for the event loop. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import type { ReadingHelp, WholeReading } from '../../engine/readingHelp.ts';
import { BUSY, CHECKED, DONE, FREE, LEFT, OUTLINED, REACHED, STATES_PER_FILE, type FileToRead, type ReadingMessage, type ReadingTask } from './readingStates.ts';

/** Fewer files are read before a thread has started. */
const WORTH_A_THREAD = 150;

/** No file takes this long, in milliseconds: the thread has died. */
const PATIENCE = 20_000;

/** Above this load per processor others need them: two threads would only take turns, and do more work in all. */
const BUSY_LOAD = 1.5;

/** True when a thread makes the reading of so many files faster. On two processors it does not (4.5 to 5.2 s without and 5.4 s with it, 1,389 files): the threads of V8 that compile and collect need the second. */
export function paysToReadAhead(files: number): boolean {
  return files >= WORTH_A_THREAD && os.availableParallelism() > 2 && (os.loadavg()[0] ?? 0) < BUSY_LOAD * os.cpus().length;
}

export class ReadingThread implements ReadingHelp {
  #worker: Worker | null = null;
  #files: readonly FileToRead[] = [];
  readonly #indexes = new Map<string, number>();
  #states: Int32Array | null = null;
  #port: MessagePort | null = null;
  readonly #readings = new Map<number, WholeReading>();
  readonly #outlines = new Map<number, { readonly mayHoldMainGuard: boolean }>();
  readonly #imports = new Map<number, readonly string[] | null>();

  /** Starts the thread, so that it is there once the files are. */
  prepare(): void {
    const script = path.join(import.meta.dirname, 'readingWorker.js');
    this.#worker = new Worker(existsSync(script) ? script : path.join(import.meta.dirname, 'readingWorker.ts'));
    this.#worker.unref();
    // What it does not do is done here.
    this.#worker.on('error', () => (this.#states = null));
  }

  /** Lets the thread begin, if there is one. */
  start(files: readonly FileToRead[]): void {
    if (this.#worker === null) return;
    const { port1, port2 } = new MessageChannel();
    const states = new Int32Array(new SharedArrayBuffer(4 * STATES_PER_FILE * files.length));
    const task: ReadingTask = { files, states, port: port2 };
    this.#worker.postMessage(task, [port2]);
    port1.unref();
    this.#files = files;
    files.forEach(({ uri }, index) => this.#indexes.set(uri, index));
    this.#states = states;
    this.#port = port1;
  }

  /** Once the thread has read all that it reads without being asked; for tests. */
  async idle(): Promise<void> {
    if (this.#worker) await once(this.#worker, 'message');
  }

  /** Ends the thread. */
  async stop(): Promise<void> {
    this.#states = null;
    this.#port?.close();
    await this.#worker?.terminate();
  }

  reading(uri: string, text: string): WholeReading | { readonly mayHoldMainGuard: boolean } | null {
    const index = this.#indexOf(uri, text);
    if (index < 0 || this.#state(STATES_PER_FILE * index, FREE) !== DONE) return null;
    return this.#take(this.#readings, index) ?? this.#take(this.#outlines, index) ?? null;
  }

  outlined(uri: string, text: string): void {
    const index = this.#indexOf(uri, text);
    if (index >= 0 && this.#states) Atomics.compareExchange(this.#states, STATES_PER_FILE * index + 1, FREE, OUTLINED);
  }

  imports(uri: string, text: string): readonly string[] | null | undefined {
    const index = this.#indexOf(uri, text);
    if (index < 0 || !this.#states) return undefined;
    const slot = STATES_PER_FILE * index + 1;
    if (Atomics.compareExchange(this.#states, slot, OUTLINED, REACHED) === OUTLINED) return undefined;
    const state = this.#state(slot, null);
    // What is there in full need not be asked for less.
    return state === DONE ? null : state === CHECKED ? this.#take(this.#imports, index) : undefined;
  }

  rest(uri: string, text: string): WholeReading | null {
    const index = this.#indexOf(uri, text);
    if (index < 0 || !this.#states) return null;
    const slot = STATES_PER_FILE * index + 1;
    if (Atomics.compareExchange(this.#states, slot, REACHED, LEFT) === REACHED) return null;
    return this.#state(slot, OUTLINED) === DONE ? (this.#take(this.#readings, index) ?? null) : null;
  }

  #indexOf(uri: string, text: string): number {
    const index = this.#states === null ? undefined : this.#indexes.get(uri);
    return index !== undefined && this.#files[index]?.text === text ? index : -1;
  }

  /** The state in which the thread has left something; when that is `free`, it is now left to the engine. */
  #state(slot: number, free: number | null): number {
    const states = this.#states;
    if (!states) return LEFT;
    if (free !== null && Atomics.compareExchange(states, slot, free, LEFT) === free) return LEFT;
    while (Atomics.load(states, slot) === BUSY) {
      if (Atomics.wait(states, slot, BUSY, PATIENCE) === 'timed-out') {
        this.#states = null;
        return LEFT;
      }
    }
    return Atomics.load(states, slot);
  }

  #take<T>(found: Map<number, T>, index: number): T | undefined {
    while (this.#port && !found.has(index)) {
      const received = receiveMessageOnPort(this.#port) as { readonly message: ReadingMessage } | undefined;
      if (!received) break;
      const { message } = received;
      if (message.kind === 'whole') this.#readings.set(message.index, message.reading);
      else if (message.kind === 'outline') this.#outlines.set(message.index, { mayHoldMainGuard: message.mayHoldMainGuard });
      else this.#imports.set(message.index, message.imports);
    }
    const value = found.get(index);
    if (found !== this.#imports) found.delete(index);
    return value;
  }
}
