/** Files of which only an outline is known until somebody asks for more: what says nothing by itself is read when a program reaches it. */
import type { FileFacts } from './fact.ts';

/**
 * What can be told of a text without reading it in full.
 * That there is one means: the file states no setting, launch, link, limit or suppression, nothing that a rule about the file alone
 * would report, and there is no gap unless `imports` says so.
 */
export interface FileOutline {
  /** False when no fact stands under a main guard. */
  readonly mayHoldMainGuard: boolean;
  /** The modules that its load facts name; null when the text has to be read in full to tell, gaps included. Found anew at each call. */
  imports(): readonly string[] | null;
}

/** What a file turns out to say once it is read in full. */
type WholeFile = Pick<FileFacts, 'facts' | 'gaps'>;

interface Outlined {
  readonly mayHoldMainGuard: boolean;
  /** Null once the file was read in full, or when it has to be. */
  imports(): readonly string[] | null;
}

const outlines = new WeakMap<FileFacts, Outlined>();

/** A file that is read in full when its facts are first looked at. */
export function outlinedFile(uri: string, reader: string, outline: FileOutline, read: () => WholeFile): FileFacts {
  let whole: WholeFile | undefined;
  let known: { readonly imports: readonly string[] | null } | undefined;
  const all = (): WholeFile => (whole ??= read());
  const imports = (): readonly string[] | null => (whole ? null : (known ??= { imports: outline.imports() }).imports);
  const file: FileFacts = {
    uri,
    reader,
    get facts() {
      return all().facts;
    },
    get gaps() {
      return imports() === null ? all().gaps : [];
    },
  };
  outlines.set(file, { mayHoldMainGuard: outline.mayHoldMainGuard, imports });
  return file;
}

/** True when the file certainly holds no setting, launch, link, limit or suppression, without a look at its facts. */
export function saysNothingAlone(file: FileFacts): boolean {
  return outlines.has(file);
}

/** False when no fact of the file stands under a main guard, without a look at its facts. */
export function mayHoldMainGuard(file: FileFacts): boolean {
  return outlines.get(file)?.mayHoldMainGuard ?? true;
}

/** The modules that a file imports, when its facts need not be looked at to tell. */
export function outlinedImports(file: FileFacts): readonly string[] | null {
  return outlines.get(file)?.imports() ?? null;
}
