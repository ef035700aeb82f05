/** Lets functions and errors show the sources as they were written, and the process be as if it had been started plainly. */
import process from 'node:process';
import { columnAsWritten, hasInsertions, withoutInsertions } from './insertions.ts';

type StackFormatter = (error: Error, sites: NodeJS.CallSite[]) => unknown;

/** `String(f)` gives what was written: programs send functions to workers, pages and other processes as text. */
export function showFunctionsAsWritten(): void {
  const plain = Function.prototype.toString;
  const own = {
    toString(this: unknown): string {
      if (this === own) return plain.call(plain);
      const text = plain.call(this as () => unknown);
      return hasInsertions(text) ? withoutInsertions(text) : text;
    },
  }.toString;
  const { writable, configurable, enumerable } = Object.getOwnPropertyDescriptor(Function.prototype, 'toString') ?? {};
  Object.defineProperty(Function.prototype, 'toString', { value: own, writable: writable ?? true, configurable: configurable ?? true, enumerable: enumerable ?? false });
}

/**
 * Columns of stack traces are those of the sources as written, and frames of the probe do not show.
 * `sourceOf`: the source that runs, by file name as stack traces have it; null when nothing was inserted.
 */
export function showStacksAsWritten(sourceOf: (name: string) => string | null, probe: string): void {
  // Where Node.js maps stack traces itself, it must go on doing so; it would not if somebody else formatted them.
  if (mapsStacks()) return;
  const lines = new Map<string, readonly string[]>();
  const columnOf = (file: string, line: number, column: number): number => {
    const source = sourceOf(file);
    if (source === null) return column;
    let all = lines.get(file);
    if (!all) lines.set(file, (all = source.split('\n')));
    return columnAsWritten(all[line - 1] ?? '', column);
  };
  const format: StackFormatter = (error, sites) => {
    const frames = sites.flatMap((site) => {
      const file = site.getFileName();
      if (file === probe) return [];
      // A method that was replaced under its name has none for the engine.
      const text = String(site).replace(/^Module\.<anonymous>(?= \(node:internal\/modules\/cjs\/loader)/, 'Module._compile');
      const line = site.getLineNumber();
      const column = site.getColumnNumber();
      if (!file || line === null || column === null) return [text];
      return [text.replace(`:${line}:${column}`, `:${line}:${columnOf(file, line, column)}`)];
    });
    const head = headline(error);
    return frames.length === 0 ? head : `${head}\n    at ${frames.join('\n    at ')}`;
  };
  Object.defineProperty(Error, 'prepareStackTrace', { value: format, writable: true, configurable: true, enumerable: false });
  const plain = process.setSourceMapsEnabled.bind(process);
  process.setSourceMapsEnabled = function setSourceMapsEnabled(value: boolean): void {
    plain(value);
    if (value && (Error.prepareStackTrace as unknown) === format) delete (Error as { prepareStackTrace?: unknown }).prepareStackTrace;
  };
}

function mapsStacks(): boolean {
  const words = [...process.execArgv, ...(process.env['NODE_OPTIONS'] ?? '').split(/\s+/)];
  return words.includes('--enable-source-maps') || (process as { sourceMapsEnabled?: boolean }).sourceMapsEnabled === true;
}

function headline(error: unknown): string {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    try {
      return `<error: ${String(error)}>`;
    } catch {
      return '<error>';
    }
  }
}

/** Takes the probe out of what the program, and through it its children, would see of the command line. */
export function hideFromArguments(probe: string): void {
  const { execArgv } = process;
  for (let i = 0; i + 1 < execArgv.length; i++) {
    if ((execArgv[i] === '--require' || execArgv[i] === '-r') && execArgv[i + 1] === probe) {
      execArgv.splice(i, 2);
      break;
    }
  }
  const preloaded = (process as { _preload_modules?: string[] })._preload_modules;
  const at = preloaded?.indexOf(probe) ?? -1;
  if (at >= 0) preloaded?.splice(at, 1);
}

/** Keeps variables at given values (null: unset), whatever the program writes to them. */
export function pinEnvironment(pinned: Readonly<Record<string, string | null>>): void {
  const plain = process.env;
  for (const [name, value] of Object.entries(pinned)) {
    if (value === null) delete plain[name];
    else plain[name] = value;
  }
  const isPinned = (name: string | symbol): boolean => typeof name === 'string' && Object.hasOwn(pinned, name);
  process.env = new Proxy(plain, {
    set: (target, name, value) => isPinned(name) || Reflect.set(target, name, value),
    deleteProperty: (target, name) => isPinned(name) || Reflect.deleteProperty(target, name),
    defineProperty: (target, name, descriptor) => isPinned(name) || Reflect.defineProperty(target, name, descriptor),
  });
}
