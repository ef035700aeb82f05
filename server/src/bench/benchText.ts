/** A run as text: the table of settings, the lines, the doubts and the verdict. */
import type { Doubt } from './protocol.generated.ts';
import { bytesText, countText, durationText, intervalText, percentText, ratioText } from './quantities.ts';
import type { RunState } from './runState.ts';
import { measuredFiles } from './toMeasured.ts';

/** Columns of the table of settings; the same numbers a results panel shows. */
export function armTable(state: RunState): readonly (readonly string[])[] {
  const header = ['setting', 'runs', 'median', 'spread', 'min - max', 'time vs best', 'CPUs busy', 'threads', ''];
  const rows = state.arms.map(({ arm, current, summary }, index) => {
    const marks = [...(current ? ['in force'] : []), ...(state.verdict?.best === index && state.verdict.outcome !== 'inconclusive' ? ['best'] : []), ...(state.verdict?.tied.includes(index) ? ['as good within noise'] : []), ...(summary?.dropped && summary.failures === 0 ? [summary.runs === 0 ? 'stopped early, clearly slower' : (summary.ratio_to_best ?? 2) < 1.02 ? 'no better' : 'clearly slower'] : []), ...(summary && summary.failures > 0 ? [`${summary.failures} failed`] : [])];
    const ratio = summary?.ratio_to_best == null ? '' : `${summary.ratio_is_lower_bound ? '≥ ' : ''}${ratioText(summary.ratio_to_best)}`;
    if (!summary || summary.runs === 0) return [arm.label, '0', '', '', '', ratio, '', '', marks.join(', ')];
    return [
      arm.label,
      String(summary.runs),
      durationText(summary.median_ns),
      `± ${percentText(summary.median_ns === 0 ? 0 : summary.mad_ns / summary.median_ns)}`,
      `${durationText(summary.min_ns)} - ${durationText(summary.max_ns)}`,
      ratio,
      summary.busy_cores == null ? '' : summary.busy_cores.toFixed(1),
      String(summary.peak_threads),
      marks.join(', '),
    ];
  });
  return [header, ...rows];
}

/** What is known of each execution of the selected code, setting by setting; empty when whole programs were measured. */
export function callLines(state: RunState): readonly string[] {
  const { plan } = state;
  if (plan?.region !== 'selected') return [];
  const unit = plan.selection?.unit ?? 'call';
  return state.arms.flatMap(({ arm, current, summary }, index) => {
    if (!summary || summary.runs === 0) return [];
    const processes = state.trials.filter((trial) => trial.arm === index && trial.status === 'ok' && trial.phase !== 'warmup' && trial.phase !== 'lines').length;
    const interval = summary.median_interval_ns;
    // Below six processes there is no exact interval; the noise within one process is not that between them.
    const within = interval == null || summary.median_ns === 0 ? '' : `95 % ± ${percentText((interval[1] - interval[0]) / 2 / summary.median_ns)}, `;
    const calls = `${countText(summary.calls ?? 0)} ${unit}${summary.calls === 1 ? '' : 's'} in ${processes} process${processes === 1 ? '' : 'es'}`;
    const cold = summary.cold_median_ns == null ? '' : `; first ${unit} ${durationText(summary.cold_median_ns)}`;
    const p95 = summary.p95_median_ns == null ? '' : `; 95 of 100 within ${durationText(summary.p95_median_ns)}`;
    return [`${arm.label}${current ? ' (in force)' : ''}: ${durationText(summary.median_ns)} per ${unit} (${within}${calls})${p95}${cold}`];
  });
}

/** A table with aligned columns; the first and last are left-aligned. */
export function alignTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) => row.map((cell, i) => (i === 0 || i === row.length - 1 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ').trimEnd()).join('\n');
}

/** The ratio with its interval, or null before a verdict. */
export function ratioSentence(state: RunState): string | null {
  const { verdict } = state;
  // Where the setting in force stays, the sentence of the verdict names what it was compared with.
  if (!verdict || verdict.speedup == null || verdict.best === verdict.current) return null;
  const interval = verdict.interval ? `, 95 % CI ${intervalText(verdict.interval)}` : '';
  return `${state.arms[verdict.current]?.arm.label ?? 'current'} / ${state.arms[verdict.best]?.arm.label ?? 'best'} = ${ratioText(verdict.speedup)}${interval}, ${verdict.pairs} pairs`;
}

/** A doubt as a full sentence. */
export function doubtSentence(doubt: Doubt, state: RunState): string {
  const label = (arm: number): string => state.arms[arm]?.arm.label ?? `setting ${arm}`;
  switch (doubt.kind) {
    case 'foreign_load':
      return foreignLoad(doubt.cpus, doubt.contaminated);
    case 'noisy':
      return `Runs of ${label(doubt.arm)} differ by ± ${percentText(doubt.spread)} (MAD).`;
    case 'drift':
      return `Times ${doubt.change > 0 ? 'rose' : 'fell'} by ${percentText(Math.abs(doubt.change))} over the run: the machine was not steady. The settings took turns, so their ratio is affected less than their times.`;
    case 'too_short':
      return state.plan?.region === 'selected'
        ? `One ${state.plan.selection?.unit ?? 'call'} takes only ${durationText(doubt.median_ns)}, of which timing itself is a part; choose code that does more at once.`
        : `The measured part takes only ${durationText(doubt.median_ns)}; give the program more work to compare settings.`;
    case 'throttled':
      return `The CPU quota stopped ${label(doubt.arm)} for ${percentText(doubt.share)} of its time.`;
    case 'output_differs':
      return `The program printed something else under ${label(doubt.arm)} than under ${label(doubt.other)}.`;
    case 'probe_overhead':
      return `Timing lines changed the run time of ${label(doubt.arm)} by ${percentText(doubt.overhead)}; the comparison of settings is not affected.`;
    case 'setting_without_effect':
      return `${label(doubt.arm)} asked for ${doubt.asked} threads, but the library used ${doubt.observed}.`;
    case 'region_unavailable':
      return doubt.reason;
    case 'budget_spent':
      return `The time budget ended the run; ${doubt.missing_trials} planned runs are missing.`;
    case 'few_runs':
      return `${label(doubt.arm)} was measured only ${doubt.runs} time${doubt.runs === 1 ? '' : 's'}.`;
    case 'trials_failed':
      return `${doubt.failed} run${doubt.failed === 1 ? '' : 's'} of ${label(doubt.arm)} failed or timed out.`;
    case 'not_measured':
      return doubt.what;
    case 'frequency_change':
      return `The clock of the CPUs ${doubt.change > 0 ? 'rose' : 'fell'} by ${percentText(Math.abs(doubt.change))} over the run; the settings took turns, so their ratio is affected less than their times.`;
    case 'fewer_cores_than_target':
      return `This machine has ${doubt.here} CPUs and the one the answer is meant for has ${doubt.target}: more threads could not be tried here.`;
    case 'clock_jumped':
      return `The machine slept or stood still during the run, or its clock was set (by ${durationText(Math.abs(doubt.seconds) * 1e9)}); the runs it fell into do not count.`;
    case 'fewer_effective_cpus':
      return `Of ${doubt.visible.toFixed(1)} visible CPUs only ${doubt.effective.toFixed(1)} were to be had; the rest went to other programs or to the host. ${spinningText(state) ?? 'Settings that use every visible CPU suffer most from that.'}`;
    case 'selection_not_repeated':
      return doubt.reason;
    case 'instances_uneven':
      return `The instances of ${label(doubt.arm)} worked at the same time for only ${percentText(doubt.together)} of their run; the work per second is that of the time they shared.`;
    case 'memory_limit':
      return `${label(doubt.arm)} came to the end of the memory it may use (${bytesText(doubt.bytes)}).`;
  }
}

/** Who spins while others have its CPU; null when nobody was seen to. */
function spinningText({ arms, observed }: RunState): string | null {
  const worst = [...observed].filter(({ spinning }) => spinning != null).sort((a, b) => (b.cpu_inflation ?? 0) - (a.cpu_inflation ?? 0))[0];
  if (worst?.arm == null || worst.cpu_inflation == null) return null;
  return `Threads that wait for each other spin meanwhile: with ${arms[worst.arm]?.arm.label ?? `setting ${worst.arm}`} a piece of work takes ${ratioText(worst.cpu_inflation)} the CPU time that it takes with one thread.`;
}

function foreignLoad(cpus: number, contaminated: number): string {
  const runs = contaminated === 1 ? '1 run' : `${contaminated} runs`;
  if (cpus < 0.05) return `Other programs disturbed ${runs}, which ${contaminated === 1 ? 'was' : 'were'} repeated.`;
  return `Other programs used ${cpus.toFixed(1)} CPUs on average during the runs${contaminated > 0 ? `, and disturbed ${runs} so much that ${contaminated === 1 ? 'it was' : 'they were'} repeated` : ''}.`;
}

/** Per-line tables of every measured file; empty when lines were not measured. `display` names a path; `sourceLine` gives a line's text if the file still has that hash. */
export function linesText(state: RunState, display: (path: string) => string, sourceLine: (path: string, line: number, sha256: string) => string): string {
  const parts: string[] = [];
  for (const file of measuredFiles(state)) {
    // The setting in force first; a line that one setting never reached lacks it.
    const labels = [...new Set(file.lines.flatMap((line) => line.arms.map((arm) => arm.label)))];
    if (labels.length === 0) continue;
    const header = ['line', ...labels, 'hits', 'CPUs busy', 'threads waiting', ''];
    const rows = file.lines.map((line) => {
      const first = line.arms[0];
      const times = labels.map((label) => {
        const arm = line.arms.find((a) => a.label === label);
        return arm ? durationText(arm.wallNs) : '';
      });
      return [String(line.line + 1), ...times, countText(first?.hits ?? 0), first?.busyCores?.toFixed(1) ?? '', first?.waiting?.toFixed(1) ?? '', sourceLine(file.path, line.line, file.sha256).trim().slice(0, 60)];
    });
    const told = file.lines.flatMap(({ line, scaling }) => (scaling ? [`line ${line + 1}: ${scaling}`] : []));
    parts.push([`${display(file.path)}: time per run by line; CPUs and threads with ${labels[0]}`, alignTable([header, ...rows]), ...told].join('\n'));
  }
  const overhead = overheadSentence(state);
  return [...parts, ...(overhead && parts.length > 0 ? [overhead] : [])].join('\n\n');
}

/** What timing lines cost, as the runs with and without it showed; null when no lines were measured. */
export function overheadSentence(state: RunState): string | null {
  const measured = state.lines.filter(({ trials }) => trials > 1);
  if (measured.length === 0) return null;
  const told = measured.map(({ arm, overhead }) => `${overhead == null ? 'not known' : `${overhead < 0 ? '-' : '+'}${percentText(Math.abs(overhead))}`} with ${state.arms[arm]?.arm.label ?? `setting ${arm}`}`);
  const unknown = measured.some(({ overhead }) => overhead == null) ? ' Not known: the two pairs of runs, each one plain and one timed, contradicted each other by more than 5 %.' : '';
  return `Run time with timed lines, compared with runs without: ${told.join(', ')}.${unknown}`;
}

/** A lead that is smaller than this is no news before it is confirmed. */
const NEWS = 1.02;

/** One sentence about where the run stands: `run 12 of 40, best so far OMP_NUM_THREADS=2 (perhaps 1.4x as fast as today), about 30 s left`. */
export function progressSentence(state: RunState): string {
  const { progress } = state;
  if (progress?.waits_for) return `waits for ${progress.waits_for} to end, because two at once would measure each other`;
  if (state.status === 'starting') return 'starting the runner';
  // After a wait for another run the counts are not there yet.
  if (!progress || (progress.expected === 0 && !progress.paused)) return 'warming up';
  const lead = leadText(state);
  if (progress.paused) return [`paused after ${progress.done} of ${progress.expected} runs`, ...(lead === null ? [] : [lead])].join(', ');
  return [`run ${Math.min(progress.done + 1, progress.expected)} of ${progress.expected}`, ...(lead === null ? [] : [lead]), ...(progress.remaining_s > 0 ? [`about ${timeLeft(progress.remaining_s)} left`] : [])].join(', ');
}

/** The setting that leads, and how much it seems to save: a guess until it is confirmed. Null while none leads. */
function leadText({ arms, progress }: RunState): string | null {
  const best = progress?.best == null ? undefined : arms[progress.best];
  if (!best) return null;
  const guess = best.current ? ' (in force today)' : progress?.best_ratio != null && progress.best_ratio >= NEWS ? ` (perhaps ${ratioText(progress.best_ratio)} as fast as today)` : '';
  return `best so far ${best.arm.label}${guess}`;
}

/** `40 s`, `3 min`, `1 h 20 min`; coarse, because it is an estimate. */
function timeLeft(seconds: number): string {
  if (seconds < 100) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** One or two sentences that end a run. */
export function closingSentence(state: RunState): string {
  if (state.failed) return `${state.failed.message} ${state.failed.hint}`.trim();
  if (state.verdict) return `${state.status === 'cancelled' ? 'Cancelled. ' : ''}${state.verdict.sentence}`;
  const counted = state.trials.filter((trial) => trial.status === 'ok').length;
  if (state.status === 'running' || state.status === 'starting') return `The run has not ended; ${counted} run${counted === 1 ? '' : 's'} counted so far.`;
  return state.status === 'cancelled' ? `Cancelled after ${counted} counted run${counted === 1 ? '' : 's'}; what was measured is kept.` : `The run ended without a verdict after ${counted} counted run${counted === 1 ? '' : 's'}.`;
}
