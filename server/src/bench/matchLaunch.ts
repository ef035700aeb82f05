/** Which launch of a workspace started a running process, and what differs between the two. */
import type { Launch } from '../core/launchGraph.ts';
import type { Machine } from '../core/machine.ts';
import type { InspectedProcess } from './protocol.generated.ts';
import { shellWord } from './shellWord.ts';

/** How paths and file URIs lead to each other; the rim knows. */
export interface Paths {
  pathOf(uri: string): string | null;
  resolve(base: string, path: string): string;
}

/** A variable that a launch sets and the process has otherwise. */
export interface VariableDifference {
  readonly name: string;
  readonly launch: string | null;
  readonly process: string | null;
}

export interface LaunchMatch {
  readonly launch: Launch;
  readonly differences: readonly VariableDifference[];
}

/** What must agree at least: the script, or the application of a server. */
const ENTRY = 4;
const APPLICATION = 3;
const PROGRAMS = new Set(['gunicorn', 'uvicorn', 'hypercorn', 'torchrun', 'celery', 'ray']);
/** `gunicorn: master [serve:app]`, as servers call themselves where setproctitle is installed. */
const TITLE = /^(gunicorn|uvicorn|celeryd?): (?:\w+ )?\[(.+)\]$/;

/** The launch that fits a process best; null when none does, or when several fit equally and say different things. */
export function matchLaunch(process: InspectedProcess, launches: readonly Launch[], paths: Paths): LaunchMatch | null {
  const scored = launches
    .map((launch) => ({ launch, score: score(process, launch, paths) }))
    .filter((candidate) => candidate.score >= APPLICATION)
    .sort((a, b) => b.score - a.score);
  const [best, second] = scored;
  if (!best || (second && second.score === best.score)) return null;
  return { launch: best.launch, differences: differences(process, best.launch) };
}

function score(process: InspectedProcess, launch: Launch, paths: Paths): number {
  const words = process.command;
  const title = TITLE.exec(words.join(' '));
  if (!sameProgram(launch.program, words, title?.[1])) return 0;
  const entry = launch.entry === null ? null : paths.pathOf(launch.entry);
  let points = 0;
  if (entry !== null && process.cwd != null && words.some((word) => looksLikeFile(word) && paths.resolve(process.cwd ?? '/', word) === entry)) points = ENTRY;
  else if (launch.entryText !== null && (words.includes(launch.entryText) || title?.[2] === launch.entryText) && (entry === null || process.cwd == null || isNear(entry, process.cwd))) points = APPLICATION;
  if (points === 0) return 0;
  if (!launch.implicit) points += 0.5;
  // A title holds no arguments, so that they speak neither for nor against.
  if (!title) {
    for (const { value } of launch.arguments) {
      const text = value.kind === 'known' && value.value !== null ? String(value.value) : null;
      if (text !== null) points += words.includes(text) ? 0.2 : -0.4;
    }
  }
  const environment = process.environment;
  if (environment) {
    for (const [name, value] of launchVariables(launch)) if (concerns(name, environment)) points += (environment[name] ?? null) === value ? 0.2 : -0.3;
  }
  return points;
}

function sameProgram(program: Launch['program'], words: readonly string[], titled: string | undefined): boolean {
  const names = words.slice(0, 3).map((word) => word.replace(/^.*[\\/]/, ''));
  const has = (name: string): boolean => titled === name || names.includes(name) || (names.includes('-m') && words.includes(name));
  if (program === 'torchrun') return has('torchrun') || words.includes('torch.distributed.run') || words.includes('torch.distributed.launch');
  if (PROGRAMS.has(program)) return has(program);
  if (program === 'node') return /^node(?:\.exe)?$/.test(names[0] ?? '');
  if (program === 'python') return names.some((name) => /^python[\d.]*(?:\.exe)?$/.test(name)) && ![...PROGRAMS].some((name) => names.includes(name));
  return false;
}

function looksLikeFile(word: string): boolean {
  return !word.startsWith('-') && /[./\\]/.test(word);
}

/** A module is imported from the working directory or below it. */
function isNear(entry: string, cwd: string): boolean {
  return entry.startsWith(cwd.endsWith('/') ? cwd : `${cwd}/`);
}

/** Variables that the launch certainly sets, by name; the last layer wins. */
function launchVariables(launch: Launch): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const { settings } of launch.layers) {
    for (const { fact, maybe } of settings) {
      if (fact.channel !== 'env') continue;
      if (fact.value?.kind === 'known' && fact.value.value !== null && maybe !== true && fact.operation !== 'default') variables.set(fact.name, String(fact.value.value));
      else variables.delete(fact.name);
    }
  }
  return variables;
}

/** Only variables about threads are read from a process; of the others nothing can be said. */
function concerns(name: string, environment: Readonly<Record<string, string>>): boolean {
  return name in environment || /^(?:OMP|GOMP|KMP|MKL|OPENBLAS|BLIS|NUMEXPR|VECLIB|TORCH|PYTORCH|TOKENIZERS|RAYON|NUMBA|TBB|DNNL|ONEDNN|ORT)_/.test(name);
}

function differences(process: InspectedProcess, launch: Launch): readonly VariableDifference[] {
  const { environment } = process;
  if (!environment) return [];
  const wanted = launchVariables(launch);
  const names = [...wanted.keys()].filter((name) => concerns(name, environment));
  return names.flatMap((name) => (environment[name] === wanted.get(name) ? [] : [{ name, launch: wanted.get(name) ?? null, process: environment[name] ?? null }]));
}

/** The machine as a process may use it. */
export function machineOfProcess(machine: Machine, process: InspectedProcess): Machine {
  const affinity = process.affinity ?? null;
  const all = affinity === null || affinity.length === machine.logicalCores;
  return { ...machine, affinity: all ? null : affinity, cpuQuota: process.cpu_quota ?? null };
}

/** The command line of a process as one would type it, its thread variables in front. */
export function commandText(process: InspectedProcess): string {
  const title = TITLE.exec(process.command.join(' '));
  const words = title ? [title[1] ?? '', title[2] ?? ''] : withoutInterpreter(process.command);
  const variables = Object.entries(process.environment ?? {}).filter(([name]) => name !== 'LD_PRELOAD' && name !== 'NODE_OPTIONS');
  return [...variables.map(([name, value]) => `${name}=${shellWord(value)}`), ...words.map(shellWord)].join(' ');
}

/** `python /venv/bin/gunicorn` is how the script `gunicorn` is run. */
function withoutInterpreter(words: readonly string[]): readonly string[] {
  const [first = '', second = ''] = words;
  const script = second.replace(/^.*[\\/]/, '');
  return /(?:^|[\\/])python[\d.]*$/.test(first) && PROGRAMS.has(script) ? [script, ...words.slice(2)] : words;
}
