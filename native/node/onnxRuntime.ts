/** Replaces the number of threads of every ONNX Runtime session, where the program decides it itself. */

interface SessionClass {
  create?: ((...given: unknown[]) => unknown) & { threadgauge?: boolean };
}

/** True for the file that gives a package's sessions to the program. */
export function givesSessions(file: string): boolean {
  return /[\\/]onnxruntime-(?:common|node)[\\/]dist[\\/](?:cjs[\\/]|esm[\\/])?(?:index|inference-session(?:-impl)?)\.js$/.test(file);
}

/** Changes `InferenceSession.create` of a loaded module, whichever way it is imported: the class itself is changed. */
export function overrideThreads(exported: unknown, threads: number): void {
  const { InferenceSession } = (exported ?? {}) as { InferenceSession?: SessionClass };
  const plain = InferenceSession?.create;
  if (InferenceSession === undefined || typeof plain !== 'function' || plain.threadgauge === true) return;
  const create = function create(this: unknown, ...given: unknown[]): unknown {
    const last = given.length - 1;
    const options = given[last];
    // (path | bytes, options?), (buffer, offset, length?, options?): options are the last, and no bytes.
    const hasOptions = last > 0 && typeof options === 'object' && options !== null && !ArrayBuffer.isView(options) && !(options instanceof ArrayBuffer);
    const changed = { ...(hasOptions ? options : {}), intraOpNumThreads: threads };
    return plain.apply(this, hasOptions ? [...given.slice(0, last), changed] : [...given, changed]);
  };
  Object.defineProperty(create, 'threadgauge', { value: true });
  Object.defineProperty(create, 'length', { value: plain.length });
  InferenceSession.create = create;
}
