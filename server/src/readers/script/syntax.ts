/** What one chunk of TypeScript or JavaScript says on its own: plain data, names not yet resolved. */
import type { KnownValue } from '../../core/value.ts';
import type { Scope } from '../../core/fact.ts';

/** A range relative to the chunk. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export interface ObjectEntry extends Range {
  /** null of `...spread` and of computed keys. */
  readonly key: string | null;
  readonly keyRange: Range;
  readonly spread: boolean;
  readonly value: Expression;
}

/** An expression, as far as it can matter. `await`, casts and parentheses are left out. */
export type Expression = Range &
  (
    | { readonly kind: 'literal'; readonly value: KnownValue['value']; readonly type: KnownValue['type']; readonly text: string }
    /** A dotted name: `n`, `process.env.X`, `this.session`. */
    | { readonly kind: 'name'; readonly name: string }
    | { readonly kind: 'member'; readonly object: Expression; readonly name: string }
    | { readonly kind: 'index'; readonly object: Expression; readonly key: Expression }
    | { readonly kind: 'call'; readonly callee: Expression; readonly args: readonly Expression[]; readonly isNew: boolean }
    | { readonly kind: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression }
    | { readonly kind: 'unary'; readonly operator: string; readonly operand: Expression }
    | { readonly kind: 'choice'; readonly options: readonly Expression[] }
    | { readonly kind: 'concatenation'; readonly parts: readonly Expression[] }
    | { readonly kind: 'array'; readonly items: readonly Expression[]; readonly text: string }
    | { readonly kind: 'object'; readonly entries: readonly ObjectEntry[]; readonly text: string }
    | { readonly kind: 'spread'; readonly operand: Expression }
    /** A function; its qualified name when its body was read as a function of its own. */
    | { readonly kind: 'function'; readonly name: string | null }
    | { readonly kind: 'other'; readonly text: string }
  );

/** A loop around a call: how often it runs, or what it walks through. */
export type Loop = { readonly kind: 'count'; readonly count: Expression } | { readonly kind: 'each'; readonly of: Expression } | { readonly kind: 'unknown' };

interface ItemBase extends Range {
  readonly scope: Scope;
}

/** One local name for something of another module, or a module that is only run (`local` null). */
export interface ImportItem extends ItemBase {
  readonly kind: 'import';
  readonly module: string;
  readonly local: string | null;
  /** `*` for the module itself, `default`, or the name of an export. */
  readonly member: string;
  /** `static` imports and re-exports run before the module's own statements; `require` and `dynamic` where they stand. */
  readonly form: 'static' | 'require' | 'dynamic';
}

/** A name receives a value. */
export interface BindItem extends ItemBase {
  readonly kind: 'bind';
  readonly name: string;
  /** null when it is not known. */
  readonly value: Expression | null;
  /** The key of the value that it takes (`const { run } = helpers`). */
  readonly key: string | null;
  /** `reassign` gives a name that is declared elsewhere another value. */
  readonly how: 'assign' | 'reassign' | 'parameter' | 'each';
  readonly exported: boolean;
}

export interface CallItem extends ItemBase {
  readonly kind: 'call';
  readonly call: Range;
  readonly callee: Expression;
  readonly args: readonly Expression[];
  readonly isNew: boolean;
  /** The next statement runs when the call's promise is kept. */
  readonly awaited: boolean;
  readonly result: string | null;
  readonly loops: readonly Loop[];
  readonly text: string;
}

/** `target = value`, `target ??= value` or `delete target`, of a member. */
export interface StoreItem extends ItemBase {
  readonly kind: 'store';
  readonly target: Expression;
  readonly operation: 'set' | 'default' | 'delete';
  readonly value: Expression | null;
  /** The value as written. */
  readonly text: string | null;
  readonly nameRange: Range;
}

export interface DefineItem extends ItemBase {
  readonly kind: 'define';
  readonly name: string;
  readonly nameRange: Range;
  readonly isAsync: boolean;
  /** Handed to something else as a callback, which may call it at any time. */
  readonly callback: boolean;
  readonly isClass: boolean;
}

/** `export { a as b }`, `export default a`, `module.exports.b = a`. */
export interface ExportItem extends ItemBase {
  readonly kind: 'export';
  readonly exported: string;
  readonly value: Expression;
}

export interface SuppressItem extends ItemBase {
  readonly kind: 'suppress';
  readonly rules: readonly string[] | null;
  readonly reason: string;
  readonly target: Range;
}

export type Item = ImportItem | BindItem | CallItem | StoreItem | DefineItem | ExportItem | SuppressItem;

export interface SyntaxGap extends Range {
  readonly reason: 'syntax' | 'too-large';
  readonly message: string;
}

export interface ScriptSyntax {
  /** True when the text holds no word about threads, variables or imports. */
  readonly silent?: boolean;
  readonly items: readonly Item[];
  readonly gaps: readonly SyntaxGap[];
}
