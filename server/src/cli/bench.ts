/** `threadgauge bench`: measures a script, a launch or a command with several thread counts. */
import { createHash, randomInt } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { alignTable, armTable, callLines, closingSentence, doubtSentence, linesText, ratioSentence } from '../bench/benchText.ts';
import type { DebuggerStart } from '../bench/debugStart.ts';
import { type BenchHost, type BenchOptions, type PreparedBench, prepareBench } from '../bench/request.ts';
import { parseRegion } from '../bench/region.ts';
import { observedFindings } from '../bench/observedFindings.ts';
import { trialSecondsOf } from '../bench/estimate.ts';
import { frontTable, startTexts } from '../bench/frontText.ts';
import type { BenchRequest, SimulatedWorkload } from '../bench/protocol.generated.ts';
import { parseRecording, type Recording, type SourceLines } from '../bench/recording.ts';
import type { RunState } from '../bench/runState.ts';
import { shellWord } from '../bench/shellWord.ts';
import type { VaryChoice } from '../bench/variations.ts';
import type { Finding } from '../core/finding.ts';
import type { Launch } from '../core/launchGraph.ts';
import { logicalCapacity, machineFromJson, type Machine } from '../core/machine.ts';
import type { Reader } from '../core/reader.ts';
import { Engine } from '../engine/engine.ts';
import { CONFIG_NAME } from '../engine/folderConfig.ts';
import { createBenchHost, missingModules } from '../host/node/benchHost.ts';
import { debuggerStart, folderSettings, isDebugLaunch } from '../host/node/debugStart.ts';
import { findRunner } from '../host/node/findRunner.ts';
import { defaultRecordingsDirectory, newestRecording, readRecording } from '../host/node/recordings.ts';
import { loadParsers } from '../host/node/grammars.ts';
import { probeMachine } from '../host/node/runnerProcess.ts';
import { type PreparedRegion, prepareRegion } from '../host/node/regionFiles.ts';
import { pathOfUri, readSource, scanDirectory, uriOfPath } from '../host/node/workspaceFiles.ts';
import type { Plan } from '../core/plan.ts';
import { planLaunch } from '../plan/planLaunch.ts';
import { compoundOf } from '../readers/launchJson/resolve.ts';
import { createReaders } from '../readers/index.ts';
import { machineLine } from '../report/machineText.ts';
import { annotation, baselineName, gateGithub, gateJson, gateText, judge, loadRecording, requestAgainst } from './gate.ts';
import { headerOf, keepRun, startJournal } from './keepRun.ts';
import { openFile, targetMachine, tryOpenFile } from './loadWorkspace.ts';
import { styleFor, write } from './output.ts';
import { UsageError } from './usageError.ts';
import { watchRun } from './watchRun.ts';

export interface BenchCommandOptions {
  /** Null = chosen from the machine. */
  readonly threads: readonly number[] | null;
  readonly format: 'text' | 'json' | 'github';
  /** Keep the run among the user's recordings. */
  readonly record: boolean;
  readonly save?: string;
  /** Write the report to this file. */
  readonly html?: string;
  /** Measure only what is in force, and compare it with this recording. */
  readonly compare?: string;
  /** Fail when it is slower by more than this fraction, beyond noise. */
  readonly failAbove?: number;
  /** Seconds to wait for another benchmark of this machine. */
  readonly wait?: number;
  /** Print this recording instead of measuring. */
  readonly replay?: string;
  readonly python?: string;
  /** Measure only this part: `12-20`, `infer`, `mark:name`, `cell:3`, `other.py:12`. */
  readonly region?: string;
  readonly lines: boolean;
  readonly budget?: number;
  readonly trialTimeout?: number;
  /** Numbers of instances to run at once; `auto` = as many as fill the machine; absent = a search over threads alone. */
  readonly instances?: readonly number[] | 'auto';
  /** Further settings to try round the best count. */
  readonly vary?: VaryChoice;
  /** Longest acceptable time of one piece of work, seconds. */
  readonly latencyLimit?: number;
  /** Every count in every block. */
  readonly exhaustive?: boolean;
  /** Print what would be run, and end. */
  readonly dryRun?: boolean;
  readonly seed?: number;
  /** Memory the program may use, `4GiB`. */
  readonly memoryLimit?: string;
  /** File of the machine that the answer is meant for. */
  readonly machine?: string;
  /** JSON of a synthetic workload instead of a process. */
  readonly simulate?: string;
}

/** How many files beside a script are looked at for its imports. */
const NEIGHBOURS = 2000;
/** Programs that Node.js runs. */
const NODE_SCRIPT = /\.[cm]?[jt]s$/;
const COMMAND_FILE = '.threadgauge-command.sh';

/** Runs the benchmark and prints its results; returns the exit code. `command` is what follows `--`. */
export async function bench(target: string | undefined, command: readonly string[], options: BenchCommandOptions, version: string): Promise<number> {
  const cleanUp: (() => void)[] = [];
  try {
    return await run(target, command, options, version, cleanUp);
  } finally {
    for (const dispose of cleanUp) dispose();
  }
}

async function run(target: string | undefined, command: readonly string[], options: BenchCommandOptions, version: string, cleanUp: (() => void)[]): Promise<number> {
  if (options.replay !== undefined) {
    if (target !== undefined || command.length > 0) throw new UsageError('--replay prints a recording and measures nothing; leave out what to measure');
    return replay(options.replay, options.format);
  }
  if (options.failAbove !== undefined && options.compare === undefined) throw new UsageError('--fail-above needs --compare with a baseline');
  if ((target === undefined) === (command.length === 0)) throw new UsageError('name one thing to measure: a script, a launch (file#launch), or -- COMMAND');
  const baseline = options.compare === undefined ? null : await loadRecording(options.compare);
  const runner = findRunner(undefined);
  if ('problem' in runner) throw new UsageError(runner.problem);
  const { machine, problem } = await probeMachine(undefined);
  if (machine === null) throw new UsageError(problem ?? 'this machine could not be described');
  const readers = createReaders(await loadParsers());
  const engine = new Engine({ readers, rules: [], machine });
  const prepared = await prepare(target, command, machine, engine, readers, options, cleanUp);
  const { preview } = prepared;
  if (prepared.request === null) throw new UsageError(preview.refusal ?? 'this cannot be measured');
  let request = prepared.request;
  if (options.dryRun === true) {
    const shown = baseline === null ? request : requestAgainst(request, baseline);
    await write(process.stdout, options.format === 'text' ? heading(prepared, machine, baseline === null || options.compare === undefined ? null : baselineName(options.compare, baseline), shown) : `${JSON.stringify(preview, null, 2)}\n`);
    return 0;
  }
  if (options.simulate !== undefined) request = simulated(request, options.simulate);
  else if (preview.interpreter) {
    const missing = await missingModules(preview.interpreter.path, prepared.modules, request.workload.cwd, request.workload.env);
    if (missing && missing.length > 0) throw new UsageError(`the Python ${preview.interpreter.path} (${preview.interpreter.from}) has no ${missing.join(', ')}; install it there or choose another with --python`);
  }
  if (baseline !== null) {
    const part = baseline.state.plan?.selection?.label ?? null;
    if (part !== (preview.region?.label ?? null)) throw new UsageError(`the baseline measured ${part ?? 'the whole program'} and this would measure ${preview.region?.label ?? 'the whole program'}, which cannot be compared; choose the same part with --region`);
    request = requestAgainst(request, baseline);
  }
  if (options.wait !== undefined) request = { ...request, limits: { ...request.limits, turn_s: options.wait } };
  if (options.format === 'text') await write(process.stdout, heading(prepared, machine, baseline === null || options.compare === undefined ? null : baselineName(options.compare, baseline), request));
  const header = headerOf(`${target ?? command.map(shellWord).join(' ')}${preview.region ? ` (${preview.region.label})` : ''}`, prepared, request, version);
  const journal = await startJournal(header, options);
  const watched = await watchRun(request, runner.path, options.format, journal);
  const { state, recorded } = watched;
  if (options.format === 'text') await write(process.stdout, report(state, undefined, baseline !== null, findingsOf(state, prepared.plan, engine)));
  const kept = await keepRun(watched, header, options);
  await journal?.remove();
  if (options.format === 'text' && kept.recording !== null && process.stderr.isTTY) await write(process.stderr, `${styleFor(process.stderr).dim(`kept as ${path.basename(kept.recording, '.ndjson')}`)}\n`);
  for (const problem of kept.problems) await write(process.stderr, `threadgauge: ${problem}\n`);
  if (state.failed) {
    if (options.format === 'text' && state.failed.output_tail) await write(process.stderr, `${indent(state.failed.output_tail.trimEnd())}\n`);
    throw new UsageError(`${state.failed.message} ${state.failed.hint}`.trim());
  }
  if (options.format === 'github' && baseline === null) await write(process.stdout, annotation('notice', closingSentence(state)) + state.doubts.map((doubt) => annotation('warning', doubtSentence(doubt, state))).join(''));
  if (state.status === 'cancelled') return 2;
  if (baseline === null) return kept.asked ? 0 : 2;
  const threshold = options.failAbove ?? null;
  const gate = judge(baseline, parseRecording(`${recorded.join('\n')}\n`), threshold);
  await write(process.stdout, options.format === 'json' ? gateJson(gate, threshold) : options.format === 'github' ? gateGithub(gate) : `\n${gateText(gate, baseline)}`);
  return gate.verdict.outcome === 'regression' ? 1 : kept.asked ? 0 : 2;
}

/** Prints a recording as the run itself was printed; returns its exit code. */
async function replay(file: string, format: BenchCommandOptions['format']): Promise<number> {
  const recording = await loadRecording(file);
  const { state } = recording;
  await write(process.stdout, format === 'json' ? `${recording.events.map((event) => JSON.stringify(event)).join('\n')}\n` : printRecording(file, recording));
  if (state.failed) throw new UsageError(`${state.failed.message} ${state.failed.hint}`.trim());
  return state.status === 'cancelled' ? 2 : 0;
}

/** A recording as text. */
export function printRecording(file: string, { header, state }: Recording): string {
  const style = styleFor(process.stdout);
  const lines = [`${style.dim('recorded')} ${file}${header ? ` (${header.startedAt.slice(0, 16).replace('T', ' ')} UTC, ThreadGauge ${header.version})` : ''}`];
  if (state.hello) lines.push(`${style.dim('machine ')} ${machineLine(machineFromJson(state.hello.machine))}`);
  if (state.plan) lines.push(`${style.dim('command ')} ${state.plan.command.map(shellWord).join(' ')}`);
  if (header?.interpreter) lines.push(`${style.dim(/(?:^|[\\/])node(?:js)?(?:\.exe)?$/.test(header.interpreter.path) ? 'node    ' : 'python  ')} ${header.interpreter.path} (${header.interpreter.from})`);
  for (const { name, value, from } of header?.environment ?? []) lines.push(`${style.dim('env     ')} ${value === null ? `${name} removed` : `${name}=${value}`} (${from})`);
  if (state.environment) lines.push(`${style.dim('versions')} ${[state.environment.runtime, ...Object.entries(state.environment.libraries).map(([name, version]) => `${name} ${version}`)].filter(Boolean).join(', ')}`);
  const ended = state.finished ?? state.failed;
  return `${lines.join('\n')}\n\n${report(state, header?.sources)}${ended ? '' : '\nThe recording ends in the middle of the run.\n'}`;
}

async function prepare(target: string | undefined, command: readonly string[], machine: Machine, engine: Engine, readers: readonly Reader[], options: BenchCommandOptions, cleanUp: (() => void)[]): Promise<PreparedBench> {
  const regionIn = async (file: string | null): Promise<PreparedRegion | null> => {
    if (options.region === undefined) return null;
    const prepared = await findRegion(options.region, file, readers);
    cleanUp.push(prepared.dispose);
    return prepared;
  };
  const cwd = process.cwd();
  const settings = { lines: options.lines, ...(options.budget === undefined ? {} : { budgetSeconds: options.budget }), ...(options.trialTimeout === undefined ? {} : { trialSeconds: options.trialTimeout }), ...(options.memoryLimit === undefined ? {} : { memoryLimit: options.memoryLimit }) };
  const targetCpus = options.machine === undefined ? null : logicalCapacity(await targetMachine(options.machine));
  const grid = options.instances !== undefined;
  const asked = { ...(options.instances === undefined || options.instances === 'auto' ? {} : { instances: options.instances }), ...(options.latencyLimit === undefined ? {} : { latencyLimitSeconds: options.latencyLimit }), ...(options.exhaustive === true ? { exhaustive: true } : {}), ...(await lastTrial(target ?? command.map(shellWord).join(' '), options.save)) };
  const shared = { mode: grid ? ('grid' as const) : ('search' as const), vary: options.vary ?? ('auto' as const), ...asked, settings, targetCpus, seed: options.seed ?? randomInt(2 ** 32), ...(options.threads === null ? {} : { threads: options.threads }) };
  const host = createBenchHost({ machine, demanded: options.python, folders: [cwd] });
  const hash = target?.indexOf('#') ?? -1;
  if (target !== undefined && hash > 0 && !existsSync(target)) {
    const file = path.resolve(target.slice(0, hash));
    if (!existsSync(file)) throw new UsageError(`${target.slice(0, hash)} does not exist`);
    const directory = path.dirname(file);
    const folder = path.basename(directory) === '.vscode' ? path.dirname(directory) : directory;
    await loadAll(engine, folder);
    openFile(engine, file);
    const uri = uriOfPath(file);
    const launches = engine.launches().filter((launch) => launch.uri === uri);
    const name = target.slice(hash + 1);
    const launch = launches.find(({ id }) => id === name) ?? launches.find(({ label }) => label === name);
    const text = engine.text(uri)?.text ?? '';
    const compound = launch ? null : compoundOf(text, name);
    if (compound) throw new UsageError(`"${name}" is a compound, which starts several configurations at once; measure one of them: ${compound.map((one) => `"${one}"`).join(', ')}`);
    if (!launch) throw new UsageError(`${target.slice(0, hash)} has no launch "${name}"${launches.length > 0 ? `; it has ${launches.map(({ id }) => `"${id}"`).join(', ')}` : ''}`);
    const part = await regionIn(launch.entry === null ? null : pathOfUri(launch.entry));
    return prepareBench(launch, engine.graph(), planLaunch(launch, engine.graph(), machine), host, { ...shared, folder, start: startOf(launch, text, folder, host), ...(part ? { region: part.region } : {}) });
  }
  let words = command;
  if (target !== undefined) {
    if (!existsSync(target)) throw new UsageError(`the script ${target} does not exist`);
    words = [NODE_SCRIPT.test(target) ? 'node' : 'python', target];
  }
  const notebook = target !== undefined && /\.ipynb$/i.test(target);
  if (notebook && options.region === undefined) throw new UsageError(`${target} is a notebook, which cannot be measured as a whole; choose a cell with --region cell:3`);
  const part = await regionIn(words.map((word) => path.resolve(cwd, word)).find((word) => /\.(?:py|ipynb)$/i.test(word) && existsSync(word)) ?? null);
  if (part?.script) {
    if (!notebook) throw new UsageError('a part of a notebook is measured by `threadgauge bench NOTEBOOK --region …`');
    // The script lies elsewhere; what the notebook imports lies beside the notebook.
    const own = host.environment['PYTHONPATH'];
    const extraEnvironment = { PYTHONPATH: [part.script.cwd, ...(own ? [own] : [])].join(path.delimiter) };
    const prepared = await prepareWords(['python', part.script.path], part.script.cwd, engine, machine, host, { ...shared, region: part.region, extraEnvironment });
    return { ...prepared, preview: { ...prepared.preview, notes: [...part.notes, ...prepared.preview.notes] } };
  }
  return prepareWords(words, cwd, engine, machine, host, { ...shared, ...(part ? { region: part.region } : {}) });
}

/** The part that `--region` names, in the file it names or else in the program's own. */
async function findRegion(spec: string, own: string | null, readers: readonly Reader[]): Promise<PreparedRegion> {
  const elsewhere = /^(.+\.(?:pyw?|ipynb)):(.+)$/i.exec(spec);
  const file = elsewhere?.[1] === undefined ? own : path.resolve(elsewhere[1]);
  const target = parseRegion(elsewhere?.[2] ?? spec);
  if ('problem' in target) throw new UsageError(target.problem);
  if (file === null) throw new UsageError(`the program has no script of Python to look for ${spec} in; name the file too: FILE.py:${spec}`);
  const content = existsSync(file) ? await readSource(file) : null;
  if (content?.kind !== 'text') throw new UsageError(`${file} ${content === null ? 'does not exist' : 'could not be read'}`);
  const python = readers.find(({ id }) => id === 'python');
  if (!python) throw new UsageError('the reader of Python is missing');
  const prepared = prepareRegion(file, content.text, target, python);
  if ('problem' in prepared) throw new UsageError(prepared.problem);
  return prepared;
}

async function prepareWords(words: readonly string[], cwd: string, engine: Engine, machine: Machine, host: BenchHost, options: BenchOptions): Promise<PreparedBench> {
  // Read as a line of a shell script, so that it is planned like every other launch.
  const uri = uriOfPath(path.join(cwd, COMMAND_FILE));
  const node = words.some((word) => NODE_SCRIPT.test(word));
  const program = (file: string): boolean => (node ? NODE_SCRIPT.test(file) || path.basename(file) === 'package.json' : file.endsWith('.py'));
  await loadAll(engine, cwd, (file) => program(file) || path.basename(file) === CONFIG_NAME);
  const script = words.find((word) => program(word) && existsSync(word));
  if (script !== undefined) {
    await loadAll(engine, path.dirname(path.resolve(script)), program);
    openFile(engine, path.resolve(script));
  }
  engine.open({ uri, languageId: 'shellscript', version: 0, text: `${words.map(shellWord).join(' ')}\n` });
  const launch = engine.launches().find((candidate) => candidate.uri === uri) ?? plainCommand(uri, words);
  const assignments = words.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word));
  const prepared = prepareBench(launch, engine.graph(), planLaunch(launch, engine.graph(), machine), host, { ...options, words: words.slice(Math.max(0, assignments)), cwd, folder: cwd });
  // The script it is read as does not exist.
  const environment = prepared.preview.environment.map((change) => (change.from.includes(COMMAND_FILE) ? { ...change, from: 'given in the command' } : change));
  return { ...prepared, preview: { ...prepared.preview, environment } };
}

/** How VS Code would start a debug configuration; null for every other launch. No file is open, and settings are those of the folder. */
function startOf(launch: Launch, text: string, folder: string, host: BenchHost): DebuggerStart | null {
  if (!isDebugLaunch(launch)) return null;
  const found = (): string | null => {
    const interpreter = host.findInterpreter('python', folder, host.environment);
    return 'problem' in interpreter ? null : interpreter.path;
  };
  return debuggerStart(launch, { text, folder, folders: [folder], environment: host.environment, machine: host.machine, activeFile: null, settings: folderSettings(folder), interpreter: found });
}

/** A command that is no launch of anything known. */
function plainCommand(uri: string, words: readonly string[]): Launch {
  const text = words.map(shellWord).join(' ');
  return { key: `${uri}#`, uri, id: '', label: text, anchor: { uri, span: { chunk: 0, start: 0, end: 0 } }, implicit: false, how: 'shell', elsewhere: false, os: null, program: 'other', entry: null, entryText: null, commandText: text, words: [], arguments: [], configFile: null, via: [], limits: [], layers: [], clearsEnvironment: false, wrappers: [], reachable: [uri], unresolved: [] };
}

/** What a run took the last time this was measured: in the file that is going to be replaced, or in the newest recording. */
async function lastTrial(label: string, save: string | undefined): Promise<{ readonly lastTrialSeconds?: number }> {
  const replaced = save !== undefined && statSync(save, { throwIfNoEntry: false })?.isFile() === true ? save : null;
  const file = replaced ?? (await newestRecording(defaultRecordingsDirectory(), label));
  if (file === null) return {};
  try {
    const seconds = trialSecondsOf((await readRecording(file)).state);
    return seconds === null ? {} : { lastTrialSeconds: seconds };
  } catch {
    return {};
  }
}

async function loadAll(engine: Engine, folder: string, wanted: (file: string) => boolean = () => true): Promise<void> {
  const { files } = await scanDirectory(folder, { claims: (uri, head) => engine.claims({ uri, languageId: '', head }), limit: NEIGHBOURS });
  for (const file of files) if (wanted(file) && !engine.text(uriOfPath(file))) tryOpenFile(engine, file);
}

function simulated(request: BenchRequest, json: string): BenchRequest {
  try {
    const workload = JSON.parse(json) as SimulatedWorkload;
    return { ...request, workload: { ...request.workload, python: null, node: null, simulated: workload }, lines: { enabled: false, arms: [] } };
  } catch (error) {
    throw new UsageError(`--simulate is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function heading({ preview }: PreparedBench, machine: Machine, baseline: string | null, request: BenchRequest): string {
  const style = styleFor(process.stdout);
  const lines = [`${style.dim('machine ')} ${machineLine(machine)}`, `${style.dim('command ')} ${preview.argv.map(shellWord).join(' ')}`, `${style.dim('in      ')} ${preview.cwd}`];
  if (preview.region) lines.push(`${style.dim('measured')} ${regionText(preview.region)}`);
  if (preview.interpreter) lines.push(`${style.dim(preview.program === 'node' ? 'node    ' : 'python  ')} ${preview.interpreter.path} (${preview.interpreter.from})`);
  for (const { name, value, from } of preview.environment) lines.push(`${style.dim('env     ')} ${value === null ? `${name} removed` : `${name}=${value}`} (${from})`);
  lines.push(`${style.dim('settings')} ${request.arms.map((arm, index) => `${arm.label}${index === request.current ? ' (in force)' : ''}`).join(', ')}`);
  if (baseline !== null) lines.push(`${style.dim('baseline')} ${baseline}`);
  if (baseline === null) {
    const further = preview.variations.filter(({ chosen }) => chosen);
    if (further.length > 0) lines.push(`${style.dim('then    ')} on top of the best: ${further.map(({ label }) => label).join(', ')}`);
    const left = [...new Set(preview.variations.filter(({ chosen }) => !chosen).map(({ factor }) => factor))];
    if (left.length > 0) lines.push(`${style.dim('not     ')} ${left.join(', ')} (try them with --vary)`);
  }
  for (const note of preview.notes) lines.push(`${style.dim('note    ')} ${note}`);
  if (baseline === null) lines.push(`${style.dim('time    ')} ${preview.estimate.sentence}`);
  return `${lines.join('\n')}\n\n`;
}

/** `y = model(x) (line 12 of serve.py)`. */
function regionText({ path: file, first, last, label }: NonNullable<PreparedBench['preview']['region']>): string {
  return `${label} (${first === last ? `line ${first}` : `lines ${first} to ${last}`} of ${path.relative(process.cwd(), file).startsWith('..') ? path.basename(file) : path.relative(process.cwd(), file)}), repeated in every run; what comes before it is not counted`;
}

/** What was measured of the launch, as far as configuration and comments let it be said. A recording does not tell what the launch was. */
function findingsOf(state: RunState, plan: Plan, engine: Engine): readonly Finding[] {
  return engine.admitted(observedFindings(state, plan).map((finding) => ({ launch: plan.launch, finding })));
}

/** `gated`: what was measured is judged against a baseline, not among itself. */
function report(state: RunState, sources?: SourceLines, gated = false, findings: readonly Finding[] = []): string {
  const style = styleFor(process.stdout);
  const parts: string[] = [];
  if (state.front) parts.push(alignTable(frontTable(state)));
  else if (state.arms.some(({ summary }) => summary !== null)) parts.push(alignTable(armTable(state)));
  const calls = callLines(state);
  if (calls.length > 0) parts.push(calls.join('\n'));
  const lines = linesText(state, (file) => path.relative(process.cwd(), file) || file, (file, line, sha256) => sources?.[file]?.[line] ?? sourceLine(file, line, sha256));
  if (lines !== '') parts.push(lines);
  if (state.doubts.length > 0) parts.push(state.doubts.map((doubt) => `${style.severity('warning', 'doubt')} ${doubtSentence(doubt, state)}`).join('\n'));
  if (findings.length > 0) parts.push(findings.map(({ severity, message, rule }) => `${style.severity(severity, 'measured')} ${message} ${style.dim(`(${rule})`)}`).join('\n'));
  if (gated) return parts.length === 0 ? '' : `${parts.join('\n\n')}\n`;
  const ratio = ratioSentence(state);
  // The sentence of a verdict tells its own figures, where they are what it rests on.
  if (ratio !== null && !closingSentence(state).includes('confidence interval')) parts.push(ratio);
  if (!state.failed) parts.push(style.bold(closingSentence(state)));
  parts.push(...startTexts(state));
  return parts.length === 0 ? '' : `${parts.join('\n\n')}\n`;
}

/** A line of the file that ran; nothing when the file is another one by now. */
function sourceLine(file: string, line: number, sha256: string): string {
  try {
    const content = readFileSync(file);
    if (createHash('sha256').update(content).digest('hex') !== sha256) return '';
    return content.toString('utf8').split(/\r\n|\r|\n/)[line] ?? '';
  } catch {
    return '';
  }
}

function indent(text: string): string {
  return text.replace(/^/gm, '  ');
}
