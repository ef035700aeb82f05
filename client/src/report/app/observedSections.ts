/** What was seen of the processes of each setting: threads by pool, waiting, libraries with threads of their own. */
import type { Observed } from '../../../../server/src/bench/protocol.generated.ts';
import { durationText, percentText, ratioText } from '../../../../server/src/bench/quantities.ts';
import type { RunState } from '../../../../server/src/bench/runState.ts';
import { armOrder } from './armOrder.ts';
import { element, table } from './elements.ts';

/** Nothing when the runner told nothing. */
export function observedSections(state: RunState): readonly HTMLElement[] {
  const seen = armOrder(state).flatMap((index) => {
    const observed = state.observed.find(({ arm }) => arm === index);
    const arm = state.arms[index];
    return observed && arm ? [{ observed, label: `${arm.arm.label}${arm.current ? ' (in force)' : ''}` }] : [];
  });
  if (seen.length === 0) return [];
  const rows = seen.map(({ observed, label }) => ({
    cells: [
      label,
      String(observed.peak_threads),
      observed.intra_op == null ? '–' : String(observed.intra_op),
      decimal(observed.busy_cores),
      decimal(observed.effective_cpus),
      decimal(observed.waiting_threads),
      perSecond(observed.involuntary_per_s),
      perSecond(observed.migrations_per_s),
      throttled(observed),
      observed.cpu_inflation == null ? '–' : ratioText(observed.cpu_inflation),
    ],
  }));
  const heads = ['Setting', 'Threads alive', 'Library says', 'CPUs busy', 'CPUs to be had', 'Threads waiting', 'CPU taken away', 'Moved', 'Stopped by quota', 'CPU time vs 1 thread'];
  const runtimes = [...new Map(seen.flatMap(({ observed }) => observed.runtimes.map((runtime) => [runtime.path, runtime] as const))).values()];
  return [
    element(
      'section',
      { class: 'scroll' },
      element('h2', {}, 'Threads, as they were seen'),
      table('Seen from outside while the programs ran', heads, rows),
      element('dl', {}, ...seen.flatMap(({ observed, label }) => (observed.pools.length > 0 ? [element('dt', {}, label), element('dd', {}, observed.pools.map(poolText).join('; '))] : []))),
      ...(runtimes.length > 0 ? [element('p', {}, 'Loaded libraries with threads of their own:'), element('ul', {}, ...runtimes.map(({ kind, name, version, path }) => element('li', {}, `${name}${version == null ? '' : ` ${version}`} (${kind}) `, element('code', {}, path))))] : []),
    ),
  ];
}

function poolText({ name, threads, busy, cpu_ns: cpu, run_delay_ns: delay }: Observed['pools'][number]): string {
  return `${name}: ${threads} thread${threads === 1 ? '' : 's'}${busy === undefined ? '' : `, ${busy} busy`}, ${durationText(cpu)} of CPU${delay == null ? '' : `, ${durationText(delay)} waiting for one`}`;
}

function throttled({ throttled_periods: periods }: Observed): string {
  return periods == null || periods[1] === 0 ? '–' : percentText(periods[0] / periods[1]);
}

function decimal(value: number | null | undefined): string {
  return value == null ? '–' : value.toFixed(1);
}

function perSecond(value: number | null | undefined): string {
  return value == null ? '–' : `${value < 10 ? value.toFixed(1) : value.toFixed(0)}/s`;
}
