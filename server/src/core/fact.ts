/** What readers say about a file: plain data, the only language between formats and rules. */
import type { Span } from './span.ts';
import type { Value } from './value.ts';

/** Under which circumstances a statement of a script runs. Launch formats use `TOP_LEVEL`. */
export interface Scope {
  /** Qualified name of the enclosing function (`load`, `Model.forward`), or null at module level. */
  readonly func: string | null;
  /** Inside `if __name__ == "__main__":`. */
  readonly main: boolean;
  /** Inside a branch that may not run (`if`, `else`, `except`, `match`), the `__main__` guard excepted. */
  readonly conditional: boolean;
  readonly loop: boolean;
  /** Inside the body of a `try` whose handlers would catch a RuntimeError. */
  readonly guarded: boolean;
}

export const TOP_LEVEL: Scope = { func: null, main: false, conditional: false, loop: false, guarded: false };

interface FactBase {
  /** The whole statement, entry or word the fact was read from. */
  readonly span: Span;
  readonly scope: Scope;
}

/** One argument of a call. */
export interface Argument {
  /** Keyword, or null when positional. */
  readonly name: string | null;
  readonly value: Value;
  readonly span: Span;
}

/** Groups of settings that hold only while an image is built: exports of a build step, and build arguments that nothing hands on. */
export const BUILD_STEP = 'build step';
export const BUILD_ARGUMENT = 'build argument';

/** A thread-related setting, written somewhere. */
export interface SettingFact extends FactBase {
  readonly kind: 'setting';
  /** The name as the consumer knows it: `OMP_NUM_THREADS`, `torch.set_num_threads`. */
  readonly name: string;
  readonly channel: 'env' | 'call' | 'flag' | 'field';
  /** `default` sets only what is unset (`setdefault`, `: ${X:=4}`); `unset` removes. */
  readonly operation: 'set' | 'default' | 'unset';
  readonly value: Value;
  /** The value as written, quotes included; null when there is none. */
  readonly raw: string | null;
  readonly nameSpan: Span;
  readonly valueSpan: Span | null;
  /** False for a shell assignment that children do not see. */
  readonly exported: boolean;
  /** Of calls only. */
  readonly args: readonly Argument[];
  /**
   * Name of the set the setting belongs to (`ConfigMap app-config`), when it belongs to none of the file's launches by itself.
   * It reaches a launch through a link with relation `configMap`.
   */
  readonly group?: string;
  /** Of a Dockerfile's ENV: the build argument whose value it takes as a whole; `value` is its default. */
  readonly buildArgument?: string;
}

/**
 * A call that matters to threads or to timing but sets nothing: `time.time`, `torch.jit.fork`, `os.fork`.
 * Of a context manager (`with threadpool_limits(limits=1):`) the span covers the whole block.
 * `gpu.use` stands for every way to put work on a GPU (`.cuda()`, `.to("cuda")`, `device="cuda"`); its argument `certain`
 * is false when the program takes the CPU where there is no GPU.
 */
export interface CallFact extends FactBase {
  readonly kind: 'call';
  /** Qualified through imports: `time.time`, `torch.inference_mode`. */
  readonly callee: string;
  readonly calleeSpan: Span;
  readonly args: readonly Argument[];
  /** Name the result is bound to, if it is bound to one. */
  readonly result: string | null;
}

/** Work that starts or uses a library's compute threads: a matmul, a model call. */
export interface ComputeFact extends FactBase {
  readonly kind: 'compute';
  /** `torch`, `numpy`, `onnxruntime`, … */
  readonly library: string;
  /** Source text, shortened, for messages. */
  readonly text: string;
  /** False when it only looks like compute (a call of an object that may be a model). */
  readonly certain: boolean;
  /** The call runs a model: a module, a session or a pipeline that the program has made. */
  readonly model?: true;
}

/** A fan-out into processes or threads. */
export interface FanOutFact extends FactBase {
  readonly kind: 'fanOut';
  readonly what: 'process' | 'thread';
  /** Qualified API: `multiprocessing.Pool`, `torch.utils.data.DataLoader`, `gunicorn.workers`. */
  readonly api: string;
  /** Number of workers; null = the API's default. */
  readonly count: Value | null;
  readonly countSpan: Span | null;
  /** How processes start; null = the platform's default, or not applicable. */
  readonly startMethod: 'fork' | 'spawn' | 'forkserver' | null;
  /** Function the workers run, as written; null when not known. */
  readonly worker: string | null;
  /** Function that every worker runs before its work (`initializer=`), as written. */
  readonly initializer?: string;
  /** Of Dask: threads in each worker that run tasks; null = its default. */
  readonly threadsEach?: Value | null;
  /** Of Ray: CPUs that each worker reserves; null = its default. */
  readonly reserved?: Value | null;
  /** Of Ray: true when the workers are actors, which stay, rather than tasks, of which only some run at a time. */
  readonly stays?: boolean;
  /** Variables that every worker gets (`env=`, `runtime_env`). */
  readonly passed?: readonly { readonly name: string; readonly value: Value; readonly span: Span }[];
}

/** An import of a module, in program order. */
export interface LoadFact extends FactBase {
  readonly kind: 'load';
  /** Dotted module: `torch`, `torch.nn`, `.helpers` (relative imports keep their dots). Of JavaScript the package or path as written: `onnxruntime-node`, `./model.js`. */
  readonly module: string;
  /** Of JavaScript's `import` statements, which run before every other statement of their file: always, or only where the file is an ES module (TypeScript compiled to CommonJS keeps their order). */
  readonly hoisted?: 'always' | 'esModule';
}

/** A module-level name bound once to a value that other modules may read (`THREADS = os.cpu_count() // 2`); dotted for attributes of a class or of an object (`Config.THREADS`, `settings.threads`). */
export interface ConstantFact extends FactBase {
  readonly kind: 'constant';
  readonly name: string;
  readonly value: Value;
}

/** A definition of a function, so that calls of it can be followed. */
export interface DefineFact extends FactBase {
  readonly kind: 'define';
  /** Qualified name, as `Scope.func` uses it. */
  readonly name: string;
  readonly nameSpan: Span;
  /** Qualified decorators: `app.get`, `torch.inference_mode`. */
  readonly decorators: readonly string[];
  readonly isAsync: boolean;
}

/** A call of a function of this file or of another workspace file. */
export interface InvokeFact extends FactBase {
  readonly kind: 'invoke';
  /** Qualified through imports: `main`, `.helpers.setup`, `helpers.setup`. */
  readonly callee: string;
}

/** A word of a command line. */
export interface Word {
  readonly value: Value;
  readonly span: Span;
}

/** One entry of a launch's environment, by index into the facts of the same file. */
export interface EnvironmentEntry {
  /** `file` = a LinkFact with relation `envFile` or `configMap` (every setting of the file or set applies here) or `source` (its exported settings do). */
  readonly from: 'setting' | 'file';
  readonly fact: number;
  /** True when it applies on some paths to the launch only, so that the value before it is possible too. */
  readonly maybe?: boolean;
}

/** A program start. */
export interface LaunchFact extends FactBase {
  readonly kind: 'launch';
  /** Stable and unique within the file: a configuration's name, or `line text#n`. */
  readonly id: string;
  readonly label: string;
  /** What to underline and where a CodeLens sits: the name or the command word. */
  readonly labelSpan: Span;
  /**
   * `debug` = launch.json; `shell` = a command of a script; `task` = an entry of tasks.json, package.json, a Makefile, a Procfile;
   * `container` = Dockerfile, compose, Kubernetes; `service` = systemd, supervisord, PM2; `job` = CI and batch systems.
   */
  readonly how: 'debug' | 'shell' | 'task' | 'container' | 'service' | 'job';
  /** The command line, wrappers included (`taskset -c 0-3 gunicorn -w 4 app:app`). Words a format implies carry the span that implies them. */
  readonly argv: readonly Word[];
  readonly cwd: Value | null;
  /** Lowest precedence first, in the order they apply. */
  readonly environment: readonly EnvironmentEntry[];
  /** True when the environment starts empty (`env -i`) rather than inherited. */
  readonly clearsEnvironment: boolean;
  readonly background: boolean;
  /** True for a program inside `$(…)`, which only computes a value for the one around it. */
  readonly forValue?: true;
  /** How many times a loop starts it side by side; null = once. */
  readonly copies: Value | null;
  readonly copiesSpan: Span | null;
  /** Name by which other launches start it: an npm script, a make target, a compose service, a Dockerfile stage. */
  readonly target?: string;
  /** What it is built on, and how its own words combine with the words of that. */
  readonly base?: LaunchBase;
  /** Of a Dockerfile: how many words of `argv` are the entry point; compose's `command` and Kubernetes' `args` replace only the rest. */
  readonly entryPointWords?: number;
  /** True when it runs on a machine of which the workspace says nothing: a runner, a node of a cluster. Jobs always do. */
  readonly elsewhere?: true;
  /** The system it is written for; absent = any. */
  readonly os?: 'linux' | 'darwin' | 'win32';
  /** Limits that hold for it, by index into the facts of the same file. */
  readonly limits?: readonly number[];
  /** Comparisons in front of it (`case "$1" in serve)`), all of which must hold for it to start; absent = none that compare with texts. */
  readonly when?: readonly LaunchCondition[];
}

/** A comparison of a value with patterns of the shell. */
export interface LaunchCondition {
  readonly value: Value;
  readonly patterns: readonly string[];
  /** False where the value must match none of them. */
  readonly matches: boolean;
}

/** What a launch is built on: the image of a Dockerfile, or another service it extends. */
export interface LaunchBase {
  /** Index of a LinkFact with relation `builds` or `extends`. */
  readonly fact: number;
  /** `inherit` = the base's command line; `arguments` = the base's entry point followed by this launch's words; `replace` = this launch's words alone. */
  readonly argv: 'inherit' | 'arguments' | 'replace';
}

/** A reference to another file. */
export interface LinkFact extends FactBase {
  readonly kind: 'link';
  /**
   * `envFile`, `source` = its settings take part; `runs` = a script it starts; `builds` = a Dockerfile an image is made from;
   * `extends` = another service of a compose file; `configMap` = a named set of settings somewhere in the workspace (the target is its name);
   * `copies` = files that a Dockerfile copies into the image (the target is the source path).
   */
  readonly relation: 'envFile' | 'source' | 'runs' | 'builds' | 'extends' | 'configMap' | 'copies';
  /** A path as written, or the name of the set. */
  readonly target: Value;
  readonly targetSpan: Span;
  /** The part that is meant: a Dockerfile's stage, a service, a key of a set. */
  readonly part?: Value;
  /** Of `configMap` with a key: the variable that takes its value. */
  readonly variable?: string;
  /** Of `configMap` without a key: what the names of the variables get in front. */
  readonly prefix?: string;
  /** Of `copies`: the path inside the image, absolute. */
  readonly destination?: Value;
  /** True when the format implies it (debugpy reads `.env` of the workspace folder unasked): a target that does not exist is no problem. */
  readonly implied?: boolean;
  /** Of `builds`: the build arguments that are given. */
  readonly buildArguments?: readonly { readonly name: string; readonly value: Value }[];
  /** Of `envFile` in a program (`load_dotenv(override=True)`): true when the file's values replace variables that are set already; they only fill in what is missing otherwise. */
  readonly overrides?: boolean;
  /** True when the file's values keep their quotes literally, as with `export $(cat .env)`. */
  readonly keepsQuotes?: boolean;
}

/** A limit that a file states for launches: container limits, batch allocations. */
export interface LimitFact extends FactBase {
  readonly kind: 'limit';
  /**
   * `quota` = CPU time in CPUs, which libraries do not see; `affinity` = a CPU list; `allocation` = a number of CPUs the process is
   * confined to by affinity, without naming them (Slurm); `request` = a share that is guaranteed but caps nothing; `memory` = bytes.
   */
  readonly limit: 'quota' | 'affinity' | 'allocation' | 'request' | 'memory';
  /** CPUs, possibly fractional, for `quota`, `request` and `allocation`; a CPU list such as `0-3,8` for `affinity`; bytes for `memory`. */
  readonly value: Value;
  readonly valueSpan: Span;
  /** As that of a setting: a drop-in's limits are no launch's of the same file. */
  readonly group?: string;
}

/** A comment that silences rules: `# threadgauge: ignore[rule-a, rule-b] reason`. */
export interface SuppressionFact extends FactBase {
  readonly kind: 'suppression';
  /** null = every rule. */
  readonly rules: readonly string[] | null;
  readonly reason: string;
  /** The text it covers: its own line for a trailing comment, else the next line. */
  readonly target: Span;
}

export type Fact =
  | SettingFact
  | CallFact
  | ComputeFact
  | FanOutFact
  | LoadFact
  | ConstantFact
  | DefineFact
  | InvokeFact
  | LaunchFact
  | LinkFact
  | LimitFact
  | SuppressionFact;

/** A part of a file that could not be read. Plans that touch a gap lower their certainty instead of guessing. */
export interface Gap {
  readonly span: Span;
  readonly reason: 'syntax' | 'too-large' | 'binary' | 'encoding' | 'dynamic' | 'unresolved';
  /** A full sentence for people. */
  readonly message: string;
}

/** Everything read from one file. Two versions of a file whose `facts` and `gaps` are structurally equal mean the same. */
export interface FileFacts {
  readonly uri: string;
  readonly reader: string;
  /** In document order. */
  readonly facts: readonly Fact[];
  readonly gaps: readonly Gap[];
}
