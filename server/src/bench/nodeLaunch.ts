/** What a benchmark does with programs of Node.js: the command, the setting that can be varied, or why there is none. */
import type { SettingFact } from '../core/fact.ts';
import type { Launch, LaunchGraph } from '../core/launchGraph.ts';
import type { Plan } from '../core/plan.ts';
import type { CurrentSetting, Mechanism } from './arms.ts';

/** Where Node.js and its script stand in a command line. */
export interface NodeCommand {
  /** Index of the word that stands for Node.js, `tsx` or `ts-node`. */
  readonly at: number;
  /** Options that do for `node` what the word does by itself. */
  readonly loader: readonly string[];
  /** Index of the script; null when the command runs none (`node -e …`). */
  readonly script: number | null;
}

/** Programs that run a script in Node.js, and the options by which `node` does it too. */
const LOADERS: Readonly<Record<string, readonly string[]>> = {
  node: [],
  nodejs: [],
  tsx: ['--import', 'tsx'],
  'ts-node': ['--require', 'ts-node/register'],
  'ts-node-esm': ['--loader', 'ts-node/esm'],
};
/** Options of `node` whose value is the next word. */
const WITH_VALUE = new Set(['-r', '--require', '--import', '--loader', '--experimental-loader', '-C', '--conditions', '--title', '--env-file', '--env-file-if-exists', '--tsconfig', '-P', '--project']);
const NO_SCRIPT = /^(?:-e|-p|-pe|--eval|--print|-i|--interactive|--test|--run|-c|--check|-)$/;
const WATCHES = /^(?:-w|--watch(?:-path)?(?:=.*)?|watch)$/;

/** Finds Node.js in a command line; null when it is another program's. */
export function findNodeCommand(words: readonly string[]): NodeCommand | null {
  const at = words.findIndex((word) => Object.hasOwn(LOADERS, nameOf(word)));
  const word = words[at];
  if (word === undefined || words.slice(0, at).some((before) => /(?:^|[\\/])python[\d.]*$/.test(before))) return null;
  const loader = LOADERS[nameOf(word)] ?? [];
  for (let i = at + 1; i < words.length; i++) {
    const text = words[i] ?? '';
    if (NO_SCRIPT.test(text)) return { at, loader, script: null };
    if (WITH_VALUE.has(text)) i++;
    else if (!text.startsWith('-')) return { at, loader, script: i };
  }
  return { at, loader, script: null };
}

function nameOf(word: string): string {
  return word.replace(/^.*[\\/]/, '').replace(/\.(?:exe|cmd)$/, '');
}

/** Why a launch in Node.js is of a kind that is never measured; null when it may be. */
export function refusalOfNode(launch: Launch, plan: Plan, words: readonly string[]): string | null {
  const program = words.map(nameOf).find((name) => /^(?:pm2|nodemon|next|nest|nuxt|vite|fastify|bun|deno|ts-node-dev|pm2-runtime)$/.test(name));
  if (program === 'bun' || program === 'deno') return `${launch.label} runs in ${program === 'bun' ? 'Bun' : 'Deno'}, which a benchmark cannot look into. Benchmark the same script with node or tsx.`;
  if (program !== undefined || words.some((word) => WATCHES.test(word))) return serverSentence(launch);
  if (plan.runtimes[0]?.library === 'llamacpp') return `${launch.label} computes with node-llama-cpp, which takes its threads from the options of getLlama and of its contexts; from outside they cannot be varied. Let the script read them from a variable, such as maxThreads: Number(process.env.LLAMA_THREADS), and time it once for each value.`;
  return null;
}

/** The sentence for programs that wait for work. */
export function serverSentence(launch: Launch): string {
  return `${launch.label} starts a server, which does not end by itself, and a benchmark compares whole runs. Write a script that loads the same model and calls it a fixed number of times, and benchmark that with the same variables.`;
}

/** True for the text of a script that waits for requests: it listens on a port. */
export function listens(text: string): boolean {
  const code = text.replace(/^\s*(?:\/\/|\*).*$/gm, '');
  return /\.listen\s*\(\s*(?:\d|port\b|PORT\b|process\.env|Number|\{\s*(?:port|host)|config|env|options|\+|\))|\bserve\s*\(\s*(?:\{|app\b)/.test(code);
}

/** Asynchronous functions of Node.js that libuv's pool works on: `crypto`, `zlib`; files mostly wait for the disk. */
const POOL_WORK = /\b(?:pbkdf2|scrypt|generateKeyPair|hkdf|argon2|gzip|gunzip|deflate|inflate|deflateRaw|inflateRaw|unzip|brotliCompress|brotliDecompress|zstdCompress|zstdDecompress|createGzip|createGunzip|createDeflate|createInflate|createBrotliCompress|createBrotliDecompress)\b(?!Sync)/;
const POOL_MODULES = /['"](?:node:)?(?:crypto|zlib)['"]/;

/** True for the text of a script whose work is done by libuv's pool. */
export function worksInNodePool(text: string): boolean {
  return POOL_MODULES.test(text) && POOL_WORK.test(text);
}

/** What decides the number of threads today, and so how to vary it; a full sentence when nothing is known that does. */
export function nodeInForce(launch: Launch, plan: Plan, graph: LaunchGraph, environment: Readonly<Record<string, string>>, text: string | null): { readonly mechanism: Mechanism; readonly current: CurrentSetting } | { readonly refusal: string } {
  const library = plan.runtimes[0]?.library;
  const threads = plan.intraOp.value;
  if (library === 'onnxruntime' && loadsOnnxRuntimeNode(plan)) {
    const option = plan.schedule.findLast(({ fact }) => fact.kind === 'setting' && fact.name.endsWith('.intraOpNumThreads'));
    const file = option ? decodeURIComponent(option.anchor.uri.replace(/^.*\//, '')) : null;
    const label = file === null ? `default${counted(threads)}` : threads === null ? `intraOpNumThreads set by ${file}` : `intraOpNumThreads=${threads} (set by ${file})`;
    return { mechanism: { kind: 'ortSessions' }, current: { threads, label, stated: false } };
  }
  if (library === 'tensorflow') return throughVariable('TF_NUM_INTRAOP_THREADS', threads, plan, graph, environment);
  const pool = plan.nodePool?.value ?? (environment['UV_THREADPOOL_SIZE'] === undefined ? 4 : Number(environment['UV_THREADPOOL_SIZE']) || null);
  const asksForPool = environment['UV_THREADPOOL_SIZE'] !== undefined || settingsOf('UV_THREADPOOL_SIZE', plan, graph).length > 0;
  if (asksForPool || (text !== null && worksInNodePool(text))) return throughVariable('UV_THREADPOOL_SIZE', pool, plan, graph, environment);
  return { refusal: `Nothing is known that decides how many threads ${launch.label} computes with: it loads neither onnxruntime-node nor @tensorflow/tfjs-node. When Node.js's own pool does its work (crypto, zlib, files), name the size in the launch, UV_THREADPOOL_SIZE=4, and that is varied.` };
}

function throughVariable(name: string, threads: number | null, plan: Plan, graph: LaunchGraph, environment: Readonly<Record<string, string>>): { readonly mechanism: Mechanism; readonly current: CurrentSetting } {
  const written = settingsOf(name, plan, graph);
  const last = written.at(-1);
  if (last) {
    const file = decodeURIComponent(last.uri.replace(/^.*\//, ''));
    return { mechanism: { kind: 'environment', names: [name], pinned: true }, current: { threads, label: threads === null ? `${name} set by ${file}` : `${name}=${threads} (set by ${file})`, stated: false } };
  }
  const value = environment[name];
  const label = value === undefined || value === '' ? `default${counted(threads)}` : `${name}=${value}${value === String(threads) ? '' : counted(threads)}`;
  return { mechanism: { kind: 'environment', names: [name] }, current: { threads, label, stated: threads !== null && value === String(threads) } };
}

/** The statements of scripts that write a variable. */
function settingsOf(name: string, plan: Plan, graph: LaunchGraph): readonly { readonly uri: string; readonly fact: SettingFact }[] {
  return plan.schedule.flatMap(({ anchor, fact }) => (fact.kind === 'setting' && fact.channel === 'env' && fact.name === name && graph.files.get(anchor.uri)?.reader === 'script' ? [{ uri: anchor.uri, fact }] : []));
}

/** The back end that runs on threads of its own in Node.js; that of the web does not. */
function loadsOnnxRuntimeNode(plan: Plan): boolean {
  return plan.schedule.some(({ fact }) => fact.kind === 'load' && /^(?:onnxruntime-node|@huggingface\/transformers)$/.test(fact.module));
}

function counted(threads: number | null): string {
  return threads === null ? '' : ` (${threads} thread${threads === 1 ? '' : 's'})`;
}
