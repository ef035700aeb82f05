/** Measured lines by file, with how each line scales from one setting to the others. */
import { overheadSentence } from '../../../../server/src/bench/benchText.ts';
import type { MeasuredAtArm } from '../../../../server/src/bench/messages.ts';
import { countText, durationText, percentText, ratioText } from '../../../../server/src/bench/quantities.ts';
import { measuredFiles, type MeasuredFile } from '../../../../server/src/bench/toMeasured.ts';
import { element, table } from './elements.ts';
import type { FromReport, ShownRun } from './messages.ts';

/** Lines below this share of a file's time are left out. */
const SHOWN_ABOVE = 0.01;

/** Null on a page that nobody listens to. */
type Send = ((message: FromReport) => void) | null;

/** One section per measured file. */
export function lineSections(run: ShownRun, send: Send): readonly HTMLElement[] {
  const overhead = overheadSentence(run.state);
  const sections = measuredFiles(run.state).flatMap((file) => fileSection(run, file, send));
  return sections.length > 0 && overhead ? [...sections, element('p', { class: 'detail' }, overhead)] : sections;
}

function fileSection(run: ShownRun, { path, lines }: MeasuredFile, send: Send): readonly HTMLElement[] {
  const shown = lines.filter((line) => line.share >= SHOWN_ABOVE);
  const settings = [...new Map(lines.flatMap((line) => line.arms.map((arm) => [arm.label, arm] as const))).values()];
  const [main, ...others] = settings;
  if (!main || shown.length === 0) return [];
  const at = (arms: readonly MeasuredAtArm[], label: string): MeasuredAtArm | undefined => arms.find((arm) => arm.label === label);
  const rows = shown.map(({ line, share, arms, scaling }) => {
    const first = at(arms, main.label);
    const number = String(line + 1);
    return {
      cells: [
        send === null ? number : element('button', { type: 'button', class: 'link', id: `line-${path}-${line}`, 'aria-label': `Open line ${number}`, click: () => send({ type: 'open', path, line }) }, number),
        element('span', {}, element('code', {}, run.sources[path]?.[line] ?? ''), ...(scaling ? [element('div', { class: 'detail' }, scaling)] : [])),
        percentText(share),
        countText(first?.hits ?? 0),
        first ? durationText(first.wallNs) : '–',
        first?.busyCores == null ? '–' : first.busyCores.toFixed(1),
        first?.waiting == null ? '–' : first.waiting.toFixed(1),
        ...others.map(({ label }) => {
          const other = at(arms, label);
          if (!other) return '–';
          return first && other.wallNs > 0 ? `${durationText(other.wallNs)} (${ratioText(first.wallNs / other.wallNs)})` : durationText(other.wallNs);
        }),
      ],
    };
  });
  const heads = ['Line', '', 'Share', 'Hits', settingHead(main), 'CPUs busy', 'Threads waiting', ...others.map(settingHead)];
  const name = path.split(/[\\/]/).at(-1) ?? path;
  const scaling = others.length > 0 ? ' In brackets: how many times faster than in the first column of times.' : '';
  return [
    element(
      'section',
      { class: 'scroll' },
      element('h2', {}, `Lines of ${name}`),
      element('p', { class: 'detail' }, `Time per run of the program, measured apart from the comparison above.${scaling}`),
      table(`Lines that take at least ${percentText(SHOWN_ABOVE)} of the time of ${name}`, heads, rows, 2),
    ),
  ];
}

function settingHead(arm: MeasuredAtArm): string {
  const name = arm.threads === null ? arm.label : `Time at ${arm.threads} thread${arm.threads === 1 ? '' : 's'}`;
  return arm.current ? `${name} (in force)` : name;
}
