/** Comments that silence findings. */
import type { FileFacts, SuppressionFact } from '../core/fact.ts';
import type { Finding } from '../core/finding.ts';
import type { ChunkOffsets } from '../core/span.ts';
import { resolveSpan } from '../core/span.ts';

/** The comment that silences a finding of this file, or undefined. */
export function suppressionOf(finding: Finding, file: FileFacts, offsets: ChunkOffsets): SuppressionFact | undefined {
  const at = resolveSpan(finding.primary.span, offsets);
  for (const fact of file.facts) {
    if (fact.kind !== 'suppression') continue;
    if (fact.rules !== null && !fact.rules.includes(finding.rule)) continue;
    const target = resolveSpan(fact.target, offsets);
    // A target may include its line end; what starts there is another line's.
    const empty = at.start === at.end;
    if (at.start < target.end + (empty ? 1 : 0) && target.start < at.end + (empty ? 1 : 0)) return fact;
  }
  return undefined;
}
