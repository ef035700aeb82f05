/** A grid of instances and threads as text: its points, and how the best of them are started. */
import { formatCpuList } from '../core/cpuList.ts';
import type { Arm } from './protocol.generated.ts';
import { durationText } from './quantities.ts';
import type { RunState } from './runState.ts';
import { shellWord } from './shellWord.ts';

/** Columns of the table of points; nothing when no grid was measured. */
export function frontTable(state: RunState): readonly (readonly string[])[] {
  const { front } = state;
  if (!front) return [];
  const header = ['instances x threads', 'runs', 'one piece', '95 % interval', 'work per second', '95 % interval', ''];
  const points = [...front.points].sort((a, b) => a.latency_ns - b.latency_ns);
  const rows = points.map((point) => {
    const marks = [
      ...(state.arms[point.arm]?.current ? ['in force'] : []),
      ...(point.on_front ? ['front'] : []),
      ...(front.latency === point.arm ? ['shortest time'] : []),
      ...(front.throughput === point.arm ? ['most work'] : []),
      ...(front.within_limit === point.arm && front.limit_ns != null ? [`most within ${durationText(front.limit_ns)}`] : []),
    ];
    const latency = point.latency_interval_ns ? `${durationText(point.latency_interval_ns[0])} - ${durationText(point.latency_interval_ns[1])}` : '';
    const rate = point.throughput_interval_per_s ? `${rateText(point.throughput_interval_per_s[0])} - ${rateText(point.throughput_interval_per_s[1])}` : '';
    return [state.arms[point.arm]?.arm.label ?? '', String(point.runs), durationText(point.latency_ns), latency, rateText(point.throughput_per_s), rate, marks.join(', ')];
  });
  const measured = new Set(front.points.map(({ arm }) => arm));
  const stopped = state.arms.flatMap(({ arm, summary }, index) => (measured.has(index) || summary === null ? [] : [[arm.label, String(summary.runs), '', '', '', '', summary.failures > 0 ? `${summary.failures} failed` : 'stopped early, far worse in both']]));
  return [header, ...rows, ...stopped];
}

/** Pieces a second: three digits. */
function rateText(rate: number): string {
  return rate >= 100 ? rate.toFixed(0) : rate >= 10 ? rate.toFixed(1) : rate.toFixed(2);
}

/** How the picks of a grid are started by hand, one text for each; nothing when no grid was measured. */
export function startTexts(state: RunState): readonly string[] {
  const { front, plan } = state;
  if (!front || !plan) return [];
  const picks = [...new Set([front.within_limit, front.throughput].filter((arm) => arm != null))];
  return picks.flatMap((index) => {
    const arm = state.arms[index]?.arm;
    return arm === undefined || state.arms[index]?.current === true ? [] : [`To start ${arm.label}:\n${commandLines(arm, plan.command).map((line) => `  ${line}`).join('\n')}`];
  });
}

/** The commands that start every instance of an arm, each on CPUs of its own. */
export function commandLines(arm: Arm, command: readonly string[]): readonly string[] {
  const assignments = Object.entries(arm.env).map(([name, value]) => (value === null ? `-u ${name}` : `${name}=${shellWord(value)}`));
  const unsets = assignments.filter((text) => text.startsWith('-u '));
  const sets = assignments.filter((text) => !text.startsWith('-u '));
  const environment = unsets.length > 0 ? ['env', ...unsets, ...sets] : sets;
  const words = [...command, ...(arm.arguments ?? [])].map(shellWord);
  const count = arm.instances ?? 1;
  const lines = Array.from({ length: count }, (_, index) => {
    const cpus = arm.cpus?.[index];
    // Memory is taken from the node of the CPUs, whatever its number.
    const place = cpus === undefined ? [] : (arm.memory_nodes?.length ?? 0) > 0 ? ['numactl', `--physcpubind=${formatCpuList(cpus)}`, '--localalloc'] : ['taskset', '-c', formatCpuList(cpus)];
    return [...environment, ...place, ...words].join(' ') + (count > 1 ? ' &' : '');
  });
  return arm.torch_num_threads == null ? lines : [`# with torch.set_num_threads(${arm.torch_num_threads}) in the script`, ...lines];
}

/** The three picks of a grid in sentences: the shortest time, the most work within the limit, the most work at all. */
export function frontSentences(state: RunState): readonly string[] {
  const { front } = state;
  if (!front) return [];
  const told = (what: string, index: number | null | undefined): readonly string[] => {
    const point = front.points.find(({ arm }) => arm === index);
    if (index == null || !point) return [];
    const latency = point.latency_interval_ns ? ` (95 % interval ${durationText(point.latency_interval_ns[0])} to ${durationText(point.latency_interval_ns[1])})` : '';
    const rate = point.throughput_interval_per_s ? ` (95 % interval ${rateText(point.throughput_interval_per_s[0])} to ${rateText(point.throughput_interval_per_s[1])})` : '';
    return [`${what}: ${state.arms[index]?.arm.label ?? `setting ${index}`}, ${durationText(point.latency_ns)} for one piece${latency}, ${rateText(point.throughput_per_s)} pieces per second${rate}.`];
  };
  return [
    ...told('Shortest time', front.latency),
    ...(front.limit_ns == null ? [] : told(`Most work while one piece takes at most ${durationText(front.limit_ns)}`, front.within_limit)),
    ...told('Most work', front.throughput),
  ];
}
