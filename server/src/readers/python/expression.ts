/** Turns the syntax of an expression into plain data, as deep as a thread count can be written. */
import { child } from '../syntaxNode.ts';
import type { PythonNode } from './pythonNode.ts';
import type { Expression, PythonArgument, Range } from './syntax.ts';

/** Deeper parts become `other`; this also keeps long call chains from being copied once for each call. */
const MAX_DEPTH = 8;
const MAX_ITEMS = 64;

/** One line of at most `limit` characters. */
export function shorten(text: string, limit: number): string {
  if (text.length <= limit && isOneLine(text)) return text;
  const line = (text.length > limit * 4 ? text.slice(0, limit * 4) : text).replaceAll(/\s+/g, ' ');
  return line.length <= limit ? line : `${line.slice(0, limit - 1)}…`;
}

/** True when there is nothing to join: no blanks but single spaces. */
function isOneLine(text: string): boolean {
  for (let i = 0, before = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 32 || code > 126 || (code === 32 && before === 32)) return false;
    before = code;
  }
  return true;
}

export function toExpression(node: PythonNode, text: string, depth = 0): Expression {
  const { type, start, end } = node;
  if (depth > MAX_DEPTH) return { kind: 'other', why: 'is too deeply nested', text: shorten(text.slice(start, end), 60), start, end };
  // Most of what is written is one of these; the rest costs more.
  if (type === 'identifier') return { kind: 'name', name: text.slice(start, end), start, end };
  if (type === 'string') return string(node, text, depth);
  if (type === 'attribute') {
    const object = child(node, 'object');
    const name = child(node, 'attribute');
    if (object && name) {
      const base = toExpression(object, text, depth + 1);
      const written = text.slice(name.start, name.end);
      return base.kind === 'name' ? { kind: 'name', name: `${base.name}.${written}`, start, end } : { kind: 'attribute', object: base, name: written, start, end };
    }
  }
  if (type === 'call') {
    const callee = child(node, 'function');
    const list = child(node, 'arguments');
    if (callee && list) return { kind: 'call', callee: toExpression(callee, text, depth + 1), args: readArguments(list, text, depth + 1), start, end };
  }
  const range: Range = { start, end };
  const other = (why: string): Expression => ({ kind: 'other', why, text: shorten(text.slice(start, end), 60), start, end });
  const inner = (part: PythonNode): Expression => toExpression(part, text, depth + 1);
  const source = (part: PythonNode): string => text.slice(part.start, part.end);

  switch (node.type) {
    case 'attribute':
    case 'call':
      return other('is incomplete');
    case 'integer':
    case 'float': {
      const value = parseNumber(source(node));
      return value === null ? other('is no plain number') : { kind: 'literal', value: value.value, type: value.type, ...range };
    }
    case 'true':
    case 'false':
      return { kind: 'literal', value: node.type === 'true', type: 'bool', ...range };
    case 'none':
      return { kind: 'literal', value: null, type: 'none', ...range };
    case 'concatenated_string': {
      const parts = node.children.filter((part) => part.type === 'string').map(inner);
      const plain = parts.every((part) => part.kind === 'literal');
      return plain ? { kind: 'literal', value: parts.map((part) => (part.kind === 'literal' ? String(part.value) : '')).join(''), type: 'string', ...range } : { kind: 'concatenation', parts, ...range };
    }
    case 'subscript': {
      const object = child(node, 'value');
      const keys = node.children.filter((part) => part.field === 'subscript');
      const key = keys[0];
      if (!object) return other('is incomplete');
      return { kind: 'subscript', object: inner(object), key: keys.length === 1 && key && key.type !== 'slice' ? inner(key) : null, ...range };
    }
    case 'binary_operator': {
      const left = child(node, 'left');
      const right = child(node, 'right');
      const operator = child(node, 'operator');
      if (!left || !right || !operator) return other('is incomplete');
      return { kind: 'binary', operator: operator.type, left: inner(left), right: inner(right), ...range };
    }
    case 'unary_operator': {
      const operand = child(node, 'argument');
      const operator = child(node, 'operator')?.type;
      if (!operand || (operator !== '-' && operator !== '+')) return other('is a bitwise expression');
      const value = inner(operand);
      if (operator === '+') return { ...value, ...range };
      if (value.kind === 'literal' && typeof value.value === 'number') return { ...value, value: -value.value, ...range };
      return { kind: 'negative', operand: value, ...range };
    }
    case 'boolean_operator': {
      const left = child(node, 'left');
      const right = child(node, 'right');
      if (!left || !right) return other('is incomplete');
      return child(node, 'operator')?.type === 'or' ? { kind: 'or', left: inner(left), right: inner(right), ...range } : other('is a condition');
    }
    case 'conditional_expression': {
      const parts = node.children.filter((part) => part.type !== 'comment');
      const [yes, test, no] = parts;
      if (yes && test && no) {
        // `n if n else 4` is `n or 4`.
        if (source(test) === source(yes)) return { kind: 'or', left: inner(yes), right: inner(no), ...range };
        const nothing = /^(.+?)\s+is(\s+not)?\s+None$/s.exec(source(test));
        const [some, none] = nothing?.[2] === undefined ? [no, yes] : [yes, no];
        if (nothing && nothing[1] === source(some)) return { kind: 'unlessNone', left: inner(some), right: inner(none), ...range };
      }
      return yes && no ? { kind: 'choice', options: [inner(yes), inner(no)], ...range } : other('is incomplete');
    }
    case 'named_expression': {
      const value = child(node, 'value');
      return value ? { ...inner(value), ...range } : other('is incomplete');
    }
    case 'parenthesized_expression':
    case 'await': {
      const part = node.children.find((candidate) => candidate.type !== 'comment');
      return part ? inner(part) : other('is incomplete');
    }
    case 'tuple':
    case 'list':
    case 'set':
    case 'expression_list': {
      const parts = node.children.filter((part) => part.type !== 'comment');
      if (parts.length > MAX_ITEMS || parts.some((part) => part.type === 'list_splat')) return other('is a sequence');
      return { kind: 'sequence', items: parts.map(inner), text: shorten(source(node), 60), ...range };
    }
    case 'dictionary': {
      const entries = node.children
        .filter((part) => part.type === 'pair' || part.type === 'dictionary_splat')
        .slice(0, MAX_ITEMS)
        .flatMap((part) => {
          const key = child(part, 'key');
          const value = child(part, 'value') ?? part.children[0];
          return value ? [{ key: key ? inner(key) : null, value: inner(value) }] : [];
        });
      return { kind: 'dictionary', entries, text: shorten(source(node), 60), ...range };
    }
    default:
      return other('is not a plain value');
  }
}

/** The arguments in the parentheses of a call. */
export function readArguments(list: PythonNode, text: string, depth: number): readonly PythonArgument[] {
  if (list.type === 'generator_expression') {
    return [{ name: null, splat: false, value: toExpression(list, text, depth), text: shorten(text.slice(list.start, list.end), 60), start: list.start, end: list.end }];
  }
  const result: PythonArgument[] = [];
  for (const part of list.children) {
    if (part.type === 'comment' || part.type === 'ERROR' || part.missing || result.length >= MAX_ITEMS) continue;
    const splat = part.type === 'list_splat' || part.type === 'dictionary_splat';
    const name = part.type === 'keyword_argument' ? child(part, 'name') : undefined;
    const value = part.type === 'keyword_argument' ? child(part, 'value') : splat ? part.children[0] : part;
    if (!value) continue;
    result.push({
      name: name ? text.slice(name.start, name.end) : null,
      splat,
      value: toExpression(value, text, depth),
      text: shorten(text.slice(value.start, value.end), 200),
      start: value.start,
      end: value.end,
    });
  }
  return result;
}

function string(node: PythonNode, text: string, depth: number): Expression {
  const { start, end, children } = node;
  // A text in plain quotes, without anything that stands for something else.
  if (children.length <= 3 && children[0]?.end === start + 1 && (children.length < 3 || (children[1]?.type === 'string_content' && children[1].children.length === 0))) {
    const value = text.slice(start + 1, end - 1);
    if (!value.includes('\\') && text.charCodeAt(start) === text.charCodeAt(end - 1) && children.length === (value === '' ? 2 : 3)) return { kind: 'literal', value, type: 'string', start, end };
  }
  const range: Range = { start, end };
  const opening = node.children[0];
  const first = opening ? text.charCodeAt(opening.start) : 0;
  const prefix = opening && first !== 34 && first !== 39 ? text.slice(opening.start, opening.end).replaceAll(/["']/g, '').toLowerCase() : '';
  if (prefix.includes('b')) return { kind: 'other', why: 'is bytes', text: shorten(text.slice(node.start, node.end), 60), ...range };
  const raw = prefix.includes('r');
  const interpolated = node.children.some((part) => part.type === 'interpolation');
  const decode = (part: PythonNode): string => {
    const content = text.slice(part.start, part.end);
    const braces = prefix.includes('f') ? content.replaceAll('{{', '{').replaceAll('}}', '}') : content;
    return raw ? braces : unescape(braces);
  };
  if (!interpolated) {
    const value = node.children.filter((part) => part.type === 'string_content').map(decode).join('');
    return { kind: 'literal', value, type: 'string', ...range };
  }
  const parts: Expression[] = [];
  for (const part of node.children) {
    if (part.type === 'string_content') parts.push({ kind: 'literal', value: decode(part), type: 'string', start: part.start, end: part.end });
    else if (part.type === 'interpolation') {
      const value = child(part, 'expression');
      // A conversion or a format changes the text in ways that are not followed.
      const plain = !part.children.some((piece) => piece.type === 'type_conversion' || piece.type === 'format_specifier');
      parts.push(value && plain ? toExpression(value, text, depth + 1) : { kind: 'other', why: 'is formatted', text: shorten(text.slice(part.start, part.end), 60), start: part.start, end: part.end });
    }
  }
  return { kind: 'concatenation', parts, ...range };
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v', '\\': '\\', "'": "'", '"': '"', '\n': '', '\r\n': '' };

function unescape(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replaceAll(/\\(\r\n|x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-7]{1,3}|[\s\S])/g, (whole, escape: string) => {
    const simple = ESCAPES[escape];
    if (simple !== undefined) return simple;
    if (/^[xuU][\da-fA-F]/.test(escape)) {
      const code = Number.parseInt(escape.slice(1), 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    }
    return /^[0-7]+$/.test(escape) ? String.fromCharCode(Number.parseInt(escape, 8)) : whole;
  });
}

function parseNumber(text: string): { readonly value: number; readonly type: 'int' | 'float' } | null {
  const plain = text.replaceAll('_', '');
  if (/^(?:\d+|0[xX][\da-fA-F]+|0[oO][0-7]+|0[bB][01]+)$/.test(plain)) return { value: Number(plain), type: 'int' };
  const value = Number(plain);
  return /^[\d.]+(?:[eE][+-]?\d+)?$/.test(plain) && Number.isFinite(value) ? { value, type: 'float' } : null;
}
