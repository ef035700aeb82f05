/** The thread that reads files of a large workspace from its end while the command line reads them from the beginning. */
import { parentPort } from 'node:worker_threads';
import { mayHoldMainGuard, outlinedImports, saysNothingAlone } from '../../core/outlinedFile.ts';
import { Engine } from '../../engine/engine.ts';
import { createReaders } from '../../readers/index.ts';
import type { SyntaxParsers } from '../../readers/syntaxParser.ts';
import { loadParsers } from './grammars.ts';
import { BUSY, CHECKED, DONE, FREE, LEFT, OUTLINED, REACHED, STATES_PER_FILE, type ReadingMessage, type ReadingTask } from './readingStates.ts';

/** Files that hardly any program reaches: their imports are looked at, and nothing more. */
const TEST = /\/tests?\/|\/(?:test_[^/]*|[^/]*_test|conftest)\.py$/;

const parsersSoon = loadParsers();
parentPort?.once('message', (task: ReadingTask) => void parsersSoon.then((parsers) => work(task, parsers)));

function work({ files, states, port }: ReadingTask, parsers: SyntaxParsers): void {
  let failed = false;
  // What fails here is left to the engine, which says so.
  const engine = new Engine({ readers: createReaders(parsers), rules: [], once: true, log: () => (failed = true) });
  /** Does what nobody else does yet. */
  const attempt = (slot: number, from: number, done: number, find: () => ReadingMessage | null): void => {
    if (Atomics.compareExchange(states, slot, from, BUSY) !== from) return;
    failed = false;
    let found: ReadingMessage | null = null;
    try {
      found = find();
      if (found !== null && !failed) port.postMessage(found);
    } catch {
      failed = true;
    }
    Atomics.store(states, slot, failed || found === null ? LEFT : done);
    Atomics.notify(states, slot);
  };
  const open = (index: number): string => {
    const { uri = '', text = '' } = files[index] ?? {};
    engine.open({ uri, languageId: '', version: 0, text });
    return uri;
  };
  const whole = (index: number, uri: string): ReadingMessage | null => {
    const file = engine.facts(uri);
    return file ? { kind: 'whole', index, reading: { facts: file.facts, gaps: file.gaps, offsets: engine.offsets(uri) } } : null;
  };

  for (let index = files.length - 1; index >= 0; index--) {
    const slot = STATES_PER_FILE * index;
    let uri = '';
    attempt(slot, FREE, DONE, () => {
      uri = open(index);
      const file = engine.facts(uri);
      if (!file || !saysNothingAlone(file)) return whole(index, uri);
      Atomics.store(states, slot + 1, OUTLINED);
      return { kind: 'outline', index, mayHoldMainGuard: mayHoldMainGuard(file) };
    });
    engine.close(uri);
  }

  const rest = (index: number, from: number, done: number, find: (uri: string) => ReadingMessage | null): void => {
    let uri = '';
    attempt(STATES_PER_FILE * index + 1, from, done, () => find((uri = open(index))));
    engine.close(uri);
  };
  const reached = (): void => {
    for (let index = files.length - 1; index >= 0; index--) if (Atomics.load(states, STATES_PER_FILE * index + 1) === REACHED) rest(index, REACHED, DONE, (uri) => whole(index, uri));
  };
  for (const tests of [false, true]) {
    for (let index = files.length - 1; index >= 0; index--) {
      if (Atomics.load(states, STATES_PER_FILE * index + 1) !== OUTLINED || TEST.test(files[index]?.uri ?? '') !== tests) continue;
      reached();
      rest(index, OUTLINED, tests ? CHECKED : DONE, (uri) => {
        const file = engine.facts(uri);
        return tests && file ? { kind: 'imports', index, imports: outlinedImports(file) } : whole(index, uri);
      });
    }
  }
  reached();
  parentPort?.postMessage('idle');
}
