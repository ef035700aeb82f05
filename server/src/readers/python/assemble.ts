/** Joins the chunks of a file into facts: resolves names and decides what each call and assignment means. */
import { TOP_LEVEL, type Argument, type EnvironmentEntry, type Fact, type FanOutFact, type Gap, type Scope, type SettingFact, type Word } from '../../core/fact.ts';
import type { Span } from '../../core/span.ts';
import { unknownValue, type Value } from '../../core/value.ts';
import { readEmbeddedShell } from '../embeddedShell.ts';
import { startedProgram, startsProgram, type StoresTo } from './launches.ts';
import { FAN_OUTS } from './fanOutApis.ts';
import { daskStaysInProcess, entryOf, startsDaskWorkers, writtenVariables, type GivenArgument } from './taskRuntimes.ts';
import { modulesLoadedBy } from './imports.ts';
import { ARGUMENT_SETTINGS, CONFIGURABLE, EXTERNAL, MODEL_METHODS, MODEL_NAME, MODEL_RUNS, SETTERS, TORCH_FILL, TORCH_METHODS, computeLibrary, isCallOfInterest, isModelBase, isModelFactory } from './interest.ts';
import { FileNames, changedNames, exportsOf, LOCALS, localsKey, normalise, orderOf, type NumberedSyntax, type Place, type Target } from './names.ts';
import type { BindItem, CallItem, ClassItem, DefineItem, Expression, FieldItem, ImportItem, ProductItem, PythonArgument, PythonSyntax, Range, StoreItem } from './syntax.ts';

interface ChunkFacts {
  readonly facts: readonly Fact[];
  readonly gaps: readonly Gap[];
}

/** Facts of a chunk, and what they depend on besides its own text. */
interface KnownFacts extends ChunkFacts {
  readonly chunk: number;
  /** Names of the file that were asked for: see `FileNames.takeAsked`. */
  readonly asked: ReadonlySet<string>;
  /** True when local names of another chunk were. */
  readonly askedElsewhere: boolean;
}

/** What the chunks of a file share, kept from one version of the file to the next. */
interface FileContext {
  readonly names: FileNames;
  readonly workers: Workers;
  chunks: readonly NumberedSyntax[];
  /** Facts of chunks that depend on nothing but their own text and on some of the names that the chunks export. */
  readonly known: Map<PythonSyntax, KnownFacts>;
}

/** Of the files read last, by URI. What is found here is compared before it is used. */
const contexts = new Map<string, FileContext>();
const MAX_CONTEXTS = 16;

/** The context of a file: the one before, when its chunks export the same names and values as then. */
function contextOf(uri: string, chunks: readonly NumberedSyntax[]): FileContext {
  const before = contexts.get(uri);
  const change = before ? changeBetween(before.chunks, chunks) : null;
  if (before && change?.sameExports) {
    const changed: number[] = [];
    for (let at = change.start; at < change.end; at++) if (before.chunks[at]?.syntax !== chunks[at]?.syntax) changed.push(at);
    if (changed.length > 0) {
      forget(before.known, new Set(changed.map((at) => localsKey(chunks[at]?.chunk ?? 0))));
      before.names.replace(chunks, changed);
      before.workers.replace(chunks);
    }
    before.chunks = chunks;
    return before;
  }
  const names = new FileNames(chunks);
  const context: FileContext = { names, workers: new Workers(names, chunks), chunks, known: new Map() };
  if (before && change) {
    const changed = changedNames(syntaxes(before.chunks.slice(change.start, change.end)), syntaxes(chunks.slice(change.start, change.endNow)));
    if (changed) {
      const locals = before.chunks.slice(change.start, change.end).map(({ chunk }) => localsKey(chunk));
      // Behind the change chunks may have other numbers, and so their local names other keys.
      const firstRenumbered = change.renumbered ? (before.chunks[change.start]?.chunk ?? 0) : Infinity;
      for (const [syntax, facts] of before.known) if (facts.chunk < firstRenumbered && !(change.renumbered && facts.askedElsewhere)) context.known.set(syntax, facts);
      forget(context.known, new Set([...changed, ...locals]));
    }
  }
  contexts.delete(uri);
  contexts.set(uri, context);
  for (const oldest of contexts.keys()) {
    if (contexts.size <= MAX_CONTEXTS) break;
    contexts.delete(oldest);
  }
  return context;
}

function syntaxes(chunks: readonly NumberedSyntax[]): readonly PythonSyntax[] {
  return chunks.map(({ syntax }) => syntax);
}

/** Forgets what depends on names that changed. */
function forget(known: Map<PythonSyntax, KnownFacts>, changed: ReadonlySet<string>): void {
  for (const [syntax, { asked }] of known) {
    for (const name of changed) {
      if (!asked.has(name)) continue;
      known.delete(syntax);
      break;
    }
  }
}

/** The stretch of chunks outside of which two versions of a file are the same. */
interface ChunkChange {
  readonly start: number;
  /** Where the stretch ends before and now. */
  readonly end: number;
  readonly endNow: number;
  /** True when the chunks behind it have other numbers. */
  readonly renumbered: boolean;
  /** True when the chunks stand one for one and export the same. */
  readonly sameExports: boolean;
}

function changeBetween(before: readonly NumberedSyntax[], now: readonly NumberedSyntax[]): ChunkChange {
  let start = 0;
  while (start < before.length && start < now.length && before[start]?.syntax === now[start]?.syntax && before[start]?.chunk === now[start]?.chunk) start++;
  let end = before.length;
  let endNow = now.length;
  while (end > start && endNow > start && before[end - 1]?.syntax === now[endNow - 1]?.syntax) {
    end--;
    endNow--;
  }
  const renumbered = end < before.length && before[end]?.chunk !== now[endNow]?.chunk;
  let sameExports = end === endNow && !renumbered;
  for (let at = start; sameExports && at < end; at++) {
    const [a, b] = [before[at], now[at]];
    sameExports = a !== undefined && b !== undefined && a.chunk === b.chunk && (a.syntax === b.syntax || exportsOf(a.syntax).key === exportsOf(b.syntax).key);
  }
  return { start, end, endNow, renumbered, sameExports };
}

/** What a file that is read once is assembled with: nothing is noted that only another version of it would need. */
function passingContext(chunks: readonly NumberedSyntax[]): FileContext {
  const names = new FileNames(chunks, true);
  return { names, workers: new Workers(names, chunks), chunks, known: new Map() };
}

/** Facts and gaps of the file, in document order; `once` when there will be no other version of it. */
export function assemble(uri: string, chunks: readonly NumberedSyntax[], once = false): ChunkFacts {
  const { names, workers, known } = once ? passingContext(chunks) : contextOf(uri, chunks);
  const role = roleOf(uri);
  const facts: Fact[] = [];
  const gaps: Gap[] = [];
  let launches = false;
  for (const { chunk, syntax } of chunks) {
    const before = known.get(syntax);
    let part: ChunkFacts | undefined = before?.chunk === chunk ? before : undefined;
    if (part === undefined) {
      names.consultedWholeFile = false;
      names.takeAsked();
      const assembly = new Assembly(names, workers, chunk, role);
      assembly.add(syntax);
      part = assembly;
      if (!once && !names.consultedWholeFile && !assembly.consultedWorkers) {
        const asked = names.takeAsked();
        known.set(syntax, { chunk, facts: assembly.facts, gaps: assembly.gaps, asked, askedElsewhere: [...asked].some((key) => key.startsWith(LOCALS) && key !== localsKey(chunk)) });
      }
    }
    const base = facts.length;
    for (const fact of part.facts) {
      if (fact.kind === 'launch') {
        launches = true;
        facts.push({ ...fact, environment: fact.environment.map((entry) => ({ ...entry, fact: entry.fact + base })) });
      } else facts.push(fact);
    }
    for (const gap of part.gaps) gaps.push(gap);
  }
  return { facts: launches ? withEnvironments(facts) : facts, gaps };
}

/** Gives every program that this one starts what the file sets for itself, and an id of its own. */
function withEnvironments(facts: readonly Fact[]): readonly Fact[] {
  const ids = new Map<string, number>();
  return facts.map((fact, index) => {
    if (fact.kind !== 'launch') return fact;
    const times = (ids.get(fact.id) ?? 0) + 1;
    ids.set(fact.id, times);
    const inherited = fact.clearsEnvironment
      ? []
      : facts.flatMap((setting, at): EnvironmentEntry[] => {
          // A file that fills in what is missing may or may not decide a variable.
          if (setting.kind === 'link' && setting.relation === 'envFile') return [{ from: 'file', fact: at, maybe: true }];
          if (setting.kind !== 'setting' || setting.channel !== 'env' || setting.scope.func === CHILD.func) return [];
          const certain = at < index && setting.scope.func === null && !setting.scope.conditional && !setting.scope.loop;
          return [{ from: 'setting', fact: at, ...(certain ? {} : { maybe: true }) }];
        });
    return { ...fact, id: times === 1 ? fact.id : `${fact.id}#${times}`, environment: [...inherited, ...fact.environment] };
  });
}

/** Where variables stand that only a started program gets: in a function that nothing calls. */
const CHILD: Scope = { ...TOP_LEVEL, func: '<started program>' };

type Method = NonNullable<FanOutFact['startMethod']>;

/** What a file is by its name, when a server reads names from it. */
type FileRole = 'gunicorn' | 'celery' | null;

const CONFIGURED: Readonly<Record<NonNullable<FileRole>, ReadonlySet<string>>> = {
  gunicorn: new Set(['workers', 'threads', 'worker_class', 'preload_app', 'raw_env']),
  celery: new Set(['worker_concurrency']),
};

export function roleOf(uri: string): FileRole {
  const name = uri.slice(uri.lastIndexOf('/') + 1);
  return /^gunicorn[\w.-]*\.py$/.test(name) ? 'gunicorn' : /^celery_?config\.py$/.test(name) ? 'celery' : null;
}

/** A statement that writes to the environment. */
type Writer = Pick<StoreItem, 'start' | 'end' | 'scope' | 'loops'>;

/** What has to be known of the whole file before fan-outs can be described. */
class Workers {
  readonly #names: FileNames;
  #chunks: readonly NumberedSyntax[];
  readonly #submitted = new Map<string, string>();
  #startMethod: Method | null | undefined;
  #noted = false;

  constructor(names: FileNames, chunks: readonly NumberedSyntax[]) {
    this.#names = names;
    this.#chunks = chunks;
  }

  /** Takes over another version of the file. */
  replace(chunks: readonly NumberedSyntax[]): void {
    this.#chunks = chunks;
    this.#submitted.clear();
    this.#startMethod = undefined;
    this.#noted = false;
  }

  /** The start method that `set_start_method` chooses for the process; null when it is not called or not known. */
  get startMethod(): Method | null {
    this.#noteAll();
    return this.#startMethod ?? null;
  }

  #noteAll(): void {
    if (this.#noted) return;
    this.#noted = true;
    for (const { chunk, syntax } of this.#chunks) for (const item of poolCallsOf(syntax)) this.#note(item, chunk);
  }

  /** Assignments to entries of a dictionary, in a function or at module level. */
  storesTo(name: string, func: string | null): ReturnType<StoresTo> {
    return this.#chunks.flatMap(({ chunk, syntax }) =>
      syntax.items.flatMap((item) => {
        if (item.scope.func !== func) return [];
        if (item.kind === 'store' && item.object.kind === 'name' && item.object.name === name) return [{ key: item.key, value: item.operation === 'set' ? item.value : null, place: { scope: item.scope, order: orderOf(chunk, item.start) } }];
        if (item.kind !== 'call' || item.callee.kind !== 'name' || !item.callee.name.startsWith(`${name}.`)) return [];
        const place: Place = { scope: item.scope, order: orderOf(chunk, item.start) };
        // `env.update({…})` and the like; reading calls change nothing.
        if (/\.(?:get|copy|items|keys|values)$/.test(item.callee.name)) return [];
        const [only] = item.args;
        if (item.callee.name === `${name}.update` && item.args.length === 1 && only?.value.kind === 'dictionary') return only.value.entries.map((entry) => ({ key: entry.key, value: entry.value, place }));
        return [{ key: null, value: null, place }];
      }),
    );
  }

  #note(item: CallItem, chunk: number): void {
    const { callee } = item;
    if (callee.kind !== 'name') return;
    const cut = callee.name.lastIndexOf('.');
    const method = callee.name.slice(cut + 1);
    if (method === 'set_start_method') {
      const place: Place = { scope: item.scope, order: orderOf(chunk, item.call.start) };
      const target = this.#names.target(callee, place);
      if (target?.kind !== 'global' || normalise(target.name) !== 'multiprocessing.set_start_method') return;
      const chosen = startMethodOf(argument(item.args, 'method', 0)?.value);
      this.#startMethod = this.#startMethod === undefined || this.#startMethod === chosen ? chosen : null;
      return;
    }
    const first = item.args[0];
    if (cut > 0 && first && first.value.kind === 'name' && SUBMITS.has(method)) this.#submitted.set(`${item.scope.func ?? ''}:${callee.name.slice(0, cut)}`, first.value.name);
  }

  /** The function that `delayed` wraps in a part of a chunk: `Parallel(n_jobs=2)(delayed(f)(i) for i in items)`. */
  delayedIn(chunk: number, { start, end }: Range): string | null {
    const syntax = this.#chunks.find((candidate) => candidate.chunk === chunk)?.syntax;
    for (const item of syntax?.items ?? []) {
      if (item.kind !== 'call' || item.call.start < start || item.call.end > end) continue;
      const place: Place = { scope: item.scope, order: orderOf(chunk, item.call.start) };
      const target = this.#names.target(item.callee, place);
      const first = item.args[0]?.value;
      if (target?.kind === 'global' && normalise(target.name) === 'joblib.delayed' && first?.kind === 'name') return first.name;
    }
    return null;
  }

  /** The function handed to a pool bound to a name. */
  submittedTo(pool: string | null, func: string | null, cluster = false): string | null {
    this.#noteAll();
    if (pool === null) return null;
    const direct = this.#submitted.get(`${func ?? ''}:${pool}`);
    if (direct !== undefined || !cluster) return direct ?? null;
    // `client = Client(cluster)`
    for (const { syntax } of this.#chunks) {
      for (const item of syntax.items) {
        if (item.kind !== 'call' || item.scope.func !== func || item.result === null || item.callee.kind !== 'name' || !/(?:^|\.)(?:Client|get_client)$/.test(item.callee.name)) continue;
        const [first] = item.args;
        const connects = item.callee.name === `${pool}.get_client` || (first?.value.kind === 'name' && first.value.name === pool);
        const given = connects ? this.#submitted.get(`${func ?? ''}:${item.result}`) : undefined;
        if (given !== undefined) return given;
      }
    }
    return null;
  }

  /** The only method that is called from outside of the actors of a class; null when there are none or several. */
  methodOfActor(className: string): string | null {
    const called = new Set<string>();
    for (const { syntax } of this.#chunks) {
      for (const item of syntax.items) {
        const written = item.kind === 'call' && (item.callee.kind === 'name' || item.callee.kind === 'attribute') ? item.callee.name : '';
        const outer = item.kind === 'call' && item.callee.kind === 'attribute' && item.callee.name === 'remote' && item.callee.object.kind === 'attribute' ? item.callee.object.name : /\.(\w+)\.remote$/.exec(written)?.[1];
        const method = outer === undefined ? null : this.#names.method(className, outer);
        if (method !== null) called.add(method);
      }
    }
    const [only, ...more] = called;
    return only !== undefined && more.length === 0 ? only : null;
  }
}

const poolCalls = new WeakMap<PythonSyntax, readonly CallItem[]>();

/** Calls of a chunk that hand work to a pool or choose how processes start. */
function poolCallsOf(syntax: PythonSyntax): readonly CallItem[] {
  let calls = poolCalls.get(syntax);
  if (!calls) {
    calls = syntax.items.filter((item): item is CallItem => {
      if (item.kind !== 'call' || item.callee.kind !== 'name') return false;
      const method = item.callee.name.slice(item.callee.name.lastIndexOf('.') + 1);
      return method === 'set_start_method' || SUBMITS.has(method);
    });
    poolCalls.set(syntax, calls);
  }
  return calls;
}

const SUBMITS: ReadonlySet<string> = new Set(['map', 'imap', 'imap_unordered', 'starmap', 'apply', 'apply_async', 'map_async', 'starmap_async', 'submit']);

class Assembly {
  readonly facts: Fact[] = [];
  readonly gaps: Gap[] = [];
  readonly #names: FileNames;
  readonly #workers: Workers;
  readonly #chunk: number;
  readonly #role: FileRole;
  /** Becomes true when a fact depends on calls elsewhere in the file. */
  consultedWorkers = false;

  constructor(names: FileNames, workers: Workers, chunk: number, role: FileRole) {
    this.#names = names;
    this.#workers = workers;
    this.#chunk = chunk;
    this.#role = role;
  }

  add(syntax: PythonSyntax): void {
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
        case 'field':
          this.#field(item);
          break;
        case 'product':
          this.#product(item);
          break;
        case 'define':
          this.#define(item);
          break;
        case 'suppress':
          this.facts.push({ kind: 'suppression', span: this.#span(item), scope: item.scope, rules: item.rules, reason: item.reason, target: this.#span(item.target) });
          break;
        case 'bind':
          if (this.#role !== null && CONFIGURED[this.#role].has(item.name)) this.#configured(this.#role, item);
          else this.#constant(item);
          break;
        case 'class':
          this.#classConstants(item);
          this.#actor(item);
          break;
        case 'global':
          break;
      }
    }
  }

  #span(range: Range): Span {
    return { chunk: this.#chunk, start: range.start, end: range.end };
  }

  #place(item: Range & { readonly scope: Place['scope'] }, at: Range = item): Place {
    return { scope: item.scope, order: orderOf(this.#chunk, at.start) };
  }

  #arguments(args: readonly PythonArgument[], place: Place): readonly Argument[] {
    return args.map((given) => ({
      name: given.name,
      value: given.splat ? { kind: 'unknown', why: 'is unpacked from a collection' } : this.#names.value(given.value, place),
      span: this.#span(given),
    }));
  }

  #import(item: ImportItem): void {
    if (!item.runs) return;
    const span = this.#span(item);
    const load = (module: string): void => {
      const previous = this.facts.at(-1);
      if (previous?.kind === 'load' && previous.module === module && previous.span.start === span.start && previous.span.chunk === span.chunk) return;
      this.facts.push({ kind: 'load', span, scope: item.scope, module });
    };
    // A name that is passed on is a constant here too.
    if (item.scope.func === null && item.member !== null && (QUANTITY_NAME.test(item.bound) || CONSTANT_NAME.test(item.bound)) && !EXTERNAL.has(item.module.split('.', 1)[0] ?? '') && this.#names.isConstant(item.bound)) this.#addConstant(item, item.bound, { kind: 'name', name: item.target });
    for (const module of modulesLoadedBy(item)) load(module);
  }

  /** A name that a server takes from its configuration file. */
  #configured(role: NonNullable<FileRole>, item: BindItem): void {
    if (item.scope.func !== null || item.owner !== null || item.how === 'parameter') return;
    const place = this.#place(item);
    if (item.name === 'raw_env') {
      this.#rawEnvironment(item, place);
      return;
    }
    const value: Value = item.value && item.how === 'assign' ? this.#names.value(item.value, place) : { kind: 'unknown', why: 'is computed at run time' };
    this.facts.push({
      kind: 'setting',
      span: this.#span(item),
      scope: item.scope,
      name: `${role}.${item.name}`,
      channel: 'field',
      operation: 'set',
      value,
      raw: item.value ? literalText(item.value) : null,
      nameSpan: this.#span({ start: item.start, end: Math.min(item.end, item.start + item.name.length) }),
      valueSpan: item.value ? this.#span(item.value) : null,
      exported: false,
      args: [],
    });
  }

  /** `raw_env = ["OMP_NUM_THREADS=4"]`. */
  #rawEnvironment(item: BindItem, place: Place): void {
    const entries = item.value ? this.#names.dereference(item.value, place) : null;
    if (entries?.kind !== 'sequence') {
      this.gaps.push({ span: this.#span(item), reason: 'dynamic', message: 'The environment variables set here are known only at run time.' });
      return;
    }
    const here = entries === item.value;
    for (const entry of entries.items) {
      const value = this.#names.value(entry, place);
      const text = value.kind === 'known' && value.type === 'string' ? /^([A-Za-z_]\w*)=(.*)$/s.exec(String(value.value)) : null;
      if (!text) continue;
      const at = here ? entry : item;
      this.facts.push({ kind: 'setting', span: this.#span(at), scope: item.scope, name: text[1] ?? '', channel: 'env', operation: 'set', value: { kind: 'known', value: text[2] ?? '', type: 'string' }, raw: text[2] ?? '', nameSpan: this.#span(at), valueSpan: null, exported: true, args: [] });
    }
  }

  /** What other modules may read: `from config import THREADS`. */
  #constant(item: BindItem): void {
    if (item.scope.func !== null || item.owner !== null || item.how !== 'assign' || !item.value || item.confined) return;
    const named = QUANTITY_NAME.test(item.name) || (CONSTANT_NAME.test(item.name) && isCount(item.value));
    if (!named && !isQuantity(item.value) && !(item.value.kind === 'call' && this.#names.isClass(calleeName(item.value.callee)))) return;
    if (!this.#names.isConstant(item.name)) return;
    const place = this.#place(item);
    if (item.value.kind === 'call' && this.#names.isClass(calleeName(item.value.callee))) {
      this.#attributeConstants(item, item.name, { scope: item.scope, order: place.order + (item.end - item.start) });
      return;
    }
    this.#addConstant(item, item.name, this.#names.value(item.value, place));
  }

  /** `class Config: THREADS = 4`, read as `Config.THREADS`. */
  #classConstants(item: ClassItem): void {
    if (item.scope.func !== null || item.inClass || item.constants.length === 0) return;
    for (const name of item.constants) if (QUANTITY_NAME.test(name)) this.#attributeConstant(item, item.name, name, { scope: item.scope, order: orderOf(this.#chunk, item.end) });
  }

  #attributeConstants(item: BindItem, name: string, place: Place): void {
    for (const attribute of this.#names.attributesOf(name, place)) if (QUANTITY_NAME.test(attribute)) this.#attributeConstant(item, name, attribute, place);
  }

  #attributeConstant(item: BindItem | ClassItem, name: string, attribute: string, place: Place): void {
    const value = this.#names.value({ kind: 'name', name: `${name}.${attribute}`, start: 0, end: 0 }, place);
    this.#addConstant(item, `${name}.${attribute}`, value);
  }

  #addConstant(item: Range & { readonly scope: Place['scope'] }, name: string, value: Value): void {
    // A name that stands for itself says nothing.
    if (value.kind === 'unknown' || (value.kind === 'name' && value.name === name) || (value.kind === 'known' && value.type === 'other')) return;
    this.facts.push({ kind: 'constant', span: this.#span(item), scope: item.scope, name, value });
  }

  #define(item: DefineItem): void {
    const place = this.#place(item);
    this.facts.push({
      kind: 'define',
      span: this.#span(item),
      scope: item.scope,
      name: item.name,
      nameSpan: this.#span(item.nameRange),
      decorators: item.decorators.flatMap((decorator) => {
        const name = this.#qualified(decorator.kind === 'call' ? decorator.callee : decorator, place);
        return name === null ? [] : [name];
      }),
      isAsync: item.isAsync,
    });
  }

  /** `@ray.remote` of a class says that it runs in a process of its own, although it passes no argument. */
  #actor(item: ClassItem): void {
    const place = this.#place(item);
    const bare = item.decorators.find((decorator) => decorator.kind !== 'call' && this.#qualified(decorator, place) === 'ray.remote');
    if (bare) this.facts.push({ kind: 'call', span: this.#span(bare), scope: item.scope, callee: 'ray.remote', calleeSpan: this.#span(bare), args: [], result: item.name });
  }

  /** The name under which facts mention a callable; falls back to what is written. */
  #qualified(expression: Expression, place: Place): string | null {
    const target = this.#names.target(expression, place);
    if (target?.kind === 'global') return normalise(target.name);
    if (target?.kind === 'local' || target?.kind === 'builtin') return target.name;
    return expression.kind === 'name' ? expression.name : null;
  }

  #store(item: StoreItem): void {
    const place = this.#place(item);
    if (!isGlobal(this.#names.target(item.object, place), 'os.environ')) return;
    if (item.operation === 'merge') {
      if (item.value) this.#mergeEnvironment(item, item.value, place, 'set');
      return;
    }
    if (!item.key) return;
    this.#setEnvironment(item, item.key, item.value, item.text, item.operation === 'delete' ? 'unset' : 'set', place);
  }

  /** One setting for each name that the key can be. */
  #setEnvironment(item: Writer, key: Expression, value: Expression | null, text: string | null, operation: SettingFact['operation'], place: Place): void {
    const keys = this.#names.strings(key, place);
    if (keys === null) {
      this.gaps.push({ span: this.#span(item), reason: 'dynamic', message: 'The name of the environment variable set here is known only at run time.' });
      return;
    }
    // A loop over names that are written out sets each of them, and is never empty.
    const each = this.#names.takesEach(key, place);
    const scope = each && item.loops.length === 1 ? { ...item.scope, loop: false } : keys.length === 1 || each ? item.scope : { ...item.scope, conditional: true };
    for (const name of keys) {
      this.facts.push({
        kind: 'setting',
        span: this.#span(item),
        scope,
        name,
        channel: 'env',
        operation,
        value: value ? this.#names.value(value, place) : { kind: 'known', value: null, type: 'none' },
        raw: text,
        nameSpan: this.#span(key),
        valueSpan: value ? this.#span(value) : null,
        exported: true,
        args: [],
      });
    }
  }

  #mergeEnvironment(item: Writer, value: Expression, place: Place, operation: SettingFact['operation']): void {
    const source = this.#names.dereference(value, place);
    if (source.kind === 'dictionary') {
      // The ranges of a dictionary written elsewhere are in another chunk.
      const here = source === value;
      for (const entry of source.entries) {
        if (!entry.key) {
          this.#mergeEnvironment(item, entry.value, place, operation);
          continue;
        }
        this.#setEnvironment(item, here ? entry.key : { ...entry.key, start: value.start, end: value.end }, here ? entry.value : { ...entry.value, start: value.start, end: value.end }, literalText(entry.value), operation, place);
      }
      return;
    }
    if (source.kind === 'call' && source.callee.kind === 'name' && source.callee.name === 'dict' && source.args.every((given) => given.name !== null)) {
      this.#keywordEnvironment(item, source.args, place);
      return;
    }
    this.gaps.push({ span: this.#span(item), reason: 'dynamic', message: 'The environment variables set here are known only at run time.' });
  }

  #keywordEnvironment(item: Writer, args: readonly PythonArgument[], place: Place): void {
    for (const given of args) {
      if (given.name === null) continue;
      const key: Expression = { kind: 'literal', value: given.name, type: 'string', start: given.start - given.name.length - 1, end: given.start - 1 };
      this.#setEnvironment(item, key, given.value, given.text, 'set', place);
    }
  }

  #field(item: FieldItem): void {
    const place = this.#place(item);
    const target = this.#names.target(item.object, place);
    // `app.conf.worker_concurrency = 4`
    if (item.name === 'worker_concurrency' && target?.kind === 'instance' && target.member === '.conf' && this.#made(target.constructed) === 'celery.Celery') {
      this.facts.push({ kind: 'setting', span: this.#span(item), scope: item.scope, name: 'celery.worker_concurrency', channel: 'field', operation: 'set', value: this.#names.value(item.value, place), raw: item.text, nameSpan: this.#span(item.nameRange), valueSpan: this.#span(item.value), exported: false, args: [] });
      return;
    }
    const owner = this.#madeBy(target);
    if (owner === null || !CONFIGURABLE.has(owner)) return;
    this.facts.push({
      kind: 'setting',
      span: this.#span(item),
      scope: item.scope,
      name: `${owner}.${item.name}`,
      channel: 'field',
      operation: 'set',
      value: this.#names.value(item.value, place),
      raw: item.text,
      nameSpan: this.#span(item.nameRange),
      valueSpan: this.#span(item.value),
      exported: false,
      // Which object is written to, so that it can be told from others.
      args: item.object.kind === 'name' ? [{ name: 'self', value: { kind: 'name', name: item.object.name }, span: this.#span(item.object) }] : [],
    });
  }

  /** The qualified name of what an object was made by, or null. */
  #madeBy(target: Target | null): string | null {
    if (target?.kind !== 'instance' || target.member !== '') return null;
    return this.#made(target.constructed);
  }

  #made(constructed: Target): string | null {
    if (constructed.kind === 'global') return normalise(constructed.name);
    return null;
  }

  /** True when calling the object runs a model; null when it is not known. */
  #isModel(target: Target | null): boolean | null {
    if (target === null) return null;
    if (target.kind !== 'instance') return false;
    const { constructed, member } = target;
    if (member !== '') return null;
    if (constructed.kind === 'global') return isModelFactory(normalise(constructed.name)) ? true : null;
    if (constructed.kind === 'local') return this.#names.isClass(constructed.name) ? this.#names.ancestors(constructed.name).some(isModelBase) : null;
    return null;
  }

  #product(item: ProductItem): void {
    const place = this.#place(item);
    const left = this.#arrayLibrary(item.left, place);
    const right = this.#arrayLibrary(item.right, place);
    const known = left ?? right;
    const library = known ?? (this.#names.imports('torch') ? 'torch' : this.#names.imports('numpy') ? 'numpy' : null);
    if (library === null) return;
    this.facts.push({ kind: 'compute', span: this.#span(item), scope: item.scope, library, text: item.text, certain: known !== null || this.#names.imports('torch') !== this.#names.imports('numpy') });
  }

  /** The library an operand's array comes from, or null. */
  #arrayLibrary(expression: Expression, place: Place): 'torch' | 'numpy' | null {
    const target = this.#names.target(expression.kind === 'subscript' ? expression.object : expression, place);
    if (target?.kind !== 'instance' || target.constructed.kind !== 'global') return null;
    const { name } = target.constructed;
    return name.startsWith('torch.') ? 'torch' : name.startsWith('numpy.') ? 'numpy' : null;
  }

  #call(item: CallItem): void {
    const place = this.#place(item, item.call);
    const target = this.#names.target(item.callee, place);
    this.#gpu(item, place);
    if (target === null) {
      this.#unknownCall(item, place);
      return;
    }
    switch (target.kind) {
      case 'global':
        this.#globalCall(normalise(target.name), item, place);
        return;
      case 'builtin':
        if (target.name === '__import__') this.#dynamicImport(item, place);
        return;
      case 'local':
        if (target.name.endsWith('.options')) this.#methodCall('options', item, place);
        if (target.name.endsWith('.remote') && this.#rayWorkers(target.name.slice(0, -'.remote'.length), item, place)) return;
        this.#invoke(target.name, item);
        return;
      case 'instance':
        this.#memberCall(target, item, place);
    }
  }

  #globalCall(name: string, item: CallItem, place: Place): void {
    if (name.startsWith('os.')) {
      if (this.#environmentCall(name, item, place)) return;
    }
    if (SETTERS.has(name)) {
      this.#setter(name, item, place);
      return;
    }
    if (name === 'importlib.import_module') {
      this.#dynamicImport(item, place);
      return;
    }
    if (startsProgram(name)) this.#launch(name, item, place);
    this.#fanOut(name, item, place, null);
    const library = computeLibrary(name);
    if (library !== null) this.#compute(library, item, true);
    else if (/^torch\.[a-z_]+$/.test(name) && TORCH_FILL.has(name.slice(6)) && fillsMany(item.args)) this.#compute('torch', item, true);
    this.#argumentSettings(name, item, place);
    if (isCallOfInterest(name) || (takesJobs(name) && item.args.some((given) => given.name !== null && JOBS.has(given.name)))) this.#callFact(name, item, place);
    if (LOADS_ENVIRONMENT.has(name)) this.#loadEnvironment(item, place);
    // TensorFlow takes the GPU by itself; who chooses its memory or number means it.
    if (/^tensorflow\.(?:compat\.v1\.)?(?:GPUOptions|config\.experimental\.set_memory_growth)$/.test(name)) this.#gpuUse(item, true, item.callee);
    const head = name.split('.', 1)[0] ?? '';
    if (name.startsWith('.') || !EXTERNAL.has(head)) this.facts.push({ kind: 'invoke', span: this.#span(item.call), scope: item.scope, callee: name });
  }

  /** Says once for each call that it puts work on a GPU, by what it passes for the device. */
  #gpu(item: CallItem, place: Place): void {
    const { callee } = item;
    const method = callee.kind === 'attribute' ? callee.name : callee.kind === 'name' && callee.name.includes('.') ? callee.name.slice(callee.name.lastIndexOf('.') + 1) : '';
    const device = item.args.find((given) => given.name === 'device')?.value ?? (method === 'to' || method === 'set_default_device' ? item.args.find((given) => given.name === null)?.value : undefined);
    if (!device && method !== 'cuda') return;
    if (!GPU_LIBRARIES.some((library) => this.#names.imports(library))) return;
    const on = device ? this.#isGpu(device, place) : item.args.length <= 1 ? true : null;
    if (on !== null) this.#gpuUse(item, on, device ?? item.callee);
  }

  #gpuUse(item: CallItem, certain: boolean, at: Range): void {
    this.facts.push({ kind: 'call', span: this.#span(item.call), scope: item.scope, callee: 'gpu.use', calleeSpan: this.#span(item.callee), args: [{ name: 'certain', value: { kind: 'known', value: certain, type: 'bool' }, span: this.#span(at) }], result: null });
  }

  /** True for a GPU, false when it may be one, null when it is none or not known. */
  #isGpu(expression: Expression, place: Place): boolean | null {
    const written = this.#names.dereference(expression, place);
    const inner = written.kind === 'call' && this.#qualified(written.callee, place) === 'torch.device' ? written.args[0]?.value : written;
    if (!inner) return null;
    const value = this.#names.value(inner, place);
    const values = value.kind === 'oneOf' ? value.values : [value];
    const gpus = values.filter((option) => {
      const text = option.kind === 'known' ? option.value : option.kind === 'concatenation' && option.parts[0]?.kind === 'known' ? option.parts[0].value : null;
      // transformers counts GPUs from 0.
      return typeof text === 'string' ? /^(?:cuda|mps|xpu|hip|gpu)\b/i.test(text) : option.kind === 'known' && option.type === 'int' && typeof text === 'number' && text >= 0;
    });
    return gpus.length === 0 ? null : gpus.length === values.length;
  }

  /** A program that this one starts. */
  #launch(name: string, item: CallItem, place: Place): void {
    this.consultedWorkers = true;
    const started = startedProgram(name, item, place, this.#names, (variable, func) => this.#workers.storesTo(variable, func));
    if (!started) return;
    const method = name.slice(name.lastIndexOf('.') + 1);
    const environment: EnvironmentEntry[] = [];
    for (const { key, value, place: at, here } of started.passed) {
      const before = this.facts.length;
      // What stands elsewhere in the file is shown at the call.
      const range = here ? {} : { start: item.call.start, end: item.call.end };
      this.#setEnvironment({ start: here ? key.start : item.call.start, end: here ? value.end : item.call.end, scope: CHILD, loops: [] }, { ...key, ...range }, { ...value, ...range }, literalText(value), 'set', at);
      for (let index = before; index < this.facts.length; index++) environment.push({ from: 'setting', fact: index });
    }
    if (started.shell) {
      const text = started.shell.text.trim().split('\n', 1)[0] ?? '';
      const read = readEmbeddedShell(started.shell, this.facts.length, { id: `${method} ${text}`, label: `${method} ${text}`, labelSpan: this.#span(item.callee), chunk: this.#chunk, how: 'shell', cwd: started.cwd, environment, clearsEnvironment: !started.inherits });
      for (const fact of read.facts) this.facts.push(fact.kind === 'launch' ? { ...fact, scope: item.scope, background: fact.background || started.background } : { ...fact, scope: CHILD });
      return;
    }
    if (!started.words) return;
    const argv: Word[] = started.words.map(({ value, range }) => ({ value, span: this.#span(range) }));
    const text = argv.map((word) => (word.value.kind === 'known' ? String(word.value.value) : '…')).join(' ');
    const copies = item.loops.length > 0 && started.background ? this.#copies(item, place) : null;
    this.facts.push({
      kind: 'launch',
      span: this.#span(item.call),
      scope: item.scope,
      id: `${method} ${text}`,
      label: `${method} ${text}`,
      labelSpan: this.#span(item.callee),
      how: 'shell',
      argv,
      cwd: started.cwd,
      environment,
      clearsEnvironment: !started.inherits,
      background: started.background,
      copies: copies?.value ?? null,
      copiesSpan: copies?.range ? this.#span(copies.range) : null,
    });
  }

  #environmentCall(name: string, item: CallItem, place: Place): boolean {
    const key = argument(item.args, 'key', 0);
    const value = argument(item.args, name === 'os.environ.setdefault' ? 'default' : 'value', 1);
    switch (name) {
      case 'os.environ.setdefault':
      case 'os.environ.__setitem__':
      case 'os.putenv':
        if (key) this.#setEnvironment(item, key.value, value?.value ?? null, value?.text ?? null, name === 'os.environ.setdefault' ? 'default' : 'set', place);
        return true;
      case 'os.environ.pop':
      case 'os.unsetenv':
        if (key) this.#setEnvironment(item, key.value, null, null, 'unset', place);
        return true;
      case 'os.environ.update': {
        for (const given of item.args) {
          if (given.name === null) this.#mergeEnvironment(item, given.value, place, 'set');
        }
        this.#keywordEnvironment(item, item.args, place);
        return true;
      }
      default:
        return false;
    }
  }

  /** `load_dotenv(path, override=True)`: a file whose variables come into the environment now. */
  #loadEnvironment(item: CallItem, place: Place): void {
    const given = ['dotenv_path', 'path', 'env_file'].map((name) => argument(item.args, name, -1)).find((candidate) => candidate !== undefined) ?? argument(item.args, null, 0);
    // `stream=` reads no file.
    if (item.args.some((candidate) => candidate.name === 'stream' || candidate.splat)) return;
    const searched = !given || isNone(given.value) || (given.value.kind === 'call' && this.#qualified(given.value.callee, place) === 'dotenv.find_dotenv' && given.value.args.every((candidate) => candidate.name !== null));
    const overrides = ['override', 'overwrite'].map((name) => argument(item.args, name, -1)?.value).find((value) => value !== undefined);
    const replaces = overrides?.kind === 'literal' ? overrides.value === true : overrides !== undefined;
    const path = searched ? '.env' : this.#path(given.value, place);
    this.facts.push({
      kind: 'link',
      span: this.#span(item),
      scope: item.scope,
      relation: 'envFile',
      target: path === null ? { kind: 'unknown', why: 'is known only at run time' } : { kind: 'known', value: path, type: 'string' },
      targetSpan: this.#span(given ?? item.call),
      ...(searched ? { implied: true } : {}),
      ...(replaces ? { overrides: true } : {}),
    });
    if (path === null) this.gaps.push({ span: this.#span(item), reason: 'dynamic', message: 'Which environment file is loaded here is known only at run time.' });
  }

  /** A path as text, relative to the folder of this file where it is built from `__file__`; null when it is not known. */
  #path(expression: Expression, place: Place, depth = 0): string | null {
    if (depth > 8) return null;
    const inner = (part: Expression): string | null => this.#path(part, place, depth + 1);
    const joined = (parts: readonly (string | null)[]): string | null => (parts.every((part) => part !== null) ? parts.reduce((path, part) => (part.startsWith('/') || path === '' ? part : path === '.' ? part : `${path}/${part}`), '') : null);
    switch (expression.kind) {
      case 'literal':
        return typeof expression.value === 'string' ? expression.value : null;
      case 'binary':
        return expression.operator === '/' ? joined([inner(expression.left), inner(expression.right)]) : null;
      case 'attribute':
        return expression.name === 'parent' ? parentFolder(inner(expression.object)) : null;
      case 'subscript':
        return expression.object.kind === 'attribute' && expression.object.name === 'parents' && expression.key?.kind === 'literal' && typeof expression.key.value === 'number' && expression.key.value < 8 ? Array.from({ length: expression.key.value + 1 }).reduce<string | null>((path) => parentFolder(path), inner(expression.object.object)) : null;
      case 'name': {
        if (expression.name === '__file__') return '__file__';
        if (expression.name.endsWith('.parent')) return parentFolder(inner({ ...expression, name: expression.name.slice(0, -'.parent'.length) }));
        const followed = this.#names.dereference(expression, place);
        return followed === expression ? null : inner(followed);
      }
      case 'call': {
        const [first] = expression.args;
        // `Path(__file__).resolve()` and the like give the same path back.
        if (expression.callee.kind === 'attribute') return /^(?:resolve|absolute|expanduser|as_posix)$/.test(expression.callee.name) ? inner(expression.callee.object) : expression.callee.name === 'joinpath' ? joined([inner(expression.callee.object), ...expression.args.map((given) => inner(given.value))]) : null;
        switch (this.#qualified(expression.callee, place)) {
          case 'pathlib.Path':
          case 'os.path.join':
            return joined(expression.args.map((given) => inner(given.value)));
          case 'os.path.abspath':
          case 'os.path.realpath':
          case 'str':
            return first ? inner(first.value) : null;
          case 'os.path.dirname':
            return first ? parentFolder(inner(first.value)) : null;
          default:
            return null;
        }
      }
      default:
        return null;
    }
  }

  #setter(name: string, item: CallItem, place: Place): void {
    const first = item.args[0];
    this.facts.push({
      kind: 'setting',
      span: this.#span(item),
      scope: item.scope,
      name,
      channel: 'call',
      operation: 'set',
      value: first && !first.splat ? this.#names.value(first.value, place) : { kind: 'unknown', why: first ? 'is unpacked from a collection' : 'is missing' },
      raw: first ? first.text : null,
      nameSpan: this.#span(item.callee),
      valueSpan: first ? this.#span(first) : null,
      exported: false,
      args: this.#arguments(item.args, place),
    });
  }

  /** Arguments that are settings: `Llama(n_threads=4)`. */
  #argumentSettings(name: string, item: CallItem, place: Place): void {
    for (const [setting, keyword, position] of ARGUMENT_SETTINGS.get(name) ?? []) {
      const given = argument(item.args, keyword, position);
      if (given) this.#argumentSetting(setting, given, item.call, item.scope, place);
    }
    if (name === 'openvino.compile_model') for (const given of item.args) this.#openVino(given, place);
  }

  #argumentSetting(name: string, given: PythonArgument, range: Range, scope: Place['scope'], place: Place): void {
    const key: Range = given.name === null ? given : { start: given.start - given.name.length - 1, end: given.start - 1 };
    this.facts.push({ kind: 'setting', span: this.#span(range), scope, name, channel: 'field', operation: 'set', value: this.#names.value(given.value, place), raw: given.text, nameSpan: this.#span(key), valueSpan: this.#span(given), exported: false, args: [] });
  }

  /** `core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 4})`. */
  #openVino(given: PythonArgument, place: Place): void {
    const config = this.#names.dereference(given.value, place);
    if (config.kind !== 'dictionary') return;
    for (const { key, value } of config.entries) {
      const name = key?.kind === 'literal' ? String(key.value) : null;
      if (name !== null && /^[A-Z_]+$/.test(name)) {
        const at = config === given.value ? value : { ...value, start: given.start, end: given.end };
        this.#argumentSetting(`openvino.${name}`, { name: null, splat: false, value: at, text: literalText(value) ?? '…', start: at.start, end: at.end }, given, place.scope, place);
      }
    }
  }

  #callFact(callee: string, item: CallItem, place: Place): void {
    this.facts.push({
      kind: 'call',
      span: this.#span(item),
      scope: item.scope,
      callee,
      calleeSpan: this.#span(item.callee),
      args: this.#arguments(item.args, place),
      result: item.result,
    });
  }

  #compute(library: string, item: CallItem, certain: boolean, model = false): void {
    this.facts.push({ kind: 'compute', span: this.#span(item.call), scope: item.scope, library, text: item.text, certain, ...(model ? { model: true } : {}) });
  }

  #invoke(name: string, item: CallItem): void {
    const model = this.#names.isClass(name) ? null : this.#methodOfModel(name);
    if (model) this.#compute('torch', item, true);
    this.facts.push({ kind: 'invoke', span: this.#span(item.call), scope: item.scope, callee: name });
  }

  /** True for `Net.forward` of a model class of this file. */
  #methodOfModel(name: string): boolean {
    const cut = name.lastIndexOf('.');
    return cut > 0 && MODEL_METHODS.has(name.slice(cut + 1)) && this.#names.isClass(name.slice(0, cut)) && this.#names.ancestors(name.slice(0, cut)).some(isModelBase);
  }

  #dynamicImport(item: CallItem, place: Place): void {
    const first = item.args[0];
    const modules = first ? this.#names.strings(first.value, place) : null;
    for (const module of modules ?? []) this.facts.push({ kind: 'load', span: this.#span(item), scope: item.scope, module });
    if (modules === null) this.gaps.push({ span: this.#span(item), reason: 'dynamic', message: 'The module imported here is known only at run time.' });
  }

  /** A call of a member of something that a call returned: `session.run(…)`, `ctx.Pool(4)`, `net(x)`. */
  #memberCall(target: Extract<Target, { kind: 'instance' }>, item: CallItem, place: Place): void {
    const { constructed, member } = target;
    const method = member.slice(member.lastIndexOf('.') + 1);
    const object: Target = { ...target, member: '' };
    const run = this.#modelRun(target);
    if (run !== null) {
      this.#compute(run.library, item, run.certain, true);
      return;
    }
    // Settings of Django or of a module elsewhere: the number of workers may be among them.
    if (/^\.?config_from_(?:object|envvar)$/.test(member) && this.#made(constructed) === 'celery.Celery') {
      this.facts.push({ kind: 'setting', span: this.#span(item.call), scope: item.scope, name: 'celery.worker_concurrency', channel: 'field', operation: 'set', value: unknownValue('may be set by what `config_from_object` loads'), raw: null, nameSpan: this.#span(item.callee), valueSpan: null, exported: false, args: [] });
      return;
    }
    if (member === '') {
      if (this.#isModel(object) === true) {
        this.#compute('torch', item, true, true);
        if (constructed.kind === 'local') {
          const forward = this.#names.method(constructed.name, 'forward');
          if (forward !== null) this.facts.push({ kind: 'invoke', span: this.#span(item.call), scope: item.scope, callee: forward });
        }
      } else if (constructed.kind === 'local' && this.#names.isClass(constructed.name)) {
        const called = this.#names.method(constructed.name, '__call__');
        if (called !== null) this.facts.push({ kind: 'invoke', span: this.#span(item.call), scope: item.scope, callee: called });
      } else this.#unknownCall(item, place);
      return;
    }
    if (constructed.kind === 'global') {
      const made = normalise(constructed.name);
      if (made === 'multiprocessing.get_context') {
        this.#fanOut(`multiprocessing${member}`, item, place, startMethodOf(argument(target.args, 'method', 0)?.value) ?? null);
        return;
      }
      if (made === 'onnxruntime.InferenceSession' && (member === '.run' || member === '.run_with_iobinding' || member === '.run_with_ort_values')) {
        this.#compute('onnxruntime', item, true, true);
        return;
      }
      const name = `${made}${member}`;
      if (FAN_OUTS.has(name)) {
        this.#fanOut(name, item, place, null);
        return;
      }
      if (made === 'openvino.Core' && (member === '.compile_model' || member === '.set_property')) {
        for (const given of item.args) this.#openVino(given, place);
        return;
      }
      if (made === 'tensorflow.keras.models.load_model' || made === 'keras.models.load_model') {
        if (/^\.(?:predict|predict_on_batch|__call__)$/.test(member)) this.#compute('tensorflow', item, true, true);
        return;
      }
      if (LOADS_ENVIRONMENT.has(name)) {
        this.#loadEnvironment(item, place);
        return;
      }
      if (isCallOfInterest(name)) {
        this.#callFact(name, item, place);
        return;
      }
      if (made === 'psutil.Process' && member === '.cpu_affinity') {
        this.#callFact(name, item, place);
        return;
      }
      if ((made.startsWith('torch.') || made.startsWith('numpy.')) && ARRAY_METHODS.has(method)) {
        this.#compute(made.startsWith('torch.') ? 'torch' : 'numpy', item, true);
        return;
      }
    }
    if (this.#isModel(object) === true && MODEL_METHODS.has(method) && !member.includes('.', 1)) {
      this.#compute('torch', item, true, true);
      return;
    }
    this.#methodCall(method, item, place);
  }

  /** The library whose model a call runs on the CPU, certainly or unless there is a GPU; null for other calls, and for models that are told to use a GPU. */
  #modelRun({ constructed, member, args }: Extract<Target, { kind: 'instance' }>): { readonly library: string; readonly certain: boolean } | null {
    if (constructed.kind === 'instance') {
      const request = constructed.constructed.kind === 'instance' && constructed.member === '.create_infer_request';
      const compiled: Target = request ? constructed.constructed : constructed;
      const core = compiled.kind === 'instance' && compiled.member === '.compile_model' ? compiled.constructed : null;
      if (core?.kind !== 'global' || normalise(core.name) !== 'openvino.Core') return null;
      if (request ? !/^\.(?:infer|start_async)$/.test(member) : member !== '' && member !== '.infer_new_request') return null;
      const device = argument(request ? constructed.args : args, 'device_name', 1)?.value;
      const named = device?.kind === 'literal' ? device.value : null;
      return device !== undefined && named !== 'CPU' ? null : { library: 'openvino', certain: named === 'CPU' };
    }
    const made = constructed.kind === 'global' ? normalise(constructed.name) : '';
    const model = MODEL_RUNS.get(made);
    if (!model?.methods.has(member.slice(1))) return null;
    if (model.library === 'llamacpp') {
      const layers = argument(args, 'n_gpu_layers', 1)?.value;
      return layers !== undefined && !(layers.kind === 'literal' && layers.value === 0) ? null : { library: model.library, certain: true };
    }
    const device = argument(args, 'device', 1)?.value;
    const named = device?.kind === 'literal' ? device.value : null;
    if (device !== undefined && named !== 'cpu' && named !== 'auto') return null;
    // Without a device CTranslate2 takes the CPU, and faster-whisper a GPU where there is one.
    return { library: model.library, certain: named === 'cpu' || (device === undefined && made.startsWith('ctranslate2.')) };
  }

  /** A call of something unknown: only its name can tell. */
  #unknownCall(item: CallItem, place: Place): void {
    for (const target of this.#names.eachTarget(item.callee, place)) {
      if (target.kind === 'local') this.facts.push({ kind: 'invoke', span: this.#span(item.call), scope: item.scope, callee: target.name });
    }
    const { callee } = item;
    const name = callee.kind === 'name' ? callee.name : callee.kind === 'attribute' ? callee.name : '';
    const last = name.slice(name.lastIndexOf('.') + 1);
    if (callee.kind === 'name' && MODEL_NAME.test(last) && this.#names.imports('torch') && item.args.length > 0) this.#compute('torch', item, false);
    if (callee.kind === 'attribute' || name.includes('.')) this.#methodCall(last, item, place);
  }

  #methodCall(method: string, item: CallItem, place: Place): void {
    if (method === 'pipe' && this.#names.imports('spacy')) this.#spacyPipe(item, place);
    if (method === 'options' && this.#names.imports('ray') && item.args.some((given) => given.name === 'num_cpus')) this.#callFact('ray.remote.options', item, place);
    if (!this.#names.imports('torch')) return;
    if (TORCH_METHODS.has(method)) this.#callFact(item.callee.kind === 'name' ? item.callee.name : `${method === 'eval' ? 'model' : 'object'}.${method}`, item, place);
    else if (ARRAY_METHODS.has(method)) this.#compute('torch', item, false);
  }

  #fanOut(name: string, item: CallItem, place: Place, contextMethod: Method | null): void {
    const api = FAN_OUTS.get(name);
    if (!api) return;
    this.consultedWorkers = true;
    const count = argument(item.args, api.count, api.position);
    if (api.optional && !count) return;
    const given: GivenArgument = (keyword, position) => argument(item.args, keyword, position);
    const dask = name.startsWith('dask.');
    if (dask && (!startsDaskWorkers(name, given) || daskStaysInProcess(name, given) === null)) return;
    const worker = api.worker === null ? null : argument(item.args, api.worker, api.workerPosition ?? -1);
    let what = api.what;
    let startMethod: Method | null = what === 'process' ? (contextMethod ?? api.startMethod ?? this.#workers.startMethod) : null;
    const context = what === 'process' && api.context ? argument(item.args, api.context, -1) : undefined;
    if (context) startMethod = this.#contextMethod(context.value, place) ?? startMethod;
    let value: Value | null = null;
    let range: Range | null = null;
    if (api.count === null) {
      const copies = this.#copies(item, place);
      value = copies.value;
      range = copies.range;
    } else if (count) {
      value = this.#names.value(count.value, place);
      range = count;
      // A list of devices, with a process for each.
      const listed = this.#names.dereference(count.value, place);
      if (listed.kind === 'sequence') value = { kind: 'known', value: listed.items.length, type: 'int' };
      if (value.kind === 'known' && value.type === 'none') value = null;
    }
    if (name === 'joblib.Parallel') {
      const backend = argument(item.args, 'backend', 1)?.value;
      const prefer = argument(item.args, 'prefer', -1)?.value;
      const chosen = backend?.kind === 'literal' ? backend.value : null;
      if (chosen === 'threading' || (prefer?.kind === 'literal' && prefer.value === 'threads')) {
        what = 'thread';
        startMethod = null;
      } else startMethod = chosen === 'multiprocessing' ? this.#workers.startMethod : 'spawn';
      if (value?.kind === 'known' && typeof value.value === 'number' && value.value < 0) value = { kind: 'expression', operator: 'max', operands: [{ kind: 'known', value: 1, type: 'int' }, { kind: 'expression', operator: '+', operands: [{ kind: 'quantity', quantity: 'availableCpus' }, { kind: 'known', value: value.value + 1, type: 'int' }] }] };
    }
    const inProcess = dask && daskStaysInProcess(name, given) === true;
    if (inProcess) {
      what = 'thread';
      startMethod = null;
    }
    const handed = worker?.value;
    const initializer = api.initializer === undefined ? undefined : argument(item.args, api.initializer, api.initializerPosition ?? -1)?.value;
    this.facts.push({
      kind: 'fanOut',
      span: this.#span(item.role === 'with' ? item.call : item),
      scope: item.scope,
      what,
      api: name === 'uvicorn.run' ? 'uvicorn.workers' : name,
      count: value,
      countSpan: range ? this.#span(range) : null,
      startMethod,
      worker: handed?.kind === 'name' ? handed.name : name === 'joblib.Parallel' ? this.#workers.delayedIn(this.#chunk, item) : this.#workers.submittedTo(item.result, item.scope.func, dask),
      ...(initializer && !isNone(initializer) ? { initializer: initializer.kind === 'name' ? initializer.name : 'a function' } : {}),
      ...(dask ? { threadsEach: this.#given(given('threads_per_worker', name.endsWith('LocalCluster') ? 2 : -1), place), passed: this.#passed(given('env', -1)?.value, place) } : {}),
    });
  }

  /** `f.remote(x)` and `Actor.remote()` of Ray start a process, or wait for one that is free. */
  #rayWorkers(name: string, item: CallItem, place: Place): boolean {
    const decorators = this.#names.definition(name)?.decorators ?? this.#names.classItem(name)?.decorators ?? [];
    const remote = decorators.find((decorator) => this.#qualified(decorator.kind === 'call' ? decorator.callee : decorator, place) === 'ray.remote');
    if (!remote) return false;
    this.consultedWorkers = true;
    const given: GivenArgument = (keyword) => (remote.kind === 'call' ? argument(remote.args, keyword, -1) : undefined);
    // The threads of work on a GPU are mostly idle.
    if (given('num_gpus', -1)) return true;
    const copies = this.#copies(item, place);
    const stays = this.#names.isClass(name);
    this.facts.push({
      kind: 'fanOut',
      span: this.#span(item.call),
      scope: item.scope,
      what: 'process',
      api: 'ray.remote',
      count: copies.value,
      countSpan: copies.range ? this.#span(copies.range) : null,
      startMethod: 'spawn',
      worker: stays ? this.#workers.methodOfActor(name) : name,
      reserved: this.#given(given('num_cpus', -1), place),
      stays,
      passed: this.#passed(entryOf(given('runtime_env', -1)?.value, 'env_vars'), place),
    });
    return true;
  }

  #given(given: PythonArgument | undefined, place: Place): Value | null {
    const value = given ? this.#names.value(given.value, place) : null;
    return value?.kind === 'known' && value.type === 'none' ? null : value;
  }

  #passed(variables: Expression | undefined, place: Place): NonNullable<FanOutFact['passed']> {
    return writtenVariables(variables && this.#names.dereference(variables, place)).map(({ name, value }) => ({ name, value: this.#names.value(value, place), span: this.#span(value) }));
  }

  /** `nlp.pipe(texts, n_process=4)` forks. */
  #spacyPipe(item: CallItem, place: Place): void {
    const count = argument(item.args, 'n_process', -1);
    if (!count) return;
    this.facts.push({ kind: 'fanOut', span: this.#span(item), scope: item.scope, what: 'process', api: 'spacy.Language.pipe', count: this.#names.value(count.value, place), countSpan: this.#span(count), startMethod: 'fork', worker: null });
  }

  #contextMethod(expression: Expression, place: Place): Method | null {
    if (expression.kind === 'literal') return startMethodOf(expression) ?? null;
    const target = this.#names.target(expression, place);
    if (target?.kind !== 'instance' || this.#madeBy(target) !== 'multiprocessing.get_context') return null;
    return startMethodOf(argument(target.args, 'method', 0)?.value) ?? null;
  }

  /** How many times the loops around a call make it run. */
  #copies(item: CallItem, place: Place): { readonly value: Value; readonly range: Range | null } {
    if (item.loops.length === 0) {
      return item.scope.loop ? { value: { kind: 'unknown', why: 'depends on how often the loop runs' }, range: null } : { value: { kind: 'known', value: 1, type: 'int' }, range: null };
    }
    const counts: Value[] = [];
    let range: Range | null = null;
    for (const loop of item.loops) {
      const sequence = this.#names.dereference(loop, place);
      if (sequence.kind === 'sequence') counts.push({ kind: 'known', value: sequence.items.length, type: 'int' });
      else if (sequence.kind === 'call' && sequence.callee.kind === 'name' && sequence.callee.name === 'range' && sequence.args.length >= 1 && sequence.args.length <= 2) {
        const [first, second] = sequence.args;
        if (first && !second) counts.push(this.#names.value(first.value, place));
        else if (first && second) counts.push({ kind: 'expression', operator: '-', operands: [this.#names.value(second.value, place), this.#names.value(first.value, place)] });
        if (sequence === loop) range = second ?? first ?? null;
      } else counts.push({ kind: 'unknown', why: 'depends on how often the loop runs' });
    }
    const only = counts[0];
    return { value: counts.length === 1 && only ? only : { kind: 'expression', operator: '*', operands: counts }, range: counts.length === 1 ? range : null };
  }
}

/** Names that people give to numbers of threads and processes. */
/** Names of constants by convention: `N`, `DEFAULT_SIZE`. */
const CONSTANT_NAME = /^[A-Z][A-Z0-9_]*$/;
const QUANTITY_NAME = /thread|worker|cpu|job|parallel|concurren|omp_|mkl|nproc|int(?:er|ra)_?op|(?:^|_)(?:num_|(?:n|num|max)?_?(?:cores?|procs?|processes)(?:_|$))/i;

/** A number that may be one of threads, or a computation with such numbers and with constants. */
function isCount(expression: Expression): boolean {
  switch (expression.kind) {
    case 'literal':
      return expression.type === 'int' && typeof expression.value === 'number' && expression.value >= 0 && expression.value <= MOST_THREADS;
    case 'name':
      return CONSTANT_NAME.test(expression.name.slice(expression.name.lastIndexOf('.') + 1));
    case 'binary':
      return isCount(expression.left) && isCount(expression.right);
    default:
      return false;
  }
}

const MOST_THREADS = 1024;

/** True when an expression counts CPUs or reads the environment. */
function isQuantity(expression: Expression): boolean {
  switch (expression.kind) {
    case 'call':
      return QUANTITY_CALL.test(calleeName(expression.callee)) || expression.args.some((given) => isQuantity(given.value));
    case 'subscript':
      return expression.object.kind === 'name' && /(?:^|\.)environ$/.test(expression.object.name);
    case 'binary':
    case 'or':
    case 'unlessNone':
      return isQuantity(expression.left) || isQuantity(expression.right);
    case 'choice':
      return expression.options.some(isQuantity);
    default:
      return false;
  }
}

const QUANTITY_CALL = /(?:^|\.)(?:cpu_count|process_cpu_count|sched_getaffinity|getenv|environ\.get)$/;

/** Without one of these, `.to(…)` and `device=` mean something else. */
const GPU_LIBRARIES = ['torch', 'transformers', 'sentence_transformers', 'diffusers', 'ultralytics', 'faster_whisper', 'whisper', 'accelerate', 'timm'];

/** Arguments by which estimators are told how many threads or processes to use. */
const JOBS: ReadonlySet<string> = new Set(['n_jobs', 'nthread', 'num_threads', 'thread_count']);

function takesJobs(name: string): boolean {
  return /^(?:sklearn|lightgbm|xgboost|catboost|imblearn|umap|hdbscan)\./.test(name);
}

/** Calls that load an environment file into the environment of the process. */
const LOADS_ENVIRONMENT: ReadonlySet<string> = new Set(['dotenv.load_dotenv', 'dotenv.main.load_dotenv', 'environs.Env.read_env', 'environ.Env.read_env']);

/** The folder above a path; `__file__` stands for the file itself. */
function parentFolder(path: string | null): string | null {
  if (path === null) return null;
  if (path === '__file__') return '.';
  if (path === '.') return '..';
  return path.endsWith('..') ? `${path}/..` : path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '.';
}

function isNone(expression: Expression): boolean {
  return expression.kind === 'literal' && expression.type === 'none';
}

function calleeName(expression: Expression): string {
  return expression.kind === 'name' ? expression.name : '';
}

/** Methods of arrays that run in parallel. */
const ARRAY_METHODS: ReadonlySet<string> = new Set(['matmul', 'mm', 'bmm', 'addmm', 'mv', 'einsum', 'softmax', 'log_softmax']);

function argument(args: readonly PythonArgument[], name: string | null, position: number): PythonArgument | undefined {
  const named = args.find((given) => given.name !== null && given.name === name);
  if (named) return named;
  const given = position >= 0 ? args[position] : undefined;
  return given && given.name === null && !args.slice(0, position + 1).some((before) => before.splat) ? given : undefined;
}

function startMethodOf(expression: Expression | undefined): Method | null {
  const value = expression?.kind === 'literal' ? expression.value : null;
  return value === 'fork' || value === 'spawn' || value === 'forkserver' ? value : null;
}

function isGlobal(target: Target | null, name: string): boolean {
  return target?.kind === 'global' && target.name === name;
}

function literalText(expression: Expression): string | null {
  return expression.kind === 'literal' ? (typeof expression.value === 'string' ? JSON.stringify(expression.value) : String(expression.value)) : null;
}

/** True when a tensor of these sizes is filled by several threads (PyTorch's grain is 32768 elements). */
function fillsMany(args: readonly PythonArgument[]): boolean {
  let elements = 1;
  const sizes = args.filter((given) => given.name === null).flatMap((given) => (given.value.kind === 'sequence' ? given.value.items : [given.value]));
  for (const size of sizes) {
    if (size.kind !== 'literal' || typeof size.value !== 'number') return false;
    elements *= size.value;
  }
  return sizes.length > 0 && elements >= 32768;
}
