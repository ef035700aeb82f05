/** Writes the injection grammars: thread variables from the knob catalogue, and the value languages of OpenMP and KMP settings. */
import { KNOBS } from '../server/src/knobs/catalogue.ts';

interface Pattern {
  name?: string;
  match?: string;
  begin?: string;
  end?: string;
  contentName?: string;
  captures?: Record<string, { name: string }>;
  beginCaptures?: Record<string, { name: string }>;
  patterns?: Pattern[];
  include?: string;
}

const INJECTED_INTO = ['source.shell', 'source.dockerfile', 'source.yaml', 'source.dotenv', 'source.json', 'source.json.comments', 'source.makefile'];

/** The value languages, by the variables that speak them. */
const LANGUAGES: readonly { readonly rule: string; readonly variables: readonly string[] }[] = [
  { rule: 'kmp-affinity', variables: ['KMP_AFFINITY'] },
  { rule: 'places', variables: ['OMP_PLACES'] },
  { rule: 'proc-bind', variables: ['OMP_PROC_BIND'] },
  { rule: 'cpu-list', variables: ['GOMP_CPU_AFFINITY'] },
  { rule: 'blocktime', variables: ['KMP_BLOCKTIME'] },
  { rule: 'hw-subset', variables: ['KMP_HW_SUBSET'] },
  { rule: 'thread-list', variables: ['OMP_NUM_THREADS'] },
];

const word = (alternatives: string): string => `(?i:\\b(?:${alternatives})\\b)`;

const REPOSITORY: Readonly<Record<string, { patterns: Pattern[] }>> = {
  'kmp-affinity': {
    patterns: [
      {
        match: '(?i:\\b(granularity)(=)(fine|thread|core|tile|die|node|group|socket)\\b)',
        captures: {
          1: { name: 'keyword.other.modifier.threadgauge' },
          2: { name: 'keyword.operator.assignment.threadgauge' },
          3: { name: 'constant.language.granularity.threadgauge' },
        },
      },
      {
        begin: '(?i:\\b(proclist)(=)(\\[))',
        beginCaptures: {
          1: { name: 'keyword.other.modifier.threadgauge' },
          2: { name: 'keyword.operator.assignment.threadgauge' },
          3: { name: 'punctuation.definition.list.threadgauge' },
        },
        end: '\\]|(?=["\'\\s]|$)',
        patterns: [{ include: '#cpu-list' }],
      },
      { name: 'constant.language.affinity-type.threadgauge', match: word('none|balanced|compact|disabled|explicit|logical|physical|scatter') },
      { name: 'keyword.other.modifier.threadgauge', match: word('(?:no)?verbose|(?:no)?warnings|(?:no)?respect|(?:no)?reset|granularity|proclist') },
      { include: '#number' },
    ],
  },
  places: {
    patterns: [
      { name: 'constant.language.place.threadgauge', match: word('threads|cores|ll_caches|numa_domains|sockets') },
      { name: 'punctuation.definition.place.threadgauge', match: '[{}()]' },
      { name: 'keyword.operator.interval.threadgauge', match: '[:!]' },
      { include: '#number' },
    ],
  },
  'proc-bind': { patterns: [{ name: 'constant.language.binding.threadgauge', match: word('true|false|primary|master|close|spread') }] },
  'cpu-list': {
    patterns: [
      { name: 'keyword.operator.range.threadgauge', match: '[-:]' },
      { name: 'punctuation.definition.place.threadgauge', match: '[{}]' },
      { include: '#number' },
    ],
  },
  blocktime: {
    patterns: [
      { name: 'constant.language.blocktime.threadgauge', match: word('infinite') },
      { match: '(\\d+)(ms|us|s|m|h|d)?\\b', captures: { 1: { name: 'constant.numeric.threadgauge' }, 2: { name: 'keyword.other.unit.threadgauge' } } },
    ],
  },
  'hw-subset': {
    patterns: [
      {
        match: '(?i:(\\*|\\d+)(sockets?|dies?|numas?|nodes?|tiles?|l[123]caches?|cores?|threads?|[sdnctg])\\b)',
        captures: { 1: { name: 'constant.numeric.threadgauge' }, 2: { name: 'keyword.other.unit.threadgauge' } },
      },
      { name: 'keyword.operator.offset.threadgauge', match: '[@:&]' },
      { include: '#number' },
    ],
  },
  'thread-list': { patterns: [{ include: '#number' }] },
  number: { patterns: [{ name: 'constant.numeric.threadgauge', match: '\\b\\d+\\b' }, { name: 'punctuation.separator.threadgauge', match: ',' }] },
};

/** What may stand between a variable's name and its value; Oniguruma allows only alternatives of fixed length here. */
const BARE_SEPARATORS = ['=', ': ', ':', ' '];
const QUOTED_SEPARATORS = ['="', "='", ': "', ": '", '": "', '":"', '" : "', ' "'];

function valueRules(rule: string, variables: readonly string[]): Pattern[] {
  const behind = (separators: readonly string[]): string => `(?<=${variables.flatMap((name) => separators.map((s) => name + s)).join('|')})`;
  const contentName = `meta.thread-value.${rule}.threadgauge`;
  return [
    { begin: behind(QUOTED_SEPARATORS), end: '(?=["\'])|$', contentName, patterns: [{ include: `#${rule}` }] },
    { begin: `${behind(BARE_SEPARATORS)}(?=[^\\s"'$=:])`, end: '(?=[\\s"\';&|)])|$', contentName, patterns: [{ include: `#${rule}` }] },
  ];
}

/** As the manifest's `contributes.grammars` wants them. */
export const GRAMMARS = [
  { path: './syntaxes/threadgauge.values.tmLanguage.json', scopeName: 'threadgauge.values', injectTo: INJECTED_INTO },
  { path: './syntaxes/threadgauge.names.tmLanguage.json', scopeName: 'threadgauge.names', injectTo: INJECTED_INTO.filter((scope) => scope !== 'source.shell') },
];

const COMMENT = 'Generated by `npm run generate` from scripts/generateGrammar.ts and the knob catalogue; do not edit.';

function grammar(scopeName: string, injectTo: readonly string[], patterns: readonly Pattern[], repository: Readonly<Record<string, { patterns: Pattern[] }>>): string {
  const injectionSelector = injectTo.map((scope) => `L:${scope} -comment -meta.thread-value.threadgauge`).join(', ');
  const text = JSON.stringify({ scopeName, comment: COMMENT, injectionSelector, patterns, repository }, null, 2);
  // A selector cannot name a prefix of several scopes, so every value scope carries the common one as well.
  return `${text.replaceAll(/"contentName": "(meta\.thread-value\.)([a-z-]+)(\.threadgauge)"/g, '"contentName": "meta.thread-value.threadgauge $1$2$3"')}\n`;
}

/**
 * The generated grammars, by path relative to the repository. Two, because in shell a name may be coloured only
 * where that does not take the assignment away from the shell grammar: behind `export`, `env` and the like.
 */
export function generateGrammar(): ReadonlyMap<string, string> {
  const names = [...new Set(KNOBS.flatMap((knob) => knob.env))].sort((a, b) => b.length - a.length || (a < b ? -1 : 1)).join('|');
  const scope = 'support.constant.thread-variable.threadgauge';
  const exported = '(?<=export |readonly |declare -x |typeset -x |unset |env | -u | -e |--env |--env=)';
  const values: Pattern[] = [
    ...LANGUAGES.flatMap(({ rule, variables }) => valueRules(rule, variables)),
    { name: scope, match: `${exported}(?:${names})(?![A-Za-z0-9_])` },
  ];
  const everywhere: Pattern[] = [
    {
      match: `(?<![A-Za-z0-9_])(${names})(?![A-Za-z0-9_])(=)?`,
      captures: { 1: { name: scope }, 2: { name: 'keyword.operator.assignment.threadgauge' } },
    },
  ];
  return new Map([
    ['syntaxes/threadgauge.values.tmLanguage.json', grammar('threadgauge.values', INJECTED_INTO, values, REPOSITORY)],
    ['syntaxes/threadgauge.names.tmLanguage.json', grammar('threadgauge.names', INJECTED_INTO.filter((s) => s !== 'source.shell'), everywhere, {})],
  ]);
}
