/** The comment that silences rules, the same in every format: `threadgauge: ignore[rule-a, rule-b] reason`. */

/** What a suppression comment says, without its place. */
export interface Suppression {
  /** null = every rule. */
  readonly rules: readonly string[] | null;
  readonly reason: string;
}

/** Reads a comment's text, with or without its comment marks; null when it is not a suppression. */
export function parseSuppression(comment: string): Suppression | null {
  const match = /^\s*(?:#+|\/\/+|\/\*+)?\s*threadgauge:\s*ignore(?:\s*\[([^\]]*)\])?(?=[\s:.,]|$)\s*(.*?)\s*(?:\*\/)?\s*$/s.exec(comment);
  if (!match) return null;
  const listed = match[1]?.split(',').map((rule) => rule.trim()).filter((rule) => rule !== '');
  return { rules: listed ?? null, reason: match[2] ?? '' };
}
