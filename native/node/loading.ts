/**
 * Puts the probe between loading and running.
 *
 * From Node.js 22.15 on, `registerHooks` sees every module on the main thread, imported or required. Before, modules
 * are changed on the loader's own thread (`register`) and CommonJS through `Module.prototype._compile`; the latter is
 * also used where another loader (tsx, ts-node) compiles what it hands to it.
 */
import { readFileSync } from 'node:fs';
import Module from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { ModuleKind } from './instrument.ts';
import { hasInsertions } from './insertions.ts';
import { givesSessions, overrideThreads } from './onnxRuntime.ts';
import { realPath } from './orders.ts';
import type { Session } from './session.ts';
import { isWanted, transform } from './transform.ts';

interface LoadResult {
  format?: string | null;
  source?: string | ArrayBuffer | NodeJS.TypedArray | null;
  shortCircuit?: boolean;
}
type NextLoad = (url: string, context: unknown) => LoadResult;

/** What Node.js has and its types do not all know. */
interface Loader {
  registerHooks?: (hooks: { load: (url: string, context: unknown, next: NextLoad) => LoadResult }) => unknown;
  register?: (specifier: string, options: { parentURL: string; data: unknown }) => unknown;
  stripTypeScriptTypes?: (source: string, options?: { mode: 'strip' }) => string;
  syncBuiltinESMExports: () => void;
  prototype: { _compile: (this: unknown, content: string, filename: string, ...rest: unknown[]) => unknown };
  _load: (this: unknown, request: string, ...rest: unknown[]) => unknown;
}
const loader = Module as unknown as Loader;

/** Begins to change what is loaded. Gives the source that runs, by the name it has in stack traces; null when it is as it was written. */
export function hookLoading(session: Session, rawOrders: string): (name: string) => string | null {
  const { orders } = session;
  const foreign = foreignLoaders();
  const changed = new Map<string, string | null>();
  const change = (source: string, file: string, kind: ModuleKind, name: string): string | null => {
    const result = transform(source, file, kind, orders);
    if (result !== null) changed.set(name, result);
    return result;
  };
  const sourceOf = (name: string): string | null => {
    const known = changed.get(name);
    if (known !== undefined || loader.registerHooks) return known ?? null;
    // Changed on the loader's thread; the same again tells how.
    let source: string | null = null;
    try {
      const file = filePath(name);
      if (file !== null && isWanted(realPath(file), orders)) source = transform(readFileSync(file, 'utf8'), realPath(file), 'module', orders);
    } catch {
      // It is not there any more.
    }
    changed.set(name, source);
    return source;
  };
  if (loader.registerHooks) {
    const load = (url: string, context: unknown, next: NextLoad): LoadResult => {
      const result = next(url, context);
      const file = filePath(url);
      if (file === null) return result;
      session.notePackage(file);
      if (!isWanted(realPath(file), orders) || result.source === null || result.source === undefined) return result;
      const format = result.format ?? '';
      // Without a format (or with that of a language only) it is CommonJS if it can be; else Node.js asks again for a module.
      const kind: ModuleKind | null = /^module/.test(format) ? 'module' : /^(?:commonjs|typescript$|$)/.test(format) ? 'commonjs' : null;
      if (kind === null) return result;
      let text = textOf(result.source);
      const typed = format.endsWith('typescript');
      if (typed) {
        const stripped = withoutTypes(text);
        if (stripped === null) return result;
        text = stripped;
      }
      const source = change(text, realPath(file), kind, kind === 'module' ? url : file);
      return source === null ? result : { ...result, format: typed ? kind : result.format, source };
    };
    const { registerHooks } = loader;
    registerHooks({ load });
    if (foreign) {
      // The last one registered is the first one asked: to see what other loaders make, the probe has to be that.
      wrap(loader as unknown as Record<string, unknown>, 'registerHooks', () => registerHooks({ load }));
    }
  } else if (loader.register) {
    const { register } = loader;
    const add = (): void => {
      register.call(loader, pathToFileURL(path.join(__dirname, 'hooks.mjs')).href, { parentURL: pathToFileURL(__filename).href, data: { orders: rawOrders, entry: orders.entry } });
    };
    add();
    if (foreign) wrap(loader as unknown as Record<string, unknown>, 'register', add);
  }
  if (!loader.registerHooks || foreign) {
    const { _compile: plain } = loader.prototype;
    loader.prototype._compile = function _compile(content, filename, ...rest) {
      const file = realPath(filename);
      const wanted = typeof content === 'string' && !hasInsertions(content) && isWanted(file, orders);
      const source = wanted ? change(content, file, rest[0] === 'module' ? 'module' : 'commonjs', filename) : null;
      return plain.call(this, source ?? content, filename, ...rest);
    };
  }
  const threads = orders.ortIntraOpThreads;
  if (threads !== null) watchSessions(threads);
  return sourceOf;
}

/** Changes ONNX Runtime as soon as it is loaded. It is CommonJS, so every import goes through here in the end. */
function watchSessions(threads: number): void {
  const extensions = (Module as unknown as { _extensions: Record<string, (module: { exports: unknown }, file: string) => void> })._extensions;
  const plain = extensions['.js'];
  if (!plain) return;
  extensions['.js'] = function (module, file) {
    plain.call(this, module, file);
    if (givesSessions(file)) overrideThreads(module.exports, threads);
  };
}

/** Lets `after` run behind every call of a method, also where it was imported by name. */
function wrap(object: Record<string, unknown>, name: string, after: () => void): void {
  const plain = object[name] as (...given: unknown[]) => unknown;
  object[name] = function (this: unknown, ...given: unknown[]): unknown {
    const result = plain.apply(this, given);
    after();
    return result;
  };
  loader.syncBuiltinESMExports();
}

/** True when the command line names loaders besides the probe. */
function foreignLoaders(): boolean {
  const words = [...process.execArgv, ...(process.env['NODE_OPTIONS'] ?? '').split(/\s+/)];
  return words.some((word) => /^(?:-r|--require|--import|--loader|--experimental-loader)(?:=|$)/.test(word));
}

/** The source without its types, every place unchanged; null when this Node.js cannot, or would do more than that. */
function withoutTypes(source: string): string | null {
  if (!loader.stripTypeScriptTypes || process.execArgv.includes('--experimental-transform-types')) return null;
  const { emitWarning } = process;
  try {
    // That the function is experimental is no news for the program.
    process.emitWarning = (() => undefined) as typeof process.emitWarning;
    const stripped = loader.stripTypeScriptTypes(source, { mode: 'strip' });
    return stripped.length === source.length ? stripped : null;
  } catch {
    return null;
  } finally {
    process.emitWarning = emitWarning;
  }
}

function filePath(url: string): string | null {
  try {
    return url.startsWith('file:') ? fileURLToPath(url) : null;
  } catch {
    return null;
  }
}

function textOf(source: string | ArrayBuffer | NodeJS.TypedArray): string {
  if (typeof source === 'string') return source;
  return Buffer.from(ArrayBuffer.isView(source) ? source.buffer.slice(source.byteOffset, source.byteOffset + source.byteLength) as ArrayBuffer : source).toString('utf8');
}
