/** The text that stands after a measured line. */
import type { MeasuredLine } from '../../../server/src/bench/messages.ts';

const WIDTH = 6;
/** Lines below this share of the measured time say nothing worth the space. */
export const SHOWN_ABOVE = 0.01;
/** From this share on a line is drawn in the hot colour. */
export const HOT_ABOVE = 0.25;

/** A bar of fixed width: `███░░░` for a half. Readable without colour. */
export function bar(share: number): string {
  const filled = Math.max(0, Math.min(WIDTH, Math.round(share * WIDTH)));
  return '█'.repeat(filled) + '░'.repeat(WIDTH - filled);
}

/** `24 %`; `<1 %` for what would round to nothing. */
export function percent(share: number): string {
  const rounded = Math.round(share * 100);
  return rounded === 0 && share > 0 ? '<1 %' : `${rounded} %`;
}

/** `█░░░░░ 24 % · 1.24 s · 2,000x · 1.9 CPUs busy`; a stale one starts with `⟳`. */
export function lineText(line: MeasuredLine, stale: boolean): string {
  return `${stale ? '⟳ ' : ''}${bar(line.share)} ${percent(line.share)} · ${line.label}`;
}
