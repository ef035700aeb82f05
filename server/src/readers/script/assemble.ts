/** Joins the chunks of a file into facts: resolves names and decides what each call and assignment means. */
import type { Argument, EnvironmentEntry, Fact, Gap, SettingFact, Word } from '../../core/fact.ts';
import { TOP_LEVEL, type Scope } from '../../core/fact.ts';
import { EmbeddedText } from '../../core/embeddedText.ts';
import type { Span } from '../../core/span.ts';
import { intValue, unknownValue, type Value } from '../../core/value.ts';
import { readEmbeddedShell } from '../embeddedShell.ts';
import { FAN_OUTS, isCallOfInterest, isWorkspacePath, moduleName, SESSION_OPTIONS, type FanOutApi } from './interest.ts';
import { asText, FileNames, offerTheSame, type Located, type NumberedSyntax, type Target } from './names.ts';
import { pm2Launches } from './pm2.ts';
import type { CallItem, Expression, ImportItem, ObjectEntry, Range, ScriptSyntax, StoreItem } from './syntax.ts';

/** Settings of a program that this one starts: no function of this program runs them. */
export const CHILD_ENVIRONMENT: Scope = { ...TOP_LEVEL, func: '(environment of a child)' };

interface ChunkFacts {
  readonly facts: readonly Fact[];
  readonly gaps: readonly Gap[];
}

/** The facts of each chunk of a file, kept from one version of the file to the next. */
interface FileContext {
  chunks: readonly NumberedSyntax[];
  readonly known: Map<ScriptSyntax, ChunkFacts & { readonly chunk: number }>;
}

/** Of the files read last, by URI. What is found here is compared before it is used. */
const contexts = new Map<string, FileContext>();
const MAX_CONTEXTS = 16;

function contextOf(uri: string, chunks: readonly NumberedSyntax[]): FileContext {
  const before = contexts.get(uri);
  if (before && offerTheSame(before.chunks, chunks)) {
    before.chunks.forEach(({ syntax }, i) => {
      if (chunks[i]?.syntax !== syntax) before.known.delete(syntax);
    });
    before.chunks = chunks;
    return before;
  }
  const context = { chunks, known: new Map() };
  contexts.delete(uri);
  contexts.set(uri, context);
  for (const oldest of contexts.keys()) {
    if (contexts.size <= MAX_CONTEXTS) break;
    contexts.delete(oldest);
  }
  return context;
}

/** Facts and gaps of the file, in document order. */
export function assemble(uri: string, chunks: readonly NumberedSyntax[]): ChunkFacts {
  const { known } = contextOf(uri, chunks);
  const assembly = new Assembly(uri, new FileNames(chunks));
  const { facts, gaps } = assembly;
  for (const { chunk, syntax } of chunks) {
    const before = known.get(syntax);
    if (before?.chunk === chunk) {
      for (const fact of before.facts) facts.push(fact);
      for (const gap of before.gaps) gaps.push(gap);
      continue;
    }
    const from = [facts.length, gaps.length] as const;
    assembly.consultedFile = false;
    assembly.add(chunk, syntax);
    if (!assembly.consultedFile) known.set(syntax, { chunk, facts: facts.slice(from[0]), gaps: gaps.slice(from[1]) });
  }
  // A mistake in a file that says nothing keeps nothing from anybody: such a file is not even parsed unless something reaches it.
  return { facts, gaps: chunks.length === 1 && chunks[0]?.syntax.silent === true ? [] : gaps };
}

/** Names under which sessions of ONNX Runtime are created. */
const CREATE = /^(onnxruntime-[\w-]+)\.InferenceSession\.create$/;
const LAUNCHES: ReadonlySet<string> = new Set(['spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync']);

class Assembly {
  readonly facts: Fact[] = [];
  readonly gaps: Gap[] = [];
  readonly #names: FileNames;
  readonly #uri: string;
  #chunk = 0;
  /** Becomes true when a fact depends on facts elsewhere in the file. */
  consultedFile = false;
  readonly #ids = new Map<string, number>();
  /** Typed text keeps the order of imports when it is compiled to CommonJS. */
  readonly #typed: boolean;

  constructor(uri: string, names: FileNames) {
    this.#names = names;
    this.#uri = uri;
    this.#typed = /\.c?tsx?$/i.test(uri);
  }

  add(chunk: number, syntax: ScriptSyntax): void {
    this.#chunk = chunk;
    for (const gap of syntax.gaps) this.gaps.push({ span: this.#span(gap), reason: gap.reason, message: gap.message });
    for (const item of syntax.items) {
      switch (item.kind) {
        case 'import':
          this.#import(item);
          break;
        case 'call':
          this.#call(item);
          break;
        case 'store':
          this.#store(item);
          break;
        case 'define':
          this.facts.push({ kind: 'define', span: this.#span(item), scope: item.scope, name: item.name, nameSpan: this.#span(item.nameRange), decorators: item.callback ? ['handler'] : [], isAsync: item.isAsync });
          break;
        case 'export': {
          const target = this.#names.target(item.value, item.scope);
          // Another name for a function: a function that calls it.
          if (target?.kind === 'local' && target.name !== item.exported) {
            this.facts.push({ kind: 'define', span: this.#span(item), scope: item.scope, name: item.exported, nameSpan: this.#span(item.value), decorators: [], isAsync: false });
            this.facts.push({ kind: 'invoke', span: this.#span(item), scope: { ...TOP_LEVEL, func: item.exported }, callee: target.name });
          }
          if (item.exported === 'module.exports' || item.exported === 'default') this.#configuration(item.value, item.scope);
          break;
        }
        case 'bind':
          if (item.exported && item.value && item.key === null && item.scope.func === null) {
            const value = this.#names.value(item.value, item.scope);
            if (value.kind !== 'unknown' && value.kind !== 'name' && !(value.kind === 'known' && value.type === 'other')) this.facts.push({ kind: 'constant', span: this.#span(item), scope: item.scope, name: item.name, value });
          }
          break;
        case 'suppress':
          this.facts.push({ kind: 'suppression', span: this.#span(item), scope: item.scope, rules: item.rules, reason: item.reason, target: this.#span(item.target) });
          break;
      }
    }
  }

  #span(range: Range, chunk = this.#chunk): Span {
    return { chunk, start: range.start, end: range.end };
  }

  #arguments(args: readonly Expression[], scope: Scope): readonly Argument[] {
    return args.map((given) => ({ name: null, value: given.kind === 'spread' ? unknownValue('is unpacked from a collection') : this.#names.value(given, scope), span: this.#span(given) }));
  }

  #import(item: ImportItem): void {
    const module = moduleName(item.module);
    if (module === null) return;
    const span = this.#span(item);
    const previous = this.facts.at(-1);
    if (previous?.kind === 'load' && previous.module === module && previous.span.start === span.start && previous.span.chunk === span.chunk) return;
    this.facts.push({ kind: 'load', span, scope: item.scope, module, ...(item.form === 'static' ? { hoisted: this.#typed ? ('esModule' as const) : ('always' as const) } : {}) });
  }

  #store(item: StoreItem): void {
    const { target, scope } = item;
    if (item.operation === 'delete') {
      const key = this.#environmentKey(target, scope);
      if (key) this.#setEnvironment(item, key.name, item.nameRange, null, 'unset', scope);
      return;
    }
    const key = this.#environmentKey(target, scope);
    if (key && item.value) {
      if (key.name === null) this.gaps.push({ span: this.#span(item), reason: 'dynamic', message: 'The name of the environment variable set here is known only at run time.' });
      else this.#setEnvironment(item, key.name, item.nameRange, { expression: item.value, text: item.text }, item.operation, scope);
      return;
    }
    if (!item.value) return;
    const text = target.kind === 'name' ? target.name : '';
    const cut = text.lastIndexOf('.');
    const field = cut < 0 ? '' : text.slice(cut + 1);
    const resolved = this.#names.target(target, scope);
    const name = resolved?.kind === 'global' ? fieldName(resolved.name) : null;
    if (name !== null) {
      this.#field(name, item, item.nameRange, item.value, item.text, scope, null);
      return;
    }
    if (SESSION_OPTIONS.has(field) && cut > 0 && this.#names.imports('onnxruntime')) {
      const object = text.slice(0, cut);
      this.#field(`onnxruntime-node.SessionOptions.${field}`, item, item.nameRange, item.value, item.text, scope, object);
    }
  }

  #field(name: string, statement: Range, nameRange: Range, value: Expression, text: string | null, scope: Scope, self: string | null, chunk = this.#chunk): void {
    this.facts.push({
      kind: 'setting',
      span: this.#span(statement, chunk),
      scope,
      name,
      channel: 'field',
      operation: 'set',
      value: this.#names.value(value, scope),
      raw: text,
      nameSpan: this.#span(nameRange, chunk),
      valueSpan: this.#span(value, chunk),
      exported: false,
      args: self === null ? [] : [{ name: 'self', value: { kind: 'name', name: self }, span: this.#span(nameRange, chunk) }],
    });
  }

  /** The variable that `process.env.X` or `process.env[x]` means; a null name when it is not known. */
  #environmentKey(target: Expression, scope: Scope): { readonly name: string | null } | null {
    if (target.kind === 'index') {
      const object = this.#names.target(target.object, scope);
      if (object?.kind !== 'global' || object.name !== 'process.env') return null;
      const key = this.#names.value(target.key, scope);
      return { name: key.kind === 'known' && typeof key.value === 'string' ? key.value : null };
    }
    const resolved = this.#names.target(target, scope);
    const name = resolved?.kind === 'global' ? /^process\.env\.([^.]+)$/.exec(resolved.name)?.[1] : undefined;
    return name === undefined ? null : { name };
  }

  #setEnvironment(statement: Range, name: string | null, nameRange: Range, value: { readonly expression: Expression; readonly text: string | null } | null, operation: SettingFact['operation'], scope: Scope, chunk = this.#chunk): void {
    if (name === null) return;
    this.facts.push({
      kind: 'setting',
      span: this.#span(statement, chunk),
      scope,
      name,
      channel: 'env',
      operation,
      // Node turns every value into text.
      value: value ? asText(this.#names.value(value.expression, scope)) : { kind: 'known', value: null, type: 'none' },
      raw: value ? value.text : null,
      nameSpan: this.#span(nameRange, chunk),
      valueSpan: value ? this.#span(value.expression, chunk) : null,
      exported: true,
      args: [],
    });
  }

  #call(item: CallItem): void {
    const { scope } = item;
    const target = this.#names.target(item.callee, scope);
    if (target === null || (target.kind === 'made' && rootOf(target)?.includes('#') === true)) this.#maybeSession(item);
    if (target === null) return;
    switch (target.kind) {
      case 'local':
        this.#invoke(item, item.isNew || this.#names.definition(target.name)?.isClass === true ? `${target.name}.constructor` : target.name);
        return;
      case 'made':
        this.#memberCall(item, target);
        return;
      case 'global':
        this.#globalCall(item, target.name);
    }
  }

  /** `session.run(feeds)` of a session that another function made. Sessions of databases take a query. */
  #maybeSession(item: CallItem): void {
    const name = item.callee.kind === 'name' ? item.callee.name : '';
    const [first] = item.args;
    if (!/session\w*\.run$/i.test(name) || item.args.length !== 1 || !first || first.kind === 'literal' || first.kind === 'concatenation') return;
    this.#compute('onnxruntime', item, false);
  }

  #invoke(item: CallItem, callee: string): void {
    this.facts.push({ kind: 'invoke', span: this.#span(item.call), scope: item.scope, callee });
  }

  #globalCall(item: CallItem, name: string): void {
    const { scope, args } = item;
    if (name.includes('#')) {
      this.#invoke(item, item.isNew ? `${name}.constructor` : name);
      return;
    }
    if (name === 'Object.assign') {
      const first = args[0];
      const target = first ? this.#names.target(first, scope) : null;
      if (target?.kind !== 'global' || target.name !== 'process.env') return;
      for (const given of args.slice(1)) this.#assignEnvironment(item, given);
      return;
    }
    const session = CREATE.exec(name);
    if (session) {
      const options = args[1];
      if (options) this.#sessionOptions({ expression: options, chunk: this.#chunk }, scope, options.kind === 'name' ? options.name : item.result);
      this.#callFact(item, name);
      return;
    }
    if (name === '@huggingface/transformers.pipeline' || name.endsWith('.from_pretrained')) {
      const options = args[name.endsWith('.from_pretrained') ? 1 : 2];
      const { expression, chunk } = this.#dereferenced(options, scope);
      const nested = expression?.kind === 'object' ? expression.entries.find((entry) => entry.key === 'session_options') : undefined;
      if (nested) this.#sessionOptions({ expression: nested.value, chunk }, scope, item.result);
      this.#callFact(item, name);
      return;
    }
    if (name === 'node-llama-cpp.getLlama') {
      this.#optionField(args[0], 'maxThreads', 'node-llama-cpp.getLlama.maxThreads', scope);
      this.#callFact(item, name);
      return;
    }
    const call = CALL_SETTINGS.get(name);
    if (call !== undefined) {
      const first = args[0];
      if (first) this.#setter(item, call, first);
      return;
    }
    const fanOut = FAN_OUTS.get(name);
    if (fanOut && (item.isNew || !/^(?:worker_threads|piscina|tinypool)/.test(name))) {
      this.#fanOut(item, name, fanOut);
      return;
    }
    const launch = /^child_process\.(\w+)$/.exec(name)?.[1] ?? (name === 'execa' || name === 'execa.execa' ? 'spawn' : null);
    if (launch !== null && LAUNCHES.has(launch)) {
      this.#launch(item, launch);
      return;
    }
    if (isCallOfInterest(name)) this.#callFact(item, name);
  }

  #callFact(item: CallItem, callee: string): void {
    const creates = CREATE.test(callee);
    // Which object holds a session's options matters, not what it holds.
    const args = this.#arguments(item.args, item.scope).map((argument, i): Argument => (creates && i === 1 && item.args[1]?.kind === 'name' ? { ...argument, value: { kind: 'name', name: item.args[1].name } } : argument));
    this.facts.push({ kind: 'call', span: this.#span(item), scope: item.scope, callee, calleeSpan: this.#span(item.callee), args: [...args, ...(creates ? [{ name: 'awaited', value: { kind: 'known' as const, value: item.awaited, type: 'bool' as const }, span: this.#span(item.call) }] : [])], result: item.result });
  }

  #setter(item: CallItem, name: string, first: Expression): void {
    const written = first.kind === 'literal' ? first.text : null;
    this.facts.push({ kind: 'setting', span: this.#span(item), scope: item.scope, name, channel: 'call', operation: 'set', value: this.#names.value(first, item.scope), raw: written, nameSpan: this.#span(item.callee), valueSpan: this.#span(first), exported: false, args: this.#arguments(item.args, item.scope) });
  }

  #dereferenced(expression: Expression | undefined, scope: Scope): { readonly expression: Expression | null; readonly chunk: number } {
    return expression ? this.#names.dereference({ expression, chunk: this.#chunk }, scope) : { expression: null, chunk: this.#chunk };
  }

  /** The thread settings of an object that is written out. */
  #sessionOptions(given: Located, scope: Scope, self: string | null): void {
    const { expression, chunk } = this.#names.dereference(given, scope);
    if (expression.kind !== 'object') return;
    for (const entry of expression.entries) {
      if (entry.spread) this.#sessionOptions({ expression: entry.value, chunk }, scope, self);
      else if (entry.key !== null && SESSION_OPTIONS.has(entry.key)) this.#field(`onnxruntime-node.SessionOptions.${entry.key}`, entry, entry.keyRange, entry.value, literalText(entry.value), scope, self, chunk);
    }
  }

  #optionField(options: Expression | undefined, key: string, name: string, scope: Scope): void {
    const { expression, chunk } = this.#dereferenced(options, scope);
    const entry = expression?.kind === 'object' ? expression.entries.find((candidate) => candidate.key === key) : undefined;
    if (entry && !(entry.value.kind === 'object')) this.#field(name, entry, entry.keyRange, entry.value, literalText(entry.value), scope, null, chunk);
  }

  #assignEnvironment(item: CallItem, given: Expression): void {
    const { expression, chunk } = this.#names.dereference({ expression: given, chunk: this.#chunk }, item.scope);
    if (expression.kind !== 'object') {
      // What is copied from the environment itself changes nothing.
      const target = this.#names.target(expression, item.scope);
      if (target?.kind !== 'global' || target.name !== 'process.env') this.gaps.push({ span: this.#span(item), reason: 'dynamic', message: 'The environment variables set here are known only at run time.' });
      return;
    }
    for (const entry of expression.entries) {
      if (entry.key === null) {
        if (entry.spread) this.#assignEnvironment(item, entry.value);
        continue;
      }
      this.#setEnvironment(chunk === this.#chunk ? item : entry, entry.key, entry.keyRange, { expression: entry.value, text: literalText(entry.value) }, 'set', item.scope, chunk);
    }
  }

  #memberCall(item: CallItem, target: Extract<Target, { kind: 'made' }>): void {
    const { by, member } = target;
    if (by.kind === 'local') {
      if (member !== '' && this.#names.definition(by.name)?.isClass === true) this.#invoke(item, `${by.name}.${member}`);
      return;
    }
    if (by.kind === 'made') {
      const context = by.by.kind === 'made' || by.by.kind === 'global' ? rootOf(by) : null;
      if (context === 'node-llama-cpp.getLlama' && /(?:^|\.)createContext$/.test(`${by.member}.${member}`)) this.#llamaContext(item);
      return;
    }
    if (by.name.includes('#')) {
      if (member !== '') this.#invoke(item, `${by.name}.${member}`);
      return;
    }
    if (CREATE.test(by.name) && (member === 'run' || member === 'startProfiling')) {
      if (member === 'run') this.#compute('onnxruntime', item, true);
      return;
    }
    if (by.name === '@huggingface/transformers.pipeline' && member === '') {
      this.#compute('onnxruntime', item, true);
      return;
    }
    if (by.name.endsWith('.from_pretrained') && by.name.startsWith('@huggingface/transformers.') && /^(?:|generate|forward|_call)$/.test(member)) {
      if (!/Tokenizer|Processor|Config|Extractor/.test(by.name)) this.#compute('onnxruntime', item, true);
      return;
    }
    if (/^@tensorflow\/tfjs(?:-node)?\.(?:loadLayersModel|loadGraphModel|sequential|model|node\.loadSavedModel)$/.test(by.name) && /^(?:predict|execute|executeAsync|fit|predictOnBatch)$/.test(member)) {
      this.#compute('tensorflow', item, true);
      return;
    }
    if (member === 'createContext' || member.endsWith('.createContext')) this.#llamaContext(item);
  }

  #llamaContext(item: CallItem): void {
    this.#optionField(item.args[0], 'threads', 'node-llama-cpp.createContext.threads', item.scope);
  }

  #compute(library: string, item: CallItem, certain: boolean): void {
    this.facts.push({ kind: 'compute', span: this.#span(item.call), scope: item.scope, library, text: item.text, certain });
  }

  #fanOut(item: CallItem, api: string, shape: FanOutApi): void {
    const { scope, args } = item;
    const options = shape.options >= 0 ? this.#dereferenced(args[shape.options], scope) : { expression: null, chunk: this.#chunk };
    const entries = options.expression?.kind === 'object' ? options.expression.entries : [];
    let count: Value | null = null;
    let countSpan: Span | null = null;
    if (shape.count === null) {
      const copies = this.#copies(item);
      count = copies.value;
      countSpan = copies.range ? this.#span(copies.range) : null;
    } else {
      const entry = entries.find((candidate) => candidate.key === shape.count);
      if (entry) {
        count = this.#names.value(entry.value, scope);
        countSpan = this.#span(entry.value, options.chunk);
      } else if (args[shape.options] && options.expression?.kind !== 'object' && shape.options >= 0) count = unknownValue('is in options that are not written out');
      else if (entries.some((entry) => entry.spread)) count = unknownValue('may be in options that are unpacked');
    }
    const file = typeof shape.file === 'number' ? args[shape.file] : typeof shape.file === 'string' ? entries.find((entry) => entry.key === shape.file)?.value : undefined;
    const worker = api === 'cluster.fork' ? '#' : file ? this.#workerFile(file, scope) : null;
    this.facts.push({ kind: 'fanOut', span: this.#span(item), scope, what: shape.what, api: api.replace(/^piscina\.Piscina$/, 'piscina').replace(/^tinypool\.Tinypool$/, 'tinypool'), count, countSpan, startMethod: shape.what === 'process' ? 'spawn' : null, worker });
  }

  /** The file a worker runs, as a module whose top level is meant: `./worker.js#`; `#` is this file itself. */
  #workerFile(expression: Expression, scope: Scope): string | null {
    const { expression: actual } = this.#names.dereference({ expression, chunk: this.#chunk }, scope);
    if (actual.kind === 'name' && (actual.name === '__filename' || actual.name === 'import.meta.filename')) return '#';
    if (actual.kind === 'call') {
      const name = actual.callee.kind === 'name' ? actual.callee.name : '';
      const [first, second] = actual.args;
      if (name === 'URL' || /^(?:\w+\.)?fileURLToPath$/.test(name)) {
        if (first?.kind === 'name' && first.name === 'import.meta.url') return '#';
        return first ? this.#workerFile(first, scope) : null;
      }
      // `path.join(__dirname, 'worker.js')`, `path.resolve(import.meta.dirname, …)`.
      if (/^(?:\w+\.)?(?:join|resolve)$/.test(name) && first?.kind === 'name' && /^(?:__dirname|import\.meta\.dirname)$/.test(first.name)) {
        const rest = actual.args.slice(1).map((part) => (part.kind === 'literal' && typeof part.value === 'string' ? part.value : null));
        return rest.every((part) => part !== null) && second ? asModule(rest.join('/')) : null;
      }
      return name === 'require.resolve' && first ? this.#workerFile(first, scope) : null;
    }
    const value = this.#names.value(actual, scope);
    return value.kind === 'known' && typeof value.value === 'string' ? asModule(value.value) : null;
  }

  /** How many times the loops around a call make it run. */
  #copies(item: CallItem): { readonly value: Value; readonly range: Range | null } {
    if (item.loops.length === 0) return item.scope.loop ? { value: unknownValue('depends on how often the loop runs'), range: null } : { value: intValue(1), range: null };
    const counts: Value[] = [];
    let range: Range | null = null;
    for (const loop of item.loops) {
      if (loop.kind === 'count') {
        counts.push(this.#names.value(loop.count, item.scope));
        range = loop.count;
      } else if (loop.kind === 'each') {
        const { expression } = this.#names.dereference({ expression: loop.of, chunk: this.#chunk }, item.scope);
        const target = expression.kind === 'call' ? this.#names.target(expression.callee, item.scope) : null;
        if (expression.kind === 'array' && !expression.items.some((part) => part.kind === 'spread')) counts.push(intValue(expression.items.length));
        else if (target?.kind === 'global' && target.name === 'os.cpus') counts.push({ kind: 'quantity', quantity: 'logicalCpus' });
        else counts.push(unknownValue('depends on how often the loop runs'));
      } else counts.push(unknownValue('depends on how often the loop runs'));
    }
    const [only] = counts;
    return { value: counts.length === 1 && only ? only : { kind: 'expression', operator: '*', operands: counts }, range: counts.length === 1 ? range : null };
  }

  /** A program that this one starts. */
  #launch(item: CallItem, method: string): void {
    this.consultedFile = true;
    const { scope, args } = item;
    const [first, second] = args;
    if (!first) return;
    const list = second?.kind === 'array' || (second?.kind === 'name' && this.#dereferenced(second, scope).expression?.kind === 'array') ? this.#dereferenced(second, scope).expression : null;
    const withList = method !== 'exec' && method !== 'execSync';
    const optionsGiven = withList && (list !== null || (second !== undefined && second.kind !== 'object')) ? args[2] : args[1];
    const options = this.#dereferenced(optionsGiven, scope);
    const entries = options.expression?.kind === 'object' ? options.expression.entries : [];
    const label = `${method} in ${this.#uri.slice(this.#uri.lastIndexOf('/') + 1)}`;
    const environment = this.#childEnvironment(entries.find((entry) => entry.key === 'env'), options.chunk, scope);
    const cwdEntry = entries.find((entry) => entry.key === 'cwd');
    const shell = !withList || entries.some((entry) => entry.key === 'shell' && entry.value.kind === 'literal' && entry.value.value === true);
    const command = this.#names.value(first, scope);
    const cwd = cwdEntry ? this.#names.value(cwdEntry.value, scope) : null;
    const id = (text: string): string => {
      const times = (this.#ids.get(text) ?? 0) + 1;
      this.#ids.set(text, times);
      return times === 1 ? text : `${text}#${times}`;
    };
    if (shell && list === null) {
      if (first.kind !== 'literal' || typeof first.value !== 'string' || first.text.includes('\\')) return;
      const inner = new EmbeddedText([{ text: first.value, start: first.start + 1 }]);
      const read = readEmbeddedShell(inner, this.facts.length, { id: id(`${method} ${first.value}`), label, labelSpan: this.#span(item.callee), chunk: this.#chunk, how: 'shell', cwd, environment: environment.entries, clearsEnvironment: environment.clears });
      // Indices of the command's facts count from here, so that every one of them stays.
      for (const fact of read.facts) this.facts.push(fact.kind === 'launch' ? fact : { ...fact, scope: CHILD_ENVIRONMENT });
      return;
    }
    if (command.kind !== 'known' || typeof command.value !== 'string') return;
    const argv: Word[] = [{ value: command, span: this.#span(first) }];
    if (second && list === null && second.kind !== 'object') argv.push({ value: unknownValue('is a list that is not written out'), span: this.#span(second) });
    if (list?.kind === 'array') {
      for (const part of list.items) argv.push({ value: part.kind === 'spread' ? unknownValue('is unpacked from a collection') : asText(this.#names.value(part, scope)), span: list === second ? this.#span(part) : this.#span(second ?? first) });
    }
    const text = argv.map((word) => (word.value.kind === 'known' ? String(word.value.value) : '…')).join(' ');
    const copies = item.loops.length > 0 ? this.#copies(item) : null;
    this.facts.push({
      kind: 'launch',
      span: this.#span(item),
      scope,
      id: id(`${method} ${text}`),
      label,
      labelSpan: this.#span(item.callee),
      how: 'shell',
      argv,
      cwd,
      environment: environment.entries,
      clearsEnvironment: environment.clears,
      background: true,
      copies: copies?.value ?? null,
      copiesSpan: copies?.range ? this.#span(copies.range) : null,
    });
  }

  /** What a child inherits of this program's own settings, and what `env: {…}` adds or replaces. */
  #childEnvironment(env: ObjectEntry | undefined, chunk: number, scope: Scope): { readonly entries: readonly EnvironmentEntry[]; readonly clears: boolean } {
    const entries: EnvironmentEntry[] = [];
    const given = env ? this.#names.dereference({ expression: env.value, chunk }, scope) : null;
    const literal = given?.expression.kind === 'object' ? given.expression : null;
    const wholeName = given && !literal ? this.#names.target(given.expression, scope) : null;
    const inherits = env === undefined || (wholeName?.kind === 'global' && wholeName.name === 'process.env') || (literal?.entries.some((entry) => entry.spread && this.#isEnvironment(entry.value, scope)) ?? false) || (given !== null && !literal);
    if (inherits) {
      for (const [i, fact] of this.facts.entries()) {
        if (fact.kind !== 'setting' || fact.channel !== 'env' || fact.scope.func === CHILD_ENVIRONMENT.func) continue;
        const always = fact.scope.func === null && !fact.scope.conditional && !fact.scope.loop;
        entries.push({ from: 'setting', fact: i, ...(always ? {} : { maybe: true }) });
      }
    }
    for (const entry of literal?.entries ?? []) {
      if (entry.key === null || entry.spread) continue;
      entries.push({ from: 'setting', fact: this.facts.length });
      this.#setEnvironment(entry, entry.key, entry.keyRange, { expression: entry.value, text: literalText(entry.value) }, 'set', CHILD_ENVIRONMENT, given?.chunk ?? chunk);
    }
    return { entries, clears: !inherits };
  }

  #isEnvironment(expression: Expression, scope: Scope): boolean {
    const target = this.#names.target(expression, scope);
    return target?.kind === 'global' && target.name === 'process.env';
  }

  /** What the file exports may be a configuration of PM2. */
  #configuration(value: Expression, scope: Scope): void {
    const { expression, chunk } = this.#names.dereference({ expression: value, chunk: this.#chunk }, scope);
    if (expression.kind !== 'object') return;
    this.consultedFile = true;
    pm2Launches(expression, {
      names: this.#names,
      chunk,
      push: (fact) => this.facts.push(fact) - 1,
    });
  }
}

/** Fields of packages that are settings, by the name under which facts mention them. */
function fieldName(resolved: string): string | null {
  if (/^onnxruntime-(?:web|common)\.env\.wasm\.numThreads$/.test(resolved)) return 'onnxruntime-web.env.wasm.numThreads';
  if (/^onnxruntime-(?:web|common)\.env\.wasm\.proxy$/.test(resolved)) return null;
  return resolved === '@huggingface/transformers.env.backends.onnx.wasm.numThreads' ? 'onnxruntime-web.env.wasm.numThreads' : null;
}

/** Calls that set a number. */
const CALL_SETTINGS: ReadonlyMap<string, string> = new Map([
  ['sharp.concurrency', 'sharp.concurrency'],
  ['@tensorflow/tfjs-backend-wasm.setThreadsCount', 'tfjs-backend-wasm.setThreadsCount'],
]);

function rootOf(target: Target): string | null {
  let current = target;
  for (let i = 0; i < 12 && current.kind === 'made'; i++) current = current.by;
  return current.kind === 'global' ? current.name : null;
}

function literalText(expression: Expression): string | null {
  return expression.kind === 'literal' ? expression.text : null;
}

function asModule(path: string): string | null {
  if (/^[a-z]+:/i.test(path) && !path.startsWith('file:')) return null;
  return isWorkspacePath(path) ? `${path}#` : `./${path}#`;
}

