/** Parses the Python that people write into the tree that the grammar gives for it, without the grammar; null for everything else, and for whatever is not certain. */
import type { PythonNode } from './pythonNode.ts';

/** A node while its children are collected. */
interface OpenNode extends PythonNode {
  type: string;
  field: string | null;
  end: number;
  children: OpenNode[];
}

const TAB = 9;
const LINE_FEED = 10;
const FORM_FEED = 12;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const BANG = 33;
const DOUBLE_QUOTE = 34;
const HASH = 35;
const SINGLE_QUOTE = 39;
const OPEN_PAREN = 40;
const CLOSE_PAREN = 41;
const STAR = 42;
const COMMA = 44;
const MINUS = 45;
const DOT = 46;
const SLASH = 47;
const COLON = 58;
const SEMICOLON = 59;
const LESS = 60;
const EQUALS = 61;
const GREATER = 62;
const AT = 64;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

/** Words that are no names; `print`, `exec`, `match` and `type` are names except at the start of some statements. */
const RESERVED: ReadonlySet<string> = new Set('False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield'.split(' '));

/** By its first letter and length whether a word may be one of those: most names are told apart by that. */
const MAYBE_RESERVED = new Uint8Array(128 * 16);
for (const word of RESERVED) MAYBE_RESERVED[word.charCodeAt(0) * 16 + word.length] = 1;

function isReserved(word: string): boolean {
  return word.length < 16 && MAYBE_RESERVED[word.charCodeAt(0) * 16 + word.length] === 1 && RESERVED.has(word);
}

/** What may follow `match`, `type`, `print` or `exec` at the start of a statement when it is certainly a name there. */
const NAME_FOLLOWS = /[ \t]*(?:=[^=]|:[^=]|\.\s*\w)/y;

const INTEGER = /(?:0[xX][\da-fA-F]+|0[oO][0-7]+|0[bB][01]+|(?:0|[1-9]\d*(?:_\d+)*)[jJ]?)(?![\w.])/y;
const FLOAT = /(?:\d+(?:_\d+)*\.\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])|\d+[eE][+-]?\d+(?![\w.])/y;
const ESCAPE = /\\(?:u[a-fA-F\d]{4}|U[a-fA-F\d]{8}|x[a-fA-F\d]{2}|[0-7]{1,3}(?!\d)|\r?\n|['"abfrntv\\])/y;

/** Deeper than people write. */
const MAX_DEPTH = 100;

/** Thrown where the text is left to the grammar. */
const UNSURE = new Error('left to the grammar');

/** The precedence of an operator, by its text. */
const BINARY: ReadonlyMap<string, number> = new Map([
  ['|', 1],
  ['^', 2],
  ['&', 3],
  ['<<', 4],
  ['>>', 4],
  ['+', 5],
  ['-', 5],
  ['*', 6],
  ['/', 6],
  ['//', 6],
  ['%', 6],
  ['@', 6],
  ['**', 8],
]);
const UNARY = 7;
const POWER = 8;

/** The tree of a text, equal to the one that the grammar gives; null when that is not certain. */
export function parseFast(text: string): PythonNode | null {
  try {
    return new FastParse(text).module();
  } catch (error) {
    if (error === UNSURE) return null;
    throw error;
  }
}

function isWordStart(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95;
}

function isWord(code: number): boolean {
  return isWordStart(code) || (code >= 48 && code <= 57);
}

function node(type: string, start: number, end: number, children: OpenNode[] = []): OpenNode {
  return { type, field: null, start, end, missing: false, children };
}

/** Of nodes that never get a child, which are most. */
const NO_CHILDREN: OpenNode[] = [];

function leaf(type: string, start: number, end: number): OpenNode {
  return node(type, start, end, NO_CHILDREN);
}

function unsure(): never {
  throw UNSURE;
}

class FastParse {
  readonly #text: string;
  /** Where the next token starts. */
  #at = 0;
  /** Where the last token, or the last comment that was taken, ended. */
  #end = 0;
  /** Open brackets: within them lines do not end. */
  #brackets = 0;
  #depth = 0;
  /** Comments and continued lines before the next token; they belong to the innermost node that goes on behind them. */
  #comments: OpenNode[] = [];
  /** The word at `#at`, or '' when there is none. */
  #word = '';
  /** Where on its line the next token starts, when it is the first of its line. */
  #indent = 0;

  constructor(text: string) {
    this.#text = text;
  }

  module(): PythonNode {
    const children: OpenNode[] = [];
    this.#lines();
    if (this.#indent !== 0) unsure();
    const start = this.#comments[0]?.start ?? this.#at;
    while (this.#at < this.#text.length) {
      this.#flush(children);
      this.#statement(children, 0);
      if (this.#at < this.#text.length && this.#indent !== 0) unsure();
    }
    this.#flush(children);
    if (children.length === 0) unsure();
    return node('module', start, this.#text.length, children);
  }

  // Tokens.

  /** From the end of a token to the next token of the same statement, or to the end of its line. */
  #skip(): void {
    const text = this.#text;
    let at = this.#at;
    let continued = false;
    let line = -1;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === SPACE || code === TAB) at++;
      else if (code === HASH) {
        const start = at;
        at = this.#lineEnd(at);
        this.#comments.push(leaf('comment', start, at));
      } else if (code === BACKSLASH) {
        const next = text.charCodeAt(at + 1) === CARRIAGE_RETURN ? at + 2 : at + 1;
        if (text.charCodeAt(next) !== LINE_FEED) unsure();
        this.#comments.push(node('line_continuation', at, next + 1));
        at = next + 1;
        continued = true;
      } else if (this.#brackets > 0 && (code === LINE_FEED || (code === CARRIAGE_RETURN && text.charCodeAt(at + 1) === LINE_FEED))) {
        if (code === LINE_FEED) line = at + 1;
        at++;
      } else break;
    }
    // Within brackets too the grammar may take a line that goes less deep for the end of the block.
    if (line >= 0 && at - line < this.#block && !/\t/.test(text.slice(line, at))) unsure();
    this.#at = at;
    this.#readWord();
    // In front of a text the grammar passes over the end of the line.
    if (continued && (this.#comments.some(({ type }) => type === 'comment') || this.#brackets > 0) && this.#comments.length > 1) unsure();
    if (continued && (text.charCodeAt(at + this.#word.length) === DOUBLE_QUOTE || text.charCodeAt(at + this.#word.length) === SINGLE_QUOTE)) this.#comments = this.#comments.filter(({ type, end }) => type !== 'line_continuation' || end < this.#end);
  }

  #readWord(): void {
    const text = this.#text;
    const start = this.#at;
    if (!isWordStart(text.charCodeAt(start))) {
      this.#word = '';
      return;
    }
    let end = start + 1;
    while (isWord(text.charCodeAt(end))) end++;
    if (text.charCodeAt(end) >= 128) unsure();
    this.#word = text.slice(start, end);
  }

  #lineEnd(start: number): number {
    const end = this.#text.indexOf('\n', start);
    return end < 0 ? this.#text.length : end;
  }

  /** From the end of a statement's line to the next one with code; comments between are kept. */
  #lines(): void {
    const text = this.#text;
    let at = this.#at;
    let indent = 0;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === SPACE) indent++;
      else if (code === TAB) indent += 8;
      else if (code === LINE_FEED || code === FORM_FEED) indent = 0;
      else if (code === CARRIAGE_RETURN) {
        if (text.charCodeAt(at + 1) !== LINE_FEED) unsure();
        indent = 0;
      } else if (code === HASH) {
        const start = at;
        at = this.#lineEnd(at);
        const comment = node('comment', start, at);
        this.#comments.push(comment);
        this.#indents.set(comment, indent);
        continue;
      } else break;
      at++;
    }
    if (text.charCodeAt(at) === BACKSLASH) unsure();
    this.#at = at;
    this.#indent = at < text.length ? indent : 0;
    this.#readWord();
  }

  #inPrint = false;
  /** How far the block at hand is indented. */
  #block = 0;

  /** How far comments on lines of their own are indented. */
  readonly #indents = new Map<OpenNode, number>();

  #flush(children: OpenNode[]): void {
    if (this.#comments.length === 0) return;
    for (const comment of this.#comments) children.push(comment);
    this.#comments = [];
  }

  #code(): number {
    return this.#text.charCodeAt(this.#at);
  }

  #advance(length: number): void {
    this.#at += length;
    this.#end = this.#at;
    this.#skip();
  }

  /** Takes a sign or a word that leaves no node; comments before it belong to `parent`. */
  #take(parent: OpenNode, token: string): void {
    if (!this.#text.startsWith(token, this.#at)) unsure();
    this.#flush(parent.children);
    this.#advance(token.length);
  }

  #takeWord(parent: OpenNode, word: string): void {
    if (this.#word !== word) unsure();
    this.#flush(parent.children);
    this.#advance(word.length);
  }

  #open(parent: OpenNode): void {
    if (++this.#depth > MAX_DEPTH) unsure();
    this.#brackets++;
    this.#flush(parent.children);
    this.#advance(1);
  }

  #close(parent: OpenNode, code: number): void {
    if (this.#code() !== code) unsure();
    this.#flush(parent.children);
    this.#depth--;
    this.#brackets--;
    this.#advance(1);
    parent.end = this.#end;
  }

  #add(parent: OpenNode, child: OpenNode, field: string | null = null): OpenNode {
    child.field = field;
    parent.children.push(child);
    parent.end = child.end;
    return child;
  }

  /** Comments in front of what comes next belong to `parent`, and so does what `read` makes of it. */
  #part(parent: OpenNode, field: string | null, read: () => OpenNode): OpenNode {
    this.#flush(parent.children);
    return this.#add(parent, read(), field);
  }

  #name(): OpenNode {
    const word = this.#word;
    if (word === '' || isReserved(word)) unsure();
    const start = this.#at;
    this.#advance(word.length);
    return leaf('identifier', start, start + word.length);
  }

  // Statements.

  /** One line of simple statements or one compound statement, into the children of a block that is indented by `indent`; then goes on to the next line with code. */
  #statement(into: OpenNode[], indent: number): void {
    const start = this.#at;
    switch (this.#word) {
      case 'if':
        into.push(this.#if(indent));
        return;
      case 'for':
        into.push(this.#for(node('for_statement', start, start), indent));
        return;
      case 'while': {
        const statement = node('while_statement', start, start);
        this.#takeWord(statement, 'while');
        this.#part(statement, 'condition', this.#namedExpression);
        this.#suite(statement, 'body', indent);
        this.#else(statement, indent, 'alternative');
        into.push(statement);
        return;
      }
      case 'try':
        into.push(this.#try(indent));
        return;
      case 'with':
        into.push(this.#with(node('with_statement', start, start), indent));
        return;
      case 'def':
        into.push(this.#def(node('function_definition', start, start), indent));
        return;
      case 'class':
        into.push(this.#class(indent));
        return;
      case 'async':
        into.push(this.#async(indent));
        return;
      case '':
        if (this.#code() === AT) {
          into.push(this.#decorated(indent));
          return;
        }
    }
    for (;;) {
      into.push(this.#simple());
      if (this.#code() !== SEMICOLON) break;
      this.#flush(into);
      this.#advance(1);
      // What the last semicolon belongs to is left open.
      if (this.#atLineEnd() || this.#comments.length > 0) unsure();
    }
    this.#endLine(into);
    this.#lines();
  }

  #atLineEnd(): boolean {
    const code = this.#code();
    return code === LINE_FEED || Number.isNaN(code) || (code === CARRIAGE_RETURN && this.#text.charCodeAt(this.#at + 1) === LINE_FEED);
  }

  /** A comment at the end of a line belongs to what the line ends. */
  #endLine(into: OpenNode[]): void {
    if (!this.#atLineEnd()) unsure();
    for (const { type, end } of this.#comments) {
      if (type === 'line_continuation') unsure();
      this.#end = end;
    }
    this.#flush(into);
  }

  /** The colon of a compound statement and what belongs to it. */
  #suite(parent: OpenNode, field: string | null, outer: number): void {
    this.#take(parent, ':');
    const block = node('block', this.#at, this.#at);
    block.field = field;
    if (!this.#atLineEnd()) {
      if (this.#comments.length > 0) unsure();
      if (/^(?:if|for|while|try|with|def|class|async)$/.test(this.#word) || this.#code() === AT) unsure();
      this.#statement(block.children, outer);
      block.end = block.children.at(-1)?.end ?? block.end;
      parent.children.push(block);
      parent.end = block.end;
      return;
    }
    if (this.#comments.some((comment) => comment.type === 'line_continuation')) unsure();
    this.#lines();
    this.#flush(parent.children);
    const indent = this.#indent;
    if (indent <= outer || this.#at >= this.#text.length) unsure();
    if (++this.#depth > MAX_DEPTH) unsure();
    const { children } = block;
    (block as { start: number }).start = this.#at;
    this.#block = indent;
    for (;;) {
      this.#statement(children, indent);
      if (this.#at < this.#text.length && this.#indent === indent) {
        this.#flush(children);
        continue;
      }
      if (this.#indent > indent) unsure();
      // Comments as deep as the block still belong to it, up to the first that is not.
      const { length } = this.#comments;
      let own = 0;
      while (own < length) {
        const comment = this.#comments[own];
        if (!comment || (this.#indents.get(comment) ?? 0) < indent) break;
        children.push(comment);
        own++;
      }
      if (own > 0) this.#comments = this.#comments.slice(own);
      break;
    }
    this.#depth--;
    this.#block = outer;
    block.end = children.at(-1)?.end ?? block.end;
    parent.children.push(block);
    parent.end = block.end;
  }

  /** True when the next line goes on with the compound statement. */
  #continues(indent: number, word: string): boolean {
    return this.#word === word && this.#indent === indent && this.#at < this.#text.length;
  }

  #else(parent: OpenNode, indent: number, field: string | null): void {
    if (!this.#continues(indent, 'else')) return;
    this.#part(parent, field, () => {
      const clause = node('else_clause', this.#at, this.#at);
      this.#takeWord(clause, 'else');
      this.#suite(clause, 'body', indent);
      return clause;
    });
  }

  #if(indent: number): OpenNode {
    const statement = node('if_statement', this.#at, this.#at);
    this.#takeWord(statement, 'if');
    this.#part(statement, 'condition', this.#namedExpression);
    this.#suite(statement, 'consequence', indent);
    while (this.#continues(indent, 'elif')) {
      this.#part(statement, 'alternative', () => {
        const clause = node('elif_clause', this.#at, this.#at);
        this.#takeWord(clause, 'elif');
        this.#part(clause, 'condition', this.#namedExpression);
        this.#suite(clause, 'consequence', indent);
        return clause;
      });
    }
    this.#else(statement, indent, 'alternative');
    return statement;
  }

  #for(statement: OpenNode, indent: number): OpenNode {
    this.#takeWord(statement, 'for');
    this.#part(statement, 'left', this.#targets);
    this.#takeWord(statement, 'in');
    this.#part(statement, 'right', this.#expressions);
    this.#suite(statement, 'body', indent);
    this.#else(statement, indent, 'alternative');
    return statement;
  }

  #try(indent: number): OpenNode {
    const statement = node('try_statement', this.#at, this.#at);
    this.#takeWord(statement, 'try');
    this.#suite(statement, 'body', indent);
    let clauses = 0;
    while (this.#continues(indent, 'except')) {
      clauses++;
      this.#part(statement, null, () => {
        const clause = node('except_clause', this.#at, this.#at);
        this.#takeWord(clause, 'except');
        if (this.#code() !== COLON) this.#part(clause, 'value', this.#withTarget);
        this.#suite(clause, null, indent);
        return clause;
      });
    }
    if (clauses > 0) this.#else(statement, indent, null);
    if (this.#continues(indent, 'finally')) {
      clauses++;
      this.#part(statement, null, () => {
        const clause = node('finally_clause', this.#at, this.#at);
        this.#takeWord(clause, 'finally');
        this.#suite(clause, null, indent);
        return clause;
      });
    }
    if (clauses === 0) unsure();
    return statement;
  }

  /** `expression as target`, or only an expression. */
  readonly #withTarget = (): OpenNode => {
    const value = this.#expression();
    if (this.#word !== 'as') return value;
    if (/^(?:conditional_expression|boolean_operator|not_operator|comparison_operator|lambda)$/.test(value.type)) unsure();
    const pattern = node('as_pattern', value.start, value.end, [value]);
    this.#takeWord(pattern, 'as');
    this.#part(pattern, 'alias', () => {
      const target = this.#primary();
      if (target.type !== 'identifier' && target.type !== 'attribute') unsure();
      return node('as_pattern_target', target.start, target.end, [target]);
    });
    return pattern;
  };

  #withItems(inBrackets: boolean): OpenNode {
    const clause = node('with_clause', this.#at, this.#at);
    if (inBrackets) this.#open(clause);
    let items = 0;
    for (;;) {
      this.#part(clause, null, () => {
        const value = this.#withTarget();
        value.field = 'value';
        return node('with_item', value.start, value.end, [value]);
      });
      items++;
      if (this.#code() !== COMMA) break;
      this.#take(clause, ',');
      if (!inBrackets || this.#code() !== CLOSE_PAREN) continue;
      // One with a comma behind it is a tuple.
      if (items === 1) unsure();
      break;
    }
    if (!inBrackets) return clause;
    this.#close(clause, CLOSE_PAREN);
    if (items > 1) return clause;
    const inside = clause.children.flatMap((part) => (part.type === 'with_item' ? part.children : [part]));
    for (const part of inside) part.field = null;
    const value = node('parenthesized_expression', clause.start, clause.end, inside);
    value.field = 'value';
    return node('with_clause', clause.start, clause.end, [node('with_item', clause.start, clause.end, [value])]);
  }

  #with(statement: OpenNode, indent: number): OpenNode {
    this.#takeWord(statement, 'with');
    this.#flush(statement.children);
    let clause: OpenNode | null = null;
    if (this.#code() === OPEN_PAREN) {
      // Parentheses may be those of the clause or of an expression: what follows them tells.
      const [at, end, word] = [this.#at, this.#end, this.#word];
      clause = this.#withItems(true);
      if (this.#code() !== COLON) {
        clause = null;
        this.#at = at;
        this.#end = end;
        this.#word = word;
        this.#comments = [];
      }
    }
    clause ??= this.#withItems(false);
    this.#add(statement, clause);
    this.#suite(statement, 'body', indent);
    return statement;
  }

  #def(statement: OpenNode, indent: number): OpenNode {
    this.#takeWord(statement, 'def');
    this.#part(statement, 'name', () => this.#name());
    if (this.#code() !== OPEN_PAREN) unsure();
    this.#flush(statement.children);
    const parameters = node('parameters', this.#at, this.#at);
    this.#open(parameters);
    while (this.#code() !== CLOSE_PAREN) {
      this.#part(parameters, null, () => this.#parameter(true));
      if (this.#code() !== COMMA) break;
      this.#take(parameters, ',');
    }
    this.#close(parameters, CLOSE_PAREN);
    this.#add(statement, parameters, 'parameters');
    if (this.#code() === MINUS) {
      this.#take(statement, '->');
      this.#part(statement, 'return_type', this.#type);
    }
    this.#suite(statement, 'body', indent);
    return statement;
  }

  /** An annotation, whose inside is never looked at. */
  readonly #type = (): OpenNode => {
    const { type, start, end } = this.#expression();
    // What only looks like a subscript is no type.
    let written = this.#text.slice(start, end);
    if (written.includes('[')) {
      if (written.includes('"') || written.includes("'")) written = written.replaceAll(/"[^"\\\n]*"|'[^'\\\n]*'/g, '');
      if (written.includes('[') && (written.includes(':') || written.includes('][') || written.includes('*') || (type !== 'subscript' && type !== 'binary_operator' && type !== 'parenthesized_expression'))) unsure();
    }
    return node('type', start, end);
  };

  #parameter(typed: boolean): OpenNode {
    const start = this.#at;
    if (this.#code() === SLASH) {
      this.#advance(1);
      return node('positional_separator', start, this.#end);
    }
    let name: OpenNode;
    if (this.#code() === STAR) {
      const double = this.#text.charCodeAt(start + 1) === STAR;
      this.#advance(double ? 2 : 1);
      if (!double && this.#code() === COMMA) return node('keyword_separator', start, start + 1);
      name = node(double ? 'dictionary_splat_pattern' : 'list_splat_pattern', start, start);
      this.#part(name, null, () => this.#name());
    } else name = this.#name();
    const plain = name.type === 'identifier';
    if (typed && this.#code() === COLON) {
      const parameter = node('typed_parameter', start, start, [name]);
      this.#take(parameter, ':');
      this.#part(parameter, 'type', this.#type);
      if (this.#code() !== EQUALS) return parameter;
      if (!plain) unsure();
      name.field = 'name';
      parameter.type = 'typed_default_parameter';
      this.#take(parameter, '=');
      this.#part(parameter, 'value', this.#expression);
      return parameter;
    }
    if (this.#code() !== EQUALS) return name;
    if (!plain) unsure();
    const parameter = node('default_parameter', start, start);
    this.#add(parameter, name, 'name');
    this.#take(parameter, '=');
    this.#part(parameter, 'value', this.#expression);
    return parameter;
  }

  #class(indent: number): OpenNode {
    const statement = node('class_definition', this.#at, this.#at);
    this.#takeWord(statement, 'class');
    this.#part(statement, 'name', () => this.#name());
    if (this.#code() === OPEN_PAREN) this.#part(statement, 'superclasses', () => this.#arguments());
    this.#suite(statement, 'body', indent);
    return statement;
  }

  #async(indent: number): OpenNode {
    const start = this.#at;
    const statement = node('', start, start, [node('async', start, start + 5)]);
    this.#advance(5);
    switch (this.#word) {
      case 'def':
        statement.type = 'function_definition';
        return this.#def(statement, indent);
      case 'for':
        statement.type = 'for_statement';
        return this.#for(statement, indent);
      case 'with':
        statement.type = 'with_statement';
        return this.#with(statement, indent);
      default:
        return unsure();
    }
  }

  #decorated(indent: number): OpenNode {
    const statement = node('decorated_definition', this.#at, this.#at);
    while (this.#code() === AT) {
      this.#part(statement, null, () => {
        const decorator = node('decorator', this.#at, this.#at);
        this.#take(decorator, '@');
        this.#part(decorator, null, this.#expression);
        this.#endLine(decorator.children);
        decorator.end = this.#end;
        return decorator;
      });
      this.#lines();
      if (this.#indent !== indent || this.#comments.some((comment) => (this.#indents.get(comment) ?? indent) < indent)) unsure();
    }
    this.#part(statement, 'definition', () => (this.#word === 'class' ? this.#class(indent) : this.#word === 'async' ? this.#async(indent) : this.#def(node('function_definition', this.#at, this.#at), indent)));
    if (!/^(?:class|function)_definition$/.test(statement.children.at(-1)?.type ?? '')) unsure();
    return statement;
  }

  /** A simple statement; comments that follow are not taken. */
  #simple(): OpenNode {
    const start = this.#at;
    switch (this.#word) {
      case 'pass':
      case 'break':
      case 'continue': {
        const statement = node(`${this.#word}_statement`, start, start + this.#word.length);
        this.#advance(this.#word.length);
        return statement;
      }
      case 'return': {
        const statement = node('return_statement', start, start + 6);
        this.#advance(6);
        if (!this.#atStatementEnd()) this.#part(statement, null, this.#expressions);
        return statement;
      }
      case 'raise': {
        const statement = node('raise_statement', start, start + 5);
        this.#advance(5);
        if (this.#atStatementEnd()) return statement;
        this.#part(statement, null, this.#expression);
        if (this.#continuesWith('from')) {
          this.#take(statement, 'from');
          this.#part(statement, 'cause', this.#expression);
        }
        return statement;
      }
      case 'assert': {
        const statement = node('assert_statement', start, start);
        this.#advance(6);
        this.#part(statement, null, this.#expression);
        if (this.#code() === COMMA) {
          this.#take(statement, ',');
          this.#part(statement, null, this.#expression);
        }
        return statement;
      }
      case 'del': {
        const statement = node('delete_statement', start, start);
        this.#advance(3);
        this.#part(statement, null, this.#expressions);
        return statement;
      }
      case 'global':
      case 'nonlocal': {
        const statement = node(`${this.#word}_statement`, start, start);
        this.#advance(this.#word.length);
        for (;;) {
          this.#part(statement, null, () => this.#name());
          if (this.#code() !== COMMA) return statement;
          this.#take(statement, ',');
        }
      }
      case 'import': {
        const statement = node('import_statement', start, start);
        this.#advance(6);
        for (;;) {
          this.#part(statement, 'name', () => this.#importedName());
          if (this.#code() !== COMMA) return statement;
          this.#take(statement, ',');
        }
      }
      case 'from':
        return this.#importFrom();
      case 'print':
      case 'exec':
      case 'match':
      case 'type': {
        const { length } = this.#word;
        const called = this.#word !== 'match' && this.#text.charCodeAt(start + length) === OPEN_PAREN;
        NAME_FOLLOWS.lastIndex = start + length;
        if (!called && !NAME_FOLLOWS.test(this.#text)) unsure();
        this.#inPrint = called;
        const statement = this.#expressionStatement();
        this.#inPrint = false;
        if (called && this.#text.startsWith('type', start) && statement.children[0]?.type === 'assignment') return typeAlias(statement);
        // `print (a), b` is a statement of Python 2.
        if (called && (statement.children.length !== 1 || statement.children[0]?.type !== 'call')) unsure();
        return statement;
      }
      default:
        return this.#expressionStatement();
    }
  }

  #continuesWith(word: string): boolean {
    return this.#word === word;
  }

  #atStatementEnd(): boolean {
    return this.#code() === SEMICOLON || this.#atLineEnd();
  }

  #dottedName(): OpenNode {
    const name = node('dotted_name', this.#at, this.#at);
    for (;;) {
      this.#part(name, null, () => this.#name());
      if (this.#code() !== DOT) return name;
      this.#take(name, '.');
    }
  }

  #importedName(): OpenNode {
    const name = this.#dottedName();
    if (this.#word !== 'as') return name;
    const aliased = node('aliased_import', name.start, name.end);
    this.#add(aliased, name, 'name');
    this.#takeWord(aliased, 'as');
    this.#part(aliased, 'alias', () => this.#name());
    return aliased;
  }

  #importFrom(): OpenNode {
    const statement = node('import_from_statement', this.#at, this.#at);
    this.#advance(4);
    this.#flush(statement.children);
    if (this.#code() === DOT) {
      const relative = node('relative_import', this.#at, this.#at);
      const prefix = node('import_prefix', this.#at, this.#at);
      while (this.#code() === DOT) {
        this.#advance(1);
        prefix.end = this.#end;
      }
      this.#add(relative, prefix);
      if (this.#word !== 'import') this.#part(relative, null, () => this.#dottedName());
      this.#add(statement, relative, 'module_name');
    } else if (this.#word === '__future__') {
      statement.type = 'future_import_statement';
      this.#advance(10);
    } else this.#add(statement, this.#dottedName(), 'module_name');
    this.#takeWord(statement, 'import');
    if (this.#code() === STAR) {
      if (statement.type === 'future_import_statement' || this.#comments.length > 0) unsure();
      const start = this.#at;
      this.#advance(1);
      this.#add(statement, node('wildcard_import', start, start + 1));
      return statement;
    }
    const inBrackets = this.#code() === OPEN_PAREN;
    if (inBrackets) this.#open(statement);
    for (;;) {
      this.#part(statement, 'name', () => this.#importedName());
      if (this.#code() !== COMMA) break;
      if (!inBrackets) {
        this.#take(statement, ',');
        if (this.#word === '') unsure();
        continue;
      }
      this.#take(statement, ',');
      if (this.#code() === CLOSE_PAREN) break;
    }
    if (inBrackets) this.#close(statement, CLOSE_PAREN);
    return statement;
  }

  #expressionStatement(): OpenNode {
    const start = this.#at;
    const statement = node('expression_statement', start, start);
    if (this.#word === 'yield') {
      this.#add(statement, this.#yield());
      return statement;
    }
    const first = this.#expressions();
    const assigned = this.#assignment(first);
    if (assigned !== null) this.#add(statement, assigned);
    else if (first.type === 'expression_list') {
      if (first.end !== first.children.at(-1)?.end || first.children.some((part) => part.type === 'list_splat')) unsure();
      for (const part of first.children) this.#add(statement, part);
      statement.end = first.end;
    } else if (first.type === 'list_splat') unsure();
    else this.#add(statement, first);
    return statement;
  }

  /** What is assigned to an expression that was just read; null when it is no target. */
  #assignment(left: OpenNode): OpenNode | null {
    const code = this.#code();
    if (code === EQUALS) {
      const assignment = node('assignment', left.start, left.end);
      this.#add(assignment, asPattern(left), 'left');
      this.#take(assignment, '=');
      this.#part(assignment, 'right', this.#assigned);
      return assignment;
    }
    if (code === COLON) {
      if (left.type !== 'identifier' && left.type !== 'attribute' && left.type !== 'subscript') return unsure();
      const assignment = node('assignment', left.start, left.end);
      this.#add(assignment, left, 'left');
      this.#take(assignment, ':');
      this.#part(assignment, 'type', this.#type);
      if (this.#code() === EQUALS) {
        this.#take(assignment, '=');
        this.#part(assignment, 'right', this.#assigned);
      }
      return assignment;
    }
    if (this.#atStatementEnd()) return null;
    const operator = /(?:\*\*|\/\/|>>|<<|[-+*/%@&|^])=/y;
    operator.lastIndex = this.#at;
    const sign = operator.exec(this.#text)?.[0];
    if (sign === undefined) return null;
    if (left.type !== 'identifier' && left.type !== 'attribute' && left.type !== 'subscript') return unsure();
    const assignment = node('augmented_assignment', left.start, left.end);
    this.#add(assignment, left, 'left');
    this.#flush(assignment.children);
    this.#add(assignment, node(sign, this.#at, this.#at + sign.length), 'operator');
    this.#advance(sign.length);
    this.#part(assignment, 'right', this.#assigned);
    return assignment;
  }

  readonly #assigned = (): OpenNode => {
    if (this.#word === 'yield') return this.#yield();
    const value = this.#expressions();
    if (this.#code() !== EQUALS) return value.type === 'list_splat' ? unsure() : value;
    return this.#assignment(value) ?? unsure();
  };

  #yield(): OpenNode {
    const start = this.#at;
    const result = node('yield', start, start + 5);
    this.#advance(5);
    if (this.#word === 'from') {
      this.#take(result, 'from');
      this.#part(result, null, this.#expression);
    } else if (!this.#atStatementEnd() && this.#code() !== CLOSE_PAREN) this.#part(result, null, this.#expressions);
    return result;
  }

  // Expressions.

  /** One expression, or several with commas between as a list. */
  readonly #expressions = (): OpenNode => {
    const first = this.#plainStarred();
    if (this.#code() !== COMMA) return first;
    const list = node('expression_list', first.start, first.end, [first]);
    while (this.#code() === COMMA) {
      this.#take(list, ',');
      list.end = this.#end;
      const code = this.#code();
      if (this.#atStatementEnd() || code === EQUALS || code === CLOSE_PAREN || code === CLOSE_BRACKET || code === CLOSE_BRACE || code === COLON) break;
      this.#part(list, null, () => this.#plainStarred());
    }
    return list;
  };

  /** In front of a list, and anywhere in one without brackets, the grammar takes `*f(x)` for a call of `*f`. */
  #plainStarred(): OpenNode {
    const first = this.#starred();
    return first.type === 'list_splat' && first.children.at(-1)?.type !== 'identifier' ? unsure() : first;
  }

  #starred(): OpenNode {
    if (this.#code() !== STAR) return this.#expression();
    const splat = node('list_splat', this.#at, this.#at);
    if (this.#text.charCodeAt(this.#at + 1) === STAR) unsure();
    this.#take(splat, '*');
    this.#part(splat, null, this.#expression);
    return splat;
  }

  /** What loops assign to. */
  readonly #targets = (): OpenNode => {
    const first = this.#target();
    if (this.#code() !== COMMA) return first;
    const list = node('pattern_list', first.start, first.end, [first]);
    while (this.#code() === COMMA) {
      this.#take(list, ',');
      list.end = this.#end;
      if (this.#word === 'in') break;
      this.#part(list, null, () => this.#target());
    }
    return list;
  };

  #target(): OpenNode {
    if (this.#code() === STAR) {
      const splat = node('list_splat_pattern', this.#at, this.#at);
      this.#take(splat, '*');
      this.#part(splat, null, () => this.#name());
      return splat;
    }
    return asPattern(this.#primary());
  }

  readonly #namedExpression = (): OpenNode => {
    const value = this.#expression();
    if (this.#code() !== COLON || this.#text.charCodeAt(this.#at + 1) !== EQUALS) return value;
    if (value.type !== 'identifier') return unsure();
    const named = node('named_expression', value.start, value.end);
    this.#add(named, value, 'name');
    this.#take(named, ':=');
    this.#part(named, 'value', this.#expression);
    if (named.children.at(-1)?.type === 'conditional_expression') unsure();
    return named;
  };

  readonly #expression = (): OpenNode => {
    if (this.#word === 'lambda') return this.#lambda();
    const value = this.#or();
    if (this.#word !== 'if') return value;
    const conditional = node('conditional_expression', value.start, value.end, [value]);
    this.#takeWord(conditional, 'if');
    this.#part(conditional, null, this.#or);
    this.#takeWord(conditional, 'else');
    this.#part(conditional, null, this.#expression);
    return conditional;
  };

  #lambda(): OpenNode {
    if (++this.#depth > MAX_DEPTH) unsure();
    const lambda = node('lambda', this.#at, this.#at);
    this.#takeWord(lambda, 'lambda');
    if (this.#code() !== COLON) {
      this.#part(lambda, 'parameters', () => {
        const parameters = node('lambda_parameters', this.#at, this.#at);
        for (;;) {
          this.#part(parameters, null, () => this.#parameter(false));
          if (this.#code() !== COMMA) break;
          this.#take(parameters, ',');
          parameters.end = this.#end;
          if (this.#code() === COLON) break;
        }
        return parameters;
      });
    }
    this.#take(lambda, ':');
    this.#part(lambda, 'body', this.#expression);
    this.#depth--;
    return lambda;
  }

  #boolean(word: string, first: OpenNode, operand: () => OpenNode): OpenNode {
    let left = first;
    while (this.#word === word) {
      const operation = node('boolean_operator', left.start, left.end);
      this.#add(operation, left, 'left');
      this.#flush(operation.children);
      this.#add(operation, leaf(word, this.#at, this.#at + word.length), 'operator');
      this.#advance(word.length);
      this.#part(operation, 'right', operand);
      left = operation;
    }
    return left;
  }

  readonly #or = (): OpenNode => {
    if (this.#word === 'not' || this.#word === 'lambda') return this.#boolean('or', this.#and(), this.#and);
    const operand = this.#unary();
    // Most operands stand alone.
    switch (this.#code()) {
      case COMMA:
      case CLOSE_PAREN:
      case CLOSE_BRACKET:
      case CLOSE_BRACE:
      case COLON:
      case LINE_FEED:
        return operand;
      default:
        return this.#boolean('or', this.#boolean('and', this.#comparison(operand), this.#not), this.#and);
    }
  };
  readonly #and = (): OpenNode => this.#boolean('and', this.#not(), this.#not);
  readonly #not = (): OpenNode => {
    if (this.#word === 'lambda') return unsure();
    if (this.#word !== 'not') return this.#comparison(this.#unary());
    if (++this.#depth > MAX_DEPTH) unsure();
    const operation = node('not_operator', this.#at, this.#at);
    this.#takeWord(operation, 'not');
    this.#part(operation, 'argument', this.#not);
    this.#depth--;
    return operation;
  };

  #comparison(first: OpenNode): OpenNode {
    const left = this.#binary(first, 1);
    let comparison: OpenNode | null = null;
    for (;;) {
      const length = this.#comparisonOperator();
      if (length === 0) return comparison ?? left;
      comparison ??= node('comparison_operator', left.start, left.end, [left]);
      this.#flush(comparison.children);
      const start = this.#at;
      const written = this.#text.slice(start, start + length);
      this.#add(comparison, node(written.startsWith('not') ? 'not in' : written.startsWith('is') && length > 2 ? 'is not' : written, start, start + length), 'operators');
      this.#advance(length);
      this.#part(comparison, null, this.#operand);
    }
  }

  readonly #operand = (): OpenNode => this.#binary(this.#unary(), 1);

  /** How long the operator at hand is when it compares; 0 for others. */
  #comparisonOperator(): number {
    const text = this.#text;
    const at = this.#at;
    switch (this.#word) {
      case 'in':
        return 2;
      case 'is':
      case 'not': {
        const two = /(?:is[ \t]+not|not[ \t]+in)(?!\w)/y;
        two.lastIndex = at;
        const found = two.exec(text)?.[0];
        if (found !== undefined) return found.length;
        return this.#word === 'is' ? 2 : unsure();
      }
      case '':
        break;
      default:
        return 0;
    }
    const code = text.charCodeAt(at);
    const next = text.charCodeAt(at + 1);
    if (code === EQUALS || code === BANG) return next === EQUALS ? 2 : 0;
    if (code === LESS) return next === EQUALS ? 2 : next === LESS ? 0 : next === GREATER ? unsure() : 1;
    if (code === GREATER) return next === EQUALS ? 2 : next === GREATER ? 0 : 1;
    return 0;
  }

  /** The arithmetic operator at hand, or ''. */
  #operator(): string {
    const text = this.#text;
    const sign = text[this.#at] ?? '';
    const next = text.charCodeAt(this.#at + 1);
    switch (sign) {
      case '*':
      case '/':
      case '<':
      case '>': {
        const double = text[this.#at + 1] === sign;
        if (double) return text.charCodeAt(this.#at + 2) === EQUALS ? '' : sign + sign;
        return next === EQUALS || sign === '<' || sign === '>' ? '' : sign;
      }
      case '-':
        return next === EQUALS || next === GREATER ? '' : sign;
      case '+':
      case '%':
      case '@':
      case '|':
      case '^':
      case '&':
        return next === EQUALS ? '' : sign;
      default:
        return '';
    }
  }

  #binary(first: OpenNode, lowest: number): OpenNode {
    let left = first;
    for (;;) {
      const sign = this.#operator();
      const precedence = sign === '' ? 0 : (BINARY.get(sign) ?? 0);
      if (precedence < lowest || precedence === 0) return left;
      const operation = node('binary_operator', left.start, left.end);
      this.#add(operation, left, 'left');
      this.#flush(operation.children);
      this.#add(operation, leaf(sign, this.#at, this.#at + sign.length), 'operator');
      this.#advance(sign.length);
      if (++this.#depth > MAX_DEPTH) unsure();
      // Powers go to the right.
      this.#part(operation, 'right', () => this.#binary(this.#unary(), precedence === POWER ? UNARY : precedence + 1));
      this.#depth--;
      left = operation;
    }
  }

  #unary(): OpenNode {
    const sign = this.#text[this.#at] ?? '';
    if (sign !== '-' && sign !== '+' && sign !== '~') return this.#primary();
    if (++this.#depth > MAX_DEPTH) unsure();
    const operation = node('unary_operator', this.#at, this.#at);
    this.#add(operation, node(sign, this.#at, this.#at + 1), 'operator');
    this.#advance(1);
    this.#part(operation, 'argument', () => this.#binary(this.#unary(), POWER));
    this.#depth--;
    return operation;
  }

  #primary(): OpenNode {
    if (this.#word === 'await') {
      const awaited = node('await', this.#at, this.#at);
      this.#takeWord(awaited, 'await');
      this.#part(awaited, null, () => this.#primary());
      if (this.#operator() === '**') unsure();
      return awaited;
    }
    let value = this.#atom();
    for (;;) {
      const object = value;
      switch (this.#code()) {
        case DOT:
          value = node('attribute', object.start, object.end);
          this.#add(value, object, 'object');
          this.#take(value, '.');
          this.#flush(value.children);
          this.#add(value, this.#name(), 'attribute');
          break;
        case OPEN_PAREN:
          value = node('call', object.start, object.end);
          this.#add(value, object, 'function');
          this.#flush(value.children);
          this.#add(value, this.#arguments(), 'arguments');
          break;
        case OPEN_BRACKET:
          value = this.#subscript(object);
          break;
        default:
          return value;
      }
    }
  }

  #arguments(): OpenNode {
    const list = node('argument_list', this.#at, this.#at);
    this.#open(list);
    let count = 0;
    while (this.#code() !== CLOSE_PAREN) {
      this.#flush(list.children);
      const argument = this.#add(list, this.#argument());
      count++;
      if (this.#word === 'for' || this.#word === 'async') {
        if (count > 1 || argument.type === 'keyword_argument' || argument.type.endsWith('_splat')) unsure();
        argument.field = 'body';
        list.type = 'generator_expression';
        this.#clauses(list);
        break;
      }
      if (this.#code() !== COMMA) break;
      this.#take(list, ',');
    }
    this.#close(list, CLOSE_PAREN);
    return list;
  }

  #argument(): OpenNode {
    const start = this.#at;
    if (this.#code() === STAR) {
      const double = this.#text.charCodeAt(start + 1) === STAR;
      const splat = node(double ? 'dictionary_splat' : 'list_splat', start, start);
      this.#advance(double ? 2 : 1);
      this.#part(splat, null, this.#expression);
      // So it does in calls of what was a statement in Python 2.
      if (this.#inPrint && splat.children.at(-1)?.type !== 'identifier') unsure();
      return splat;
    }
    const value = this.#namedExpression();
    if (this.#code() !== EQUALS) return value;
    if (value.type !== 'identifier') unsure();
    const argument = node('keyword_argument', start, start);
    this.#add(argument, value, 'name');
    this.#take(argument, '=');
    this.#part(argument, 'value', this.#expression);
    return argument;
  }

  #subscript(object: OpenNode): OpenNode {
    const subscript = node('subscript', object.start, object.end);
    this.#add(subscript, object, 'value');
    this.#open(subscript);
    for (;;) {
      this.#flush(subscript.children);
      this.#add(subscript, this.#slice(), 'subscript');
      if (this.#code() !== COMMA) break;
      this.#take(subscript, ',');
      if (this.#code() === CLOSE_BRACKET) break;
    }
    this.#close(subscript, CLOSE_BRACKET);
    return subscript;
  }

  #slice(): OpenNode {
    const start = this.#at;
    const first = this.#code() === COLON ? null : this.#expression();
    if (this.#code() !== COLON) return first ?? unsure();
    if (this.#text.charCodeAt(this.#at + 1) === EQUALS) unsure();
    const slice = node('slice', start, start, first === null ? [] : [first]);
    for (let colons = 0; colons < 2 && this.#code() === COLON; colons++) {
      this.#take(slice, ':');
      slice.end = this.#end;
      const code = this.#code();
      if (code !== COLON && code !== COMMA && code !== CLOSE_BRACKET) this.#part(slice, null, this.#expression);
    }
    return slice;
  }

  #clauses(parent: OpenNode): void {
    if (this.#word !== 'for' && this.#word !== 'async') unsure();
    for (;;) {
      if (this.#word === 'for' || this.#word === 'async') {
        this.#part(parent, null, () => {
          const clause = node('for_in_clause', this.#at, this.#at);
          if (this.#word === 'async') {
            this.#add(clause, node('async', this.#at, this.#at + 5));
            this.#advance(5);
          }
          this.#takeWord(clause, 'for');
          this.#part(clause, 'left', this.#targets);
          this.#takeWord(clause, 'in');
          this.#part(clause, 'right', this.#or);
          if (this.#code() === COMMA) unsure();
          return clause;
        });
      } else if (this.#word === 'if') {
        this.#part(parent, null, () => {
          const clause = node('if_clause', this.#at, this.#at);
          this.#takeWord(clause, 'if');
          this.#part(clause, null, this.#or);
          if (this.#word === 'else') unsure();
          return clause;
        });
      } else if (this.#word === 'else') unsure();
      else return;
    }
  }

  #atom(): OpenNode {
    const start = this.#at;
    const code = this.#code();
    if (this.#word !== '') {
      const word = this.#word;
      const quote = this.#text.charCodeAt(start + word.length);
      if ((quote === DOUBLE_QUOTE || quote === SINGLE_QUOTE) && /^(?:[fFrRbBuU]|[fF][rR]|[rR][fF]|[bB][rR]|[rR][bB])$/.test(word)) return this.#strings();
      switch (word) {
        case 'True':
        case 'False':
        case 'None':
          this.#advance(word.length);
          return leaf(word.toLowerCase(), start, start + word.length);
        default:
          return this.#name();
      }
    }
    switch (code) {
      case DOUBLE_QUOTE:
      case SINGLE_QUOTE:
        return this.#strings();
      case OPEN_PAREN:
        return this.#parenthesised();
      case OPEN_BRACKET:
        return this.#list();
      case OPEN_BRACE:
        return this.#braces();
      case DOT:
        if (this.#text.startsWith('...', start)) {
          this.#advance(3);
          return node('ellipsis', start, start + 3);
        }
    }
    for (const [type, pattern] of NUMBERS) {
      pattern.lastIndex = start;
      const found = pattern.exec(this.#text)?.[0];
      if (found === undefined) continue;
      this.#advance(found.length);
      return leaf(type, start, start + found.length);
    }
    return unsure();
  }

  #parenthesised(): OpenNode {
    const result = node('parenthesized_expression', this.#at, this.#at);
    this.#open(result);
    if (this.#code() === CLOSE_PAREN) result.type = 'tuple';
    else if (this.#word === 'yield') this.#part(result, null, () => this.#yield());
    else {
      const first = this.#part(result, null, () => (this.#code() === STAR ? this.#starred() : this.#namedExpression()));
      if (this.#word === 'for' || this.#word === 'async') {
        if (first.type === 'list_splat') unsure();
        first.field = 'body';
        result.type = 'generator_expression';
        this.#clauses(result);
      } else if (this.#code() === COMMA) {
        result.type = 'tuple';
        this.#items(result, CLOSE_PAREN);
      } else if (first.type === 'list_splat') unsure();
    }
    this.#close(result, CLOSE_PAREN);
    return result;
  }

  /** The rest of a sequence, from its first comma on. */
  #items(sequence: OpenNode, close: number): void {
    while (this.#code() === COMMA) {
      this.#take(sequence, ',');
      if (this.#code() === close) break;
      this.#part(sequence, null, () => (this.#code() === STAR ? this.#starred() : this.#namedExpression()));
    }
  }

  #list(): OpenNode {
    const result = node('list', this.#at, this.#at);
    this.#open(result);
    if (this.#code() !== CLOSE_BRACKET) {
      const first = this.#part(result, null, () => (this.#code() === STAR ? this.#plainStarred() : this.#namedExpression()));
      if (this.#word === 'for' || this.#word === 'async') {
        if (first.type === 'list_splat') unsure();
        first.field = 'body';
        result.type = 'list_comprehension';
        this.#clauses(result);
      } else this.#items(result, CLOSE_BRACKET);
    }
    this.#close(result, CLOSE_BRACKET);
    return result;
  }

  #braces(): OpenNode {
    const result = node('dictionary', this.#at, this.#at);
    this.#open(result);
    if (this.#code() !== CLOSE_BRACE) {
      const first = this.#part(result, null, () => this.#entry());
      const pair = first.type === 'pair' || first.type === 'dictionary_splat';
      if (this.#word === 'for' || this.#word === 'async') {
        if (first.type.endsWith('_splat')) unsure();
        first.field = 'body';
        result.type = pair ? 'dictionary_comprehension' : 'set_comprehension';
        this.#clauses(result);
      } else {
        if (!pair) result.type = 'set';
        while (this.#code() === COMMA) {
          this.#take(result, ',');
          if (this.#code() === CLOSE_BRACE) break;
          const { type } = this.#part(result, null, () => this.#entry());
          if ((type === 'pair' || type === 'dictionary_splat') !== pair) unsure();
        }
      }
    }
    this.#close(result, CLOSE_BRACE);
    return result;
  }

  #entry(): OpenNode {
    if (this.#code() === STAR) return this.#argument();
    const key = this.#expression();
    if (this.#code() !== COLON) return key;
    if (this.#text.charCodeAt(this.#at + 1) === EQUALS) unsure();
    const pair = node('pair', key.start, key.end);
    this.#add(pair, key, 'key');
    this.#take(pair, ':');
    this.#part(pair, 'value', this.#expression);
    return pair;
  }

  // Text.

  #strings(): OpenNode {
    const first = this.#string();
    if (!this.#atString()) return first;
    const joined = node('concatenated_string', first.start, first.end, [first]);
    while (this.#atString()) this.#part(joined, null, () => this.#string());
    return joined;
  }

  #atString(): boolean {
    const code = this.#text.charCodeAt(this.#at + this.#word.length);
    if (code !== DOUBLE_QUOTE && code !== SINGLE_QUOTE) return false;
    return this.#word === '' || /^(?:[fFrRbBuU]|[fF][rR]|[rR][fF]|[bB][rR]|[rR][bB])$/.test(this.#word) || unsure();
  }

  /** Between these two no backslash stands; at the second one does, or the text ends. */
  #plainFrom = 0;
  #plainUntil = -1;

  #holdsBackslash(start: number, end: number): boolean {
    if (start < this.#plainFrom || start > this.#plainUntil) {
      const found = this.#text.indexOf('\\', start);
      this.#plainFrom = start;
      this.#plainUntil = found < 0 ? this.#text.length : found;
    }
    return this.#plainUntil < end;
  }

  #string(): OpenNode {
    const text = this.#text;
    const start = this.#at;
    const prefix = this.#word.toLowerCase();
    const quote = text.charCodeAt(start + prefix.length);
    const opening = start + prefix.length;
    const triple = text.charCodeAt(opening + 1) === quote && text.charCodeAt(opening + 2) === quote;
    const quotes = triple ? 3 : 1;
    const formatted = prefix.includes('f');
    const raw = prefix.includes('r');
    const bytes = prefix.includes('b');
    const result = node('string', start, start);
    let at = opening + quotes;
    result.children.push(leaf('string_start', start, at));
    let content: OpenNode | null = null;
    if (triple && !formatted && !bytes && !raw) {
      // Most long texts hold nothing but themselves.
      const end = text.indexOf(quote === DOUBLE_QUOTE ? '"""' : "'''", at);
      if (end > at && !this.#holdsBackslash(at, end)) {
        result.children.push((content = node('string_content', at, at)));
        at = end;
      }
    }
    for (;;) {
      const code = text.charCodeAt(at);
      if (Number.isNaN(code)) unsure();
      if (code === quote && (!triple || (text.charCodeAt(at + 1) === quote && text.charCodeAt(at + 2) === quote))) break;
      if ((code === LINE_FEED || code === CARRIAGE_RETURN) && !triple) unsure();
      if (formatted && (code === OPEN_BRACE || code === CLOSE_BRACE)) {
        if (text.charCodeAt(at + 1) !== code) {
          if (code === CLOSE_BRACE) unsure();
          if (content !== null) content.end = at;
          content = null;
          at = this.#interpolation(result, at);
          continue;
        }
        content ??= node('string_content', at, at);
        if (result.children.at(-1) !== content) result.children.push(content);
        content.children.push(leaf('escape_interpolation', at, at + 2));
        at += 2;
        continue;
      }
      if (content === null) result.children.push((content = node('string_content', at, at)));
      if (code === BACKSLASH) {
        if (raw) {
          // A quote behind a backslash does not end the text, although the backslash stays. Of nothing but such pairs the grammar makes no content.
          if (formatted || !/[^\\'"\r\n]/.test(text.slice(content.start, at + 3))) unsure();
          if (triple && text.charCodeAt(at + 2) === quote) unsure();
          at += text.charCodeAt(at + 1) === quote || text.charCodeAt(at + 1) === BACKSLASH ? 2 : 1;
          continue;
        }
        ESCAPE.lastIndex = at;
        const escape = ESCAPE.exec(text)?.[0];
        if (escape === undefined) {
          if (/[NuUx\d\r]/.test(text[at + 1] ?? '')) unsure();
          at++;
          continue;
        }
        if (bytes && /[uU]/.test(escape[1] ?? '')) unsure();
        content.children.push(leaf('escape_sequence', at, at + escape.length));
        at += escape.length;
        continue;
      }
      at++;
    }
    if (content !== null) content.end = at;
    result.children.push(leaf('string_end', at, at + quotes));
    result.end = at + quotes;
    this.#at = at;
    this.#advance(quotes);
    return result;
  }

  /** A part in braces; returns where it ends. */
  #interpolation(parent: OpenNode, start: number): number {
    const [word, comments] = [this.#word, this.#comments];
    this.#comments = [];
    this.#at = start;
    const result = node('interpolation', start, start);
    this.#formatted(result);
    this.#word = word;
    this.#comments = comments;
    parent.children.push(result);
    return result.end;
  }

  /** `{expression!r:format}`, from its brace on. */
  #formatted(into: OpenNode): void {
    if (++this.#depth > MAX_DEPTH) unsure();
    this.#brackets++;
    this.#advance(1);
    if (this.#word === 'lambda' || this.#word === 'yield') unsure();
    this.#part(into, 'expression', this.#expressions);
    if (this.#comments.length > 0) unsure();
    if (this.#code() === EQUALS) this.#advance(1);
    if (this.#code() === BANG) {
      if (this.#end !== this.#at || !/^[a-z]$/.test(this.#text[this.#at + 1] ?? '')) unsure();
      this.#add(into, node('type_conversion', this.#at, this.#at + 2), 'type_conversion');
      this.#advance(2);
    }
    if (this.#comments.length > 0) unsure();
    this.#depth--;
    this.#brackets--;
    const text = this.#text;
    let at = this.#at;
    if (text.charCodeAt(at) === COLON) {
      const specifier = node('format_specifier', at, at);
      at++;
      if (text.charCodeAt(at) === EQUALS) unsure();
      for (;;) {
        const code = text.charCodeAt(at);
        if (code === CLOSE_BRACE) break;
        if (code === OPEN_BRACE) {
          const nested = node('format_expression', at, at);
          this.#at = at;
          this.#formatted(nested);
          specifier.children.push(nested);
          at = nested.end;
          continue;
        }
        if (code === LINE_FEED || code === CARRIAGE_RETURN || code === DOUBLE_QUOTE || code === SINGLE_QUOTE || code === BACKSLASH || Number.isNaN(code)) unsure();
        at++;
      }
      specifier.end = at;
      this.#add(into, specifier, 'format_specifier');
    }
    if (text.charCodeAt(at) !== CLOSE_BRACE) unsure();
    into.end = at + 1;
    this.#at = at + 1;
    this.#end = at + 1;
  }
}

/** The grammar takes `type(a).b = c` for an alias of a type. */
function typeAlias(statement: OpenNode): OpenNode {
  const [left, right, ...more] = statement.children[0]?.children ?? [];
  if (statement.children.length !== 1 || left?.type !== 'attribute' || !right || more.length > 0 || !/^(?:identifier|attribute|call|lambda|none|true|false|integer|string)$/.test(right.type)) return unsure();
  const [called] = left.children;
  if (called?.type !== 'call' || called.children[0]?.type !== 'identifier' || called.children[0].end - called.children[0].start !== 4) return unsure();
  const names = node('type', left.start + 4, left.end);
  const value = node('type', right.start, right.end);
  names.field = 'left';
  value.field = 'right';
  return node('type_alias_statement', statement.start, statement.end, [names, value]);
}

const NUMBERS = [
  ['integer', INTEGER],
  ['float', FLOAT],
] as const;

/** An expression as what is assigned to. */
function asPattern(target: OpenNode): OpenNode {
  switch (target.type) {
    case 'identifier':
    case 'attribute':
    case 'subscript':
    case 'comment':
      return target;
    case 'expression_list':
      target.type = 'pattern_list';
      break;
    case 'tuple':
      target.type = 'tuple_pattern';
      break;
    case 'list':
      target.type = 'list_pattern';
      break;
    case 'list_splat':
      target.type = 'list_splat_pattern';
      break;
    default:
      return unsure();
  }
  for (const part of target.children) asPattern(part);
  return target;
}
