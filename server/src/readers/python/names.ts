/** What the names of one file stand for: scopes, bindings, and the values and callables behind them. */
import type { BinaryOperator, Value } from '../../core/value.ts';
import type { Scope } from '../../core/fact.ts';
import { commandOption, argparseOption, destinationOf } from './options.ts';
import { dataClassKind, fieldValue } from './dataClasses.ts';
import { EXTERNAL } from './interest.ts';
import type { BindItem, CallItem, ClassItem, DefineItem, Expression, ImportItem, Item, PythonArgument, PythonSyntax } from './syntax.ts';

/** One chunk with its number. */
export interface NumberedSyntax {
  readonly chunk: number;
  readonly syntax: PythonSyntax;
}

type ExportedItem = ImportItem | BindItem | DefineItem | ClassItem;

interface KnownCall {
  readonly args: readonly PythonArgument[];
  readonly place: Place;
  /** Called on an object, so that the first parameter is not written. */
  readonly bound: boolean;
}

interface WholeFile {
  /** Command-line options that argparse puts into attributes, by the name of the attribute. */
  readonly options: ReadonlyMap<string, DeclaredOption>;
  /** The file calls a function of its own when it runs, rather than only defining things for others. */
  readonly isScript: boolean;
}

/** What one chunk contributes to questions about the whole file; made once for each chunk. */
interface Summary {
  readonly mentions: ReadonlySet<string>;
  /** Attributes that are written from outside their class. */
  readonly written: ReadonlySet<string>;
  /** Names called at the top level. */
  readonly topCalls: readonly string[];
  /** Calls that declare command-line options. */
  readonly optionCalls: readonly CallItem[];
  /** Calls by the last part of what they call. */
  readonly calls: ReadonlyMap<string, readonly NamedCall[]>;
}

/** An `add_argument` call; `ambiguous` when another one fills the same attribute, or something else does. */
interface DeclaredOption {
  readonly args: readonly PythonArgument[];
  readonly place: Place;
  readonly position: number | null;
  ambiguous: boolean;
}

/** Where an expression stands. */
export interface Place {
  readonly scope: Scope;
  readonly order: number;
}

/** What a callable or an object expression refers to. */
export type Target =
  /** Something imported: `torch.set_num_threads`. */
  | { readonly kind: 'global'; readonly name: string }
  | { readonly kind: 'builtin'; readonly name: string }
  /** A function or class of this file. */
  | { readonly kind: 'local'; readonly name: string }
  /** A member (`.run`, or `` for the object itself) of what a call returned. */
  | { readonly kind: 'instance'; readonly constructed: Target; readonly args: readonly PythonArgument[]; readonly place: Place; readonly member: string };

interface Binding {
  item: ImportItem | BindItem | DefineItem | ClassItem;
  readonly chunk: number;
  /** When the name starts to hold it. */
  order: number;
  /** When the value is computed. */
  from: number;
}

interface Found {
  readonly bindings: readonly Binding[];
  /** Qualified name of the function whose name it is; '' for the module. */
  readonly scope: string;
}

const CHUNK_STRIDE = 2 ** 26;
const MAX_DEPTH = 12;
const MAX_ALTERNATIVES = 16;

/** A number that grows along the file. */
export function orderOf(chunk: number, start: number): number {
  return chunk * CHUNK_STRIDE + start;
}

const BUILTINS: ReadonlySet<string> = new Set('int str float bool max min len abs round sum range list tuple dict set print eval exec compile open __import__ getattr input sorted'.split(' '));

/** Methods of modules that return the same object, so that `net = Net().eval()` is still a `Net`. */
const FLUENT: ReadonlySet<string> = new Set(['eval', 'train', 'to', 'cpu', 'cuda', 'half', 'float', 'double', 'bfloat16', 'share_memory', 'requires_grad_', 'to_empty', 'contiguous', 'detach', 'clone']);

export class FileNames {
  #chunks: readonly NumberedSyntax[];
  /** What each chunk exports, in the order of `exportsOf`. */
  readonly #exported: Binding[][] = [];
  /** Where in the file names are called, mentioned and written; made once somebody asked. */
  #index: UseIndex | undefined;
  readonly #module: Map<string, Binding[]>;
  /** Names local to functions, by chunk and function; made when a chunk is first asked about. */
  readonly #locals = new Map<number, ReadonlyMap<string, ReadonlyMap<string, readonly Binding[]>>>();
  readonly #attributes: Map<string, Binding[]>;
  readonly #definitions: Map<string, DefineItem>;
  readonly #classes: Map<string, { readonly item: ClassItem; readonly chunk: number }>;
  /** False when nobody will ask what answers depended on. */
  readonly #notes: boolean;
  readonly #stars: string[] = [];
  readonly #imported = new Set<string>();
  readonly #calls = new Map<string, readonly KnownCall[]>();
  readonly #shared = new Map<string, { readonly target: Target | null; readonly asked: ReadonlySet<string> }>();
  #whole: WholeFile | undefined;
  /** Becomes true when an answer depended on more than the names that chunks export; set it to false before asking. */
  consultedWholeFile = false;
  /** Names that were asked for, whether there is one or not, and chunks whose local names were. */
  #asked = new Set<string>();

  /** What answers depended on besides, since this was asked last: see `changedNames`. */
  takeAsked(): ReadonlySet<string> {
    const asked = this.#asked;
    this.#asked = new Set();
    return asked;
  }

  /** `once` when there will be no other version of the file. */
  constructor(chunks: readonly NumberedSyntax[], once = false) {
    this.#chunks = chunks;
    this.#notes = !once;
    const map = <T>(): Map<string, T> => (once ? new Map<string, T>() : new NotedMap<T>((name) => this.#asked.add(name)));
    this.#module = map();
    this.#attributes = map();
    this.#definitions = map();
    this.#classes = map();
    if (once) for (const { chunk, syntax } of chunks) for (const item of exportedItems(syntax)) this.#add(item, chunk);
    else for (const { chunk, syntax } of chunks) this.#exported.push(exportsOf(syntax).items.map((item) => this.#add(item, chunk)));
  }

  /** Takes over a version of the file whose chunks export the same, if perhaps from other places; `changed` are their positions in the list. */
  replace(chunks: readonly NumberedSyntax[], changed: readonly number[]): void {
    this.#chunks = chunks;
    for (const at of changed) {
      const part = chunks[at];
      if (!part) continue;
      exportsOf(part.syntax).items.forEach((item, i) => {
        const binding = this.#exported[at]?.[i];
        if (!binding) return;
        const before = binding.item;
        Object.assign(binding, bindingOf(item, part.chunk));
        if (item.kind === 'define' && this.#definitions.get(item.name) === before) this.#definitions.set(item.name, item);
        if (item.kind === 'class' && this.#classes.get(item.name)?.item === before) this.#classes.set(item.name, { item, chunk: part.chunk });
      });
      this.#locals.delete(part.chunk);
      this.#index?.replace(at, part.syntax);
    }
    this.#calls.clear();
    this.#shared.clear();
    this.#whole = undefined;
  }

  #add(item: ExportedItem, chunk: number): Binding {
    const binding = bindingOf(item, chunk);
    let name: string;
    switch (item.kind) {
      case 'import':
        this.#imported.add(item.module.split('.', 1)[0] ?? '');
        if (item.scope.func !== null) return binding;
        if (item.member === '*') this.#stars.push(item.target);
        name = item.bound;
        break;
      case 'bind':
        name = item.name;
        break;
      case 'define':
        this.#definitions.set(item.name, item);
        if (item.inClass || item.scope.func !== null) return binding;
        name = item.name;
        break;
      case 'class':
        this.#classes.set(item.name, { item, chunk });
        if (item.inClass || item.scope.func !== null) return binding;
        name = item.name;
        break;
    }
    if (item.kind === 'bind' && item.owner !== null) push(this.#attributes, `${item.owner}.${name}`, binding);
    else push(this.#module, name, binding);
    return binding;
  }

  #localsOf(order: number): ReadonlyMap<string, ReadonlyMap<string, readonly Binding[]>> | undefined {
    const chunk = Math.floor(order / CHUNK_STRIDE);
    if (this.#notes) this.#asked.add(localsKey(chunk));
    const known = this.#locals.get(chunk);
    if (known) return known;
    const syntax = this.#chunks[chunk]?.chunk === chunk ? this.#chunks[chunk]?.syntax : this.#chunks.find((candidate) => candidate.chunk === chunk)?.syntax;
    if (!syntax) return undefined;
    const locals = new Map<string, Map<string, Binding[]>>();
    const globals = globalsOf(syntax.items);
    for (const item of syntax.items) {
      if (item.kind !== 'import' && item.kind !== 'bind' && item.kind !== 'define' && item.kind !== 'class') continue;
      const { func } = item.scope;
      if (func === null || (item.kind === 'bind' && item.owner !== null)) continue;
      if ((item.kind === 'define' || item.kind === 'class') && item.inClass) continue;
      const name = item.kind === 'import' ? item.bound : item.kind === 'bind' ? item.name : lastPart(item.name);
      if (globals.get(func)?.has(name)) continue;
      let names = locals.get(func);
      if (!names) locals.set(func, (names = new Map()));
      push(names, name, bindingOf(item, chunk));
    }
    this.#locals.set(chunk, locals);
    return locals;
  }

  /** What only a look at every chunk can tell. */
  #wholeFile(): WholeFile {
    this.consultedWholeFile = true;
    if (this.#whole) return this.#whole;
    const options = new Map<string, DeclaredOption>();
    const positionals = new Map<string, number>();
    const changed = new Set<string>();
    let commands = false;
    const index = this.#uses();
    const isScript = index.topCalls.some((name) => this.#definitions.has(name));
    for (const at of index.optionChunks) {
      const part = this.#chunks[at];
      for (const item of part ? index.summary(at).optionCalls : []) {
        const name = item.callee.kind === 'name' ? item.callee.name : '';
        if (name.endsWith('.add_argument')) addOption(options, positionals, name, item.args, { scope: item.scope, order: orderOf(part?.chunk ?? 0, item.call.start) });
        else if (name.endsWith('.set_defaults')) for (const given of item.args) changed.add(given.name ?? '');
        else commands = true;
      }
    }
    const whole = { options, isScript };
    for (const [name, option] of whole.options) if (changed.has(name) || (commands && option.position !== null)) option.ambiguous = true;
    this.#whole = whole;
    return whole;
  }

  #uses(): UseIndex {
    this.consultedWholeFile = true;
    return (this.#index ??= new UseIndex(this.#chunks, this.#notes ? summaryOf : summarise));
  }

  /** True when a name is used other than by calling it. */
  #isMentioned(name: string): boolean {
    return this.#uses().mentions.has(name);
  }

  /** True when some object's attribute of this name is written from outside its class. */
  #isWritten(attribute: string): boolean {
    return this.#uses().written.has(attribute);
  }

  /** Calls in this file of one of its functions. */
  #callsOf(func: string): readonly KnownCall[] {
    this.consultedWholeFile = true;
    const known = this.#calls.get(func);
    if (known) return known;
    const calls: KnownCall[] = [];
    // A guard against functions that call each other with their own parameters.
    this.#calls.set(func, calls);
    const constructs = func.endsWith('.__init__') ? func.slice(0, -'.__init__'.length) : null;
    const name = lastPart(constructs ?? func);
    const uses = this.#uses();
    for (const at of uses.callers(lastPart(name))) {
      const part = this.#chunks[at];
      if (!part) continue;
      const { chunk } = part;
      for (const { item, written } of uses.summary(at).calls.get(lastPart(name)) ?? []) {
        if (written !== name && !written.endsWith(`.${name}`)) continue;
        const place: Place = { scope: item.scope, order: orderOf(chunk, item.call.start) };
        const target = this.target(item.callee, place);
        if (target?.kind !== 'local' || target.name !== (constructs ?? func)) continue;
        const cut = written.lastIndexOf('.');
        calls.push({ args: item.args, place, bound: constructs !== null || (cut > 0 && !this.#classes.has(written.slice(0, cut))) });
      }
    }
    return calls;
  }

  /** True when a module-level name is bound at one place of the file, and there for certain. */
  isConstant(name: string): boolean {
    const bindings = this.#module.get(name);
    const only = bindings?.length === 1 ? bindings[0]?.item : undefined;
    return only !== undefined && !only.scope.conditional && !only.scope.loop;
  }

  /** The attributes that other modules may read through a module-level name: those a class of this file declares. */
  attributesOf(name: string, place: Place): readonly string[] {
    const target = this.target({ kind: 'name', name, start: 0, end: 0 }, place);
    const className = target?.kind === 'local' ? target.name : target?.kind === 'instance' && target.member === '' && target.constructed.kind === 'local' ? target.constructed.name : null;
    return (className === null ? undefined : this.#classes.get(className)?.item.fields)?.map((field) => field.name) ?? [];
  }

  /** True when the file imports the package anywhere. */
  imports(topLevelPackage: string): boolean {
    if (this.#notes) this.#asked.add(packageKey(topLevelPackage));
    return this.#imported.has(topLevelPackage);
  }

  definition(name: string): DefineItem | undefined {
    return this.#definitions.get(name);
  }

  classItem(name: string): ClassItem | undefined {
    return this.#classes.get(name)?.item;
  }

  isClass(name: string): boolean {
    return this.#classes.has(name);
  }

  /** Finds a method in a class of this file or in its bases in this file. */
  method(className: string, method: string, depth = 0): string | null {
    if (this.#definitions.has(`${className}.${method}`)) return `${className}.${method}`;
    const found = this.#classes.get(className);
    if (!found || depth > MAX_DEPTH) return null;
    for (const base of found.item.bases) {
      const target = this.target(base, { scope: found.item.scope, order: orderOf(found.chunk, found.item.start) });
      const inherited = target?.kind === 'local' ? this.method(target.name, method, depth + 1) : null;
      if (inherited !== null) return inherited;
    }
    return null;
  }

  /** Qualified names of the imported classes that a class of this file derives from. */
  ancestors(className: string, depth = 0): readonly string[] {
    const found = this.#classes.get(className);
    if (!found || depth > MAX_DEPTH) return [];
    return found.item.bases.flatMap((base) => {
      const target = this.target(base, { scope: found.item.scope, order: orderOf(found.chunk, found.item.start) });
      if (target?.kind === 'global') return [target.name];
      return target?.kind === 'local' ? this.ancestors(target.name, depth + 1) : [];
    });
  }

  /** What an expression refers to, or null when that is not known for certain. */
  target(expression: Expression, place: Place, depth = 0): Target | null {
    if (depth > MAX_DEPTH) return null;
    switch (expression.kind) {
      case 'name':
        return this.#named(expression.name, place, depth);
      case 'attribute': {
        const object = this.target(expression.object, place, depth + 1);
        return object ? this.#member(object, expression.name, depth) : null;
      }
      case 'call': {
        const constructed = this.target(expression.callee, place, depth + 1);
        if (!constructed) return null;
        if (constructed.kind === 'instance') {
          const cut = constructed.member.lastIndexOf('.');
          // `ctx.Pool(4)`: the member decides; fluent methods give the object back.
          if (FLUENT.has(constructed.member.slice(cut + 1)) && cut <= 0) return { ...constructed, member: '' };
        }
        return { kind: 'instance', constructed, args: expression.args, place, member: '' };
      }
      default:
        return null;
    }
  }

  #member(object: Target, rest: string, depth: number): Target | null {
    switch (object.kind) {
      case 'global':
      case 'builtin':
        return { kind: object.kind, name: `${object.name}.${rest}` };
      case 'local':
        return this.#localMember(object.name, rest, depth) ?? { kind: 'local', name: `${object.name}.${rest}` };
      case 'instance': {
        if (object.member === '' && object.constructed.kind === 'local' && this.isClass(object.constructed.name)) {
          const found = this.#localMember(object.constructed.name, rest, depth);
          if (found) return found;
        }
        return { ...object, member: `${object.member}.${rest}` };
      }
    }
  }

  /** A method or an attribute of a class of this file. */
  #localMember(className: string, rest: string, depth: number): Target | null {
    const cut = rest.indexOf('.');
    const first = cut < 0 ? rest : rest.slice(0, cut);
    const method = this.method(className, first);
    if (method !== null) return cut < 0 ? { kind: 'local', name: method } : null;
    const bindings = this.#attributes.get(`${className}.${first}`);
    if (!bindings) return null;
    const target = this.#agree(bindings, depth);
    return target && cut >= 0 ? this.#member(target, rest.slice(cut + 1), depth) : target;
  }

  #named(name: string, place: Place, depth: number): Target | null {
    const cut = name.indexOf('.');
    const head = cut < 0 ? name : name.slice(0, cut);
    const rest = cut < 0 ? '' : name.slice(cut + 1);
    const found = this.#find(head, place);
    if (!found) {
      if (BUILTINS.has(head)) return { kind: 'builtin', name };
      const star = this.#stars.length === 1 ? this.#stars[0] : undefined;
      return star !== undefined && !star.startsWith('.') ? { kind: 'global', name: `${star}.${name}` } : null;
    }
    // Inside a function every binding of a module-level name counts, so the answer is the same everywhere.
    const shared = found.scope === '' && place.scope.func !== null && !found.bindings.some(isConfined);
    const known = shared ? this.#shared.get(head) : undefined;
    let target: Target | null;
    if (known) {
      ({ target } = known);
      for (const key of known.asked) this.#asked.add(key);
    } else if (shared && depth === 0 && !this.#notes) {
      target = this.#agree(candidates(found, place), depth);
      this.#shared.set(head, { target, asked: NOTHING });
    } else if (shared && depth === 0) {
      const before = this.takeAsked();
      target = this.#agree(candidates(found, place), depth);
      const asked = this.#asked;
      this.#shared.set(head, { target, asked });
      this.#asked = new Set([...before, ...asked]);
    } else target = this.#agree(candidates(found, place), depth);
    return target && rest !== '' ? this.#member(target, rest, depth) : target;
  }

  #find(head: string, { scope: { func }, order }: Place): Found | null {
    const locals = func === null ? undefined : this.#localsOf(order);
    for (let scope = func; scope !== null; scope = parentOf(scope)) {
      const bindings = locals?.get(scope)?.get(head);
      if (bindings && isVisible(bindings, order)) return { bindings, scope };
    }
    const bindings = this.#module.get(head);
    return bindings && isVisible(bindings, order) ? { bindings, scope: '' } : null;
  }

  /** What all bindings refer to; of a `try`/`except` pair of imports, what the `try` imports. */
  #agree(bindings: readonly Binding[], depth: number): Target | null {
    let result: Target | null = null;
    let certain = false;
    for (const binding of bindings) {
      const target = this.#bound(binding, depth + 1);
      // `model = None` before the real value says nothing about what is called.
      if (target === null && isNothing(binding)) continue;
      const unconditional = !binding.item.scope.conditional;
      if (bindings.length > 1 && binding.item.kind === 'import' && result !== null && certain && !unconditional) continue;
      if (target === null) return null;
      if (result !== null && !sameTarget(result, target)) {
        if (!(binding.item.kind === 'import' && unconditional && !certain)) return null;
      }
      result = target;
      certain ||= unconditional;
    }
    return result;
  }

  #bound(binding: Binding, depth: number): Target | null {
    const { item } = binding;
    switch (item.kind) {
      case 'import':
        return item.member === '*' ? null : { kind: 'global', name: item.target };
      case 'define':
      case 'class':
        return { kind: 'local', name: item.name };
      case 'bind': {
        const place: Place = { scope: item.scope, order: binding.from };
        if (item.how === 'parameter') {
          const owner = item.index === 0 ? this.#definitions.get(item.scope.func ?? '')?.owner : null;
          return owner ? { kind: 'instance', constructed: { kind: 'local', name: owner }, args: [], place, member: '' } : null;
        }
        return item.how === 'assign' && item.value ? this.target(item.value, place, depth) : null;
      }
    }
  }

  /** Functions of this file that a called loop variable can be: `for run in (a, b): run()`. */
  eachTarget(expression: Expression, place: Place): readonly Target[] {
    if (expression.kind !== 'name' || expression.name.includes('.')) return [];
    const found = this.#find(expression.name, place);
    if (!found) return [];
    return candidates(found, place).flatMap((binding) => {
      const { item } = binding;
      if (item.kind !== 'bind' || item.how !== 'each' || !item.value) return [];
      const at: Place = { scope: item.scope, order: binding.from };
      return (this.#elements(item, at) ?? []).flatMap((element) => {
        const target = this.target(element, at);
        return target?.kind === 'local' ? [target] : [];
      });
    });
  }

  /** The elements a loop variable takes, when they are written out. */
  #elements(item: BindItem, place: Place): readonly Expression[] | null {
    const iterable = item.value ? this.dereference(item.value, place) : null;
    if (iterable?.kind !== 'sequence') return null;
    if (item.index === null) return iterable.items;
    const picked = iterable.items.map((element) => (element.kind === 'sequence' ? element.items[item.index ?? 0] : undefined));
    return picked.every((element) => element !== undefined) ? picked : null;
  }

  /** Follows a name that is bound once to the expression it is bound to. */
  dereference(expression: Expression, place: Place, depth = 0): Expression {
    if (expression.kind !== 'name' || depth > MAX_DEPTH || expression.name.includes('.')) return expression;
    const found = this.#find(expression.name, place);
    const bindings = found ? candidates(found, place) : [];
    const binding = bindings.length === 1 ? bindings[0] : undefined;
    if (binding?.item.kind !== 'bind' || binding.item.how !== 'assign' || !binding.item.value) return expression;
    return this.dereference(binding.item.value, { scope: binding.item.scope, order: binding.from }, depth + 1);
  }

  /** The values a literal key can take: one, or each of a loop over literals; null when not known. */
  strings(expression: Expression, place: Place): readonly string[] | null {
    const value = this.value(expression, place);
    const known = value.kind === 'oneOf' ? value.values : [value];
    const texts: string[] = [];
    for (const option of known) {
      if (option.kind !== 'known' || option.type !== 'string') return null;
      texts.push(String(option.value));
    }
    return texts;
  }

  /** True when the name is bound by a loop over elements that are written out, so that each of them is taken. */
  takesEach(expression: Expression, place: Place): boolean {
    if (expression.kind !== 'name') return false;
    const found = this.#find(expression.name, place);
    const bindings = found ? candidates(found, place) : [];
    const item = bindings.length === 1 ? bindings[0]?.item : undefined;
    return item?.kind === 'bind' && item.how === 'each';
  }

  /** The value of an expression, as far as this file decides it. */
  value(expression: Expression, place: Place, depth = 0): Value {
    const value = this.#value(expression, place, depth);
    // `if args.threads is not None:` is what most conditions around the use of an option without a default ask.
    return depth === 0 && place.scope.conditional ? withoutNothing(value) : value;
  }

  #value(expression: Expression, place: Place, depth: number): Value {
    if (depth > MAX_DEPTH) return { kind: 'unknown', why: 'is too deeply nested' };
    const inner = (part: Expression): Value => this.value(part, place, depth + 1);
    switch (expression.kind) {
      case 'literal':
        return { kind: 'known', value: expression.value, type: expression.type };
      case 'name':
        return this.#namedValue(expression.name, place, depth);
      case 'negative':
        return { kind: 'expression', operator: '-', operands: [{ kind: 'known', value: 0, type: 'int' }, inner(expression.operand)] };
      case 'binary': {
        const { operator } = expression;
        if (!isArithmetic(operator)) return { kind: 'unknown', why: `is computed with \`${operator}\`` };
        const left = inner(expression.left);
        const right = inner(expression.right);
        if (operator === '+' && (isText(left) || isText(right))) return { kind: 'concatenation', parts: [left, right] };
        if (isText(left) || isText(right)) return { kind: 'unknown', why: 'is computed from text' };
        return { kind: 'expression', operator, operands: [left, right] };
      }
      case 'choice':
        return oneOf(expression.options.map(inner));
      case 'or':
        return either(inner(expression.left), inner(expression.right));
      case 'unlessNone':
        return unlessNone(inner(expression.left), inner(expression.right));
      case 'concatenation':
        return { kind: 'concatenation', parts: expression.parts.map(inner) };
      case 'sequence':
      case 'dictionary':
        return { kind: 'known', value: expression.text, type: 'other' };
      case 'subscript': {
        const object = this.target(expression.object, place);
        if (object?.kind === 'global' && object.name === 'os.environ' && expression.key) {
          const names = this.strings(expression.key, place);
          if (names?.length === 1 && names[0] !== undefined) return { kind: 'environment', name: names[0] };
        }
        return { kind: 'unknown', why: 'is looked up at run time' };
      }
      case 'call':
        return this.#called(expression.callee, expression.args, place, depth);
      case 'attribute':
        return { kind: 'unknown', why: `comes from \`.${expression.name}\`` };
      case 'other':
        return { kind: 'unknown', why: expression.why };
    }
  }

  #namedValue(name: string, place: Place, depth: number): Value {
    const cut = name.indexOf('.');
    const head = cut < 0 ? name : name.slice(0, cut);
    const found = this.#find(head, place);
    const asName: Value = { kind: 'name', name };
    if (!found) return asName;
    if (cut >= 0) {
      const rest = name.slice(cut + 1);
      const holder = this.target({ kind: 'name', name: head, start: 0, end: 0 }, place);
      const className = holder?.kind === 'local' ? holder.name : holder?.kind === 'instance' && holder.member === '' && holder.constructed.kind === 'local' ? holder.constructed.name : null;
      if (className !== null && this.isClass(className) && !rest.includes('.') && !this.#writtenOutside(className, rest)) {
        const bindings = this.#attributes.get(`${className}.${rest}`);
        if (bindings) return this.#values(bindings, asName, depth);
      }
      const dots = rest.lastIndexOf('.');
      const attribute = rest.slice(dots + 1);
      const option = this.#wholeFile().options.get(attribute);
      if (option !== undefined && this.#holdsOptions({ kind: 'name', name: dots < 0 ? head : `${head}.${rest.slice(0, dots)}`, start: 0, end: 0 }, place)) return this.#option(attribute, option, depth);
      if (className !== null && holder && !rest.includes('.')) {
        const field = this.#field(className, rest, holder, depth);
        if (field) return field;
      }
      return imported(holder, rest) ?? asName;
    }
    if (found.bindings.length === 1 && found.bindings[0]?.item.kind === 'import') return imported(this.target({ kind: 'name', name: head, start: 0, end: 0 }, place), '') ?? asName;
    return this.#values(candidates(found, place), asName, depth);
  }

  /** True when an attribute's value may come from elsewhere: an assignment to an object, a generated constructor. */
  #writtenOutside(className: string, attribute: string): boolean {
    const found = this.#classes.get(className);
    return this.#isWritten(attribute) || found === undefined || found.item.decorators.length > 0 || this.ancestors(className).some((name) => !isPlainBase(name));
  }

  /** The value of an attribute that a class declares with a default. */
  #field(className: string, attribute: string, holder: Target, depth: number): Value | null {
    const found = this.#classes.get(className);
    if (!found || found.item.fields.length === 0 || this.#isWritten(attribute)) return null;
    const inClass: Place = { scope: found.item.scope, order: orderOf(found.chunk, found.item.end) };
    const qualify = (expression: Expression): string | null => this.#qualify(expression, inClass);
    const kind = dataClassKind(found.item.decorators.map((decorator) => qualify(decorator.kind === 'call' ? decorator.callee : decorator)), found.item.bases.map(qualify));
    if (kind === null || (holder.kind !== 'instance' && kind === 'settings')) return null;
    // An object handed to a method (`self`) was made somewhere else.
    const made = holder.kind === 'instance' ? holder : null;
    if (made && made.place.scope.func !== null && made.args.length === 0 && made.constructed.kind === 'local' && made.place.scope.func.startsWith(`${className}.`)) return null;
    return fieldValue({ item: found.item, kind }, attribute, made?.args ?? [], {
      inClass: (expression) => this.value(expression, inClass, depth + 1),
      inCall: (expression) => this.value(expression, made?.place ?? inClass, depth + 1),
      qualify,
    });
  }

  #qualify(expression: Expression, place: Place): string | null {
    const target = this.target(expression, place);
    return target?.kind === 'global' || target?.kind === 'builtin' ? normalise(target.name) : null;
  }

  #option(attribute: string, { args, place, position, ambiguous }: DeclaredOption, depth: number): Value {
    // Something else may put a value into the attribute too.
    if (ambiguous || this.#isWritten(attribute)) return { kind: 'unknown', why: `depends on the option for \`${attribute}\`` };
    return argparseOption(args, position, (expression) => this.value(expression, place, depth + 1));
  }

  /** True when the expression holds parsed command-line arguments, or is a parameter that may. */
  #holdsOptions(expression: Expression, place: Place, depth = 0): boolean {
    if (depth > 4) return false;
    switch (expression.kind) {
      case 'call':
        return expression.callee.kind === 'name' ? PARSES.test(expression.callee.name) && !expression.args.some((given) => given.value.kind === 'sequence' || given.splat) : expression.callee.kind === 'attribute' && /^parse_(?:known_)?args$/.test(expression.callee.name);
      case 'subscript':
        return this.#holdsOptions(expression.object, place, depth + 1);
      case 'sequence':
        return expression.items[0] !== undefined && this.#holdsOptions(expression.items[0], place, depth + 1);
      case 'name': {
        const cut = expression.name.indexOf('.');
        const head = cut < 0 ? expression.name : expression.name.slice(0, cut);
        const found = this.#find(head, place);
        if (!found) return false;
        let bindings = candidates(found, place);
        if (cut >= 0) {
          // `self.args`, set once from what was parsed.
          const holder = this.target({ kind: 'name', name: head, start: 0, end: 0 }, place);
          const className = holder?.kind === 'instance' && holder.constructed.kind === 'local' ? holder.constructed.name : null;
          bindings = className === null ? [] : (this.#attributes.get(`${className}.${expression.name.slice(cut + 1)}`) ?? []);
        }
        return bindings.length > 0 && bindings.every(({ item, from }) => item.kind === 'bind' && (item.how === 'parameter' || (item.value !== null && item.how === 'assign' && this.#holdsOptions(item.value, { scope: item.scope, order: from }, depth + 1))));
      }
      default:
        return false;
    }
  }

  #values(bindings: readonly Binding[], asName: Value, depth: number): Value {
    const values: Value[] = [];
    for (const binding of bindings) {
      const { item } = binding;
      if (item.kind !== 'bind') return asName;
      const at: Place = { scope: item.scope, order: binding.from };
      if (item.how === 'assign' && item.value) {
        const value = this.value(item.value, at, depth + 1);
        // An object keeps its name, so that rules can tell which object is meant.
        if (value.kind === 'unknown' && item.value.kind === 'call' && bindings.length === 1 && this.target(item.value, at) !== null) return asName;
        values.push(value);
      } else if (item.how === 'each') {
        const elements = this.#elements(item, at);
        const range = elements ? null : this.#range(item, at);
        if (elements) values.push(...elements.map((element) => this.value(element, at, depth + 1)));
        else if (range) values.push(...range);
        else values.push({ kind: 'unknown', why: `changes in the loop over \`${item.name}\`` });
      } else if (item.how === 'parameter') values.push(this.#parameterValue(item, asName, depth));
      else values.push({ kind: 'unknown', why: `\`${item.name}\` is computed at run time` });
      if (values.length > MAX_ALTERNATIVES) return { kind: 'unknown', why: 'has too many possible values' };
    }
    return values.length === 0 ? asName : oneOf(values);
  }

  /** The values of `for n in range(…)` over a few numbers. */
  #range(item: BindItem, place: Place): readonly Value[] | null {
    const { value } = item;
    if (item.index !== null || value?.kind !== 'call' || value.callee.kind !== 'name' || value.callee.name !== 'range') return null;
    const bounds = value.args.map((argument) => {
      const bound = this.value(argument.value, place);
      return bound.kind === 'known' && bound.type === 'int' && typeof bound.value === 'number' ? bound.value : null;
    });
    if (bounds.some((bound) => bound === null)) return null;
    const [first, last, step] = bounds.length === 1 ? [0, bounds[0] ?? 0, 1] : [bounds[0] ?? 0, bounds[1] ?? 0, bounds[2] ?? 1];
    if (step <= 0 || (last - first) / step > MAX_ALTERNATIVES) return null;
    const values: Value[] = [];
    for (let n = first; n < last; n += step) values.push({ kind: 'known', value: n, type: 'int' });
    return values.length > 0 ? values : null;
  }

  /** A parameter is what the calls in this file pass; with none of them, it is not known. */
  #parameterValue(item: BindItem, asName: Value, depth: number): Value {
    const func = item.scope.func ?? '';
    this.consultedWholeFile = true;
    const calls = this.#callsOf(func);
    const definition = this.#definitions.get(func);
    if (definition) {
      const outside: Place = { scope: definition.scope, order: Number.MAX_SAFE_INTEGER };
      const option = commandOption(definition, { name: item.name, value: item.value, annotation: item.annotation ?? null }, (expression) => this.#qualify(expression, outside), (expression) => this.value(expression, outside, depth + 1));
      if (option) return option;
    }
    if (calls.length === 0 || !definition || item.index === null || item.index < 0 || depth > 4 || !this.#callsAreKnown(definition)) {
      return item.value ? { kind: 'unknown', why: `depends on the parameter \`${item.name}\`` } : asName;
    }
    const values: Value[] = [];
    for (const call of calls) {
      const shift = definition.owner !== null && call.bound ? 1 : 0;
      if (call.args.some((argument) => argument.splat)) return asName;
      const named = call.args.find((argument) => argument.name === item.name);
      const positional = call.args.filter((argument) => argument.name === null)[item.index - shift];
      const given = named ?? positional;
      if (given) values.push(this.value(given.value, call.place, depth + 2));
      else if (item.value) values.push(this.value(item.value, { scope: { ...item.scope, func: parentOf(func) }, order: Number.MAX_SAFE_INTEGER }, depth + 2));
      else return asName;
    }
    return oneOf(values);
  }

  /** True when the calls in this file can be taken for all calls: nothing wraps the function or hands it on, and the file is a script. */
  #callsAreKnown(definition: DefineItem): boolean {
    const { name, decorators } = definition;
    const className = name.endsWith('.__init__') ? name.slice(0, -'.__init__'.length) : name;
    const whole = this.#wholeFile();
    if (!whole.isScript || this.#isMentioned(lastPart(className))) return false;
    return decorators.every((decorator) => {
      const place: Place = { scope: definition.scope, order: Number.MAX_SAFE_INTEGER };
      const target = this.target(decorator.kind === 'call' ? decorator.callee : decorator, place);
      return target?.kind === 'global' && /^torch\.(?:inference_mode|no_grad)$/.test(normalise(target.name));
    });
  }

  #called(callee: Expression, args: readonly PythonArgument[], place: Place, depth: number): Value {
    const target = this.target(callee, place, depth);
    const first = args[0];
    const plain = args.every((argument) => !argument.splat);
    const inner = (argument: PythonArgument): Value => this.value(argument.value, place, depth + 1);
    const text = callee.kind === 'name' ? callee.name : 'a call';
    if (target?.kind === 'builtin' && plain) {
      switch (target.name) {
        case 'int':
        case 'str':
        case 'float':
        case 'bool':
          if (args.length === 1 && first && first.name === null) return { kind: 'conversion', to: target.name, operand: inner(first) };
          break;
        case 'max':
        case 'min':
          if (args.length >= 2 && args.every((argument) => argument.name === null)) return { kind: 'expression', operator: target.name, operands: args.map(inner) };
          break;
        case 'abs':
        case 'round': {
          const value = first && args.length === 1 ? inner(first) : null;
          if (value?.kind === 'known' && value.type === 'int') return { ...value, value: Math.abs(Number(value.value)) };
          break;
        }
        case 'len': {
          if (!first) break;
          const measured = first.value.kind === 'call' ? this.target(first.value.callee, place) : null;
          if (measured?.kind === 'global' && measured.name === 'os.sched_getaffinity' && first.value.kind === 'call' && isZero(first.value.args[0])) return { kind: 'quantity', quantity: 'affinityCpus' };
          const sequence = this.dereference(first.value, place);
          if (sequence.kind === 'sequence') return { kind: 'known', value: sequence.items.length, type: 'int' };
          break;
        }
      }
    }
    const reads = environmentReader(target);
    if (reads !== null && plain) {
      const names = first && first.name === null ? this.strings(first.value, place) : null;
      const name = names?.length === 1 ? names[0] : undefined;
      const given = args.find((argument) => argument.name === 'default') ?? (reads.positional ? args.filter((argument) => argument.name === null)[1] : undefined);
      const cast = args.find((argument) => argument.name === 'cast')?.value;
      const to = reads.to ?? (cast?.kind === 'name' && (cast.name === 'int' || cast.name === 'float' || cast.name === 'bool' || cast.name === 'str') ? cast.name : cast ? null : 'str');
      if (name !== undefined && to !== null) {
        const operand: Value = { kind: 'environment', name, ...(reads.file ? { fallback: { kind: 'unknown' as const, why: 'may come from a settings file' } } : given ? { fallback: inner(given) } : {}) };
        return to === 'str' ? operand : { kind: 'conversion', to, operand };
      }
    }
    if (target?.kind === 'global') {
      switch (normalise(target.name)) {
        case 'os.cpu_count':
        case 'multiprocessing.cpu_count':
          return { kind: 'quantity', quantity: 'logicalCpus' };
        case 'os.process_cpu_count':
          return { kind: 'quantity', quantity: 'affinityCpus' };
        case 'psutil.cpu_count': {
          const logical = (args.find((argument) => argument.name === 'logical') ?? args.find((argument) => argument.name === null))?.value;
          if (!logical) return { kind: 'quantity', quantity: 'logicalCpus' };
          if (logical.kind === 'literal') return { kind: 'quantity', quantity: logical.value === false || logical.value === 0 ? 'physicalCores' : 'logicalCpus' };
          break;
        }
        case 'os.getenv':
        case 'os.environ.get': {
          const names = first ? this.strings(first.value, place) : null;
          const name = names?.length === 1 ? names[0] : undefined;
          if (name === undefined) break;
          const fallback = args.find((argument) => argument.name === 'default') ?? args[1];
          return fallback ? { kind: 'environment', name, fallback: inner(fallback) } : { kind: 'environment', name };
        }
        // A device stands for its name, wherever it is kept until it is used.
        case 'torch.device':
          if (first) return inner(first);
          break;
      }
    }
    return { kind: 'unknown', why: `comes from \`${text}(…)\`` };
  }
}

/** What one chunk offers to the others, and a text that is equal for two chunks that offer the same. */
export interface Exports {
  readonly items: readonly ExportedItem[];
  readonly key: string;
}

const exported = new WeakMap<PythonSyntax, Exports>();

/** The names a chunk defines for the rest of the file; computed once for each chunk. */
export function exportsOf(syntax: PythonSyntax): Exports {
  const known = exported.get(syntax);
  if (known) return known;
  const items = exportedItems(syntax);
  let key: string | undefined;
  // Only an edit asks for the key.
  const result: Exports = {
    items,
    get key() {
      return (key ??= items.map(keyOf).join('\n'));
    },
  };
  exported.set(syntax, result);
  return result;
}

function exportedItems(syntax: PythonSyntax): readonly ExportedItem[] {
  const globals = globalsOf(syntax.items);
  const items: ExportedItem[] = [];
  for (const item of syntax.items) {
    switch (item.kind) {
      case 'import':
      case 'define':
      case 'class':
        items.push(item);
        break;
      case 'bind':
        if (item.owner !== null || item.scope.func === null) items.push(item);
        // What a function does to a global happens at a time not known here.
        else if (globals.get(item.scope.func)?.has(item.name)) items.push({ ...item, scope: { ...item.scope, conditional: true } });
        break;
    }
  }
  return items;
}

/** How the keys of local names begin. */
export const LOCALS = 'locals of ';

/** The key under which `takeAsked` lists the local names of a chunk. */
export function localsKey(chunk: number): string {
  return `${LOCALS}${chunk}`;
}

function packageKey(topLevelPackage: string): string {
  return `import of ${topLevelPackage}`;
}

/** What two lists of chunks export differently, by the keys under which `takeAsked` lists it; null when anything may be different. */
export function changedNames(before: readonly PythonSyntax[], now: readonly PythonSyntax[]): ReadonlySet<string> | null {
  const [a, b] = [before, now].map((chunks) => chunks.flatMap((syntax) => exportsOf(syntax).items.map((item) => ({ item, key: keyOf(item) })))) as [KeyedItem[], KeyedItem[]];
  let start = 0;
  while (start < a.length && start < b.length && a[start]?.key === b[start]?.key) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end]?.key === b[b.length - 1 - end]?.key) end++;
  const names = new Set<string>();
  for (const { item } of [...a.slice(start, a.length - end), ...b.slice(start, b.length - end)]) {
    if (item.kind === 'import') {
      if (item.member === '*') return null;
      names.add(packageKey(item.module.split('.', 1)[0] ?? ''));
      names.add(item.bound);
    } else names.add(item.kind === 'bind' && item.owner !== null ? `${item.owner}.${item.name}` : item.name);
  }
  return names;
}

interface KeyedItem {
  readonly item: ExportedItem;
  readonly key: string;
}

/** A map that tells which names it is asked for. */
class NotedMap<T> extends Map<string, T> {
  readonly #note: (name: string) => void;

  constructor(note: (name: string) => void) {
    super();
    this.#note = note;
  }

  override get(name: string): T | undefined {
    this.#note(name);
    return super.get(name);
  }

  override has(name: string): boolean {
    this.#note(name);
    return super.has(name);
  }
}

/** Everything about an exported name but where it stands. */
function keyOf(item: ExportedItem): string {
  const { func, conditional, loop } = item.scope;
  const where = `${func ?? ''}|${conditional ? 1 : 0}${loop ? 1 : 0}`;
  switch (item.kind) {
    case 'import':
      return `import ${where} ${item.bound} ${item.target} ${item.member ?? ''}`;
    case 'define':
      return `def ${where} ${item.name} ${item.owner ?? ''} ${item.parameters.join()} ${JSON.stringify(item.decorators, withoutPlaces)}`;
    case 'class':
      return `class ${where} ${item.name} ${JSON.stringify([item.decorators, item.bases, item.fields, item.config], withoutPlaces)}`;
    case 'bind':
      return `bind ${where} ${item.owner ?? ''}.${item.name} ${item.how} ${item.index} ${item.confined} ${item.annotation ?? ''} ${JSON.stringify(item.value, withoutPlaces)}`;
  }
}

function withoutPlaces(key: string, value: unknown): unknown {
  return key === 'start' || key === 'end' ? undefined : value;
}

interface NamedCall {
  readonly item: CallItem;
  /** The callee as written. */
  readonly written: string;
}

const NOTHING: ReadonlySet<string> = new Set();
const NO_SUMMARY: Summary = { mentions: NOTHING, written: NOTHING, topCalls: [], optionCalls: [], calls: new Map() };

const summaries = new WeakMap<PythonSyntax, Summary>();

/** Kept with the chunk, because most chunks outlive an edit. */
function summaryOf(syntax: PythonSyntax): Summary {
  let summary = summaries.get(syntax);
  if (!summary) summaries.set(syntax, (summary = summarise(syntax)));
  return summary;
}

function summarise(syntax: PythonSyntax): Summary {
  const written = new Set<string>();
  const topCalls: string[] = [];
  const optionCalls: CallItem[] = [];
  const calls = new Map<string, NamedCall[]>();
  for (const item of syntax.items) {
    if (item.kind === 'field' && !item.own) written.add(item.name);
    if (item.kind !== 'call' || item.callee.kind !== 'name') continue;
    const { name } = item.callee;
    if (item.scope.func === null) topCalls.push(name);
    if (/\.(?:add_argument|set_defaults|add_subparsers)$/.test(name)) optionCalls.push(item);
    push(calls, lastPart(name), { item, written: name });
  }
  return { mentions: new Set(syntax.mentions), written, topCalls, optionCalls, calls };
}

/** Counts how many chunks hold a name. */
class Tally {
  readonly #counts = new Map<string, number>();

  count(names: Iterable<string>, by: 1 | -1): void {
    for (const name of names) {
      const count = (this.#counts.get(name) ?? 0) + by;
      if (count > 0) this.#counts.set(name, count);
      else this.#counts.delete(name);
    }
  }

  has(name: string): boolean {
    return this.#counts.has(name);
  }

  some(test: (name: string) => boolean): boolean {
    for (const name of this.#counts.keys()) if (test(name)) return true;
    return false;
  }
}

/** The summaries of a file's chunks, by name; an edit changes those of its own chunk only. */
class UseIndex {
  readonly mentions = new Tally();
  readonly written = new Tally();
  readonly topCalls = new Tally();
  readonly #summaries: Summary[];
  readonly #callers = new Map<string, Set<number>>();

  constructor(chunks: readonly NumberedSyntax[], summaryOfChunk: (syntax: PythonSyntax) => Summary) {
    this.#summaries = chunks.map(({ syntax }) => summaryOfChunk(syntax));
    this.#summaries.forEach((summary, at) => this.#count(summary, at, 1));
  }

  replace(at: number, syntax: PythonSyntax): void {
    const before = this.#summaries[at];
    if (before) this.#count(before, at, -1);
    this.#count((this.#summaries[at] = summaryOf(syntax)), at, 1);
  }

  #count({ mentions, written, topCalls, calls }: Summary, at: number, by: 1 | -1): void {
    this.mentions.count(mentions, by);
    this.written.count(written, by);
    this.topCalls.count(topCalls, by);
    for (const name of calls.keys()) {
      const callers = this.#callers.get(name);
      if (by === -1) callers?.delete(at);
      else if (callers) callers.add(at);
      else this.#callers.set(name, new Set([at]));
    }
  }

  summary(at: number): Summary {
    return this.#summaries[at] ?? NO_SUMMARY;
  }

  /** Positions of the chunks that call something of this name, in document order. */
  callers(name: string): readonly number[] {
    return [...(this.#callers.get(name) ?? [])].sort((a, b) => a - b);
  }

  /** Positions of the chunks that declare command-line options. */
  get optionChunks(): readonly number[] {
    return this.#summaries.flatMap(({ optionCalls }, at) => (optionCalls.length > 0 ? [at] : []));
  }
}

function globalsOf(items: readonly Item[]): ReadonlyMap<string, ReadonlySet<string>> {
  const globals = new Map<string, Set<string>>();
  for (const item of items) {
    if (item.kind !== 'global' || item.scope.func === null) continue;
    const names = globals.get(item.scope.func) ?? new Set();
    for (const name of item.names) names.add(name);
    globals.set(item.scope.func, names);
  }
  return globals;
}

function bindingOf(item: ExportedItem, chunk: number): Binding {
  return { item, chunk, order: orderOf(chunk, item.kind === 'bind' ? item.end : item.start), from: orderOf(chunk, item.start) };
}

/** Notes an `add_argument` call. */
function addOption(options: Map<string, DeclaredOption>, positionals: Map<string, number>, callee: string, args: readonly PythonArgument[], place: Place): void {
  const name = destinationOf(args);
  if (name === null) return;
  const first = args.find((given) => given.name === null)?.value;
  const positional = first?.kind === 'literal' && !String(first.value).startsWith('-');
  const position = positionals.get(callee) ?? 0;
  // What follows a positional argument that takes several words stands at no known place.
  if (positional) positionals.set(callee, args.some((given) => given.name === 'nargs') ? Number.NaN : position + 1);
  const other = options.get(name);
  options.set(name, { args, place, position: positional && !Number.isNaN(position) ? position : null, ambiguous: other !== undefined });
}

function isVisible(bindings: readonly Binding[], order: number): boolean {
  return bindings.some((binding) => !isConfined(binding) || covers(binding, order));
}

/** The bindings that can hold where a name is used. */
function candidates(found: Found, place: Place): readonly Binding[] {
  const { bindings } = found;
  // Inside a loop the loop decides its variable, unless the body assigns it again.
  let innermost: Binding | undefined;
  for (const binding of bindings) if (covers(binding, place.order)) innermost = binding;
  if (innermost && !bindings.some((other) => other !== innermost && innermost !== undefined && other.order > innermost.order && covers(innermost, other.order) && !isConfined(other))) return [innermost];
  const lasting = bindings.some(isConfined) ? bindings.filter((binding) => !isConfined(binding)) : bindings;
  if (lasting.length <= 1 || (place.scope.func ?? '') !== found.scope) return lasting;
  const before = lasting.filter((binding) => binding.order <= place.order);
  if (before.length === 0) return lasting;
  const last = before.findLastIndex(({ item }) => !item.scope.conditional && !item.scope.loop);
  const holding = before.slice(Math.max(0, last));
  return place.scope.loop ? [...holding, ...lasting.filter((binding) => binding.order > place.order && binding.item.scope.loop)] : holding;
}

function covers({ item, chunk }: Binding, order: number): boolean {
  return item.kind === 'bind' && item.extent !== null && orderOf(chunk, item.extent.start) <= order && order < orderOf(chunk, item.extent.end);
}

function isConfined({ item }: Binding): boolean {
  return item.kind === 'bind' && item.confined;
}

/** The name the API is documented under, for names imported from where it is implemented. */
export function normalise(name: string): string {
  if (name.startsWith('torch.multiprocessing.') && !/\.(?:spawn|start_processes)$/.test(name)) return normalise(name.slice('torch.'.length));
  return ALIASES.get(name) ?? name;
}

const ALIASES: ReadonlyMap<string, string> = new Map([
  ['distributed.LocalCluster', 'dask.distributed.LocalCluster'],
  ['distributed.Client', 'dask.distributed.Client'],
  ['openvino.runtime.Core', 'openvino.Core'],
  ['multiprocessing.pool.Pool', 'multiprocessing.Pool'],
  ['multiprocessing.process.Process', 'multiprocessing.Process'],
  ['multiprocessing.context.Process', 'multiprocessing.Process'],
  ['multiprocessing.dummy.Pool', 'multiprocessing.pool.ThreadPool'],
  ['torch.multiprocessing.spawn.spawn', 'torch.multiprocessing.spawn'],
  ['torch.multiprocessing.spawning.spawn', 'torch.multiprocessing.spawn'],
  ['concurrent.futures.process.ProcessPoolExecutor', 'concurrent.futures.ProcessPoolExecutor'],
  ['concurrent.futures.thread.ThreadPoolExecutor', 'concurrent.futures.ThreadPoolExecutor'],
  ['torch.utils.data.dataloader.DataLoader', 'torch.utils.data.DataLoader'],
  ['torch.utils.benchmark.utils.timer.Timer', 'torch.utils.benchmark.Timer'],
  ['torch.autograd.no_grad', 'torch.no_grad'],
  ['torch.autograd.grad_mode.no_grad', 'torch.no_grad'],
  ['torch.autograd.inference_mode', 'torch.inference_mode'],
  ['torch.autograd.grad_mode.inference_mode', 'torch.inference_mode'],
  ['os.environ.__setitem__', 'os.environ.__setitem__'],
]);

function push<T>(map: Map<string, T[]>, name: string, entry: T): void {
  const list = map.get(name);
  if (list) list.push(entry);
  else map.set(name, [entry]);
}

/** Bases that write no attributes of their own from arguments. */
function isPlainBase(name: string): boolean {
  return name === 'torch.nn.Module' || name === 'torch.nn.modules.module.Module' || name === 'abc.ABC' || name === 'threading.Thread' || name === 'multiprocessing.Process' || name === 'torch.utils.data.Dataset';
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function parentOf(func: string): string | null {
  return func.includes('.') ? func.slice(0, func.lastIndexOf('.')) : null;
}

function isNothing({ item }: Binding): boolean {
  return item.kind === 'bind' && item.value?.kind === 'literal' && item.value.type === 'none';
}

function isZero(argument: PythonArgument | undefined): boolean {
  return argument?.value.kind === 'literal' && argument.value.value === 0;
}

function sameTarget(a: Target, b: Target): boolean {
  if (a.kind === 'instance' || b.kind === 'instance') {
    return a.kind === 'instance' && b.kind === 'instance' && a.member === b.member && sameTarget(a.constructed, b.constructed);
  }
  return a.kind === b.kind && a.name === b.name;
}

function isArithmetic(operator: string): operator is BinaryOperator {
  return operator === '+' || operator === '-' || operator === '*' || operator === '/' || operator === '//' || operator === '%';
}

function isText(value: Value): boolean {
  return value.kind === 'concatenation' || (value.kind === 'known' && value.type === 'string') || (value.kind === 'conversion' && value.to === 'str') || (value.kind === 'environment' && value.fallback === undefined);
}

function oneOf(values: readonly Value[]): Value {
  const flat = values.flatMap((value) => (value.kind === 'oneOf' ? value.values : [value]));
  const distinct = flat.filter((value, index) => flat.findIndex((other) => JSON.stringify(other) === JSON.stringify(value)) === index);
  const only = distinct[0];
  return distinct.length === 1 && only ? only : { kind: 'oneOf', values: distinct };
}

/** Python's `a or b`. */
function either(left: Value, right: Value): Value {
  switch (left.kind) {
    case 'known':
      return left.type !== 'other' && !left.value ? right : left;
    case 'quantity':
      return left;
    case 'environment':
      return { kind: 'environment', name: left.name, fallback: left.fallback ? either(left.fallback, right) : right };
    case 'option':
    case 'conversion':
    case 'expression':
      return { kind: 'expression', operator: 'or', operands: [left, right] };
    default:
      return { kind: 'unknown', why: 'is the first of two values that is not empty' };
  }
}

/** Python's `a if a is not None else b`. */
function unlessNone(left: Value, right: Value): Value {
  switch (left.kind) {
    case 'known':
      return left.type === 'none' ? right : left;
    case 'option':
      return { ...left, fallback: left.fallback ? unlessNone(left.fallback, right) : right };
    case 'environment':
      return { ...left, fallback: left.fallback ? unlessNone(left.fallback, right) : right };
    case 'quantity':
    case 'conversion':
    case 'expression':
    case 'concatenation':
      return left;
    default:
      return oneOf([left, right]);
  }
}

/** An option that is not passed says nothing under a condition, because the condition may be that it is passed. */
function withoutNothing(value: Value): Value {
  switch (value.kind) {
    case 'option':
      return value.fallback?.kind === 'known' && value.fallback.type === 'none' ? { ...value, fallback: { kind: 'unknown', why: `is nothing unless \`${value.names[0] ?? 'the argument'}\` is passed` } } : value;
    case 'conversion':
      return { ...value, operand: withoutNothing(value.operand) };
    case 'oneOf':
      return { ...value, values: value.values.map(withoutNothing) };
    default:
      return value;
  }
}

/** How a call of environs or decouple reads a variable; `file` = a settings file may give it too. Null for other calls. */
function environmentReader(target: Target | null): { readonly to: 'int' | 'float' | 'bool' | 'str' | null; readonly positional: boolean; readonly file: boolean } | null {
  if (target?.kind === 'global' && (target.name === 'decouple.config' || target.name === 'starlette.config.Config')) return { to: null, positional: false, file: true };
  if (target?.kind !== 'instance' || target.constructed.kind !== 'global' || !/^(?:environs\.Env|environs\.env|environ\.Env)$/.test(target.constructed.name)) return null;
  switch (target.member) {
    case '.int':
    case '.float':
    case '.bool':
      return { to: target.member.slice(1) as 'int' | 'float' | 'bool', positional: true, file: false };
    case '.str':
      return { to: 'str', positional: true, file: false };
    default:
      return null;
  }
}

/** The qualified name of something imported from a module that may be a file of the workspace. */
function imported(target: Target | null, rest: string): Value | null {
  if (target?.kind !== 'global' || EXTERNAL.has(target.name.split('.', 1)[0] ?? '')) return null;
  return { kind: 'name', name: rest === '' ? target.name : `${target.name}.${rest}` };
}

/** Calls that return what the command line says. */
const PARSES = /(?:^|[._])parse_(?:known_)?args$|^(?:parse|get|read)_?(?:cli|cmd|command_line|arguments|args|opts?|options)$/;
