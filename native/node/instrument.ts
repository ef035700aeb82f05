/**
 * Marks the statements of a JavaScript source so that they time themselves.
 *
 * `x = E` becomes `$e(7,--$g[7]?0:$b(7),(x = E))`. Why this shape: the start is an argument that waits on the frame's
 * own stack, so that recursion, generators and async functions each have their own, and an exception simply drops it;
 * only text is inserted and no line moves; no value, `this`, name of a function or order of evaluation changes, nor
 * does the number of turns that an `await` takes.
 */
import { parse, type AnyNode, type ArrowFunctionExpression, type AwaitExpression, type ExportDefaultDeclaration, type Expression, type ForOfStatement, type FunctionDeclaration, type FunctionExpression, type Program, type Statement, type StaticBlock } from 'acorn';
import { Insertions } from './insertions.ts';

export type ModuleKind = 'module' | 'commonjs';

export interface Parsed {
  readonly source: string;
  readonly program: Program;
  /** Offsets of the `=>` tokens, ascending. */
  readonly arrows: readonly number[];
}

/** The names of the probe in a marked file; nobody else writes such names. */
export const NAME = (letter: string): string => `$tg$${letter}`;

/** Parses a source; throws a SyntaxError as acorn does. */
export function parseSource(source: string, kind: ModuleKind): Parsed {
  const arrows: number[] = [];
  const program = parse(source, {
    ecmaVersion: 'latest',
    sourceType: kind === 'module' ? 'module' : 'script',
    allowHashBang: true,
    allowReturnOutsideFunction: kind === 'commonjs',
    allowAwaitOutsideFunction: kind === 'module',
    allowSuperOutsideMethod: true,
    checkPrivateFields: false,
    onToken: (token) => {
      if (token.type.label === '=>') arrows.push(token.start);
    },
  });
  return { source, program, arrows };
}

/** Records of one file: where the statement stands as its author wrote it; null = not to be timed. */
export interface Recorder {
  /** The number of a new record for the statement at an offset. */
  record(at: number): number | null;
  /** Executions of this record may overlap. */
  neverSample(record: number, always: boolean): void;
  /** True when two places are on one line of what the author wrote. */
  sameLine(one: number, other: number): boolean;
}

/** What surrounds a node: the function it is in, and the timed statement whose time contains its own. */
interface Around {
  /** Set when the function needs the variable that holds when a suspension began. */
  readonly needs: { slot: boolean };
  /** Offset of the statement that is timed here and contains all that follows; null = none. */
  readonly timed: number | null;
}

/** Calls that take so little time that a mark would cost more. */
const CHEAP_FUNCTIONS = new Set(['__name', '__export', '__toCommonJS', 'Number', 'String', 'Boolean', 'BigInt', 'Symbol', 'parseInt', 'parseFloat', 'isNaN', 'isFinite']);
const CHEAP_METHODS = new Set(['push', 'pop', 'at', 'charAt', 'charCodeAt', 'codePointAt', 'toFixed', 'hasOwnProperty']);
const CHEAP_OBJECTS = new Set(['Math', 'performance', 'Date', 'Number']);

/** Marks all statements of a program. Returns whether the module's own level needs the suspension variable. */
export function markStatements(parsed: Parsed, recorder: Recorder, insertions: Insertions): boolean {
  const marker = new Marker(parsed, recorder, insertions);
  const needs = { slot: false };
  marker.block(parsed.program.body, { needs, timed: null });
  return needs.slot;
}

type AnyFunction = FunctionDeclaration | FunctionExpression | ArrowFunctionExpression;
type AnyStatement = Statement | Program['body'][number];

class Marker {
  readonly #source: string;
  readonly #arrows: readonly number[];
  readonly #recorder: Recorder;
  readonly #to: Insertions;

  constructor({ source, arrows }: Parsed, recorder: Recorder, insertions: Insertions) {
    this.#source = source;
    this.#arrows = arrows;
    this.#recorder = recorder;
    this.#to = insertions;
  }

  block(statements: readonly AnyStatement[], around: Around): void {
    for (const statement of statements) this.#statement(statement, around);
  }

  #statement(node: AnyStatement, around: Around): void {
    switch (node.type) {
      case 'ExpressionStatement':
        if (node.directive === undefined) this.#whole(node.expression, node.start, node.end, around);
        return;
      case 'VariableDeclaration':
        node.declarations.forEach((declarator, index) => {
          this.#inner(declarator.id, around);
          const last = index === node.declarations.length - 1;
          if (declarator.init) this.#whole(declarator.init, index === 0 ? node.start : declarator.start, last ? node.end : null, around);
        });
        return;
      case 'ReturnStatement':
        if (node.argument) this.#whole(node.argument, node.start, node.end, around);
        return;
      case 'IfStatement':
        this.#whole(node.test, node.start, null, around);
        this.#statement(node.consequent, around);
        if (node.alternate) this.#statement(node.alternate, around);
        return;
      case 'WhileStatement':
      case 'DoWhileStatement':
        this.#whole(node.test, node.type === 'WhileStatement' ? node.start : node.test.start, null, around);
        this.#statement(node.body, around);
        return;
      case 'ForStatement':
        if (node.init?.type === 'VariableDeclaration') {
          for (const { init } of node.init.declarations) if (init) this.#whole(init, node.start, null, around);
        } else if (node.init) this.#whole(node.init, node.start, null, around);
        if (node.test) this.#whole(node.test, node.start, null, around);
        if (node.update) this.#inner(node.update, around);
        this.#statement(node.body, around);
        return;
      case 'ForInStatement':
        this.#whole(node.right, node.start, null, around);
        this.#statement(node.body, around);
        return;
      case 'ForOfStatement':
        this.#loop(node, around);
        return;
      case 'SwitchStatement':
        this.#whole(node.discriminant, node.start, null, around);
        for (const { test, consequent } of node.cases) {
          if (test) this.#inner(test, around);
          this.block(consequent, around);
        }
        return;
      case 'BlockStatement':
        this.block(node.body, around);
        return;
      case 'LabeledStatement':
        this.#statement(node.body, around);
        return;
      case 'TryStatement':
        this.block(node.block.body, around);
        if (node.handler) this.block(node.handler.body.body, around);
        if (node.finalizer) this.block(node.finalizer.body, around);
        return;
      case 'ExportNamedDeclaration':
        if (node.declaration) this.#statement(node.declaration, around);
        return;
      case 'ExportDefaultDeclaration':
        this.#exported(node, around);
        return;
      default:
        this.#inner(node, around);
    }
  }

  #exported({ declaration, start, end }: ExportDefaultDeclaration, around: Around): void {
    if (/^(?:Function|Class)Declaration$/.test(declaration.type)) this.#inner(declaration, around);
    else this.#whole(declaration as Expression, start, end, around);
  }

  /** An expression that is a statement, or a statement's head. `end`: of a statement that may lack its semicolon. */
  #whole(expression: Expression, statement: number, end: number | null, around: Around): void {
    const here = this.#timedFrom(expression, statement, around);
    if (here === null) {
      this.#inner(expression, around);
      return;
    }
    const record = this.#recorder.record(statement);
    if (record === null) {
      this.#inner(expression, around);
      return;
    }
    // What followed by a line break ended the statement might be read on after a parenthesis.
    if (end !== null && this.#source[end - 1] !== ';') this.#to.close(end, ';');
    this.#wrap(expression, record);
    this.#awaits(expression, record, around);
    this.#inner(expression, { ...around, timed: here });
  }

  #wrap({ start, end }: { readonly start: number; readonly end: number }, record: number): void {
    this.#to.open(start, `${NAME('e')}(${record},--${NAME('g')}[${record}]?0:${NAME('b')}(${record}),(`);
    this.#to.close(end, '))');
  }

  /** The statement's offset when it is to be timed; null when another one's time contains it on the same line, or it is cheap. */
  #timedFrom(expression: Expression, statement: number, around: Around): number | null {
    if (around.timed !== null && this.#recorder.sameLine(around.timed, statement)) return null;
    return hasHere(expression, (node) => node.type === 'YieldExpression') || !hasHere(expression, isWorth) ? null : statement;
  }

  /** Lets the awaits of a timed expression say how long they wait. */
  #awaits(expression: AnyNode, record: number, around: Around): void {
    const found: AwaitExpression[] = [];
    hasHere(expression, (node) => {
      if (node.type === 'AwaitExpression') found.push(node);
      return false;
    });
    if (found.length === 0) return;
    around.needs.slot = true;
    this.#recorder.neverSample(record, false);
    for (const node of found) {
      const slot = NAME('w');
      this.#to.open(node.start, `${NAME('r')}(${record},`);
      this.#to.open(node.argument.start, `${NAME('v')}((`);
      this.#to.close(node.end, `,${slot})`);
      this.#to.close(node.argument.end, `),${slot}=${NAME('n')}(${record}))`);
    }
  }

  /** `for (const x of E)`: what is gone over may compute between the bodies. */
  #loop(node: ForOfStatement, around: Around): void {
    const nested = around.timed !== null && this.#recorder.sameLine(around.timed, node.start);
    const asynchronous = node.await;
    const plain = node.right.type === 'ArrayExpression' || node.right.type === 'Literal' || (!asynchronous && node.right.type === 'MemberExpression');
    const record = nested || plain || hasHere(node.right, (inner) => inner.type === 'YieldExpression') ? null : this.#recorder.record(node.start);
    if (record !== null) {
      this.#recorder.neverSample(record, true);
      this.#to.open(node.right.start, `${NAME(asynchronous ? 'a' : 'i')}(${record},(`);
      this.#to.close(node.right.end, '))');
    }
    this.#whole(node.right, node.start, null, around);
    if (record !== null && asynchronous) {
      const enter = `${NAME('l')}(${record});`;
      if (node.body.type === 'BlockStatement') this.#to.open(node.body.start + 1, enter);
      else {
        this.#to.open(node.body.start, `{${enter}`);
        this.#to.close(node.body.end, '}');
      }
    }
    this.#statement(node.body, around);
  }

  /** Everything below a node that is not timed as a whole: functions, classes, and what is yielded. */
  #inner(node: AnyNode, around: Around): void {
    if (isFunction(node)) {
      this.#function(node, around);
      return;
    }
    if (node.type === 'StaticBlock') {
      this.block((node as StaticBlock).body, { needs: { slot: false }, timed: around.timed });
      return;
    }
    if (node.type === 'YieldExpression' && !node.delegate && node.argument) {
      this.#whole(node.argument, node.argument.start, null, around);
      return;
    }
    for (const child of children(node)) this.#inner(child, around);
  }

  #function(node: AnyFunction, around: Around): void {
    const needs = { slot: false };
    const inside: Around = { needs, timed: around.timed };
    for (const parameter of node.params) this.#inner(parameter, { needs: { slot: false }, timed: around.timed });
    const { body } = node;
    if (body.type === 'BlockStatement') {
      // Before the statements, so that it stands before what they insert at the same place.
      const place = afterDirectives(body.body, body.start + 1);
      const pending = new Insertions();
      const marker = new Marker({ source: this.#source, arrows: this.#arrows, program: undefined as never }, this.#recorder, pending);
      marker.block(body.body, inside);
      if (needs.slot) this.#to.open(place.at, `${place.semicolon}let ${NAME('w')};`);
      this.#to.add(pending);
      return;
    }
    const before = new Insertions();
    const marker = new Marker({ source: this.#source, arrows: this.#arrows, program: undefined as never }, this.#recorder, before);
    marker.#whole(body, body.start, null, inside);
    if (needs.slot) {
      const arrow = this.#arrowBefore(body.start);
      this.#to.open(arrow + 2, `{let ${NAME('w')};return(`);
      this.#to.close(node.end, ')}');
    }
    this.#to.add(before);
  }

  #arrowBefore(offset: number): number {
    let [low, high] = [0, this.#arrows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#arrows[middle] ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return this.#arrows[low - 1] ?? 0;
  }
}

function afterDirectives(body: readonly Statement[], start: number): { readonly at: number; readonly semicolon: string } {
  let [at, semicolon] = [start, ''];
  for (const statement of body) {
    if (statement.type !== 'ExpressionStatement' || statement.directive === undefined) break;
    [at, semicolon] = [statement.end, ';'];
  }
  return { at, semicolon };
}

function isFunction(node: AnyNode): node is Extract<AnyNode, AnyFunction> {
  return node.type === 'FunctionDeclaration' || node.type === 'FunctionExpression' || node.type === 'ArrowFunctionExpression';
}

function isWorth(node: AnyNode): boolean {
  if (node.type === 'AwaitExpression' || node.type === 'TaggedTemplateExpression' || node.type === 'ImportExpression') return true;
  if (node.type === 'NewExpression') return !(node.callee.type === 'Identifier' && /^(?:Map|Set|WeakMap|WeakSet|Error|\w+Error|Date)$/.test(node.callee.name) && node.arguments.length === 0);
  if (node.type !== 'CallExpression') return false;
  const { callee } = node;
  if (callee.type === 'Super') return true;
  if (callee.type === 'Identifier') return !CHEAP_FUNCTIONS.has(callee.name);
  if (callee.type !== 'MemberExpression') return true;
  const method = callee.property.type === 'Identifier' && !callee.computed ? callee.property.name : '';
  return !CHEAP_METHODS.has(method) && !(callee.object.type === 'Identifier' && CHEAP_OBJECTS.has(callee.object.name));
}

/** True when a node fulfils a condition, without a look into functions and classes within it. */
function hasHere(node: AnyNode, fulfils: (node: AnyNode) => boolean): boolean {
  if (fulfils(node)) return true;
  if (isFunction(node) || node.type === 'ClassBody') return false;
  return children(node).some((child) => hasHere(child, fulfils));
}

/** The nodes directly below one. */
export function children(node: AnyNode): readonly AnyNode[] {
  const found: AnyNode[] = [];
  for (const value of Object.values(node)) {
    for (const item of Array.isArray(value) ? (value as unknown[]) : [value as unknown]) {
      if (typeof item === 'object' && item !== null && typeof (item as { type?: unknown }).type === 'string') found.push(item as AnyNode);
    }
  }
  return found;
}
