/** URIs of the workspace's files as paths: joining, normalising, and finding a file by a path someone wrote. */

interface PythonModule {
  /** `NAME.py`. */
  file: string | null;
  /** `NAME/__init__.py`. */
  initial: string | null;
  /** `NAME/`, whether there is one or not. */
  readonly folder: string;
}

/** Finds workspace files by path; percent-encoding and `.`/`..` segments do not matter. */
export class FileIndex {
  readonly #byPath = new Map<string, string>();
  /** What was looked up before, keyed by the text asked for; valid as long as the index, which never changes. */
  readonly #lookups = new Map<string, readonly string[]>();
  /** Every folder name and every file name without its ending. */
  readonly #names = new Set<string>();
  readonly #folders = new Set<string>();
  /** Paths by the name of the file. */
  readonly #byName = new Map<string, string[]>();

  /** Python modules by the folder they lie in and their name. */
  readonly #modules = new Map<string, Map<string, PythonModule>>();

  readonly #uris = new Set<string>();
  readonly #plain = new Map<string, string>();

  /** The nearest folder that holds every file. */
  readonly root: string;

  constructor(uris: Iterable<string>) {
    for (const uri of uris) {
      this.#uris.add(uri);
      const path = plainPath(uri);
      this.#byPath.set(path, uri);
      for (const segment of path.split('/')) this.#names.add(segment.replace(/\.[^.]*$/, ''));
      const slash = path.lastIndexOf('/');
      const name = path.slice(slash + 1);
      const same = this.#byName.get(name);
      if (same) same.push(path);
      else this.#byName.set(name, [path]);
      if (name.endsWith('.py')) {
        const folder = path.slice(0, slash);
        // Folders without an `__init__.py` are packages too when a module lies below.
        for (let end = slash; end > 0; ) {
          const above = path.lastIndexOf('/', end - 1);
          const known = this.#modules.get(path.slice(0, above))?.has(path.slice(above + 1, end)) === true;
          this.#module(path.slice(0, above), path.slice(above + 1, end));
          if (known) break;
          end = above;
        }
        this.#module(folder, name.slice(0, -3)).file = uri;
        if (name === '__init__.py') this.#module(folder.slice(0, folder.lastIndexOf('/')), folder.slice(folder.lastIndexOf('/') + 1)).initial = uri;
      }
      for (let end = slash; end > 0 && !this.#folders.has(path.slice(0, end)); end = path.lastIndexOf('/', end - 1)) this.#folders.add(path.slice(0, end));
    }
    this.root = commonFolder(this.#uris);
  }

  #module(folder: string, name: string): PythonModule {
    let modules = this.#modules.get(folder);
    if (!modules) this.#modules.set(folder, (modules = new Map()));
    let module = modules.get(name);
    if (!module) modules.set(name, (module = { file: null, initial: null, folder: `${folder}/${name}` }));
    return module;
  }

  /** What a name is as a Python module in a folder as `plain` gives it; undefined when it is nothing. */
  module(folder: string, name: string): Readonly<PythonModule> | undefined {
    return this.#modules.get(folder)?.get(name);
  }

  /** False when no file or folder has this name, so that looking for it in many places can be left out. */
  mayHold(name: string): boolean {
    return this.#names.has(name);
  }

  /** The result of `compute`, remembered under a key. */
  remember(key: string, compute: () => readonly string[]): readonly string[] {
    const known = this.#lookups.get(key);
    if (known) return known;
    const result = compute();
    this.#lookups.set(key, result);
    return result;
  }

  /** True when these files are the index's, so that it can serve for them too. */
  isOf(files: ReadonlyMap<string, unknown>): boolean {
    if (files.size !== this.#uris.size) return false;
    for (const uri of files.keys()) if (!this.#uris.has(uri)) return false;
    return true;
  }

  /** A folder's URI as `module` wants it; the same folders are asked for over and over. */
  plain(folder: string): string {
    let plain = this.#plain.get(folder);
    if (plain === undefined) this.#plain.set(folder, (plain = plainPath(folder)));
    return plain;
  }

  /** The URI of a file as the workspace spells it, or null when it is not in the workspace. */
  find(uri: string): string | null {
    return this.#byPath.get(plainPath(uri)) ?? null;
  }

  /** Every file of this name. */
  named(name: string): readonly string[] {
    return (this.#byName.get(name) ?? []).flatMap((path) => this.#byPath.get(path) ?? []);
  }

  /** True when some file lies in the folder or below it. */
  holdsFolder(uri: string): boolean {
    return this.#folders.has(plainPath(uri));
  }

  /** The only file of the workspace whose path ends like this one, for paths of which the first folders are not known here; null when none or several do. */
  findBySuffix(path: string): string | null {
    const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.');
    const named = this.#byName.get(segments.at(-1) ?? '') ?? [];
    let candidates = named;
    for (let length = 2; length <= segments.length && candidates.length > 1; length++) {
      const ending = `/${segments.slice(-length).join('/')}`;
      candidates = candidates.filter((candidate) => candidate.endsWith(ending));
    }
    const [only, more] = candidates;
    return only !== undefined && more === undefined ? (this.#byPath.get(only) ?? null) : null;
  }
}

/** The folder of a file's URI, without a trailing slash. */
export function folderOf(uri: string): string {
  const slash = uri.lastIndexOf('/');
  return slash <= schemeEnd(uri) ? uri.slice(0, schemeEnd(uri) + 1) : uri.slice(0, slash);
}

/** The last segment of a URI, decoded. */
export function baseName(uri: string): string {
  return decode(uri.slice(uri.lastIndexOf('/') + 1));
}

/** A path as written, against a folder's URI. Absolute paths stay in the folder's scheme; backslashes count as slashes in Windows paths. */
export function joinPath(folder: string, path: string): string {
  const windows = /^[A-Za-z]:[\\/]/.test(path);
  const slashed = windows || !path.includes('/') ? path.replaceAll('\\', '/') : path;
  const encoded = slashed.split('/').map(encodeSegment).join('/');
  const root = folder.slice(0, schemeEnd(folder));
  if (windows) return normalise(`${root}/${encoded}`);
  return normalise(path.startsWith('/') ? `${root}${encoded}` : `${folder}/${encoded}`);
}

/** Parent folders of a URI's folder, nearest first, at most `limit`. */
export function ancestors(folder: string, limit: number): readonly string[] {
  const result: string[] = [];
  let current = folder;
  while (result.length < limit) {
    const parent = folderOf(current);
    if (parent === current || parent.length <= schemeEnd(parent)) break;
    result.push(parent);
    current = parent;
  }
  return result;
}

/** The workspace folder a launch file belongs to: the one that holds `.vscode`, `.github` or `.devcontainer`, else the file's own folder. */
export function workspaceFolderOf(uri: string): string {
  const marker = Math.max(uri.lastIndexOf('/.vscode/'), uri.lastIndexOf('/.github/'), uri.lastIndexOf('/.devcontainer/'));
  return marker >= 0 ? uri.slice(0, marker) : folderOf(uri);
}

/** The nearest folder that holds every one of these files; `''` when there is none. */
export function commonFolder(uris: Iterable<string>): string {
  let common: string | null = null;
  for (const uri of uris) {
    common ??= folderOf(uri);
    while (common !== '' && !uri.startsWith(`${common}/`)) {
      const parent: string = folderOf(common);
      common = parent.length < common.length ? parent : '';
    }
  }
  return common ?? '';
}

/** A path for messages: relative to a folder when inside it. */
export function displayPath(uri: string, folder: string): string {
  return uri.startsWith(`${folder}/`) ? decode(uri.slice(folder.length + 1)) : baseName(uri);
}

/** Where the path of a URI starts: behind `scheme://authority`. */
function schemeEnd(uri: string): number {
  const match = /^[a-zA-Z][a-zA-Z0-9+.-]*:\/\/[^/]*/.exec(uri);
  return match ? match[0].length : 0;
}

function normalise(uri: string): string {
  const start = schemeEnd(uri);
  const segments: string[] = [];
  for (const segment of uri.slice(start).split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') segments.pop();
    else segments.push(segment);
  }
  return `${uri.slice(0, start)}/${segments.join('/')}`;
}

function plainPath(uri: string): string {
  const plain = decode(normalise(uri));
  // Windows drive letters come in both cases.
  return plain.replace(/^(file:\/\/\/)([A-Za-z]):/, (_, head: string, drive: string) => `${head}${drive.toLowerCase()}:`);
}

function encodeSegment(segment: string): string {
  return segment.replace(/[%?# ]/g, (character) => encodeURIComponent(character));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
