/** Several fixes applied at once: those that do not touch each other. */
import type { Finding, FixProposal } from '../core/finding.ts';
import type { Refusal } from '../core/reader.ts';
import type { TextEdit } from '../core/sourceText.ts';

export interface CombinedFixes {
  readonly edits: ReadonlyMap<string, readonly TextEdit[]>;
  /** Fixes taken. */
  readonly applied: readonly { readonly finding: Finding; readonly fix: FixProposal }[];
}

/** The first safe fix of each finding, as far as their edits stay apart; what is left over needs another pass over the edited text. */
export function combineSafeFixes(findings: readonly Finding[], materialise: (fix: FixProposal) => ReadonlyMap<string, readonly TextEdit[]> | Refusal): CombinedFixes {
  const edits = new Map<string, TextEdit[]>();
  const applied: { finding: Finding; fix: FixProposal }[] = [];
  for (const finding of findings) {
    const fix = finding.fixes.find(({ safety }) => safety === 'safe');
    const own = fix && materialise(fix);
    if (!fix || !own || 'refused' in own) continue;
    const list = [...own];
    if (list.every(([, ownEdits]) => ownEdits.length === 0)) continue;
    if (list.some(([uri, ownEdits]) => ownEdits.some((edit) => (edits.get(uri) ?? []).some((other) => touches(edit, other))))) continue;
    for (const [uri, ownEdits] of list) edits.set(uri, [...(edits.get(uri) ?? []), ...ownEdits]);
    applied.push({ finding, fix });
  }
  return { edits, applied };
}

/** Touching counts as overlapping: two insertions at one place have no order. */
function touches(a: TextEdit, b: TextEdit): boolean {
  return a.start <= b.end && b.start <= a.end;
}
