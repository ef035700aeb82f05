/** The parts of the results panel, from top to bottom. */
import { closingSentence, doubtSentence, progressSentence } from '../../../../server/src/bench/benchText.ts';
import { countText, durationText, intervalText, percentText, ratioText } from '../../../../server/src/bench/quantities.ts';
import { fractionDone, type RunState } from '../../../../server/src/bench/runState.ts';
import { armOrder, bestArm, isFurther } from './armOrder.ts';
import { element, table } from './elements.ts';
import { frontSections } from './frontSections.ts';
import { lineSections } from './lineSections.ts';
import type { FromReport, ShownRun } from './messages.ts';
import { observedSections } from './observedSections.ts';
import { partSections } from './partSections.ts';

/** Null on a page that nobody listens to: no buttons then. */
type Send = ((message: FromReport) => void) | null;

/** Everything below the page's root. */
export function reportSections(run: ShownRun | null, send: Send): readonly HTMLElement[] {
  if (!run) return [element('p', { class: 'empty' }, 'No benchmark has been run yet.'), ...button('again', 'Run a benchmark', 'threadgauge.runBenchmark', send)];
  const { state } = run;
  return [
    header(run, send),
    verdict(state),
    ...frontSections(state),
    ...(state.arms.some((arm) => arm.summary && arm.summary.runs > 0) ? [...(state.plan?.mode === 'grid' ? [] : [chart(state)]), settings(state)] : []),
    ...partSections(state),
    ...observedSections(state),
    ...doubts(state),
    ...lineSections(run, send),
    ...surroundings(run, send),
  ];
}

function button(id: string, text: string, command: string, send: Send): readonly HTMLElement[] {
  return send === null ? [] : [element('button', { id: `button-${id}`, type: 'button', click: () => send({ type: 'command', command }) }, text)];
}

function isRunning(state: RunState): boolean {
  return state.status === 'starting' || state.status === 'running';
}

/** Nothing is measured now, and that is as it should be. */
function holds({ progress }: RunState): boolean {
  return progress?.paused === true || progress?.waits_for != null;
}

function header(run: ShownRun, send: Send): HTMLElement {
  const { state } = run;
  const buttons = isRunning(state)
    ? [
        ...(state.progress?.paused ? button('resume', 'Resume', 'threadgauge.resumeBenchmark', send) : button('pause', 'Pause after this run', 'threadgauge.pauseBenchmark', send)),
        ...button('cancel', 'Cancel', 'threadgauge.cancelBenchmark', send),
      ]
    : [
        ...button('again', 'Measure again', state.plan?.mode === 'grid' ? 'threadgauge.benchmarkGrid' : 'threadgauge.runBenchmark', send),
        ...button('change', 'Change settings…', 'threadgauge.changeSettings', send),
        ...(state.verdict?.outcome === 'faster' ? button('verify', 'Verify old against new', 'threadgauge.verifyBenchmark', send) : []),
        ...button('plan', 'Show thread plan', 'threadgauge.showPlan', send),
      ];
  const command = state.plan?.command ?? [];
  // Where things lie is for the tooltip: temporary folders and environments make long lines.
  const brief = command.map((word) => (/^(?:\/|[A-Za-z]:\\)/.test(word) ? (word.split(/[\\/]/).at(-1) ?? word) : word)).join(' ');
  return element(
    'header',
    {},
    element('h1', {}, run.label),
    element('p', { class: 'command' }, ...(command.length > 0 ? [element('code', { title: command.join(' ') }, brief)] : [])),
    ...(buttons.length > 0 ? [element('p', { class: 'buttons' }, ...buttons)] : []),
  );
}

/** The one sentence people came for, or how far the run is. */
function verdict(state: RunState): HTMLElement {
  const box = (kind: string, symbol: string, ...content: readonly (Node | string)[]): HTMLElement =>
    element('section', { class: `verdict ${kind}`, role: 'status', 'aria-live': 'polite' }, element('span', { class: 'symbol', 'aria-hidden': 'true' }, symbol), element('div', {}, ...content));
  if (state.failed) {
    const { message, hint, output_tail: tail } = state.failed;
    return box('failed', '✕', element('p', {}, message), element('p', {}, hint), ...(tail ? [element('pre', { tabindex: '0', 'aria-label': 'End of the output' }, tail)] : []));
  }
  if (isRunning(state)) {
    const done = fractionDone(state);
    return box(
      'running',
      holds(state) ? '❚❚' : '▶',
      element('p', {}, `${holds(state) ? 'Not measuring' : 'Measuring'}: ${progressSentence(state)}.`),
      element('progress', { max: '1', value: String(done), 'aria-label': `${percentText(done)} done` }),
    );
  }
  const interval = state.verdict?.interval;
  const details = interval && !state.verdict?.sentence.includes('%') ? [`95 % confidence interval of the ratio ${intervalText(interval)}, from ${countText(state.verdict?.pairs ?? 0)} pairs of runs.`] : [];
  const faster = state.verdict?.outcome === 'faster';
  const partial = state.status === 'finished' ? [] : [element('p', { class: 'detail' }, 'Partial results: the run did not come to its end.')];
  return box(faster ? 'faster' : 'same', faster ? '▲' : '●', element('p', {}, closingSentence(state)), ...partial, ...details.map((text) => element('p', { class: 'detail' }, text)));
}

function chart(state: RunState): HTMLElement {
  const named = armOrder(state).flatMap((index) => {
    const arm = state.arms[index];
    return arm?.summary && arm.summary.runs > 0 && !isFurther(state, index) ? [`${arm.arm.label} ${durationText(arm.summary.median_ns)}`] : [];
  });
  const what = state.plan?.region === 'selected' ? `one ${state.plan.selection?.unit ?? 'call'} of ${state.plan.selection?.label ?? 'the selected code'}` : state.plan?.region === 'process' ? 'the whole process' : 'the program after its imports';
  return element(
    'section',
    {},
    element('h2', {}, 'Threads against time'),
    element('p', { class: 'detail' }, `Time of ${what}. Line: median; points: single runs; band: fastest to slowest.`),
    element('div', { id: 'chart', role: 'img', 'aria-label': `Median time by setting: ${named.join(', ')}. The table below holds the same numbers.` }),
  );
}

function settings(state: RunState): HTMLElement {
  const best = bestArm(state);
  const rows = armOrder(state).map((index) => {
    const { arm, summary, current } = state.arms[index] ?? {};
    const tied = state.verdict?.tied.includes(index) && index !== best;
    const notes = [index === best ? (state.verdict ? 'best' : 'leads') : '', current ? 'in force' : '', isFurther(state, index) ? 'further setting' : '', tied ? 'as good within noise' : '', summary?.dropped ? 'dropped, slower' : ''].filter(Boolean);
    // Runs that were stopped early say only that the setting takes at least so long.
    const ratio = summary?.ratio_to_best == null ? '–' : `${summary.ratio_is_lower_bound ? '≥ ' : ''}${ratioText(summary.ratio_to_best)}`;
    return {
      className: index === best ? 'best' : '',
      cells: [
        element('span', { title: arm?.reason ?? '' }, arm?.label ?? '', notes.length > 0 ? element('small', {}, notes.join(', ')) : null),
        ...(summary && summary.runs > 0
          ? [
              countText(summary.runs),
              durationText(summary.median_ns),
              summary.median_interval_ns ? `${durationText(summary.median_interval_ns[0])} – ${durationText(summary.median_interval_ns[1])}` : '–',
              durationText(summary.mad_ns),
              ratio,
              summary.busy_cores == null ? '–' : summary.busy_cores.toFixed(1),
              summary.waiting_threads == null ? '–' : summary.waiting_threads.toFixed(1),
              countText(summary.peak_threads),
            ]
          : ['0', '–', '–', '–', ratio, '–', '–', '–']),
      ],
    };
  });
  const heads = ['Setting', 'Runs', 'Median', '95 % interval', 'MAD', 'Time vs best', 'CPUs busy', 'Threads waiting', 'Peak threads'];
  return element('section', { class: 'scroll' }, table('The settings compared', heads, rows));
}

function doubts(state: RunState): readonly HTMLElement[] {
  if (state.doubts.length === 0) return [];
  return [element('section', {}, element('h2', {}, 'Reasons for doubt'), element('ul', { class: 'doubts' }, ...state.doubts.map((doubt) => element('li', {}, doubtSentence(doubt, state)))))];
}

/** Under which conditions the numbers hold. */
function surroundings(run: ShownRun, send: Send): readonly HTMLElement[] {
  const { hello, plan, finished, environment } = run.state;
  const { about } = run;
  const interpreter = about?.interpreter ?? run.interpreter;
  if (!hello) return [];
  const { machine } = hello;
  const facts: [string, string][] = [
    ...(run.state.plan ? ([['Command', run.state.plan.command.join(' ')]] as [string, string][]) : []),
    ['Processor', machine.model ?? 'unknown'],
    ['CPUs', [machine.logicalCores == null ? '' : `${machine.logicalCores} logical`, machine.physicalCores == null ? '' : `${machine.physicalCores} physical`, machine.sockets == null ? '' : `${machine.sockets} sockets`, machine.numaNodes == null ? '' : `${machine.numaNodes} NUMA nodes`].filter(Boolean).join(', ')],
    ['Limits', [machine.cpuQuota == null ? 'no CPU quota' : `quota of ${machine.cpuQuota} CPUs`, machine.affinity == null ? 'all CPUs allowed' : `${machine.affinity.length} CPUs allowed`].join(', ')],
    ['System', [environment?.system ?? machine.os, machine.arch].filter(Boolean).join(', ')],
    ...(environment?.governor || environment?.turbo != null ? ([['Clock', [environment.governor ? `governor ${environment.governor}` : '', environment.turbo == null ? '' : environment.turbo ? 'turbo on' : 'turbo off'].filter(Boolean).join(', ')]] as [string, string][]) : []),
    ...(environment?.runtime ? ([['Runtime', environment.runtime]] as [string, string][]) : []),
    ...(Object.keys(environment?.libraries ?? {}).length > 0 ? ([['Libraries', Object.entries(environment?.libraries ?? {}).map(([name, version]) => `${name} ${version}`).join(', ')]] as [string, string][]) : []),
    ...(environment?.fingerprint ? ([['Fingerprint', environment.fingerprint]] as [string, string][]) : []),
    ...(interpreter ? ([['Interpreter', `${interpreter.path} (${interpreter.from})`]] as [string, string][]) : []),
    ...(about && about.environment.length > 0 ? ([['Variables', about.environment.map(({ name, value, from }) => `${value === null ? `${name} removed` : `${name}=${value}`} (${from})`).join('; ')]] as [string, string][]) : []),
    ...(about ? ([['Settings', `budget ${about.request.limits?.budget_s ?? '?'} s, at most ${about.request.limits?.trial_s ?? '?'} s for a run, a gain is claimed above ${percentText(about.request.limits?.claim_above ?? 0)}`]] as [string, string][]) : []),
    ['Measured', new Date(run.startedAt).toLocaleString()],
    ...(finished ? ([['Took', `${durationText(finished.elapsed_s * 1e9)}, ${countText(finished.counted_trials)} counted runs`]] as [string, string][]) : []),
    ...(plan ? ([['Order of runs', `random, seed ${plan.seed}`]] as [string, string][]) : []),
    ['Runner', `${hello.version}, protocol ${hello.protocol}`],
    ...(about?.version ? ([['ThreadGauge', about.version]] as [string, string][]) : []),
  ];
  return [
    element(
      'details',
      { id: 'surroundings', ...(send === null ? { open: '' } : {}) },
      element('summary', {}, 'Machine and run'),
      element('dl', {}, ...facts.flatMap(([term, text]) => [element('dt', {}, term), element('dd', {}, text)])),
      ...(environment?.parallel_info ? [element('p', {}, 'What the library says of its threads:'), element('pre', { tabindex: '0', 'aria-label': 'What the library says of its threads' }, environment.parallel_info)] : []),
      ...(hello.missing.length > 0 ? [element('p', {}, 'Not measured on this machine:'), element('ul', {}, ...hello.missing.map((text) => element('li', {}, text)))] : []),
    ),
  ];
}
