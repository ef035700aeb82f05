/** One finding where several launches lead to the same one. */
import type { Finding } from '../core/finding.ts';

/** Merges findings with equal rule, place and message; order of first appearance. */
export function mergeFindings(findings: Iterable<Finding>): Finding[] {
  const byKey = new Map<string, Finding>();
  for (const finding of findings) {
    const { uri, span } = finding.primary;
    const key = `${finding.rule}\0${uri}\0${span.chunk}:${span.start}:${span.end}\0${finding.message}`;
    const known = byKey.get(key);
    byKey.set(key, known ? merge(known, finding) : finding);
  }
  return [...byKey.values()];
}

function merge(a: Finding, b: Finding): Finding {
  return {
    ...a,
    // What is certain for one launch is certain enough to say; the launches tell for which.
    confidence: a.confidence === 'certain' || b.confidence === 'certain' ? 'certain' : 'likely',
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
