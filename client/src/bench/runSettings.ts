/** What people may choose about a run, and the choice that a preview offers. */
import type { BenchParams, BenchPreview } from '../../../server/src/bench/messages.ts';

/** The part of the parameters that is a choice; the rest says which launch in which editor. */
const CHOICES = ['threads', 'vary', 'variations', 'instances', 'latencyLimitSeconds', 'exhaustive', 'budgetSeconds', 'region'] as const;

export type RunSettings = Partial<Pick<BenchParams, (typeof CHOICES)[number]>>;

/** The choice within parameters, as it can be made again. */
export function settingsOf(params: RunSettings): RunSettings {
  return Object.fromEntries(CHOICES.flatMap((name) => (params[name] === undefined ? [] : [[name, params[name]]])));
}

/** One thing that can be left out or put in. */
export interface Choice {
  readonly group: 'Thread counts' | 'Instances' | 'Further settings';
  readonly label: string;
  /** Why it is proposed. */
  readonly reason: string;
  readonly picked: boolean;
  readonly value: number | string;
}

/** What a preview proposes, and thread counts that people chose before. The setting in force is always measured and is not among them. */
export function choicesOf({ arms, variations }: Pick<BenchPreview, 'arms' | 'variations'>, chosenThreads: readonly number[] = []): readonly Choice[] {
  const others = arms.filter(({ current }) => !current);
  const once = (group: Choice['group'], values: readonly (readonly [number | null | undefined, string])[], unit: string): Choice[] => {
    const reasons = new Map<number, string>();
    for (const [value, reason] of values) if (value != null && !reasons.has(value)) reasons.set(value, reason);
    return [...reasons].sort(([a], [b]) => a - b).map(([value, reason]) => ({ group, label: `${value} ${unit}${value === 1 ? '' : 's'}`, reason, picked: true, value }));
  };
  const grid = arms.some(({ instances }) => instances !== undefined);
  const counts = once('Thread counts', others.map(({ threads, reason }) => [threads, grid ? 'of each instance' : reason]), 'thread');
  const inForce = arms.find(({ current }) => current)?.threads;
  const own = chosenThreads.filter((count) => (grid || count !== inForce) && !counts.some(({ value }) => value === count));
  return [
    ...[...counts, ...once('Thread counts', own.map((count) => [count, 'asked for']), 'thread').map((choice) => ({ ...choice, picked: false }))].sort((a, b) => Number(a.value) - Number(b.value)),
    ...once('Instances', others.map(({ instances }) => [instances, 'at the same time']), 'instance'),
    ...variations.map(({ label, reason, chosen }): Choice => ({ group: 'Further settings', label, reason, picked: chosen, value: label })),
  ];
}

/** The parameters with what was picked; `own` are thread counts that were typed. What is left as proposed stays the server's choice. */
export function withChoice(params: BenchParams, offered: readonly Choice[], picked: readonly Choice[], own: readonly number[]): BenchParams {
  const values = (group: Choice['group'], of: readonly Choice[]): readonly (number | string)[] => of.filter((choice) => choice.group === group).map(({ value }) => value);
  const same = (group: Choice['group']): boolean => JSON.stringify(values(group, offered.filter((choice) => choice.picked))) === JSON.stringify(values(group, picked));
  const numbers = (group: Choice['group']): number[] => values(group, picked).map(Number);
  return {
    ...params,
    ...(own.length === 0 && same('Thread counts') ? {} : { threads: [...new Set([...numbers('Thread counts'), ...own])].sort((a, b) => a - b) }),
    ...(same('Instances') ? {} : { instances: numbers('Instances') }),
    ...(same('Further settings') ? {} : { variations: values('Further settings', picked).map(String) }),
  };
}

/** The parameters without a choice of counts and further settings: what the server proposes by itself. */
export function withoutChoice(params: BenchParams): BenchParams {
  const bare: { -readonly [K in keyof BenchParams]: BenchParams[K] } = { ...params };
  delete bare.threads;
  delete bare.instances;
  delete bare.variations;
  return bare;
}

/** The counts in `1, 2 6`; null when it holds anything else. */
export function countsOf(text: string): readonly number[] | null {
  const words = text.split(/[\s,;]+/).filter((word) => word !== '');
  return words.length > 0 && words.every((word) => /^[1-9]\d{0,3}$/.test(word)) ? [...new Set(words.map(Number))] : null;
}

/** Seconds in `50 ms`, `0.2 s`; null when it is no such time. */
export function secondsOf(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?|\.\d+)\s*(ms|s)$/.exec(text.trim());
  const seconds = Number(match?.[1]) / (match?.[2] === 'ms' ? 1000 : 1);
  return seconds > 0 ? seconds : null;
}

/** What was agreed to: the command, its place and its environment. A script made of a notebook's cells stands for the notebook. */
export function agreementOf({ argv, cwd, environment, script, arms }: BenchPreview): string {
  const words = script ? argv.map((word) => (word === script.path ? script.of : word)) : argv;
  // Several copies at once are another thing to start than one.
  return JSON.stringify([words, cwd, environment, ...(arms.some(({ instances }) => (instances ?? 1) > 1) ? ['several at once'] : [])]);
}
