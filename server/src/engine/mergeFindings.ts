/** One finding where several launches lead to the same place. */
import { SEVERITIES, type Finding } from '../core/finding.ts';

/** Merges findings of one rule at one place, when they say the same or when each holds for launches of its own; order of first appearance. */
export function mergeFindings(findings: Iterable<Finding>): Finding[] {
  const byPlace = new Map<string, Finding[]>();
  const merged: Finding[][] = [];
  for (const finding of findings) {
    const { uri, span } = finding.primary;
    const place = `${finding.rule}\0${uri}\0${span.chunk}:${span.start}:${span.end}`;
    const there = byPlace.get(place);
    if (!there) {
      const list = [finding];
      byPlace.set(place, list);
      merged.push(list);
      continue;
    }
    const same = there.findIndex((known) => known.message === finding.message || ofOtherLaunches(known, finding));
    const known = there[same];
    if (known) there[same] = merge(...moreSevereFirst(known, finding));
    else there.push(finding);
  }
  return merged.flat();
}

/** One cause seen from several launches, worded with each one's numbers. */
function ofOtherLaunches(a: Finding, b: Finding): boolean {
  return a.launches.length > 0 && b.launches.length > 0 && !b.launches.some((key) => a.launches.includes(key));
}

function moreSevereFirst(a: Finding, b: Finding): [Finding, Finding] {
  const weight = (f: Finding): number => SEVERITIES.indexOf(f.severity) * 2 + (f.confidence === 'certain' ? 0 : 1);
  return weight(b) < weight(a) ? [b, a] : [a, b];
}

function merge(a: Finding, b: Finding): Finding {
  return {
    ...a,
    // What is certain for one launch is certain enough to say; the launches tell for which.
    confidence: a.confidence === 'certain' || (b.confidence === 'certain' && a.message === b.message) ? 'certain' : 'likely',
    related: unique([...a.related, ...b.related], (r) => JSON.stringify(r)),
    launches: unique([...a.launches, ...b.launches], (key) => key),
    fixes: unique([...a.fixes, ...b.fixes], (fix) => fix.title),
    unnecessary: a.unnecessary && b.unnecessary,
  };
}

function unique<T>(items: readonly T[], key: (item: T) => string): T[] {
  const seen = new Set<string>();
  return items.filter((item) => !seen.has(key(item)) && seen.add(key(item)));
}
