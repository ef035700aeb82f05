/** The analysis of a workspace, kept up to date edit by edit: text → facts → graph → plans → findings, each layer cached. */
import type { Fact, FileFacts, Gap, SuppressionFact } from '../core/fact.ts';
import type { Finding, FixProposal } from '../core/finding.ts';
import type { Launch, LaunchGraph } from '../core/launchGraph.ts';
import { outlinedFile, saysNothingAlone, type FileOutline } from '../core/outlinedFile.ts';
import type { Machine } from '../core/machine.ts';
import { UNKNOWN_MACHINE } from '../core/machine.ts';
import { MEASURED_KINDS } from '../core/measuredKinds.ts';
import type { Plan } from '../core/plan.ts';
import type { Reader, Refusal } from '../core/reader.ts';
import type { FileIdentity, SourceText, TextEdit } from '../core/sourceText.ts';
import { applyEdits, LineIndex } from '../core/sourceText.ts';
import type { Anchor, ChunkOffsets, TextRange } from '../core/span.ts';
import { resolveSpan } from '../core/span.ts';
import { filesStillHold, stillHolds, type SeenFiles } from '../core/watchedFiles.ts';
import { materialise } from '../fixes/materialise.ts';
import { buildLaunchGraph } from '../link/launchGraph.ts';
import { WatchedGraph } from '../link/watchedGraph.ts';
import { planLaunch } from '../plan/planLaunch.ts';
import { machineOf } from '../plan/targetMachine.ts';
import { notebookCells, type CellView } from '../readers/notebook/cells.ts';
import type { Report, Rule } from '../rules/rule.ts';
import { ChunkCache, type ChunkReading } from './chunkCache.ts';
import { changedPart, chunksOf, NO_CHUNKS, partBetween, partOfEdits, type ChangedPart, type FileChunks } from './fileChunks.ts';
import type { EngineConfig } from './config.ts';
import { configuredSeverity, mayReport } from './config.ts';
import { FolderConfigs, isConfigFile, readFolderConfig, type ConfigProblem, type FolderConfig } from './folderConfig.ts';
import { ignoreFinding } from './ignoreFinding.ts';
import { mergeFindings } from './mergeFindings.ts';
import type { ReadingHelp } from './readingHelp.ts';
import { MovedResults, movesBetween, type SpanMoves } from './spanMoves.ts';
import { structurallyEqual } from '../core/structuralEquality.ts';
import { suppressionOf } from './suppression.ts';

export type { EngineConfig } from './config.ts';

/** Larger files are not read, in UTF-16 code units or bytes. */
export const MAX_FILE_SIZE = 5 * 1024 * 1024;

export interface EngineOptions {
  readonly readers: readonly Reader[];
  readonly rules: readonly Rule[];
  /** The target machine; absent = nothing is known of it. */
  readonly machine?: Machine;
  /** True when the machine is the one at hand rather than one that a person named. */
  readonly probed?: boolean;
  readonly config?: EngineConfig;
  /** True when files are read once rather than edited: what their text was read into is not kept, only what it says. */
  readonly once?: boolean;
  /** Who reads files at the same time, when they are read once. */
  readonly help?: ReadingHelp;
  /** Told of defects (a reader or rule that threw); results of everything else stand. */
  readonly log?: (message: string, error: unknown) => void;
}

/** How often each layer did work; tests read them. */
export interface EngineCounters {
  /** Chunks parsed. */
  reads: number;
  /** Files whose facts were assembled. */
  assembles: number;
  /** Files of which an outline was enough so far. */
  outlines: number;
  /** Times the workspace was linked. */
  links: number;
  /** Launches planned. */
  plans: number;
  /** Rule evaluations, one per rule and file or launch. */
  rules: number;
}

interface FileEntry {
  source: SourceText;
  /** Set when the content is not to be read at all. */
  unreadable: Pick<Gap, 'reason' | 'message'> | null;
  dirty: boolean;
  lines: LineIndex | null;
  /** Of a notebook, once somebody asked. */
  cells: readonly CellView[] | null;
  reader: Reader | null;
  chunks: FileChunks;
  /** Where the text differs from the one that the chunks were made of. */
  changed: ChangedPart | null;
  /** The readings of the fact-bearing chunks. */
  bearing: readonly ChunkReading[];
  /** Fact-bearing chunks' starts. */
  offsets: ChunkOffsets;
  /** True when `facts` come from the chunks, not from a file left unread. */
  assembled: boolean;
  /** Undefined when no reader claims the file. */
  facts: FileFacts | undefined;
  /** Reads the rest of a file of which only the outline is known, so that its places can be told; null when there is no rest. */
  readRest: (() => void) | null;
}

/** What was looked at in the graph, by the planner or by a rule; null when nothing was. */
interface LookedAt {
  readonly seen: SeenFiles;
  /** The graph itself, when any change of it may matter. */
  readonly graph: LaunchGraph | null;
}

/** What was measured on a launch of the graph. */
export interface MeasuredFinding {
  readonly launch: Launch;
  /** At the present place of the launch. */
  readonly finding: Finding;
}

/** Reports of one rule about one launch, valid while what it saw is the same. */
interface Evaluation {
  readonly findings: readonly Finding[];
  readonly lookedAt: LookedAt | null;
}

interface PlanEntry {
  readonly launch: Launch;
  /** The files whose facts the launch holds. */
  readonly own: SeenFiles['files'];
  readonly plan: Plan | null;
  readonly lookedAt: LookedAt;
  evaluations: Map<Rule, Evaluation>;
  /** Everything that the plan and the rules looked at, once all rules have spoken. */
  all: LookedAt | null;
}

interface FileRulesEntry {
  readonly facts: FileFacts;
  readonly findings: readonly Finding[];
}

const EMPTY_GRAPH: LaunchGraph = { launches: [], files: new Map() };

/**
 * Holds the files of a workspace and answers for their plans and findings.
 * Work is done when an answer is asked for, or slice by slice through `advance`.
 * No method throws because of what a file contains.
 */
export class Engine {
  readonly counters: EngineCounters = { reads: 0, assembles: 0, outlines: 0, links: 0, plans: 0, rules: 0 };
  readonly #readers: readonly Reader[];
  readonly #rules: readonly Rule[];
  readonly #log: (message: string, error: unknown) => void;
  readonly #chunks = new ChunkCache();
  readonly #files = new Map<string, FileEntry>();
  readonly #dirty = new Set<string>();
  readonly #plans = new Map<string, PlanEntry>();
  readonly #fileRules = new Map<string, FileRulesEntry>();
  readonly #ruleById: ReadonlyMap<string, Rule>;
  /** Contents of the configuration files, by URI. */
  readonly #folderConfigs = new Map<string, FolderConfig>();
  readonly #configProblems = new Map<string, readonly ConfigProblem[]>();
  #folders = new FolderConfigs(new Map());
  readonly #once: boolean;
  readonly #help: ReadingHelp | null;
  #machine: Machine;
  #probed: boolean;
  #config: EngineConfig;
  #graph: LaunchGraph = EMPTY_GRAPH;
  #graphStale = false;
  /** Launches of the graph whose plan or findings may be out of date, in graph order. */
  #staleLaunches: Launch[] = [];
  #staleFiles: string[] = [];
  /** Files whose facts say what the graph's facts of them say, at other places. The graph, plans and evaluations keep the places of the graph's facts; what is handed out has the present ones. */
  readonly #moves = new Map<string, SpanMoves>();
  #moved: MovedResults | null = null;
  /** Findings with the places of the graph's facts. */
  #unmoved: readonly Finding[] | null = null;
  #merged: ReadonlyMap<string, readonly Finding[]> | null = null;
  #plansNow: readonly Plan[] | null = null;
  #graphNow: LaunchGraph | null = null;
  #measured: () => readonly MeasuredFinding[] = () => [];
  #generation = 0;

  constructor(options: EngineOptions) {
    this.#readers = options.readers;
    this.#rules = options.rules;
    this.#ruleById = new Map(options.rules.map((rule) => [rule.id, rule]));
    this.#machine = options.machine ?? UNKNOWN_MACHINE;
    this.#probed = options.probed ?? false;
    this.#once = options.once ?? false;
    this.#help = (this.#once ? options.help : null) ?? null;
    this.#config = options.config ?? {};
    this.#log = options.log ?? (() => {});
  }

  /** Grows when any plan or finding may have changed. Edits are counted once they have been read. */
  get generation(): number {
    return this.#generation;
  }

  get machine(): Machine {
    return this.#machine;
  }

  /** Sets the target machine that plans are computed for; `probed` when it is the one at hand rather than one that a person named. */
  setMachine(machine: Machine, probed = false): void {
    if (structurallyEqual(machine, this.#machine) && probed === this.#probed) return;
    this.#machine = machine;
    this.#probed = probed;
    this.#forgetResults();
  }

  /** Sets which rules run and how loud they are. */
  setConfig(config: EngineConfig): void {
    if (structurallyEqual(config, this.#config)) return;
    this.#config = config;
    for (const entry of this.#plans.values()) {
      entry.evaluations = new Map();
      entry.all = null;
    }
    this.#fileRules.clear();
    this.#staleLaunches = [...this.#graph.launches];
    this.#staleFiles = [...this.#graph.files.keys()];
    this.#changed();
  }

  /** Findings of measurements join those of rules under the same configuration and comments. The function is asked for those that hold now, whenever anything changes. */
  setMeasured(measured: () => readonly MeasuredFinding[]): void {
    this.#measured = measured;
    this.#placesChanged();
  }

  /** The measured findings that configuration and comments let be said, without a look at anything else. */
  admitted(measured: readonly MeasuredFinding[]): readonly Finding[] {
    return this.#leveledMeasured(measured).filter((finding) => {
      const entry = this.#read(finding.primary.uri);
      return !entry?.facts || suppressionOf(finding, entry.facts, entry.offsets) === undefined;
    });
  }

  /** Adds or replaces a file's text. */
  open(file: SourceText): void {
    this.#put(file, null);
  }

  /** Adds a file whose content is not known or not to be read, so that what depends on it says so. */
  openUnreadable(file: FileIdentity, reason: 'too-large' | 'binary' | 'encoding', message: string): void {
    this.#put({ ...file, version: 0, text: '' }, { reason, message });
  }

  /** Incremental edit of an open file; the ranges refer to its present text. Edits that overlap or name no open file are refused with a RangeError. */
  change(uri: string, version: number, edits: readonly TextEdit[]): void {
    const entry = this.#files.get(uri);
    if (!entry) throw new RangeError(`${uri} is not open`);
    const { languageId, text } = entry.source;
    this.#put({ uri, languageId, version, text: applyEdits(text, edits) }, null, partOfEdits(edits));
  }

  /** Problems of the configuration files of the workspace or of one of them, by place. */
  configProblems(file?: string): readonly ConfigProblem[] {
    return (file === undefined ? [...this.#configProblems.keys()].sort() : [file]).flatMap((uri) => this.#configProblems.get(uri) ?? []);
  }

  /** The machine that a launch is planned for, before its own limits. */
  machineFor(launch: Pick<Launch, 'uri' | 'label' | 'id' | 'elsewhere' | 'os'>): Machine {
    const folder = this.#config.fixedMachine === true ? null : this.#folders.machine(launch.uri, launch);
    return machineOf(launch, folder ? { machine: folder, probed: false } : { machine: this.#machine, probed: this.#probed });
  }

  /** The machine for what a file says by itself. */
  #machineOfFile(file: FileFacts): Machine {
    const launches = file.facts.filter((fact) => fact.kind === 'launch');
    const elsewhere = launches.some((launch) => launch.how === 'job' || launch.elsewhere === true);
    return this.machineFor({ uri: file.uri, id: '', label: '', elsewhere, os: launches.find((launch) => launch.os !== undefined)?.os ?? null });
  }

  /** Forgets a file. */
  close(uri: string): void {
    if (this.#folderConfigs.delete(uri)) {
      this.#configProblems.delete(uri);
      this.#foldersChanged();
    }
    const entry = this.#files.get(uri);
    if (!entry) return;
    this.#files.delete(uri);
    this.#dirty.delete(uri);
    this.#fileRules.delete(uri);
    if (entry.facts) this.#factsChanged();
  }

  /** Every file, in no particular order. */
  uris(): readonly string[] {
    return [...this.#files.keys()];
  }

  text(uri: string): SourceText | undefined {
    return this.#files.get(uri)?.source;
  }

  /** Lines of the present text. */
  lines(uri: string): LineIndex | undefined {
    const entry = this.#files.get(uri);
    if (!entry) return undefined;
    return (entry.lines ??= new LineIndex(entry.source.text));
  }

  /** The cells of a notebook, whose places people know by cell; null of other files. */
  cells(uri: string): readonly CellView[] | null {
    const entry = this.#read(uri);
    if (entry?.reader?.id !== 'notebook' || entry.unreadable) return null;
    return (entry.cells ??= notebookCells(entry.source.text));
  }

  /** True when some reader understands the file. */
  claims(file: FileIdentity & { readonly head: string }): boolean {
    return isConfigFile(file.uri) || this.#readerFor(file) !== null;
  }

  reader(uri: string): Reader | undefined {
    return this.#read(uri)?.reader ?? undefined;
  }

  /** What the file says; undefined when it is not open or no reader understands it. */
  facts(uri: string): FileFacts | undefined {
    return this.#read(uri)?.facts;
  }

  /** Where the fact-bearing chunks of the file start. */
  offsets(uri: string): ChunkOffsets {
    const entry = this.#read(uri);
    entry?.readRest?.();
    return entry?.offsets ?? [];
  }

  /** Current absolute offsets of an anchor, within the text. */
  resolve(anchor: Anchor): TextRange {
    const entry = this.#read(anchor.uri);
    if (!entry) return { start: 0, end: 0 };
    entry.readRest?.();
    const { start, end } = resolveSpan(anchor.span, entry.offsets);
    const length = entry.source.text.length;
    return { start: Math.min(start, length), end: Math.min(end, length) };
  }

  /** The linked workspace. */
  graph(): LaunchGraph {
    while (this.#dirty.size > 0 || this.#graphStale) this.advance();
    if (this.#moves.size === 0) return this.#graph;
    if (!this.#graphNow) {
      const launches = this.#movedCopy(this.#graph.launches);
      if (launches === null) {
        this.#factsChanged();
        return this.graph();
      }
      this.#graphNow = { launches, files: this.#currentFacts() };
    }
    return this.#graphNow;
  }

  /** The launches of the workspace. */
  launches(): readonly Launch[] {
    return this.graph().launches;
  }

  /** Plans of every launch, or of those that start in or reach one file. */
  plans(uri?: string): readonly Plan[] {
    this.#settle();
    let plans = this.#plansNow;
    if (plans === null) {
      const computed = this.#graph.launches.flatMap((launch) => this.#plans.get(launch.key)?.plan ?? []);
      plans = this.#movedCopy(computed);
      if (plans === null) {
        this.#factsChanged();
        return this.plans(uri);
      }
      this.#plansNow = plans;
    }
    return uri === undefined ? plans : plans.filter(({ launch }) => launch.uri === uri || launch.reachable.includes(uri));
  }

  /** The plan of one launch. */
  plan(uri: string, launchId: string): Plan | undefined {
    return this.plans().find(({ launch }) => launch.uri === uri && launch.id === launchId);
  }

  /** Findings in document order, of one file or of all by URI; suppressed ones are left out. */
  findings(uri?: string): readonly Finding[] {
    this.#settle();
    if (!this.#merged) {
      const measured = this.#guard('Measured findings could not be told.', this.#measured, []);
      this.#settle();
      this.#merged = this.#merge(measured);
      if (!this.#merged) {
        // A place made up by a rule cannot be followed: everything is computed from the present facts.
        this.#factsChanged();
        return this.findings(uri);
      }
    }
    const merged = this.#merged;
    if (uri !== undefined) return merged.get(uri) ?? [];
    return [...merged.keys()].sort().flatMap((key) => merged.get(key) ?? []);
  }

  /** Parts that could not be read, of one file or of all. */
  gaps(uri?: string): readonly { readonly uri: string; readonly gap: Gap }[] {
    const uris = uri === undefined ? [...this.#files.keys()].sort() : [uri];
    return uris.flatMap((file) => (this.facts(file)?.gaps ?? []).map((gap) => ({ uri: file, gap })));
  }

  /** The text edits of a fix, by URI, or why there are none. */
  materialise(fix: Pick<FixProposal, 'intents'>): ReadonlyMap<string, readonly TextEdit[]> | Refusal {
    try {
      return materialise(fix.intents, {
        text: (uri) => this.text(uri)?.text,
        facts: (uri) => this.facts(uri),
        offsets: (uri) => this.offsets(uri),
        reader: (uri) => this.reader(uri),
      });
    } catch (error) {
      this.#log('A fix could not be turned into edits.', error);
      return { refused: 'ThreadGauge failed to compute this edit (a defect; see the log).' };
    }
  }

  /** The edit of a comment that silences a finding, by URI, or why there is none. */
  ignore(finding: Pick<Finding, 'rule' | 'primary'>): ReadonlyMap<string, readonly TextEdit[]> | Refusal {
    const { uri } = finding.primary;
    const text = this.text(uri)?.text;
    const reader = this.reader(uri);
    if (text === undefined || !reader) return { refused: 'The file is not open to edits.' };
    const edits = this.#guard(`The comment that ignores ${finding.rule} could not be placed.`, () => ignoreFinding(finding, text, reader, this.offsets(uri)), { refused: 'ThreadGauge failed to compute this edit (a defect; see the log).' });
    return 'refused' in edits ? edits : new Map([[uri, edits]]);
  }

  /**
   * Does one slice of outstanding work (a file read, the workspace linked, a launch planned and judged).
   * Returns true while more remains, so that a server can answer other requests in between.
   */
  advance(): boolean {
    const dirty = this.#dirty.values().next();
    if (!dirty.done) {
      this.#read(dirty.value);
      return true;
    }
    if (this.#graphStale) {
      this.#link();
      return true;
    }
    const launch = this.#staleLaunches.shift();
    if (launch) {
      this.#judgeLaunch(launch);
      return true;
    }
    const file = this.#staleFiles.shift();
    if (file !== undefined) {
      this.#judgeFile(file);
      return true;
    }
    return false;
  }

  #settle(): void {
    while (this.advance());
  }

  #changed(): void {
    this.#unmoved = null;
    this.#placesChanged();
  }

  /** What was found stays; where it stands does not. */
  #placesChanged(): void {
    this.#generation++;
    this.#merged = null;
    this.#moved = null;
    this.#plansNow = null;
    this.#graphNow = null;
  }

  #factsChanged(): void {
    this.#graphStale = true;
    this.#changed();
  }

  #forgetResults(): void {
    this.#plans.clear();
    this.#fileRules.clear();
    this.#staleLaunches = [...this.#graph.launches];
    this.#staleFiles = [...this.#graph.files.keys()];
    this.#changed();
  }

  #foldersChanged(): void {
    this.#folders = new FolderConfigs(this.#folderConfigs);
    this.#forgetResults();
    this.#graphStale = true;
  }

  #put(source: SourceText, unreadable: FileEntry['unreadable'], edited?: ChangedPart): void {
    if (isConfigFile(source.uri)) {
      const { config, problems } = readFolderConfig(source.uri, source.text, new Set([...this.#ruleById.keys(), ...MEASURED_KINDS.keys()]));
      this.#configProblems.set(source.uri, unreadable ? [{ uri: source.uri, line: 1, range: { start: 0, end: 0 }, message: unreadable.message }] : problems);
      const same = structurallyEqual(this.#folderConfigs.get(source.uri), config);
      this.#folderConfigs.set(source.uri, config);
      if (!same) this.#foldersChanged();
    }
    const entry = this.#files.get(source.uri);
    if (entry) {
      const { text } = entry.source;
      const same = text === source.text && entry.source.languageId === source.languageId && structurallyEqual(entry.unreadable, unreadable);
      entry.source = source;
      if (same) return;
      if (entry.chunks.starts.length > 0) entry.changed = changedPart(entry.changed, entry.chunks.length, text, edited ?? partBetween(text, source.text));
      entry.unreadable = unreadable;
      entry.dirty = true;
      entry.lines = null;
      entry.cells = null;
    } else {
      this.#files.set(source.uri, { source, unreadable, dirty: true, lines: null, cells: null, reader: null, chunks: NO_CHUNKS, changed: null, bearing: [], offsets: [], assembled: false, facts: undefined, readRest: null });
    }
    this.#dirty.add(source.uri);
  }

  #readerFor(file: FileIdentity & { readonly head: string }): Reader | null {
    let maybe: Reader | null = null;
    for (const reader of this.#readers) {
      const claim = this.#guard(`Reader ${reader.id} failed on ${file.uri}.`, () => reader.claims(file), 'no' as const);
      if (claim === 'certain') return reader;
      if (claim === 'maybe') maybe ??= reader;
    }
    return maybe;
  }

  /** The entry with facts that fit its text. */
  #read(uri: string): FileEntry | undefined {
    const entry = this.#files.get(uri);
    if (!entry?.dirty) return entry;
    entry.dirty = false;
    this.#dirty.delete(uri);
    const { source } = entry;
    const reader = this.#readerFor({ uri, languageId: source.languageId, head: source.text.slice(0, 4096) });
    const sameReader = reader === entry.reader;
    entry.reader = reader;
    const gap = entry.unreadable ?? unreadableContent(source.text);
    const before = entry.facts;
    entry.readRest = null;
    const read = reader !== null && gap === null ? (this.#help?.reading(uri, source.text) ?? null) : null;
    const outlineNow = (): FileOutline | null => this.#guard(`Reader ${reader?.id ?? ''} failed on ${uri}.`, () => reader?.outline?.(uri, source.text) ?? null, null);
    const outline = !this.#once || gap !== null ? null : read === null ? outlineNow() : 'mayHoldMainGuard' in read ? { ...read, imports: () => outlineNow()?.imports() ?? null } : null;
    if (reader !== null && outline !== null) {
      if (read === null) this.#help?.outlined(uri, source.text);
      this.#putOff(entry, reader, outline);
    } else if (reader !== null && read !== null && 'facts' in read) {
      entry.chunks = NO_CHUNKS;
      entry.bearing = [];
      entry.offsets = read.offsets;
      keepWhenEqual(entry, { uri, reader: reader.id, facts: read.facts, gaps: read.gaps });
    } else if (reader === null) {
      entry.chunks = NO_CHUNKS;
      entry.bearing = [];
      entry.offsets = [];
      entry.facts = undefined;
    } else if (gap !== null) {
      entry.chunks = NO_CHUNKS;
      entry.bearing = [];
      entry.offsets = [0];
      const span = { chunk: 0, start: 0, end: 0 };
      keepWhenEqual(entry, { uri, reader: reader.id, facts: [], gaps: [{ ...gap, span }] });
    } else {
      const { bearing, offsets } = entry;
      entry.chunks = this.#readChunks(reader, source.text, sameReader ? entry.chunks : NO_CHUNKS, entry.changed ?? { start: 0, oldEnd: 0 });
      const { readings, starts } = entry.chunks;
      const nowBearing: ChunkReading[] = [];
      const nowOffsets: number[] = [];
      for (let i = 0; i < readings.length; i++) {
        const reading = readings[i];
        if (!reading || reading.empty) continue;
        nowBearing.push(reading);
        nowOffsets.push(starts[i] ?? 0);
      }
      entry.bearing = nowBearing;
      entry.offsets = nowOffsets;
      // Facts depend on the readings of the fact-bearing chunks alone.
      const same = sameReader && entry.assembled && sameReadings(bearing, nowBearing);
      if (!same) keepWhenEqual(entry, this.#assemble(uri, reader, nowBearing));
      // A comment may cover a line of another chunk, which may have moved.
      if (entry.facts === before && entry.facts && holdsSuppression(entry.facts) && !structurallyEqual(offsets, entry.offsets)) this.#placesChanged();
    }
    entry.changed = null;
    entry.assembled = reader !== null && gap === null && !this.#once;
    if (this.#once) {
      entry.chunks = NO_CHUNKS;
      entry.bearing = [];
    }
    if (entry.facts !== before) this.#take(uri, entry.facts);
    return entry;
  }

  /** Leaves a file that says nothing by itself unread until somebody asks for its facts or places. */
  #putOff(entry: FileEntry, reader: Reader, outline: FileOutline): void {
    this.counters.outlines++;
    const { uri, text } = entry.source;
    entry.chunks = NO_CHUNKS;
    entry.bearing = [];
    entry.offsets = [];
    const known: FileOutline = {
      mayHoldMainGuard: outline.mayHoldMainGuard,
      imports: () => {
        const imports = this.#help?.imports(uri, text);
        return imports === undefined ? outline.imports() : imports;
      },
    };
    const file = outlinedFile(uri, reader.id, known, () => {
      this.counters.outlines--;
      const rest = this.#help?.rest(uri, text) ?? null;
      if (rest !== null) {
        if (entry.facts === file) {
          entry.readRest = null;
          entry.offsets = rest.offsets;
        }
        return rest;
      }
      const { readings, starts } = this.#readChunks(reader, text, NO_CHUNKS, { start: 0, oldEnd: 0 });
      if (entry.facts === file) {
        entry.readRest = null;
        entry.offsets = starts.filter((_, i) => readings[i]?.empty === false);
      }
      return this.#assemble(uri, reader, readings.filter(({ empty }) => !empty));
    });
    entry.facts = file;
    entry.readRest = () => void file.facts;
  }

  /** Facts that only moved leave the graph and all that follows from it as they are. */
  #take(uri: string, facts: FileFacts | undefined): void {
    const linked = this.#graphStale ? undefined : this.#graph.files.get(uri);
    const moves = linked && facts ? movesBetween(linked, facts) : null;
    if (moves === null) {
      this.#factsChanged();
      return;
    }
    this.#moves.set(uri, moves);
    this.#placesChanged();
  }

  /** A result as of the present places; null when some place cannot be told. */
  #movedCopy<T extends object>(result: T): T | null {
    if (this.#moves.size === 0) return result;
    this.#moved ??= new MovedResults(this.#moves);
    return this.#moved.copy(result);
  }

  #currentFacts(): ReadonlyMap<string, FileFacts> {
    const files = new Map<string, FileFacts>();
    for (const uri of [...this.#files.keys()].sort()) {
      const facts = this.#files.get(uri)?.facts;
      if (facts) files.set(uri, facts);
    }
    return files;
  }

  #readChunks(reader: Reader, text: string, before: FileChunks, changed: ChangedPart): FileChunks {
    const read = (chunk: string): ChunkReading => (this.#once ? this.#readChunk(reader, chunk) : this.#chunks.get(reader, chunk, () => this.#readChunk(reader, chunk)));
    return this.#guard(`Reader ${reader.id} could not split a file.`, () => chunksOf(reader, text, before, changed, read), null) ?? { starts: [0], readings: [read(text)], length: text.length };
  }

  #readChunk(reader: Reader, text: string): ChunkReading {
    this.counters.reads++;
    try {
      const syntax = reader.read(text);
      return { syntax, empty: reader.isEmpty(syntax), failed: null };
    } catch (error) {
      this.#log(`Reader ${reader.id} failed on a chunk.`, error);
      return { syntax: null, empty: false, failed: { message: 'ThreadGauge failed to read this part (a defect; see the log).', length: text.length } };
    }
  }

  #assemble(uri: string, reader: Reader, bearing: readonly ChunkReading[]): FileFacts {
    this.counters.assembles++;
    const failed: Gap[] = [];
    const chunks: { chunk: number; syntax: unknown }[] = [];
    bearing.forEach((reading, chunk) => {
      if (reading.failed === null) chunks.push({ chunk, syntax: reading.syntax });
      else failed.push({ span: { chunk, start: 0, end: reading.failed.length }, reason: 'dynamic', message: reading.failed.message });
    });
    try {
      const { facts, gaps } = reader.assemble(uri, chunks, this.#once);
      return { uri, reader: reader.id, facts, gaps: [...gaps, ...failed] };
    } catch (error) {
      this.#log(`Reader ${reader.id} failed on ${uri}.`, error);
      const message = 'ThreadGauge failed to read this file (a defect; see the log).';
      return { uri, reader: reader.id, facts: [], gaps: [{ span: { chunk: 0, start: 0, end: 0 }, reason: 'dynamic', message }] };
    }
  }

  #link(): void {
    this.#graphStale = false;
    this.counters.links++;
    this.#moves.clear();
    const files = this.#currentFacts();
    const graph = this.#guard('The workspace could not be linked.', () => buildLaunchGraph(files), { launches: [], files });
    this.#graph = this.#folders.empty ? graph : { launches: graph.launches.filter((launch) => !this.#folders.excludes(launch.uri)), files };
    const keys = new Set(this.#graph.launches.map((launch) => launch.key));
    for (const key of this.#plans.keys()) if (!keys.has(key)) this.#plans.delete(key);
    this.#staleLaunches = [...this.#graph.launches];
    this.#staleFiles = [...files.keys()];
    this.#changed();
  }

  #judgeLaunch(launch: Launch): void {
    let entry = this.#plans.get(launch.key);
    if (entry?.launch === launch && entry.all !== null && this.#stillHolds(entry.all)) return;
    if (entry && entry.launch !== launch && structurallyEqual(entry.launch, launch) && stillHolds(entry.own, this.#graph.files)) {
      // Linked anew with the same result: files came or went, so that rules that looked at the graph may see another one.
      entry = { ...entry, launch, evaluations: new Map([...entry.evaluations].filter(([, { lookedAt }]) => lookedAt === null)), all: null };
      this.#plans.set(launch.key, entry);
    }
    // The linker gives out the same launch for as long as it would find the same again.
    if (entry?.launch !== launch || !this.#stillHolds(entry.lookedAt)) {
      this.counters.plans++;
      const watched = new WatchedGraph(this.#graph);
      const plan = this.#guard(`Launch ${launch.key} could not be planned.`, () => planLaunch(launch, watched, this.machineFor(launch)), null);
      const own = new Map([launch.uri, ...launch.layers.flatMap((layer) => layer.settings.map((setting) => setting.anchor.uri))].map((uri) => [uri, this.#graph.files.get(uri)]));
      entry = { launch, own, plan, lookedAt: this.#lookedAt(watched), evaluations: new Map(), all: null };
      this.#plans.set(launch.key, entry);
    }
    const { plan } = entry;
    for (const rule of this.#rules) {
      if (plan === null) break;
      if (rule.needs !== 'plan' || !mayReport(rule, this.#config, this.#folders)) continue;
      const evaluation = entry.evaluations.get(rule);
      if (!evaluation || (evaluation.lookedAt !== null && !this.#stillHolds(evaluation.lookedAt))) {
        const graph = this.#graph;
        let watched: WatchedGraph | null = null;
        const input = {
          plan,
          machine: this.machineFor(launch),
          // A rule that looks beyond its plan depends on what it sees there; the others do not.
          get graph() {
            return (watched ??= new WatchedGraph(graph));
          },
        };
        this.counters.rules++;
        const findings = this.#evaluate(rule, [launch.key], (report) => rule.check(input, report));
        entry.evaluations.set(rule, { findings, lookedAt: watched === null ? null : this.#lookedAt(watched) });
      }
    }
    // What is read once is judged once: nobody asks what that rested on.
    if (!this.#once) entry.all = together([entry.lookedAt, ...[...entry.evaluations.values()].flatMap(({ lookedAt }) => lookedAt ?? [])]);
  }

  #lookedAt({ files, whole }: WatchedGraph): LookedAt {
    return { seen: files.seenFiles, graph: whole ? this.#graph : null };
  }

  #stillHolds({ seen, graph }: LookedAt): boolean {
    return (graph === null || graph === this.#graph) && filesStillHold(seen, this.#graph.files);
  }

  #judgeFile(uri: string): void {
    const facts = this.#graph.files.get(uri);
    if (!facts || this.#fileRules.get(uri)?.facts === facts) return;
    if (saysNothingAlone(facts)) return;
    const input = { file: facts, machine: this.#machineOfFile(facts), anchor: (fact: Pick<Fact, 'span'>): Anchor => ({ uri, span: fact.span }) };
    const findings: Finding[] = [];
    for (const rule of this.#rules) {
      if (rule.needs !== 'file' || !mayReport(rule, this.#config, this.#folders)) continue;
      this.counters.rules++;
      findings.push(...this.#evaluate(rule, [], (report) => rule.check(input, report)));
    }
    this.#fileRules.set(uri, { facts, findings });
  }

  #evaluate(rule: Rule, launches: readonly string[], check: (report: (r: Report) => void) => void): readonly Finding[] {
    const findings: Finding[] = [];
    this.#guard(
      `Rule ${rule.id} failed.`,
      () =>
        check((report) => {
          findings.push({
            rule: rule.id,
            family: rule.family,
            severity: report.severity ?? rule.severity,
            confidence: report.confidence ?? 'certain',
            message: fillTemplate(rule.messages[report.messageId] ?? report.messageId, report.args ?? {}),
            primary: report.at,
            related: report.related ?? [],
            launches,
            fixes: report.fixes ?? [],
            unnecessary: report.unnecessary ?? false,
          });
        }),
      undefined,
    );
    return findings;
  }

  /** Null when the present place of some finding cannot be told. */
  #merge(measured: readonly MeasuredFinding[]): ReadonlyMap<string, readonly Finding[]> | null {
    if (!this.#unmoved) {
      const all: Finding[] = [];
      for (const launch of this.#graph.launches) for (const { findings } of this.#plans.get(launch.key)?.evaluations.values() ?? []) all.push(...this.#leveled(findings, launch));
      for (const uri of this.#graph.files.keys()) all.push(...this.#leveled(this.#fileRules.get(uri)?.findings ?? [], null));
      this.#unmoved = mergeFindings(all);
    }
    const byUri = new Map<string, Finding[]>();
    const findings = this.#movedCopy(this.#unmoved);
    if (findings === null) return null;
    const silenced = new Map<SuppressionFact, Set<string>>();
    const add = (finding: Finding): void => {
      const list = byUri.get(finding.primary.uri);
      if (list) list.push(finding);
      else byUri.set(finding.primary.uri, [finding]);
    };
    for (const finding of [...findings, ...this.#leveledMeasured(measured)]) {
      const entry = this.#files.get(finding.primary.uri);
      if (!entry?.facts) continue;
      const suppression = suppressionOf(finding, entry.facts, entry.offsets);
      if (!suppression) add(finding);
      else silenced.set(suppression, (silenced.get(suppression) ?? new Set()).add(finding.rule));
    }
    for (const finding of this.#judgeSuppressions(silenced)) add(finding);
    for (const list of byUri.values()) list.sort(inDocumentOrder);
    return byUri;
  }

  /** Findings with the levels that settings and folders give their rules. */
  #leveled(findings: readonly Finding[], launch: Launch | null): readonly Finding[] {
    return findings.flatMap((finding) => {
      const rule = this.#ruleById.get(finding.rule) ?? (MEASURED_KINDS.has(finding.rule) ? measuredRule(finding.rule) : undefined);
      const { uri } = finding.primary;
      if (!rule || this.#folders.excludes(uri)) return [];
      const severity = this.#severity(rule, uri, launch);
      if (severity === undefined) return [];
      return severity === null || severity === finding.severity ? [finding] : [{ ...finding, severity }];
    });
  }

  #leveledMeasured(measured: readonly MeasuredFinding[]): readonly Finding[] {
    return measured.flatMap(({ launch, finding }) => this.#leveled([finding], launch));
  }

  #severity(rule: Pick<Rule, 'id' | 'stage'>, uri: string, launch: Launch | null): Finding['severity'] | null | undefined {
    if (this.#folders.empty) return configuredSeverity(rule, this.#config);
    return configuredSeverity(rule, this.#config, { level: this.#folders.level(rule.id, uri, launch), preview: this.#folders.preview(uri) });
  }

  /** What is to be said of suppression comments, once it is known what they keep silent. */
  #judgeSuppressions(silenced: ReadonlyMap<SuppressionFact, ReadonlySet<string>>): readonly Finding[] {
    const findings: Finding[] = [];
    for (const [uri, { facts }] of this.#files) {
      if (!facts || !holdsSuppression(facts)) continue;
      // Whether a measurement would find something is not known before it is made.
      const rules = new Map<string, { readonly active: boolean; readonly needs: Rule['needs'] }>([...MEASURED_KINDS.keys()].map((kind) => [kind, { active: false, needs: 'plan' }]));
      for (const rule of this.#rules) rules.set(rule.id, { active: this.#severity(rule, uri, null) !== undefined, needs: rule.needs });
      const input = { file: facts, machine: this.#machineOfFile(facts), rules, silenced: (fact: SuppressionFact) => silenced.get(fact) ?? new Set<string>(), anchor: (fact: Pick<Fact, 'span'>): Anchor => ({ uri, span: fact.span }) };
      for (const rule of this.#rules) {
        if (rule.needs === 'suppressions') findings.push(...this.#leveled(this.#evaluate(rule, [], (report) => rule.check(input, report)), null));
      }
    }
    return findings;
  }

  #guard<T>(message: string, action: () => T, otherwise: T): T {
    try {
      return action();
    } catch (error) {
      this.#log(message, error);
      return otherwise;
    }
  }
}

/** All that was looked at; null for the graph when nobody looked at the whole of it. */
function together(all: readonly LookedAt[]): LookedAt {
  return { seen: { files: new Map(all.flatMap(({ seen }) => [...seen.files])), asked: all.flatMap(({ seen }) => seen.asked) }, graph: all.find(({ graph }) => graph !== null)?.graph ?? null };
}

/** What configuration is asked by about a kind of measured finding. */
function measuredRule(kind: string): Pick<Rule, 'id' | 'stage'> {
  return { id: kind, stage: 'stable' };
}

/** Replaces `{name}` by arguments; a name without one stays visible. */
export function fillTemplate(template: string, args: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(args, name) ? String(args[name]) : whole));
}

function unreadableContent(text: string): Pick<Gap, 'reason' | 'message'> | null {
  if (text.length > MAX_FILE_SIZE) return { reason: 'too-large', message: `The file is larger than ${MAX_FILE_SIZE / 1024 / 1024} MB and was not read.` };
  if (text.slice(0, 8192).includes('\0')) return { reason: 'binary', message: 'The file is binary and was not read.' };
  return null;
}

function sameReadings(a: readonly ChunkReading[], b: readonly ChunkReading[]): boolean {
  return a.length === b.length && a.every((reading, i) => reading === b[i]);
}

const suppressing = new WeakMap<FileFacts, boolean>();

/** True when comments of the file keep findings silent; asked of every file after every edit. */
function holdsSuppression(file: FileFacts): boolean {
  let holds = suppressing.get(file);
  if (holds === undefined) suppressing.set(file, (holds = !saysNothingAlone(file) && file.facts.some((fact) => fact.kind === 'suppression')));
  return holds;
}

/** Facts that say the same keep their identity, which is what every later layer compares. */
function keepWhenEqual(entry: FileEntry, facts: FileFacts): void {
  if (!structurallyEqual(entry.facts, facts)) entry.facts = facts;
}

function inDocumentOrder(a: Finding, b: Finding): number {
  const [x, y] = [a.primary.span, b.primary.span];
  return x.chunk - y.chunk || x.start - y.start || x.end - y.end || (a.rule < b.rule ? -1 : a.rule > b.rule ? 1 : 0) || (a.message < b.message ? -1 : a.message > b.message ? 1 : 0);
}
