/** A grid of instances and threads: latency against throughput, the three picks in sentences, and every point in a table. */
import { frontSentences, frontTable, startTexts } from '../../../../server/src/bench/frontText.ts';
import type { RunState } from '../../../../server/src/bench/runState.ts';
import { element, table } from './elements.ts';

/** Nothing when no grid was measured. */
export function frontSections(state: RunState): readonly HTMLElement[] {
  const [heads, ...rows] = frontTable(state);
  if (!state.front || !heads) return [];
  const sentences = frontSentences(state);
  const starts = startTexts(state);
  return [
    element(
      'section',
      {},
      element('h2', {}, 'Latency against throughput'),
      element('p', { class: 'detail' }, 'To the left: shorter time of one piece of work; to the top: more work per second. Filled and joined: the front, where more of one costs some of the other; hollow: worse in one and not better in the other.'),
      element('div', { id: 'front', role: 'img', 'aria-label': `Points of instances and threads. ${sentences.join(' ')} The table below holds the same numbers.` }),
      element('ul', { class: 'picks' }, ...sentences.map((sentence) => element('li', {}, sentence))),
    ),
    element('section', { class: 'scroll' }, table('Instances and threads', ['Instances x threads', 'Runs', 'One piece', '95 % interval', 'Work per second', '95 % interval', 'Marks'].slice(0, heads.length), rows.map((cells) => ({ cells, className: cells.at(-1)?.includes('front') ? 'best' : '' })))),
    ...(starts.length > 0 ? [element('details', { id: 'starts' }, element('summary', {}, 'How these are started by hand'), ...starts.map((text) => element('pre', { tabindex: '0', 'aria-label': 'Commands' }, text)))] : []),
  ];
}
