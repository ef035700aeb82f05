/** A launch configuration as VS Code would start it: one system's block merged in, every `${…}` replaced, or a sentence why not. */
import type { Node } from 'jsonc-parser';
import { arrayItems, parseJsonc, propertiesOf, propertyList, valueOf } from '../jsoncTree.ts';
import { type ConfigurationNode, configurationsOf, type System } from './configurations.ts';

/** What the variables of a configuration come to. */
export interface EditorState {
  readonly system: System;
  /** Path of the folder that the configuration belongs to. */
  readonly folder: string;
  /** Every folder of the workspace. */
  readonly folders: readonly string[];
  readonly home: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Path of the file that is open; null when none is, or nobody could tell. */
  readonly activeFile: string | null;
  /** An editor setting; undefined when it is not set or not known. */
  setting(name: string): unknown;
  /** What `${command:python.interpreterPath}` gives; null when there is none. */
  interpreter(): string | null;
}

/** What would be started. */
export interface DebugStart {
  /** Program and arguments. */
  readonly words: readonly string[];
  /** True when the configuration itself names the interpreter, which then wins over every other choice, as in VS Code. */
  readonly namesInterpreter: boolean;
  /** Null: the debugger's default, which is the folder. */
  readonly cwd: string | null;
  /** `env` and `environment`; null unsets. Later than `envFile`. */
  readonly environment: readonly { readonly name: string; readonly value: string | null }[];
  /** Path of an `envFile` that is written in the configuration; null when none is. */
  readonly envFile: string | null;
  /** Why it cannot be started like this, as full sentences. */
  readonly refusals: readonly string[];
  /** What is left out, as full sentences. */
  readonly notes: readonly string[];
}

const PYTHON_TYPES = new Set(['debugpy', 'python']);
const NODE_TYPES = new Set(['node', 'pwa-node']);
const INTERPRETER = '${command:python.interpreterPath}';

/** The configuration with this id, or null when the file has none that starts a program. */
export function resolveConfiguration(text: string, id: string, editor: EditorState): DebugStart | null {
  const configuration = find(text, id, editor.system);
  return configuration ? new Resolution(configuration, editor).result() : null;
}

/** The settings that the configuration refers to as `${config:…}`. */
export function settingsOfConfiguration(text: string, id: string, system: System): readonly string[] {
  const node = find(text, id, system)?.node;
  return node ? [...new Set([...text.slice(node.offset, node.offset + node.length).matchAll(/\$\{config:([^{}]*)\}/g)].map(([, name]) => name ?? ''))] : [];
}

/** The configurations that a compound of this name starts; null when there is no such compound. */
export function compoundOf(text: string, name: string): readonly string[] | null {
  const root = parseJsonc(text).root;
  const launch = propertiesOf(root).get('launch');
  const compounds = propertiesOf(root).get('compounds') ?? (launch ? propertiesOf(valueOf(launch)).get('compounds') : undefined);
  for (const node of arrayItems(compounds && valueOf(compounds))) {
    const own = propertiesOf(node);
    if (valueOf(own.get('name'))?.value !== name) continue;
    return arrayItems(valueOf(own.get('configurations'))).flatMap((item) => (typeof item.value === 'string' ? [item.value] : typeof valueOf(propertiesOf(item).get('name'))?.value === 'string' ? [String(valueOf(propertiesOf(item).get('name'))?.value)] : []));
  }
  return null;
}

function find(text: string, id: string, system: System): ConfigurationNode | undefined {
  return configurationsOf(parseJsonc(text).root, system).find((configuration) => configuration.id === id);
}

class Resolution {
  readonly #configuration: ConfigurationNode;
  readonly #editor: EditorState;
  readonly #refusals = new Set<string>();
  readonly #notes: string[] = [];

  constructor(configuration: ConfigurationNode, editor: EditorState) {
    this.#configuration = configuration;
    this.#editor = editor;
  }

  result(): DebugStart | null {
    const type = this.#get('type')?.value;
    if (typeof type !== 'string' || this.#get('request')?.value === 'attach' || type === 'node-terminal') return null;
    const started = PYTHON_TYPES.has(type) ? this.#python() : NODE_TYPES.has(type) ? this.#node() : this.#other();
    if (started === null) return null;
    if (this.#get('sudo')?.value === true) this.#refusals.add('The configuration starts the program through sudo, and nothing is measured as another user.');
    const task = this.#get('preLaunchTask')?.value;
    if (typeof task === 'string') this.#notes.push(`The task ${task}, which VS Code runs before this configuration, is not run.`);
    if (this.#get('runtimeVersion')) this.#notes.push('`runtimeVersion` is not followed; the Node.js on PATH runs.');
    const environment = this.#environment();
    const cwd = this.#text('cwd');
    const envFile = this.#text('envFile');
    return { ...started, cwd: cwd === '' ? null : cwd, environment, envFile: envFile === '' ? null : envFile, refusals: [...this.#refusals], notes: this.#notes };
  }

  #python(): Pick<DebugStart, 'words' | 'namesInterpreter'> | null {
    const [program, module, code] = [this.#get('program'), this.#get('module'), this.#get('code')];
    if (!program && !module && !code) return null;
    const python = this.#get('python') ?? this.#get('pythonPath');
    const [interpreter, ...options] = python?.type === 'array' ? arrayItems(python) : python ? [python] : [];
    // The editor's own choice is the default; stating the default is no choice.
    const namesInterpreter = typeof interpreter?.value === 'string' && interpreter.value !== '' && interpreter.value !== INTERPRETER && !/^\$\{command:/.test(interpreter.value);
    const words = [namesInterpreter ? this.#expand(interpreter.value as string) : 'python', ...options.flatMap((option) => this.#word(option)), ...this.#list('pythonArgs')];
    if (program) words.push(...this.#word(program));
    else if (module) words.push('-m', ...this.#word(module));
    else if (code?.type === 'array') words.push('-c', arrayItems(code).map((line) => String(line.value)).join('\n'));
    else if (code) words.push('-c', ...this.#word(code));
    return { words: [...words, ...this.#list('args')], namesInterpreter };
  }

  #node(): Pick<DebugStart, 'words' | 'namesInterpreter'> | null {
    const executable = this.#text('runtimeExecutable');
    const program = this.#get('program');
    if (!program && executable === null) return null;
    return { words: [executable === null || executable === '' ? 'node' : executable, ...this.#list('runtimeArgs'), ...(program ? this.#word(program) : []), ...this.#list('args')], namesInterpreter: executable !== null };
  }

  #other(): Pick<DebugStart, 'words' | 'namesInterpreter'> | null {
    const program = this.#get('program');
    return program ? { words: [...this.#word(program), ...this.#list('args')], namesInterpreter: false } : null;
  }

  #environment(): DebugStart['environment'] {
    const result: { name: string; value: string | null }[] = [];
    for (const property of propertyList(this.#get('env'))) {
      const [key, value] = property.children ?? [];
      if (typeof key?.value !== 'string' || !value) continue;
      if (value.type === 'null') result.push({ name: key.value, value: null });
      else if (value.type === 'string' || value.type === 'number' || value.type === 'boolean') result.push({ name: key.value, value: this.#expand(String(value.value)) });
      else this.#refusals.add(`The variable ${key.value} of the configuration is neither a text nor null.`);
    }
    for (const item of arrayItems(this.#get('environment'))) {
      const entry = propertiesOf(item);
      const [name, value] = [valueOf(entry.get('name'))?.value as unknown, valueOf(entry.get('value'))?.value as unknown];
      if (typeof name === 'string' && typeof value === 'string') result.push({ name, value: this.#expand(value) });
    }
    return result;
  }

  #get(key: string): Node | undefined {
    return valueOf(this.#configuration.properties.get(key));
  }

  #text(key: string): string | null {
    const value = this.#get(key)?.value as unknown;
    return typeof value === 'string' ? this.#expand(value) : null;
  }

  /** A list, or a text that stands for one. */
  #list(key: string): readonly string[] {
    const node = this.#get(key);
    if (!node) return [];
    if (node.type === 'array') return arrayItems(node).flatMap((item) => this.#word(item));
    if (typeof node.value !== 'string') return this.#word(node);
    const words = shellWords(node.value);
    if (words === null) {
      this.#refusals.add(`\`${key}\` is a text that a shell would take apart (${node.value}). Write it as a list of arguments.`);
      return [];
    }
    return words.map((word) => this.#expand(word));
  }

  #word(node: Node): readonly string[] {
    if (typeof node.value === 'string') return [this.#expand(node.value)];
    if (typeof node.value === 'number' || typeof node.value === 'boolean') return [String(node.value)];
    this.#refusals.add('An argument of the configuration is neither a text nor a number.');
    return [];
  }

  #expand(text: string): string {
    return text.replace(/\$\{([^{}]*)\}/g, (whole, inner: string) => this.#variable(inner, whole) ?? whole);
  }

  /** Null: VS Code leaves it as it is, or it is refused. */
  #variable(inner: string, whole: string): string | null {
    const { folder, folders, home, environment, activeFile, system } = this.#editor;
    const colon = inner.indexOf(':');
    const name = colon < 0 ? inner : inner.slice(0, colon);
    const argument = colon < 0 ? '' : inner.slice(colon + 1);
    const separator = system === 'windows' ? '\\' : '/';
    const refuse = (sentence: string): null => {
      this.#refusals.add(sentence);
      return null;
    };
    switch (name) {
      case 'workspaceFolder':
      case 'workspaceRoot':
      case 'workspaceFolderBasename':
      case 'workspaceRootFolderName': {
        const chosen = argument === '' ? folder : folders.find((candidate) => baseOf(candidate) === argument);
        if (chosen === undefined) return refuse(`${whole} names a folder that is not in the workspace.`);
        return name.endsWith('older') || name === 'workspaceRoot' ? chosen : baseOf(chosen);
      }
      case 'cwd':
        return folder;
      case 'userHome':
        return home;
      case 'pathSeparator':
      case '/':
        return separator;
      case 'env':
        return environment[argument] ?? '';
      case 'config': {
        const value = this.#editor.setting(argument);
        if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
        return refuse(`${whole} names a setting of the editor that ${value === undefined ? 'is not set, or is not known here' : 'is no text'}.`);
      }
      case 'command': {
        if (argument === 'python.interpreterPath' || argument === 'python.command.python.interpreterPath') return this.#editor.interpreter() ?? refuse(`${whole} needs a Python, and none was found.`);
        return refuse(`${whole} asks the editor for a value each time it starts. Write the value into a configuration of its own.`);
      }
      case 'input':
        return refuse(`${whole} is asked for each time the configuration starts. Write the value into a configuration of its own.`);
      case 'selectedText':
      case 'lineNumber':
      case 'columnNumber':
        return refuse(`${whole} depends on the cursor, and is nothing to measure with.`);
      case 'defaultBuildTask':
      case 'execPath':
      case 'extensionInstallFolder':
        return refuse(`${whole} is known only inside the editor.`);
      default:
        break;
    }
    if (!/^(?:file|relativeFile)/.test(name)) return null;
    if (activeFile === null) return refuse(`${whole} stands for the file that is open in the editor, and none is known. Open the file first, or name it in the configuration.`);
    const within = folders.find((candidate) => activeFile.startsWith(candidate + separator)) ?? folder;
    const relative = activeFile.startsWith(within + separator) ? activeFile.slice(within.length + 1) : activeFile;
    const base = baseOf(activeFile);
    const extension = /.(\.[^.]*)$/.exec(base)?.[1] ?? '';
    switch (name) {
      case 'file':
        return activeFile;
      case 'fileWorkspaceFolder':
        return within;
      case 'fileWorkspaceFolderBasename':
        return baseOf(within);
      case 'relativeFile':
        return relative;
      case 'relativeFileDirname':
        return directoryOf(relative) || '.';
      case 'fileBasename':
        return base;
      case 'fileBasenameNoExtension':
        return base.slice(0, base.length - extension.length);
      case 'fileExtname':
        return extension;
      case 'fileDirname':
        return directoryOf(activeFile);
      case 'fileDirnameBasename':
        return baseOf(directoryOf(activeFile));
      default:
        return null;
    }
  }
}

function baseOf(path: string): string {
  return /[^\\/]*$/.exec(path)?.[0] ?? path;
}

function directoryOf(path: string): string {
  return path.replace(/[\\/][^\\/]*$/, '');
}

/** The words of a text as a POSIX shell takes it apart, quotes included; null when the shell would also expand or run something. */
export function shellWords(text: string): readonly string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  // Variables of the editor were replaced before a shell sees them.
  const pattern = /\$\{[^{}]*\}|'([^']*)'|"((?:[^"\\$`]|\\.|\$\{[^{}]*\})*)"|\\(.)|(\s+)|([^\s'"\\$`|&;<>()*?[\]~#]+)|(.)/gsy;
  for (const match of text.matchAll(pattern)) {
    const [whole, single, double, escaped, blank, plain, special] = match;
    if (special !== undefined) return null;
    if (blank !== undefined) {
      if (word !== null) words.push(word);
      word = null;
      continue;
    }
    word = (word ?? '') + (single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? plain ?? whole);
  }
  if (word !== null) words.push(word);
  return words;
}
