/** The part of tree-sitter that the Python reader uses, so that the reader itself loads nothing. */

/** Walks a syntax tree without making an object for every node. Offsets are UTF-16 code units. */
export interface SyntaxCursor {
  readonly nodeType: string;
  readonly nodeIsNamed: boolean;
  readonly nodeIsMissing: boolean;
  readonly currentFieldName: string | null;
  readonly startIndex: number;
  readonly endIndex: number;
  gotoFirstChild(): boolean;
  gotoNextSibling(): boolean;
  gotoParent(): boolean;
  delete(): void;
}

export interface SyntaxTree {
  walk(): SyntaxCursor;
  /** Frees the memory outside the JavaScript heap. */
  delete(): void;
}

/** A parser for one language. */
export interface SyntaxParser {
  parse(text: string): SyntaxTree | null;
}
