/** Writes the editor's part of package.json: what the extension contributes, when it starts and what it may do. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { activationEvents } from '../server/src/core/fileFormats.ts';
import { CONFIG_NAME } from '../server/src/engine/folderConfig.ts';
import { MEASURED_KINDS } from '../server/src/core/measuredKinds.ts';
import { RULES } from '../server/src/rules/index.ts';
import { SCHEMA_FILE } from './generateConfigSchema.ts';
import { GRAMMARS } from './generateGrammar.ts';

const root = path.resolve(import.meta.dirname, '..');
const LEVELS = ['off', 'error', 'warning', 'information', 'hint'] as const;

interface Command {
  readonly id: string;
  readonly title: string;
  readonly icon?: string;
  /** When the palette offers it; absent = always. */
  readonly when?: string;
}

/** Named in the palette as `ThreadGauge: title`. */
const COMMANDS: readonly Command[] = [
  { id: 'runBenchmark', title: 'Run Benchmark', icon: '$(dashboard)', when: '!virtualWorkspace' },
  { id: 'benchmarkSelection', title: 'Benchmark the Selection', when: 'editorLangId == python && !virtualWorkspace' },
  { id: 'changeSettings', title: 'Run Benchmark with Other Settings…', when: '!virtualWorkspace' },
  { id: 'benchmarkGrid', title: 'Benchmark: Instances x Threads', when: '!virtualWorkspace' },
  { id: 'verifyBenchmark', title: 'Verify: Measure Old Against New Setting', when: '!virtualWorkspace' },
  { id: 'cancelBenchmark', title: 'Cancel Benchmark', icon: '$(debug-stop)', when: 'threadgauge.benchmarkRunning' },
  { id: 'pauseBenchmark', title: 'Pause Benchmark', icon: '$(debug-pause)', when: 'threadgauge.benchmarkRunning && !threadgauge.benchmarkPaused' },
  { id: 'resumeBenchmark', title: 'Resume Benchmark', icon: '$(debug-continue)', when: 'threadgauge.benchmarkPaused' },
  { id: 'showPlan', title: 'Show Thread Plan', icon: '$(list-tree)' },
  { id: 'showReport', title: 'Show Benchmark Report', icon: '$(graph)', when: 'threadgauge.hasReport' },
  { id: 'recordings', title: 'Recordings: Show, Compare, Export, Delete', icon: '$(history)', when: '!virtualWorkspace' },
  { id: 'clearMeasurements', title: 'Clear Measurements', icon: '$(clear-all)', when: 'threadgauge.hasReport || threadgauge.hasMeasurements' },
  { id: 'inspectProcess', title: 'Inspect Running Process', icon: '$(search)', when: '!virtualWorkspace' },
  { id: 'refreshInspection', title: 'Look at the Process Again', icon: '$(refresh)', when: 'resourceScheme == threadgauge-process' },
  { id: 'restartServer', title: 'Restart Language Server' },
  { id: 'showLog', title: 'Show Log' },
];

/** The keys of package.json that are generated; the others are written by hand. */
function generatedKeys(): Readonly<Record<string, unknown>> {
  return {
    icon: 'docs/images/icon.png',
    categories: ['Linters', 'Programming Languages', 'Testing'],
    keywords: ['threads', 'performance', 'pytorch', 'openmp', 'OMP_NUM_THREADS'],
    main: './dist/extension.js',
    extensionKind: ['workspace'],
    activationEvents: [...activationEvents(), 'onWebviewPanel:threadgauge.report'],
    capabilities: {
      untrustedWorkspaces: {
        supported: 'limited',
        description: 'Files are read and warnings are shown. Benchmarks, which start programs of the workspace, need a trusted workspace.',
        restrictedConfigurations: ['threadgauge.interpreter', 'threadgauge.runner.path'],
      },
      virtualWorkspaces: {
        supported: 'limited',
        description: 'Open files are checked. Benchmarks need files on disk.',
      },
    },
    contributes: {
      commands: COMMANDS.map(({ id, title, icon }) => ({ command: `threadgauge.${id}`, title, category: 'ThreadGauge', ...(icon ? { icon } : {}) })),
      menus: {
        commandPalette: COMMANDS.flatMap(({ id, when }) => (when ? [{ command: `threadgauge.${id}`, when }] : [])),
        'editor/context': [{ command: 'threadgauge.benchmarkSelection', when: 'editorLangId == python && editorHasSelection && !virtualWorkspace && !threadgauge.benchmarkRunning', group: '9_threadgauge' }],
        'editor/title': [
          { command: 'threadgauge.cancelBenchmark', when: 'threadgauge.benchmarkRunning && resourceLangId == python', group: 'navigation' },
          { command: 'threadgauge.refreshInspection', when: 'resourceScheme == threadgauge-process', group: 'navigation' },
        ],
        'editor/title/run': [{ command: 'threadgauge.runBenchmark', when: 'resourceLangId == python && !virtualWorkspace && !threadgauge.benchmarkRunning', group: '9_threadgauge' }],
      },
      configuration: { title: 'ThreadGauge', properties: settings() },
      jsonValidation: [{ fileMatch: CONFIG_NAME, url: `./${SCHEMA_FILE}` }],
      colors: COLORS,
      grammars: GRAMMARS,
      walkthroughs: WALKTHROUGHS,
    },
  };
}

function settings(): Readonly<Record<string, unknown>> {
  const rules = [...RULES].sort((a, b) => (a.id < b.id ? -1 : 1));
  const properties: Record<string, Record<string, unknown>> = {
    'threadgauge.rules': {
      type: 'object',
      scope: 'window',
      default: {},
      markdownDescription: 'Levels of single rules, e.g. `{ "env-set-after-import": "error" }`. Rules that are not named keep their own level.',
      properties: Object.fromEntries([
        ...rules.map((rule) => [rule.id, { type: 'string', enum: LEVELS, default: rule.severity, markdownDescription: `${rule.summary} (${rule.family})` }] as const),
        ...[...MEASURED_KINDS].map(([kind, summary]) => [kind, { type: 'string', enum: LEVELS, default: 'information', markdownDescription: `${summary} (found by a benchmark)` }] as const),
      ]),
      additionalProperties: false,
    },
    'threadgauge.machine': {
      type: ['object', 'null'],
      scope: 'machine-overridable',
      default: null,
      markdownDescription:
        'The machine the code is meant for, when it is not this one: what `threadgauge machine --format json` prints there, e.g. `{ "logicalCores": 64, "physicalCores": 32 }`. Fields left out are unknown. `null`: the machine the files are on.',
    },
    'threadgauge.interpreter': {
      type: 'string',
      scope: 'machine-overridable',
      default: '',
      markdownDescription: 'The Python that benchmarks run with where the launch names none and the Python extension has chosen none. Empty: the workspace\'s virtual environment (`.venv`, `venv`), else `python3` on `PATH`. Ignored in untrusted workspaces.',
    },
    'threadgauge.annotations.enabled': {
      type: 'boolean',
      scope: 'window',
      default: true,
      markdownDescription: 'Show measured times after the lines of a script that was benchmarked.',
    },
    'threadgauge.bench.budgetSeconds': {
      type: 'number',
      minimum: 1,
      scope: 'window',
      default: 900,
      markdownDescription: 'Seconds after which a benchmark stops with what it has measured.',
    },
    'threadgauge.bench.trialSeconds': {
      type: 'number',
      minimum: 1,
      scope: 'window',
      default: 120,
      markdownDescription: 'Seconds after which a single run of the program is stopped and counted as timed out.',
    },
    'threadgauge.bench.memoryLimit': {
      type: 'string',
      pattern: '^$|^\\s*\\d+(\\.\\d+)?\\s*([KMGTkmgt]i?)?[Bb]?\\s*$',
      scope: 'window',
      default: '',
      markdownDescription: 'Memory that a program may use while it is benchmarked, such as `4GiB`; it is ended when it uses more. Empty: no limit.',
    },
    'threadgauge.bench.lines': {
      type: 'boolean',
      scope: 'window',
      default: true,
      markdownDescription: 'Measure the lines of the script too, in separate runs after the search.',
    },
    'threadgauge.bench.askBeforeRun': {
      type: 'boolean',
      scope: 'application',
      default: true,
      markdownDescription: 'Show the exact command, environment and duration before a launch is benchmarked for the first time.',
    },
    'threadgauge.runner.path': {
      type: 'string',
      scope: 'machine',
      default: '',
      markdownDescription: 'Path of the native runner. Empty: the one that comes with the extension. Ignored in untrusted workspaces.',
    },
    'threadgauge.trace.server': {
      type: 'string',
      enum: ['off', 'messages', 'verbose'],
      scope: 'window',
      default: 'off',
      markdownDescription: 'Log the messages between the editor and the language server.',
    },
  };
  return Object.fromEntries(Object.entries(properties).map(([name, property], order) => [name, { order, ...property }]));
}

const COLORS = [
  {
    id: 'threadgauge.measuredForeground',
    description: 'Text after a measured line.',
    defaults: { dark: '#8fa8c7', light: '#4a6484', highContrast: 'editor.foreground', highContrastLight: 'editor.foreground' },
  },
  {
    id: 'threadgauge.hotForeground',
    description: 'Text after a line that takes at least a quarter of the measured time.',
    defaults: { dark: '#e0a458', light: '#8a5200', highContrast: 'editor.foreground', highContrastLight: 'editor.foreground' },
  },
  {
    id: 'threadgauge.staleForeground',
    description: 'Text after a line that was edited since it was measured.',
    defaults: { dark: 'disabledForeground', light: 'disabledForeground', highContrast: 'disabledForeground', highContrastLight: 'disabledForeground' },
  },
];

const WALKTHROUGHS = [
  {
    id: 'start',
    title: 'Tune CPU threads with ThreadGauge',
    description: 'From a warning to a measured number.',
    steps: [
      {
        id: 'plan',
        title: 'See the thread plan',
        description: 'How many processes and threads each launch really gets, and where every number comes from.\n[Show Thread Plan](command:threadgauge.showPlan)',
        media: { markdown: 'docs/walkthrough/plan.md' },
        completionEvents: ['onCommand:threadgauge.showPlan'],
      },
      {
        id: 'fix',
        title: 'Fix a warning',
        description: 'Warnings appear while you type. Press `Ctrl+.` (`Cmd+.`) on one to see its fixes.\n[Show Problems](command:workbench.actions.view.problems)',
        media: { markdown: 'docs/walkthrough/fix.md' },
        completionEvents: ['onCommand:workbench.actions.view.problems'],
      },
      {
        id: 'benchmark',
        title: 'Measure what would be better',
        description: 'Runs a launch under several thread counts and names the smallest one that is as fast as the best.\n[Run Benchmark](command:threadgauge.runBenchmark)',
        media: { markdown: 'docs/walkthrough/benchmark.md' },
        completionEvents: ['onCommand:threadgauge.runBenchmark'],
      },
    ],
  },
];

/** package.json with its generated keys renewed, before `scripts` and after what people write. */
export function generateManifest(): ReadonlyMap<string, string> {
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as Record<string, unknown>;
  const generated = generatedKeys();
  const entries = Object.entries(manifest).filter(([key]) => !(key in generated));
  const at = entries.findIndex(([key]) => key === 'scripts');
  const ordered = Object.fromEntries([...entries.slice(0, at), ...Object.entries(generated), ...entries.slice(at)]);
  return new Map([['package.json', `${JSON.stringify(ordered, null, 2)}\n`]]);
}
