/** Which texts and which JavaScript APIs matter, and as what. */

/** Without any of these a text says nothing about threads. */
const THREAD_TOKEN = /\b(?:[A-Z][A-Z0-9]*_)+THREAD(?:S|POOL)?(?:_[A-Z]+)*\b|\b(?:OMP|GOMP|KMP|MKL|ORT|OPENBLAS|BLIS|VECLIB|TF)_[A-Z_]+\b|LD_PRELOAD|onnxruntime|InferenceSession|[nN]umThreads|worker_threads|['"](?:node:)?cluster['"]|piscina|tinypool|workerpool|child_process|['"]execa['"]|\bcpus\(\)|availableParallelism|hardwareConcurrency|@tensorflow\/tfjs|\/transformers['"]|node-llama-cpp|getLlama|['"]sharp['"]|threadgauge:|\bapps\s*:\s*\[/;

export function hasThreadToken(text: string): boolean {
  return THREAD_TOKEN.test(text);
}

/** Without one of these a text neither leads to another file nor sets a variable of its process. */
const LEADS = /import|require|from|env/i;

/** True when the text sets nothing and leads nowhere. Where it says nothing about threads either, it matters only to a program that runs it for something else. */
export function leadsNowhere(text: string): boolean {
  return !LEADS.test(text);
}

const LONG_LINE = 5_000;
const GENERATED_AVERAGE = 500;

/** True for minified and bundled text: long lines, and few of them. */
export function isGenerated(text: string): boolean {
  if (text.length < LONG_LINE) return false;
  let lines = 1;
  let longest = 0;
  let start = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
    longest = Math.max(longest, end - start);
    start = end + 1;
    lines++;
  }
  longest = Math.max(longest, text.length - start);
  return longest > LONG_LINE && text.length / lines > GENERATED_AVERAGE;
}

/** Modules of npm and Node that matter, by the name under which facts mention them. */
const MODULES: ReadonlyMap<string, string> = new Map([
  ['onnxruntime-node', 'onnxruntime-node'],
  ['onnxruntime-web', 'onnxruntime-web'],
  ['onnxruntime-common', 'onnxruntime-common'],
  ['onnxruntime-react-native', 'onnxruntime-react-native'],
  ['@huggingface/transformers', '@huggingface/transformers'],
  ['@xenova/transformers', '@huggingface/transformers'],
  ['@tensorflow/tfjs-node', '@tensorflow/tfjs-node'],
  ['@tensorflow/tfjs', '@tensorflow/tfjs'],
  ['@tensorflow/tfjs-backend-wasm', '@tensorflow/tfjs-backend-wasm'],
  ['node-llama-cpp', 'node-llama-cpp'],
  ['sharp', 'sharp'],
  ['piscina', 'piscina'],
  ['tinypool', 'tinypool'],
  ['workerpool', 'workerpool'],
  ['execa', 'execa'],
  ['dotenv', 'dotenv'],
  ['cross-spawn', 'child_process'],
  ...['os', 'fs', 'fs/promises', 'dns', 'crypto', 'zlib', 'path', 'url', 'cluster', 'worker_threads', 'child_process', 'process', 'perf_hooks'].map((name) => [name, name] as const),
]);

/** The name under which facts mention a module; null when it does not matter. Paths stay as they are written. */
export function moduleName(written: string): string | null {
  if (isWorkspacePath(written)) return written;
  const plain = written.replace(/^node:/, '');
  return MODULES.get(plain) ?? MODULES.get(plain.replace(/^((?:@[^/]+\/)?[^/]+)\/.*$/, '$1')) ?? null;
}

/** True for imports that may lead to a file of the workspace. */
export function isWorkspacePath(written: string): boolean {
  return /^(?:\.{0,2}\/|\.{1,2}$|#|@\/|~\/)/.test(written);
}

/** Calls that become facts of their own. */
const CALLS: ReadonlySet<string> = new Set([
  'onnxruntime-node.InferenceSession.create',
  'onnxruntime-web.InferenceSession.create',
  'onnxruntime-common.InferenceSession.create',
  'onnxruntime-react-native.InferenceSession.create',
  '@huggingface/transformers.pipeline',
  'node-llama-cpp.getLlama',
  'process.chdir',
]);

/** True for calls that start the thread pool of libuv: asynchronous work on files, names, keys and archives. */
export function startsUvPool(name: string): boolean {
  if (/^fs\.promises\.|^fs\/promises\./.test(name)) return true;
  if (/^fs\.(?:readFile|writeFile|appendFile|open|stat|lstat|readdir|access|mkdir|rm|unlink|rename|copyFile|exists|realpath|createReadStream|createWriteStream)$/.test(name)) return true;
  if (/^dns\.lookup$/.test(name)) return true;
  if (/^crypto\.(?:pbkdf2|scrypt|randomBytes|randomFill|generateKeyPair)$/.test(name)) return name !== 'crypto.randomBytes';
  return /^zlib\.(?:gzip|gunzip|deflate|inflate|brotliCompress|brotliDecompress|unzip)$/.test(name);
}

export function isCallOfInterest(name: string): boolean {
  return CALLS.has(name) || startsUvPool(name) || name.endsWith('.from_pretrained');
}

/** Options of `InferenceSession.create` that decide threads. */
export const SESSION_OPTIONS: ReadonlySet<string> = new Set(['intraOpNumThreads', 'interOpNumThreads', 'executionMode']);

export interface FanOutApi {
  readonly what: 'process' | 'thread';
  /** Key of the number of workers in the options; null when each call starts one. */
  readonly count: string | null;
  /** Position of the options among the arguments. */
  readonly options: number;
  /** Where the worker's file is: the position of the argument, or a key of the options. */
  readonly file: number | string | null;
}

export const FAN_OUTS: ReadonlyMap<string, FanOutApi> = new Map<string, FanOutApi>([
  ['worker_threads.Worker', { what: 'thread', count: null, options: 1, file: 0 }],
  ['cluster.fork', { what: 'process', count: null, options: -1, file: null }],
  ['child_process.fork', { what: 'process', count: null, options: 2, file: 0 }],
  ['piscina', { what: 'thread', count: 'maxThreads', options: 0, file: 'filename' }],
  ['piscina.Piscina', { what: 'thread', count: 'maxThreads', options: 0, file: 'filename' }],
  ['tinypool', { what: 'thread', count: 'maxThreads', options: 0, file: 'filename' }],
  ['tinypool.Tinypool', { what: 'thread', count: 'maxThreads', options: 0, file: 'filename' }],
  ['workerpool.pool', { what: 'thread', count: 'maxWorkers', options: 1, file: 0 }],
]);
