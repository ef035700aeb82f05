/** Turns a planned launch into exactly what the runner starts, or says why it cannot be measured. */
import type { LaunchFact, SettingFact } from '../core/fact.ts';
import type { Launch, LaunchGraph } from '../core/launchGraph.ts';
import { logicalCapacity, type Machine } from '../core/machine.ts';
import type { Plan } from '../core/plan.ts';
import type { Anchor } from '../core/span.ts';
import { sameSpan } from '../core/span.ts';
import { evaluate, type Evaluated, type Value } from '../core/value.ts';
import { armFor, chooseArms, type CurrentSetting, type Mechanism } from './arms.ts';
import { applyStart, type DebuggerStart } from './debugStart.ts';
import { estimateOf } from './estimate.ts';
import { chooseGrid } from './gridArms.ts';
import type { BenchPreview, BenchSettings } from './messages.ts';
import { findNodeCommand, listens, nodeInForce, refusalOfNode, serverSentence } from './nodeLaunch.ts';
import type { Arm, BenchRequest, Mode, Selection } from './protocol.generated.ts';
import type { Region } from './region.ts';
import { type OpenMp, proposeVariations, type ProposedVariation, type VaryChoice } from './variations.ts';
import { bytesOf } from './quantities.ts';

export type Interpreter = { readonly path: string; readonly from: string };

/** What the request needs to know of the machine that runs it. */
export interface BenchHost {
  /** What a launch inherits. */
  readonly environment: Readonly<Record<string, string>>;
  /** The machine that measures, which need not be the one the plan is for. */
  readonly machine: Machine;
  /** Directory of the probe package; null when it is not installed. */
  readonly probeDirectory: string | null;
  /** The probe that Node.js loads before a program; null when it is not installed. */
  readonly nodeProbe: string | null;
  pathOf(uri: string): string | null;
  directoryOf(path: string): string;
  resolve(base: string, path: string): string;
  isFile(path: string): boolean;
  isDirectory(path: string): boolean;
  /** The text of a program's file; null when it cannot be read. */
  textOf(path: string): string | null;
  /** The Python for a command word such as `python3`, looked for from a directory upwards. `named`: the launch itself decides for this word. */
  findInterpreter(word: string, from: string, environment: Readonly<Record<string, string>>, named?: boolean): Interpreter | { readonly problem: string };
  /** Allocators that can be preloaded: name → file. Absent = none. */
  readonly allocators?: () => ReadonlyMap<string, string>;
  /** The OpenMP runtime that PyTorch brings along in the environment of a Python; null when it is not known. */
  readonly openMpOf?: (python: string) => OpenMp | null;
  /** Switches among the options of a script. */
  readonly switchesOf?: (script: string) => readonly string[];
  /** Absolute path of a program on PATH; null when there is none. */
  findProgram(word: string, cwd: string, environment: Readonly<Record<string, string>>): string | null;
}

export interface BenchOptions {
  readonly mode: Mode;
  readonly threads?: readonly number[];
  /** Replace the arms chosen from the machine; the first one is in force. */
  readonly arms?: readonly Arm[];
  readonly settings: BenchSettings;
  readonly seed: number;
  /** Logical CPUs of the machine that the answer is meant for, which need not be the one that measures. */
  readonly targetCpus?: number | null;
  /** Only this part of the program; `path` is absolute, lines count from 1. */
  readonly region?: Region & { readonly path: string };
  /** Variables beside those of the launch. */
  readonly extraEnvironment?: Readonly<Record<string, string>>;
  /** The exact command, instead of the words of the launch. */
  readonly words?: readonly string[];
  /** The working directory, instead of the launch's. */
  readonly cwd?: string;
  /** Further settings to try round the best count; default: none. */
  readonly vary?: VaryChoice;
  /** Exactly the further settings with these labels, instead. */
  readonly variations?: readonly string[];
  /** Numbers of instances for mode `grid`; absent = as many as fill the machine. */
  readonly instances?: readonly number[];
  /** Longest acceptable time of one piece of work, seconds; absent = twice the shortest. */
  readonly latencyLimitSeconds?: number;
  /** Every count, and every setting in every block. */
  readonly exhaustive?: boolean;
  /** What a run of the program took the last time, seconds, start included. */
  readonly lastTrialSeconds?: number;
  /** Folder that launch configurations call `${workspaceFolder}`; null = derived from the launch's file. */
  readonly folder?: string | null;
  /** How the editor's debugger starts it, which then replaces words, working directory and variables of the configuration. */
  readonly start?: DebuggerStart | null;
}

export interface PreparedBench {
  readonly preview: BenchPreview;
  /** Null exactly when `preview.refusal` is not. */
  readonly request: BenchRequest | null;
  readonly mechanism: Mechanism;
  /** The launch on the machine that measures. */
  readonly plan: Plan;
  /** Top-level modules the program imports in any case, for a check before the start. */
  readonly modules: readonly string[];
}

/** What PyTorch's number of threads is read from; MKL's own variable wins over OpenMP's. */
const THREAD_VARIABLES: readonly string[] = ['OMP_NUM_THREADS', 'MKL_NUM_THREADS'];
/** The same for programs of Node.js. */
const NODE_VARIABLES: readonly string[] = ['UV_THREADPOOL_SIZE', 'TF_NUM_INTRAOP_THREADS'];
const NOTEBOOK = 'A notebook runs cell by cell in a kernel, which cannot be measured as a whole. Benchmark one of its cells: those before it run as a script.';
/** Wrappers that change where or how urgently a program runs, kept in front of it. */
const KEPT_WRAPPERS = new Set(['taskset', 'numactl', 'nice', 'ionice', 'chrt']);
/** Variables of an editor's processes that a launch in a terminal does not have. */
const EDITOR_VARIABLE = /^(?:ELECTRON_|VSCODE_|THREADGAUGE_)/;

/** Prepares a run. Reads nothing but its arguments; starts nothing. */
export function prepareBench(launch: Launch, graph: LaunchGraph, plan: Plan, host: BenchHost, options: BenchOptions): PreparedBench {
  const { start } = options;
  const notes: string[] = [...(start?.notes ?? [])];
  const refusals: string[] = [...(start?.refusals ?? [])];
  const fact = graph.files.get(launch.uri)?.facts.find((f): f is LaunchFact => f.kind === 'launch' && f.id === launch.id);
  const launchFile = host.pathOf(launch.uri);
  const folder = options.folder ?? workspaceFolderOf(launchFile, host);
  const { environment, changes } = launchEnvironment(launch, host, folder, notes, start);
  Object.assign(environment, options.extraEnvironment);
  const context = { machine: host.machine, environment: (name: string) => environment[name] };
  const textOf = (value: Value): string | null => {
    const text = asText(evaluate(value, context));
    return text === null ? null : text.replaceAll('${workspaceFolder}', folder);
  };

  // Of a launch that a script or target starts, the words are those of the program in the end.
  const given = fact?.argv ?? launch.words;
  const never = refusalOfKind(launch, plan, graph);
  const entryPath = launch.entry === null ? null : host.pathOf(launch.entry);
  let cwd = folder;
  if (options.cwd !== undefined) {
    cwd = options.cwd;
  } else if (start) {
    cwd = start.cwd ?? folder;
  } else if (fact?.cwd) {
    const text = textOf(fact.cwd);
    if (text === null) refusals.push('The working directory of this launch is not known before it starts.');
    else cwd = host.resolve(folder, text);
  } else if (launch.implicit || fact?.how !== 'debug') {
    cwd = directoryThatFits(launch, entryPath, launchFile, folder, host);
  }
  if (!host.isDirectory(cwd)) refusals.push(`The working directory ${cwd} does not exist.`);

  const words: string[] = [...(options.words ?? start?.words ?? [])];
  if (options.words || start) {
    // Given word for word.
  } else if (given.length > 0) {
    for (const word of given) {
      const text = textOf(word.value);
      if (text === null) refusals.push(`A word of the command line (${launch.commandText}) is not known before it starts.`);
      else words.push(text);
    }
  } else if (entryPath?.endsWith('.ipynb')) {
    refusals.push(NOTEBOOK);
  } else if (entryPath !== null) {
    words.push(launch.program === 'node' ? 'node' : 'python', entryPath);
  }

  let interpreter: Interpreter | null = null;
  let argv: string[] = words;
  let scriptIndex: number | null = null;
  const command = findCommand(words);
  const node = command.python === null ? findNodeCommand(words) : null;
  let programText: string | null = null;
  if (words.length === 0) {
    refusals.push('There is no command to run.');
  } else if (command.python !== null) {
    const word = words[command.python] ?? 'python';
    const found = host.findInterpreter(word, cwd, environment, start?.namesInterpreter);
    if ('problem' in found) refusals.push(found.problem);
    else interpreter = found;
    argv = [...keptPrefix(words, command.python), interpreter?.path ?? word, ...words.slice(command.python + 1)];
    const at = scriptWord(words, command.python);
    if (at === null) {
      notes.push('The command starts no script or module, so the whole process is measured and lines are not timed.');
    } else {
      scriptIndex = at - command.python + (argv.length - (words.length - command.python));
      const script = words[at] ?? '';
      if (script !== '-m') {
        const path = host.resolve(cwd, script);
        if (!host.isFile(path)) refusals.push(`The script ${path} does not exist.`);
      }
    }
  } else if (node !== null) {
    const word = words[node.at] ?? 'node';
    // What stands for a loader is started as Node.js with that loader, so that this very process is the program's.
    const name = node.loader.length > 0 ? 'node' : word;
    const program = host.findProgram(name, cwd, environment);
    if (program === null) refusals.push(/[\\/]/.test(name) ? `The program ${name}, which the launch names, does not exist or may not be executed.` : 'No Node.js was found: there is no node on PATH.');
    else interpreter = { path: program, from: name === 'node' || name === 'nodejs' ? 'PATH' : 'named in the launch' };
    argv = [...keptPrefix(words, node.at), program ?? name, ...node.loader, ...words.slice(node.at + 1)];
    if (node.script === null) notes.push('The command starts no script, so the whole process is measured and lines are not timed.');
    else {
      scriptIndex = node.script + argv.length - words.length;
      const path = scriptFile(host.resolve(cwd, words[node.script] ?? ''), host);
      if (path === null) refusals.push(`The script ${host.resolve(cwd, words[node.script] ?? '')} does not exist.`);
      else programText = host.textOf(path);
      if (programText !== null && listens(programText)) refusals.push(serverSentence(launch));
    }
  } else {
    argv = [...keptPrefix(words, command.program), ...words.slice(command.program)];
  }
  const first = argv[0];
  if (first !== undefined && first !== interpreter?.path) {
    const program = host.findProgram(first, cwd, environment);
    if (program === null && command.python === null) refusals.push(`The program ${first} was not found.`);
    else if (program !== null) argv = [program, ...argv.slice(1)];
  }

  const known = node === null ? inForce(plan, graph, environment) : nodeInForce(launch, plan, graph, environment, programText);
  // Lines can be timed under the one setting that is in force, whatever decides it.
  if ('refusal' in known && options.mode !== 'lines' && !(options.arms && options.arms.length > 0)) refusals.push(known.refusal);
  const { mechanism, current } = 'refusal' in known ? { mechanism: { kind: 'environment', names: ['UV_THREADPOOL_SIZE'] } as Mechanism, current: { threads: null, label: 'as it is', stated: false } } : known;
  const choice: { arms: readonly Arm[]; readonly current: number } = options.arms && options.arms.length > 0 ? { arms: options.arms, current: 0 } : options.mode === 'grid' ? chooseGrid(host.machine, mechanism, current, options) : chooseArms(host.machine, mechanism, current, options.threads ?? (options.exhaustive ? everyCount(host.machine) : undefined));
  if (options.mode === 'grid') refuseGrid(choice.arms, host.machine, refusals, notes);
  if (choice.arms.length < 2 && options.mode !== 'lines') {
    // One CPU: two threads on it still answer whether a second one does harm.
    if (choice.arms[0]?.threads === 1) choice.arms = [...choice.arms, armFor(2, mechanism, 'more than the CPUs, for comparison')];
    else refusals.push('There is only one setting to measure; name at least two thread counts.');
  }
  const probe = node === null ? host.probeDirectory : host.nodeProbe;
  if (probe === null || scriptIndex === null) {
    const pinned = choice.arms.find((arm) => arm.pin_env === true);
    const unavailable = 'and the part of ThreadGauge that can vary it from outside is not available for this command';
    const instead = node === null ? 'Write os.environ.setdefault(…) instead, or set' : 'Set';
    if (pinned) refusals.push(`The script itself sets ${Object.keys(pinned.env)[0] ?? 'a variable'}, ${unavailable}. ${instead} the variable in the launch.`);
    else if (choice.arms.some((arm) => arm.ort_intra_op_threads != null)) refusals.push(`The threads of ONNX Runtime are an option of its sessions, ${unavailable}.`);
    else if (choice.arms.some((arm) => arm.torch_num_threads != null)) refusals.push(`The script itself calls torch.set_num_threads, ${unavailable}.`);
  }

  const wantedMemory = options.settings.memoryLimit?.trim() ?? '';
  const memory = wantedMemory === '' ? null : bytesOf(wantedMemory);
  if (wantedMemory !== '' && memory === null) refusals.push(`The limit of memory, ${wantedMemory}, is no size such as 4GiB.`);
  const probed = scriptIndex !== null && probe !== null;
  const script = scriptIndex === null ? undefined : argv[scriptIndex];
  const proposed: readonly ProposedVariation[] =
    options.mode === 'search' && node === null
      ? proposeVariations(
          {
            plan,
            machine: host.machine,
            environment,
            openMp: interpreter === null ? null : (host.openMpOf?.(interpreter.path) ?? null),
            allocators: host.allocators?.() ?? new Map<string, string>(),
            probe: probed,
            switches: script === undefined || script === '-m' ? [] : (host.switchesOf?.(host.resolve(cwd, script)) ?? []).filter((option) => !argv.includes(option)),
          },
          options.vary ?? 'none',
        ).map((proposal) => (options.variations ? { ...proposal, chosen: options.variations.includes(proposal.variation.label) } : proposal))
      : [];
  const limits = { trial_s: options.settings.trialSeconds ?? 120, budget_s: options.settings.budgetSeconds ?? 900, max_blocks: 6, exhaustive: options.exhaustive ?? false, confirm_blocks: 8, claim_above: 0.02, output_bytes: 65_536, grace_s: 2, ...(memory === null ? {} : { memory_bytes: memory }) };
  const { region } = options;
  if (region && (scriptIndex === null || probe === null || node !== null)) refusals.push('A part of a program can be measured by itself where Python starts a script or a module; this command does not.');
  if (region && options.mode === 'grid') refusals.push('A part of a program is measured in one process at a time; measure the whole program with several instances.');
  if (region && options.mode === 'lines') refusals.push('Lines are timed over the whole program, not over a part of it.');
  // Timing lines needs runs from beginning to end, which is what the choice of a part spares.
  const lines = !region && (options.settings.lines ?? true) && probed && options.mode !== 'verify';
  const roots = measuredRoots(folder, cwd, entryPath, host);
  const request: BenchRequest = {
    workload: {
      argv,
      cwd,
      env: { ...environment },
      python: scriptIndex === null || probe === null || node !== null ? null : { script_index: scriptIndex, probe_dir: probe, roots, ...(region ? { region: 'selected' as const, selection: selectionOf(region) } : { region: 'after_imports' as const }) },
      ...(scriptIndex === null || probe === null || node === null ? {} : { node: { script_index: scriptIndex, probe_file: probe, roots, region: 'after_imports' as const } }),
      simulated: null,
    },
    arms: [...choice.arms],
    current: choice.current,
    mode: options.mode,
    ...(options.targetCpus == null ? {} : { target_cpus: options.targetCpus }),
    limits,
    lines: { enabled: lines && options.mode !== 'grid', arms: [] },
    variations: proposed.filter(({ chosen }) => chosen).map(({ variation }) => variation),
    grid: options.mode === 'grid' ? { latency_limit_s: options.latencyLimitSeconds ?? null, exhaustive: options.exhaustive ?? false, blocks: 4 } : null,
    seed: options.seed,
  };
  // What is missing for a program that is never measured is no news.
  const reasons = never.length > 0 ? never : [...new Set(refusals)];
  const refusal = reasons.length === 0 ? null : reasons.join(' ');
  return {
    preview: {
      launch: { uri: launch.uri, launchId: launch.id, label: launch.label },
      refusal,
      argv,
      cwd,
      environment: changes,
      arms: choice.arms.map((arm, index) => ({ label: arm.label, threads: arm.threads ?? null, reason: arm.reason, current: index === choice.current, ...(arm.instances == null ? {} : { instances: arm.instances, cpus: arm.cpus ?? [] }) })),
      variations: proposed.map(({ variation, factor, chosen }) => ({ factor, label: variation.label, reason: variation.reason, chosen })),
      ...(node === null ? {} : { program: 'node' as const }),
      interpreter,
      estimate: estimateOf(request, options.lastTrialSeconds ?? null, region ? REPEAT_SECONDS : null),
      ...(region ? { region: { path: region.path, first: region.first, last: region.last, label: region.label } } : {}),
      notes,
    },
    request: refusal === null ? request : null,
    mechanism,
    plan,
    modules: node === null ? importedLibraries(plan) : [],
  };
}

/** How long one process repeats a part; between processes there is more noise than that leaves. */
const REPEAT_SECONDS = 3;

function selectionOf({ path, first, last, label, function: isFunction }: Region & { readonly path: string }): Selection {
  return { path, first_line: first, last_line: last, label, function: isFunction, tight: 0.01, most_s: REPEAT_SECONDS, fewest_calls: 5 };
}

/** True when a launch is of a kind that cannot be measured, whatever the machine has. */
export function neverMeasured(launch: Launch, plan: Plan, graph: LaunchGraph): boolean {
  return (launch.implicit && launch.entry?.endsWith('.ipynb') === true) || refusalOfKind(launch, plan, graph).length > 0;
}

/** What the launch is in its own file. */
function outermost(launch: Launch, graph: LaunchGraph): LaunchFact | undefined {
  return graph.files.get(launch.uri)?.facts.find((fact): fact is LaunchFact => fact.kind === 'launch' && (fact.id === launch.id || launch.id.startsWith(`${fact.id} > `)));
}

function refusalOfKind(launch: Launch, plan: Plan, graph: LaunchGraph): string[] {
  const fact = outermost(launch, graph);
  const script = launch.entry === null ? 'the program inside' : decodeURIComponent(launch.entry.replace(/^.*\//, ''));
  if (launch.program === 'container' || fact?.how === 'container') return [`${launch.label} runs in a container, with files and limits of its own. Benchmark ${script} by itself, with the same variables and on as many CPUs (taskset -c …).`];
  if (fact?.how === 'job' && launch.uri.endsWith('.yml')) return [`${launch.label} is a job of a CI system. Benchmark ${script} by itself, with the same variables.`];
  if (launch.program === 'node') {
    const never = refusalOfNode(launch, plan, launch.words.flatMap(({ value }) => (value.kind === 'known' && value.type === 'string' ? [String(value.value)] : [])));
    if (never !== null) return [never];
  }
  if (launch.program === 'celery' || launch.program === 'ray' || launch.program === 'torchserve' || launch.program === 'triton') return [`${launch.label} starts a service that waits for work, and a benchmark compares whole runs. Write a script that does the same work a fixed number of times, and benchmark that with the same variables.`];
  if (launch.program === 'gunicorn' || launch.program === 'uvicorn' || launch.program === 'hypercorn') return [`${launch.label} starts a server, which does not end by itself, and a benchmark compares whole runs. Write a script that loads the same model and calls it a fixed number of times, and benchmark that with the same variables.`];
  if (launch.program === 'torchrun') return [`${launch.label} starts several worker processes through torchrun, which are not measured together. Benchmark one process on its share of the CPUs: ${oneShare(plan)}python ${launch.entryText ?? 'script.py'}.`];
  const processes = plan.processes.value;
  const launched = launch.wrappers.find((wrapper) => wrapper.kind === 'workers');
  if (launched && processes !== null && processes > 1) return [`${launch.label} starts ${processes} worker processes (${launched.text}), which are not measured together. Benchmark one of them by itself, on its share of the CPUs (taskset -c …).`];
  return [];
}

/** `taskset -c 0-3 ` for the first of several processes; nothing when the shares are not known. */
function oneShare({ cores, processes }: Plan): string {
  const share = cores.value === null || processes.value === null || processes.value < 2 ? 0 : Math.floor(cores.value / processes.value);
  return share < 1 ? '' : `taskset -c ${share === 1 ? '0' : `0-${share - 1}`} `;
}

/** The folder launch.json means by `${workspaceFolder}`: the parent of `.vscode`. */
function workspaceFolderOf(launchFile: string | null, host: BenchHost): string {
  if (launchFile === null) return '/';
  const directory = host.directoryOf(launchFile);
  return /[\\/]\.vscode$/.test(directory) ? host.directoryOf(directory) : directory;
}

/** The directory from which the command's relative script path leads to the script. */
function directoryThatFits(launch: Launch, entry: string | null, launchFile: string | null, folder: string, host: BenchHost): string {
  const own = launchFile === null ? folder : host.directoryOf(launchFile);
  if (launch.implicit || entry === null || launch.entryText === null) return own;
  for (let directory = own; ; directory = host.directoryOf(directory)) {
    if (host.resolve(directory, launch.entryText) === entry) return directory;
    if (host.directoryOf(directory) === directory) return own;
  }
}

function launchEnvironment(launch: Launch, host: BenchHost, folder: string, notes: string[], start?: DebuggerStart | null): { environment: Record<string, string>; changes: BenchPreview['environment'] } {
  const environment: Record<string, string> = {};
  if (!launch.clearsEnvironment) {
    for (const [name, value] of Object.entries(host.environment)) if (!EDITOR_VARIABLE.test(name)) environment[name] = value;
  }
  const changes = new Map<string, { name: string; value: string | null; from: string }>();
  for (const layer of launch.layers) {
    // What the configuration itself sets is read as the debugger reads it.
    const replaced = start != null && layer.origin === 'configuration' && layer.settings.every(({ anchor }) => anchor.uri === launch.uri);
    if (replaced) continue;
    if (layer.incomplete) notes.push(`Part of ${layer.label} could not be read; variables set there are missing.`);
    for (const { fact } of layer.settings) {
      if (fact.channel !== 'env') continue;
      const { name, operation } = fact;
      if (operation === 'default' && environment[name] !== undefined) continue;
      if (operation === 'unset') {
        delete environment[name];
        changes.set(name, { name, value: null, from: layer.label });
        continue;
      }
      const value = evaluate(fact.value, { machine: host.machine, environment: (other) => environment[other] });
      const text = asText(value);
      if (text === null) {
        notes.push(`${name} from ${layer.label} is left out, because its value is not known before the launch${value.kind === 'unknown' ? ` (it ${value.why})` : ''}.`);
        continue;
      }
      const replaced = text.replaceAll('${workspaceFolder}', folder);
      environment[name] = replaced;
      changes.set(name, { name, value: replaced, from: layer.label });
    }
  }
  if (start) applyStart(start, `env of "${launch.label}"`, environment, changes);
  return { environment, changes: [...changes.values()] };
}

function asText(value: Evaluated): string | null {
  if (value.kind !== 'known' || value.type === 'other') return null;
  return value.value === null ? '' : String(value.value);
}

/** The file that Node.js runs for a path: extensions and `index` may be left out. */
function scriptFile(path: string, host: BenchHost): string | null {
  return ['', '.js', '.cjs', '.mjs', '.ts', '/index.js'].map((end) => path + end).find((file) => host.isFile(file)) ?? null;
}

/** Where the program stands behind its wrappers. */
function findCommand(words: readonly string[]): { readonly python: number | null; readonly program: number } {
  const python = words.findIndex((word) => /(?:^|[\\/])python(?:\d(?:\.\d+)?)?(?:\.exe)?$/.test(word));
  if (python >= 0) return { python, program: python };
  // `env X=1 exec nohup time PROGRAM`: what shells put in front without changing the program.
  const program = words.findIndex((word) => !/^(?:env|exec|nohup|time|command)$/.test(word) && !/^[A-Za-z_]\w*=/.test(word));
  return { python: null, program: Math.max(0, program) };
}

function keptPrefix(words: readonly string[], end: number): string[] {
  const prefix = words.slice(0, end);
  const first = prefix.findIndex((word) => KEPT_WRAPPERS.has(word.replace(/^.*[\\/]/, '')));
  return first < 0 ? [] : prefix.slice(first);
}

/** Index of the script or of `-m` behind the interpreter; null for `-c` and standard input. */
function scriptWord(words: readonly string[], python: number): number | null {
  for (let i = python + 1; i < words.length; i++) {
    const word = words[i] ?? '';
    if (word === '-m') return i + 1 < words.length ? i : null;
    if (word === '-c' || word === '-') return null;
    if (word === '-W' || word === '-X' || word === '--check-hash-based-pycs') i++;
    else if (!word.startsWith('-')) return i;
  }
  return null;
}

function measuredRoots(folder: string, cwd: string, entry: string | null, host: BenchHost): string[] {
  return [...new Set([folder, cwd, ...(entry === null ? [] : [host.directoryOf(entry)])])];
}

/** What decides the thread count today, and so how to vary it. */
function inForce(plan: Plan, graph: LaunchGraph, environment: Readonly<Record<string, string>>): { mechanism: Mechanism; current: CurrentSetting } {
  const decider = decidingSetting(plan, graph);
  const threads = plan.intraOp.value;
  if (decider?.fact.channel === 'call') return { mechanism: { kind: 'torchCall' }, current: { threads, label: threads === null ? `${decider.fact.name}(…)` : `${decider.fact.name}(${threads})`, stated: threads !== null && decider.fact.name === 'torch.set_num_threads' } };
  if (decider?.fact.channel === 'env' && isPython(graph, decider.anchor.uri)) {
    const { name, operation } = decider.fact;
    const written = scriptWrites(plan, graph);
    const others = THREAD_VARIABLES.filter((other) => other !== name && (environment[other] !== undefined || written.some(({ fact }) => fact.name === other)));
    const names: readonly [string, ...string[]] = [name, ...others];
    // What only defaults gives way to the environment.
    const pinned = operation !== 'default' || written.some(({ fact }) => names.includes(fact.name) && fact.operation !== 'default');
    const file = decodeURIComponent(decider.anchor.uri.replace(/^.*\//, ''));
    const label = operation === 'unset' ? `${name} removed by ${file}` : threads === null ? `${name} set by ${file}` : `${name}=${threads} (set by ${file})`;
    return { mechanism: pinned ? { kind: 'environment', names, pinned } : { kind: 'environment', names }, current: { threads, label, stated: false } };
  }
  const names: [string, ...string[]] = ['OMP_NUM_THREADS'];
  // MKL's own variable wins over OpenMP's.
  if (environment['MKL_NUM_THREADS'] !== undefined) names.push('MKL_NUM_THREADS');
  const deciding = names.length > 1 ? 'MKL_NUM_THREADS' : 'OMP_NUM_THREADS';
  const text = environment[deciding];
  const counted = threads === null || text === String(threads) ? '' : ` (${threads} thread${threads === 1 ? '' : 's'})`;
  const label = `${text !== undefined && text !== '' ? `${deciding}=${text}` : 'default'}${counted}`;
  return { mechanism: { kind: 'environment', names }, current: { threads, label, stated: threads !== null && text === String(threads) && names.length === 1 } };
}

/** True of scripts, and of notebooks, whose cells become one. */
function isPython(graph: LaunchGraph, uri: string): boolean {
  const reader = graph.files.get(uri)?.reader;
  return reader === 'python' || reader === 'notebook';
}

/** The statements of scripts that write a variable with a say in the number of threads. */
export function scriptWrites(plan: Plan, graph: LaunchGraph): readonly { readonly uri: string; readonly fact: SettingFact }[] {
  return plan.schedule.flatMap(({ anchor, fact }) => {
    if (fact.kind !== 'setting' || fact.channel !== 'env') return [];
    const names = isPython(graph, anchor.uri) ? THREAD_VARIABLES : graph.files.get(anchor.uri)?.reader === 'script' ? NODE_VARIABLES : [];
    return names.includes(fact.name) ? [{ uri: anchor.uri, fact }] : [];
  });
}

/** The setting the plan's intra-op number comes from, if it comes from one. */
export function decidingSetting(plan: Plan, graph: LaunchGraph): { readonly anchor: Anchor; readonly fact: SettingFact } | null {
  for (const { anchor } of plan.intraOp.from) {
    if (anchor === null) continue;
    for (const fact of graph.files.get(anchor.uri)?.facts ?? []) {
      if (fact.kind !== 'setting') continue;
      if (sameSpan(fact.span, anchor.span) || sameSpan(fact.nameSpan, anchor.span) || (fact.valueSpan !== null && sameSpan(fact.valueSpan, anchor.span))) return { anchor: { uri: anchor.uri, span: fact.span }, fact };
    }
  }
  return null;
}

/** Libraries the program imports and computes with in any case; an import that may fail (`try: import x`) is no proof that it needs one. */
function importedLibraries(plan: Plan): readonly string[] {
  const computing = new Set(plan.schedule.flatMap(({ fact }) => (fact.kind === 'compute' && fact.certain ? [fact.library] : [])));
  const modules = plan.schedule.flatMap(({ fact, certainty }) => (fact.kind === 'load' && certainty === 'always' ? [fact.module.split('.')[0] ?? ''] : []));
  return [...new Set(modules)].filter((module) => computing.has(module));
}

/** Every count up to the CPUs that may be used. */
function everyCount(machine: Machine): readonly number[] {
  return Array.from({ length: Math.max(1, Math.ceil(logicalCapacity(machine) ?? 1)) }, (_, index) => index + 1);
}

/** What stands in the way of several instances at once, or is lost. */
function refuseGrid(arms: readonly Arm[], machine: Machine, refusals: string[], notes: string[]): void {
  const several = arms.filter((arm) => (arm.instances ?? 1) > 1);
  if (machine.os !== 'linux') refusals.push('Several instances can be measured together on Linux only.');
  else if (arms.length < 2) refusals.push('No pair of instances and threads fits on this machine; name smaller numbers.');
  else if (several.some((arm) => (arm.cpus?.length ?? 0) === 0)) notes.push('Instances are not bound to CPUs of their own, because this machine does not tell which CPUs share a core.');
}
