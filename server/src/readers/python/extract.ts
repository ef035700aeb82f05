/** Reads the syntax of one chunk into plain items, without resolving any name. */
import { TOP_LEVEL, type Scope } from '../../core/fact.ts';
import { readArguments, shorten, toExpression } from './expression.ts';
import { conditionOf, importItems, type Condition } from './imports.ts';
import { child, childOfType } from '../syntaxNode.ts';
import type { PythonNode } from './pythonNode.ts';
import type { BindItem, CallItem, ClassField, ClassItem, Expression, Item, PythonSyntax, Range, SyntaxGap } from './syntax.ts';

/** More errors than this in one chunk say nothing new. */
const MAX_GAPS = 8;

const MAX_FIELDS = 128;

/** Calls of these say nothing about threads and start none; as parts of values they are still read. */
const SILENT_BUILTINS: ReadonlySet<string> = new Set(
  ('abs all any bool bytes callable chr dict divmod enumerate filter float format frozenset getattr hasattr hash id input int isinstance issubclass iter len list map max min next object open ord pow print property range repr ' +
    'reversed round set setattr slice sorted str sum super tuple type vars zip ValueError RuntimeError TypeError KeyError NotImplementedError Exception AssertionError').split(' '),
);

/** Builtins that only look at their arguments: a function given to one of them is not called by it. */
const LOOKING_BUILTINS: ReadonlySet<string> = new Set('bool bytes format hash id int isinstance issubclass float len print range repr round str type abs ValueError RuntimeError TypeError KeyError Exception AssertionError'.split(' '));

/** Methods of text and containers: whatever the object is, they run no threads. */
const SILENT_METHODS: ReadonlySet<string> = new Set(
  'append extend insert join format split rsplit strip lstrip rstrip items keys values startswith endswith replace lower upper title encode decode sort reverse splitlines isdigit group groups capitalize zfill ljust rjust'.split(' '),
);

const SUPPRESSION = /^#\s*threadgauge:\s*ignore(?:\[([^\]]*)\])?\s*(.*)$/i;

/** Exceptions whose handler also catches a RuntimeError. */
const CATCHES_RUNTIME_ERROR = /(?:^|\.)(?:RuntimeError|Exception|BaseException)$/;

interface Context {
  readonly scope: Scope;
  /** Qualified name under which definitions in this block are known, with a trailing dot. */
  readonly prefix: string;
  /** The class, directly in whose body we are. */
  readonly classBody: string | null;
  /** The class and first parameter of the method we are in. */
  readonly self: { readonly owner: string; readonly name: string } | null;
  readonly loops: readonly Expression[];
  /** False under `if TYPE_CHECKING`. */
  readonly runs: boolean;
  /** The simple statement we are in. */
  readonly statement: Range | null;
  readonly role: CallItem['role'];
  readonly result: string | null;
}

const START: Context = { scope: TOP_LEVEL, prefix: '', classBody: null, self: null, loops: [], runs: true, statement: null, role: 'plain', result: null };

/** Items and gaps of a chunk in source order; `whole` when the grammar could place everything. */
export function extract(root: PythonNode, text: string, whole = false): PythonSyntax {
  const extraction = new Extraction(text);
  extraction.block(root, START);
  if (!whole) extraction.errors(root);
  return { items: extraction.items, mentions: [...extraction.mentions].sort(), gaps: extraction.gaps };
}

class Extraction {
  readonly items: Item[] = [];
  readonly gaps: SyntaxGap[] = [];
  readonly mentions = new Set<string>();
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The statements of a block, in order. */
  block(node: PythonNode, context: Context): void {
    let current = context;
    for (const statement of node.children) {
      this.#statement(statement, current);
      // After `if …: return` the rest of a function may not run.
      if (current.scope.func !== null && !current.scope.conditional && statement.type === 'if_statement' && mayLeave(statement)) {
        current = { ...current, scope: { ...current.scope, conditional: true } };
      }
    }
  }

  /** One gap for each outermost part that the grammar could not place. */
  errors(node: PythonNode): void {
    if (this.gaps.length >= MAX_GAPS) return;
    if (node.type === 'ERROR' || node.missing) {
      const line = shorten(this.#text.slice(node.start, node.end), 40);
      this.gaps.push({
        start: node.start,
        end: Math.max(node.start, node.end),
        reason: 'syntax',
        message: node.missing ? 'Something is missing here for this to be valid Python.' : `This is not valid Python and was read only in part: \`${line}\`.`,
      });
      return;
    }
    for (const part of node.children) this.errors(part);
  }

  #statement(node: PythonNode, context: Context): void {
    switch (node.type) {
      case 'comment':
        this.#comment(node, context);
        return;
      case 'import_statement':
      case 'import_from_statement':
        this.#import(node, context);
        return;
      case 'expression_statement':
        for (const part of node.children) this.#visit(part, { ...context, statement: node });
        return;
      case 'return_statement':
      case 'raise_statement':
      case 'assert_statement':
      case 'print_statement':
      case 'exec_statement':
        for (const part of node.children) this.#visit(part, { ...context, statement: node });
        return;
      case 'delete_statement':
        this.#delete(node, context);
        return;
      case 'global_statement':
      case 'nonlocal_statement':
        this.items.push({ kind: 'global', start: node.start, end: node.end, scope: context.scope, names: node.children.map((name) => this.#source(name)) });
        return;
      case 'if_statement':
        this.#if(node, context);
        return;
      case 'for_statement':
        this.#for(node, context);
        return;
      case 'while_statement':
        this.#while(node, context);
        return;
      case 'try_statement':
        this.#try(node, context);
        return;
      case 'with_statement':
        this.#with(node, context);
        return;
      case 'match_statement': {
        for (const part of node.children) if (part.field === 'subject') this.#visit(part, context);
        const body = child(node, 'body');
        if (body) {
          for (const clause of body.children) {
            if (clause.type === 'comment') this.#comment(clause, context);
            for (const part of clause.children) {
              if (part.type === 'case_pattern') this.#captures(part, context);
              else if (part.type === 'block') this.block(part, conditional(context));
              else if (part.type === 'if_clause') for (const guard of part.children) this.#visit(guard, conditional(context));
            }
          }
        }
        return;
      }
      case 'function_definition':
        this.#function(node, node, [], context);
        return;
      case 'class_definition':
        this.#class(node, [], context);
        return;
      case 'decorated_definition': {
        const decorators: Expression[] = [];
        for (const part of node.children) {
          if (part.type !== 'decorator') continue;
          const inner = part.children.find((x) => x.type !== 'comment');
          if (!inner) continue;
          decorators.push(toExpression(inner, this.#text));
          this.#visit(inner, { ...context, statement: part, role: 'decorator' });
        }
        const definition = child(node, 'definition');
        if (definition?.type === 'function_definition') this.#function(definition, node, decorators, context);
        else if (definition) this.#class(definition, decorators, context);
        return;
      }
      case 'block':
      case 'module':
        this.block(node, context);
        return;
      case 'ERROR':
        this.#broken(node, context);
        return;
      default:
        // Expressions that stand where the grammar recovered from an error, and statements without parts.
        this.#visit(node, context);
    }
  }

  /** What can be saved from a part that is not valid: its statements and calls; nothing in it is certain to run. */
  #broken(node: PythonNode, context: Context): void {
    const inner = conditional(context);
    for (const part of node.children) this.#statement(part, inner);
  }

  #source(node: Range): string {
    return this.#text.slice(node.start, node.end);
  }

  #comment(node: PythonNode, context: Context): void {
    const match = SUPPRESSION.exec(this.#source(node));
    if (!match) return;
    const text = this.#text;
    let lineStart = node.start;
    while (lineStart > 0 && !isLineEnd(text.charCodeAt(lineStart - 1))) lineStart--;
    const alone = text.slice(lineStart, node.start).trim() === '';
    let start = lineStart;
    if (alone) {
      // Further comment lines may stand between; the next line with code is meant.
      start = node.end;
      for (;;) {
        while (start < text.length && !isLineEnd(text.charCodeAt(start))) start++;
        while (start < text.length && isLineEnd(text.charCodeAt(start))) start++;
        let first = start;
        while (text.charCodeAt(first) === 32 || text.charCodeAt(first) === 9) first++;
        if (start >= text.length || (text.charCodeAt(first) !== 35 && !isLineEnd(text.charCodeAt(first)))) break;
      }
    }
    let end = start;
    while (end < text.length && !isLineEnd(text.charCodeAt(end))) end++;
    const rules = match[1] === undefined ? null : match[1].split(',').map((rule) => rule.trim()).filter((rule) => rule !== '');
    this.items.push({ kind: 'suppress', start: node.start, end: node.end, scope: context.scope, rules, reason: (match[2] ?? '').trim(), target: { start, end } });
  }

  #import(node: PythonNode, context: Context): void {
    for (const name of importItems(node, this.#text)) this.items.push({ kind: 'import', start: node.start, end: node.end, scope: context.scope, runs: context.runs, ...name });
  }

  #delete(node: PythonNode, context: Context): void {
    const targets = node.children.flatMap((part) => (part.type === 'expression_list' || part.type === 'tuple' ? part.children : [part]));
    for (const target of targets) {
      if (target.type !== 'subscript') continue;
      const expression = toExpression(target, this.#text);
      if (expression.kind === 'subscript') {
        this.items.push({ kind: 'store', start: node.start, end: node.end, scope: context.scope, operation: 'delete', object: expression.object, key: expression.key, value: null, text: null, loops: context.loops });
      }
    }
  }

  #if(node: PythonNode, context: Context): void {
    const condition = child(node, 'condition');
    if (condition) this.#visit(condition, context);
    const verdict = condition ? conditionOf(condition, this.#text) : 'unknown';
    const consequence = child(node, 'consequence');
    if (consequence && verdict !== 'never') this.block(consequence, branch(context, verdict));
    const rest = verdict === 'always' ? null : verdict === 'never' ? context : conditional(context);
    for (const part of node.children) {
      if (part.type === 'comment') this.#comment(part, context);
      if (part.field !== 'alternative' || rest === null) continue;
      if (part.type === 'elif_clause') {
        const test = child(part, 'condition');
        if (test) this.#visit(test, rest);
        const inner = test ? conditionOf(test, this.#text) : 'unknown';
        const body = child(part, 'consequence');
        if (body && inner !== 'never') this.block(body, branch(conditional(rest), inner === 'always' ? 'unknown' : inner));
      } else {
        const body = child(part, 'body');
        if (body) this.block(body, rest);
      }
    }
    for (const part of node.children) if (part.type === 'ERROR') this.#broken(part, context);
  }

  #for(node: PythonNode, context: Context): void {
    const left = child(node, 'left');
    const right = child(node, 'right');
    const body = child(node, 'body');
    let iterable: Expression | null = null;
    if (right) {
      this.#visit(right, context);
      iterable = toExpression(right, this.#text);
    }
    const inner = looped(context, iterable);
    if (left) this.#loopTargets(left, iterable, inner, { start: left.start, end: node.end }, false);
    if (body) this.block(body, inner);
    this.#tails(node, context);
  }

  #while(node: PythonNode, context: Context): void {
    const condition = child(node, 'condition');
    const inner = looped(context, null);
    if (condition) this.#visit(condition, { ...inner, scope: { ...inner.scope } });
    const body = child(node, 'body');
    if (body && !(condition && conditionOf(condition, this.#text) === 'never')) this.block(body, inner);
    this.#tails(node, context);
  }

  /** `else` of loops, and what the grammar could not place. */
  #tails(node: PythonNode, context: Context): void {
    for (const part of node.children) {
      if (part.type === 'comment') this.#comment(part, context);
      else if (part.type === 'else_clause') {
        const body = child(part, 'body');
        if (body) this.block(body, conditional(context));
      } else if (part.type === 'ERROR') this.#broken(part, context);
    }
  }

  #try(node: PythonNode, context: Context): void {
    const guarded = node.children.some((part) => (part.type === 'except_clause' || part.type === 'except_group_clause') && this.#catchesRuntimeError(part));
    for (const part of node.children) {
      if (part.type === 'comment') this.#comment(part, context);
      else if (part.field === 'body') this.block(part, guarded ? { ...context, scope: { ...context.scope, guarded: true } } : context);
      else if (part.type === 'except_clause' || part.type === 'except_group_clause') {
        const inner = conditional(context);
        for (const piece of part.children) {
          if (piece.type === 'block') this.block(piece, inner);
          else if (piece.type === 'as_pattern') {
            const alias = child(piece, 'alias');
            if (alias) this.#bindNames(alias, inner);
          }
        }
      } else if (part.type === 'else_clause' || part.type === 'finally_clause') {
        const body = childOfType(part, 'block');
        if (body) this.block(body, context);
      } else if (part.type === 'ERROR') this.#broken(part, context);
    }
  }

  #catchesRuntimeError(clause: PythonNode): boolean {
    const caught = clause.children.filter((part) => part.type !== 'block' && part.type !== 'comment');
    if (caught.length === 0) return true;
    const names: PythonNode[] = [];
    const collect = (node: PythonNode): void => {
      if (node.type === 'identifier' || node.type === 'attribute') names.push(node);
      else for (const part of node.children) if (part.field !== 'alias') collect(part);
    };
    for (const part of caught) if (part.field !== 'alias') collect(part);
    return names.some((name) => CATCHES_RUNTIME_ERROR.test(this.#source(name)));
  }

  #with(node: PythonNode, context: Context): void {
    let inner = context;
    const clause = childOfType(node, 'with_clause');
    for (const item of clause?.children ?? []) {
      if (item.type !== 'with_item') continue;
      const value = child(item, 'value');
      if (!value) continue;
      const pattern = value.type === 'as_pattern' ? value : null;
      const manager = pattern ? pattern.children[0] : value;
      const alias = pattern ? child(pattern, 'alias') : undefined;
      if (!manager) continue;
      const target = alias && alias.children.length === 1 && alias.children[0]?.type === 'identifier' ? this.#source(alias) : null;
      this.#visit(manager, { ...inner, statement: node, role: 'with', result: target });
      const expression = toExpression(manager, this.#text);
      if (target !== null) this.items.push(this.#bind(target, expression, alias ?? manager, inner));
      else if (alias) this.#bindNames(alias, inner);
      if (expression.kind === 'call' && expression.callee.kind === 'name' && /(?:^|\.)suppress$/.test(expression.callee.name)) {
        if (expression.args.some((argument) => argument.value.kind === 'name' && CATCHES_RUNTIME_ERROR.test(argument.value.name))) {
          inner = { ...inner, scope: { ...inner.scope, guarded: true } };
        }
      }
    }
    for (const part of node.children) {
      if (part.field === 'body') this.block(part, inner);
      else if (part.type === 'comment') this.#comment(part, context);
      else if (part.type === 'ERROR') this.#broken(part, context);
    }
  }

  #function(node: PythonNode, whole: PythonNode, decorators: readonly Expression[], context: Context): void {
    const nameNode = child(node, 'name');
    if (!nameNode) return;
    const name = context.prefix + this.#source(nameNode);
    const isStatic = decorators.some((decorator) => decorator.kind === 'name' && decorator.name === 'staticmethod');
    const owner = isStatic ? null : context.classBody;
    const parameters = child(node, 'parameters');
    const scope: Scope = { func: name, main: false, conditional: false, loop: false, guarded: false };
    const names: string[] = [];
    const binds: BindItem[] = [];
    for (const part of parameters?.children ?? []) {
      const parameter = this.#parameter(part, context);
      if (parameter === null) continue;
      binds.push({ kind: 'bind', start: part.start, end: part.end, scope, name: parameter.name, value: parameter.value, how: 'parameter', index: names.length, owner: null, extent: null, confined: false, ...(parameter.annotation === undefined ? {} : { annotation: parameter.annotation }) });
      names.push(parameter.name);
    }
    this.items.push({
      kind: 'define',
      start: whole.start,
      end: whole.end,
      scope: context.scope,
      name,
      nameRange: { start: nameNode.start, end: nameNode.end },
      owner,
      inClass: context.classBody !== null,
      decorators,
      isAsync: node.children.some((part) => part.type === 'async'),
      parameters: names,
    });
    this.items.push(...binds);
    const first = names[0];
    const self = owner !== null && first !== undefined ? { owner, name: first } : context.classBody !== null ? null : context.self;
    const inner: Context = { ...START, scope, prefix: `${name}.`, self, runs: context.runs };
    for (const part of node.children) {
      if (part.field === 'body') this.block(part, inner);
      else if (part.type === 'comment') this.#comment(part, inner);
      else if (part.type === 'ERROR') this.#broken(part, inner);
    }
  }

  /** A parameter's name and default; the default runs where the function is defined. */
  #parameter(node: PythonNode, context: Context): { readonly name: string; readonly value: Expression | null; readonly annotation?: string } | null {
    switch (node.type) {
      case 'identifier':
        return { name: this.#source(node), value: null };
      case 'typed_parameter': {
        const inner = node.children[0];
        return inner ? this.#parameter(inner, context) : null;
      }
      case 'list_splat_pattern':
      case 'dictionary_splat_pattern': {
        const inner = node.children[0];
        return inner?.type === 'identifier' ? { name: this.#source(inner), value: null } : null;
      }
      case 'default_parameter':
      case 'typed_default_parameter': {
        const name = child(node, 'name');
        const value = child(node, 'value');
        if (!name || !value) return null;
        this.#visit(value, context);
        const type = child(node, 'type');
        return { name: this.#source(name), value: toExpression(value, this.#text), ...(type ? { annotation: this.#source(type) } : {}) };
      }
      default:
        return null;
    }
  }

  #class(node: PythonNode, decorators: readonly Expression[], context: Context): void {
    const nameNode = child(node, 'name');
    if (!nameNode) return;
    const name = context.prefix + this.#source(nameNode);
    const bases = (child(node, 'superclasses')?.children ?? []).filter((base) => base.type !== 'keyword_argument' && base.type !== 'comment').map((base) => toExpression(base, this.#text));
    const declares = decorators.length > 0 || bases.length > 0;
    const body = child(node, 'body');
    const nested = declares ? body?.children.find((part) => part.type === 'class_definition' && this.#nameOf(part) === 'Config') : undefined;
    this.items.push({ kind: 'class', start: node.start, end: node.end, scope: context.scope, name, inClass: context.classBody !== null, decorators, bases, ...this.#declared(body, declares), config: this.#fields(nested ? child(nested, 'body') : undefined) });
    const inner: Context = { ...context, prefix: `${name}.`, classBody: name, self: null };
    for (const part of node.children) {
      if (part.field === 'body') this.block(part, inner);
      else if (part.type === 'comment') this.#comment(part, inner);
      else if (part.type === 'ERROR') this.#broken(part, inner);
    }
  }

  #nameOf(node: PythonNode): string | null {
    const name = child(node, 'name');
    return name ? this.#source(name) : null;
  }

  #declared(body: PythonNode | undefined, declares: boolean): Pick<ClassItem, 'fields' | 'constants'> {
    const fields = this.#fields(body);
    return { fields: declares ? fields : [], constants: fields.map((field) => field.name) };
  }

  /** What the body of a class declares directly. */
  #fields(body: PythonNode | undefined): readonly ClassField[] {
    const fields: ClassField[] = [];
    for (const statement of body?.children ?? []) {
      const assignment = statement.type === 'expression_statement' ? statement.children[0] : undefined;
      const left = assignment?.type === 'assignment' ? child(assignment, 'left') : undefined;
      if (!assignment || left?.type !== 'identifier' || fields.length >= MAX_FIELDS) continue;
      const type = child(assignment, 'type');
      const value = child(assignment, 'right');
      const annotation = type ? this.#source(type) : null;
      // A constant of the class is no field.
      if (annotation?.includes('ClassVar')) continue;
      fields.push({ name: this.#source(left), annotation, value: value ? toExpression(value, this.#text) : null });
    }
    return fields;
  }

  /** Finds calls and products in an expression, in source order. */
  #visit(node: PythonNode, context: Context): void {
    switch (node.type) {
      case 'identifier':
        this.mentions.add(this.#source(node));
        return;
      case 'integer':
      case 'float':
      case 'true':
      case 'false':
      case 'none':
      case 'type':
      case 'pass_statement':
      case 'break_statement':
      case 'continue_statement':
        return;
      case 'comment':
        this.#comment(node, context);
        return;
      case 'assignment':
        this.#assignment(node, context);
        return;
      case 'augmented_assignment':
        this.#augmented(node, context);
        return;
      case 'named_expression': {
        const name = child(node, 'name');
        const value = child(node, 'value');
        if (!name || !value) return;
        const target = this.#source(name);
        this.#visit(value, { ...context, result: target });
        this.items.push(this.#bind(target, toExpression(value, this.#text), node, context));
        return;
      }
      case 'call':
        this.#call(node, context);
        return;
      case 'attribute': {
        const object = child(node, 'object');
        const name = child(node, 'attribute');
        if (object && object.type !== 'identifier') this.#visit(object, without(context));
        if (name) this.mentions.add(this.#source(name));
        return;
      }
      case 'keyword_argument':
      case 'pair': {
        const value = child(node, 'value');
        const key = child(node, 'key');
        if (key) this.#visit(key, without(context));
        if (value) this.#visit(value, without(context));
        return;
      }
      case 'comparison_operator':
      case 'subscript':
      case 'interpolation':
        this.#operands(node, context);
        return;
      case 'binary_operator': {
        this.#operands(node, context);
        const operator = child(node, 'operator');
        const left = child(node, 'left');
        const right = child(node, 'right');
        if (operator?.type === '@' && left && right) {
          this.items.push({ kind: 'product', start: node.start, end: node.end, scope: context.scope, left: toExpression(left, this.#text), right: toExpression(right, this.#text), text: shorten(this.#source(node), 60) });
        }
        return;
      }
      case 'boolean_operator': {
        const inner = without(context);
        const left = child(node, 'left');
        const right = child(node, 'right');
        if (left) this.#visit(left, inner);
        if (right) this.#visit(right, conditional(inner));
        return;
      }
      case 'conditional_expression': {
        const [yes, test, no] = node.children.filter((part) => part.type !== 'comment');
        const inner = without(context);
        if (test) this.#visit(test, inner);
        if (yes) this.#visit(yes, conditional(inner));
        if (no) this.#visit(no, conditional(inner));
        return;
      }
      case 'list_comprehension':
      case 'set_comprehension':
      case 'dictionary_comprehension':
      case 'generator_expression':
        this.#comprehension(node, context);
        return;
      case 'lambda': {
        const name = `${context.prefix}<lambda>`;
        const scope: Scope = { func: name, main: false, conditional: false, loop: false, guarded: false };
        const parameters = child(node, 'parameters');
        for (const part of parameters?.children ?? []) {
          const parameter = this.#parameter(part, context);
          if (parameter) this.items.push({ kind: 'bind', start: part.start, end: part.end, scope, name: parameter.name, value: parameter.value, how: 'parameter', index: -1, owner: null, extent: null, confined: false });
        }
        const body = child(node, 'body');
        if (body) this.#visit(body, { ...START, scope, prefix: `${name}.`, self: context.self, runs: context.runs, statement: context.statement });
        return;
      }
      case 'await':
      case 'parenthesized_expression':
        for (const part of node.children) this.#visit(part, context);
        return;
      case 'ERROR':
        this.#broken(node, context);
        return;
      // A statement in a place where the grammar recovered from an error.
      case 'function_definition':
      case 'class_definition':
      case 'decorated_definition':
      case 'block':
      case 'expression_statement':
      case 'import_statement':
      case 'import_from_statement':
      case 'if_statement':
      case 'for_statement':
      case 'with_statement':
      case 'try_statement':
      case 'while_statement':
        this.#statement(node, conditional(context));
        return;
      default: {
        const inner = without(context);
        for (const part of node.children) this.#visit(part, inner);
      }
    }
  }

  /** Parts of which a plain name is only read, not handed on. */
  #operands(node: PythonNode, context: Context): void {
    const inner = without(context);
    for (const part of node.children) if (part.type !== 'identifier') this.#visit(part, inner);
  }

  #call(node: PythonNode, context: Context): void {
    const callee = child(node, 'function');
    const list = child(node, 'arguments');
    if (!callee) return;
    const inner = without(context);
    if (callee.type === 'attribute') {
      const object = child(callee, 'object');
      if (object && object.type !== 'identifier') this.#visit(object, inner);
    } else if (callee.type !== 'identifier') this.#visit(callee, inner);
    if (list?.type === 'generator_expression') this.#visit(list, inner);
    else if (list && callee.type === 'identifier' && LOOKING_BUILTINS.has(this.#source(callee))) this.#operands(list, inner);
    else for (const part of list?.children ?? []) this.#visit(part, inner);
    if (!context.runs) return;
    if (!list) return;
    const called = toExpression(callee, this.#text, 1);
    if (called.kind !== 'name' && called.kind !== 'attribute') return;
    if (called.kind === 'name' && SILENT_BUILTINS.has(called.name)) return;
    const method = called.kind === 'attribute' || called.name.includes('.') ? called.name.slice(called.name.lastIndexOf('.') + 1) : null;
    // `text.join(parts)` is of no interest; `thread.join()` and `thread.join(5)` wait for a thread.
    if (method !== null && method !== 'join' && SILENT_METHODS.has(method)) return;
    const args = readArguments(list, this.#text, 1);
    if (method === 'join' && !args.every((given) => given.name !== null || (given.value.kind === 'literal' && typeof given.value.value === 'number'))) return;
    const statement = context.statement ?? node;
    this.items.push({
      kind: 'call',
      start: statement.start,
      end: statement.end,
      scope: context.scope,
      call: { start: node.start, end: node.end },
      callee: called,
      args,
      result: context.result,
      loops: context.loops,
      role: context.role,
      text: shorten(this.#source(node), 60),
    });
  }

  #comprehension(node: PythonNode, context: Context): void {
    let inner = without(context);
    for (const part of node.children) {
      if (part.type === 'for_in_clause') {
        const right = child(part, 'right');
        const left = child(part, 'left');
        let iterable: Expression | null = null;
        if (right) {
          this.#visit(right, inner);
          iterable = toExpression(right, this.#text);
        }
        inner = looped(inner, iterable);
        if (left) this.#loopTargets(left, iterable, inner, { start: node.start, end: node.end }, true);
      } else if (part.type === 'if_clause') {
        for (const test of part.children) this.#visit(test, inner);
        inner = conditional(inner);
      }
    }
    const body = child(node, 'body');
    if (body) this.#visit(body, inner);
  }

  #assignment(node: PythonNode, context: Context): void {
    const targets: PythonNode[] = [];
    let current: PythonNode | undefined = node;
    let value: PythonNode | undefined;
    while (current?.type === 'assignment') {
      const left = child(current, 'left');
      if (left) targets.push(left);
      value = child(current, 'right');
      current = value;
    }
    if (!value) return;
    const only = targets.length === 1 ? targets[0] : undefined;
    const result = only?.type === 'identifier' || only?.type === 'attribute' ? this.#source(only) : null;
    this.#visit(value, { ...context, result });
    // What was called has just been read.
    const last = this.items.at(-1);
    const expression: Expression = value.type === 'call' && last?.kind === 'call' && last.call.start === value.start && last.call.end === value.end ? { kind: 'call', callee: last.callee, args: last.args, start: value.start, end: value.end } : toExpression(value, this.#text);
    for (const target of targets) this.#assign(target, expression, value, context);
  }

  #assign(target: PythonNode, value: Expression, valueNode: PythonNode, context: Context): void {
    const statement = context.statement ?? target;
    switch (target.type) {
      case 'identifier':
        this.items.push(this.#bind(this.#source(target), value, statement, context));
        return;
      case 'attribute': {
        const object = child(target, 'object');
        const name = child(target, 'attribute');
        if (!object || !name) return;
        const self = context.self;
        const own = self !== null && object.type === 'identifier' && this.#source(object) === self.name;
        if (own) {
          this.items.push({ ...this.#bind(this.#source(name), value, statement, context), owner: self.owner });
        }
        this.items.push({
          kind: 'field',
          start: statement.start,
          end: statement.end,
          scope: context.scope,
          object: toExpression(object, this.#text),
          name: this.#source(name),
          nameRange: { start: name.start, end: name.end },
          own,
          value,
          text: shorten(this.#source(valueNode), 200),
        });
        return;
      }
      case 'subscript': {
        const expression = toExpression(target, this.#text);
        if (expression.kind === 'subscript') {
          this.items.push({ kind: 'store', start: statement.start, end: statement.end, scope: context.scope, operation: 'set', object: expression.object, key: expression.key, value, text: shorten(this.#source(valueNode), 200), loops: context.loops });
        }
        return;
      }
      case 'pattern_list':
      case 'tuple_pattern':
      case 'list_pattern':
      case 'tuple':
      case 'list': {
        const splat = target.children.some((part) => part.type === 'list_splat_pattern' || part.type === 'list_splat');
        target.children.forEach((part, index) => {
          if (part.type === 'comment') return;
          const item = !splat && value.kind === 'sequence' ? value.items[index] : undefined;
          if (item) this.#assign(part, item, { ...part, start: item.start, end: item.end }, context);
          // `args, rest = parser.parse_known_args()`
          else if (index === 0 && value.kind === 'call' && value.callee.kind === 'name' && value.callee.name.endsWith('.parse_known_args')) this.#assign(part, value, valueNode, context);
          else this.#bindNames(part, context);
        });
        return;
      }
      default:
        this.#bindNames(target, context);
    }
  }

  #augmented(node: PythonNode, context: Context): void {
    const left = child(node, 'left');
    const right = child(node, 'right');
    const operator = child(node, 'operator');
    if (!left || !right) return;
    this.#visit(right, without(context));
    const statement = context.statement ?? node;
    if (left.type === 'identifier') this.items.push(this.#bind(this.#source(left), null, statement, context));
    if (operator?.type === '|=' && (left.type === 'identifier' || left.type === 'attribute')) {
      this.items.push({ kind: 'store', start: statement.start, end: statement.end, scope: context.scope, operation: 'merge', object: toExpression(left, this.#text), key: null, value: toExpression(right, this.#text), text: null, loops: context.loops });
    }
    if (operator?.type === '@=') {
      this.items.push({ kind: 'product', start: node.start, end: node.end, scope: context.scope, left: toExpression(left, this.#text), right: toExpression(right, this.#text), text: shorten(this.#source(node), 60) });
    }
  }

  #bind(name: string, value: Expression | null, at: Range, context: Context): BindItem {
    return { kind: 'bind', start: at.start, end: at.end, scope: context.scope, name, value, how: value === null ? 'other' : 'assign', index: null, owner: context.classBody, extent: null, confined: false };
  }

  #loopTargets(target: PythonNode, iterable: Expression | null, context: Context, extent: Range, confined: boolean): void {
    const bind = (node: PythonNode, index: number | null): void => {
      if (node.type !== 'identifier') {
        if (!confined) this.#bindNames(node, context);
        return;
      }
      this.items.push({ ...this.#bind(this.#source(node), iterable, node, context), how: iterable === null ? 'other' : 'each', index, owner: null, extent, confined });
    };
    if (target.type === 'pattern_list' || target.type === 'tuple_pattern' || target.type === 'list_pattern') target.children.forEach((part, index) => bind(part, index));
    else bind(target, null);
  }

  /** Every identifier of a pattern is bound to something unknown. */
  #bindNames(node: PythonNode, context: Context): void {
    if (node.type === 'identifier') {
      this.items.push(this.#bind(this.#source(node), null, node, context));
      return;
    }
    if (node.type === 'attribute' || node.type === 'subscript') return;
    for (const part of node.children) this.#bindNames(part, context);
  }

  /** Names that a `case` pattern captures. */
  #captures(node: PythonNode, context: Context): void {
    if (node.type === 'dotted_name') {
      const name = this.#source(node);
      if (!name.includes('.') && name !== '_') this.items.push(this.#bind(name, null, node, conditional(context)));
      return;
    }
    for (const part of node.children) this.#captures(part, context);
  }
}

function branch(context: Context, verdict: Condition): Context {
  switch (verdict) {
    case 'always':
      return context;
    case 'main':
      return { ...context, scope: { ...context.scope, main: true } };
    case 'maybe-main':
      return { ...context, scope: { ...context.scope, main: true, conditional: true } };
    case 'never-runs':
      return { ...context, runs: false };
    default:
      return conditional(context);
  }
}

function conditional(context: Context): Context {
  return context.scope.conditional ? context : { ...context, scope: { ...context.scope, conditional: true } };
}

function looped(context: Context, iterable: Expression | null): Context {
  const unknown: Expression = { kind: 'other', why: 'a loop', text: '', start: 0, end: 0 };
  return { ...context, scope: context.scope.loop ? context.scope : { ...context.scope, loop: true }, loops: [...context.loops, iterable ?? unknown] };
}

/** Inside a larger expression a call is neither the context manager nor what is bound. */
function without(context: Context): Context {
  return context.result === null && context.role === 'plain' ? context : { ...context, result: null, role: 'plain' };
}

/** True when a branch of the statement can leave the function normally, so that what follows may not run. */
function mayLeave(node: PythonNode): boolean {
  for (const part of node.children) {
    if (part.type === 'return_statement') return true;
    if (part.type !== 'function_definition' && part.type !== 'class_definition' && part.type !== 'lambda' && part.children.length > 0 && mayLeave(part)) return true;
  }
  return false;
}

function isLineEnd(code: number): boolean {
  return code === 10 || code === 13;
}

