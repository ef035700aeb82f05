/** What a user may decide about rules. */
import type { Rule } from '../rules/rule.ts';
import type { Severity } from '../core/finding.ts';

export interface EngineConfig {
  /** By rule id; absent = the rule's own severity. */
  readonly rules?: Readonly<Record<string, Severity | 'off'>>;
  /** Run rules in the preview stage too; they report as information. Defaults to true. */
  readonly preview?: boolean;
}

/** The severity a rule reports with: `undefined` = off, `null` = its own. */
export function configuredSeverity(rule: Rule, config: EngineConfig): Severity | null | undefined {
  const level = config.rules?.[rule.id];
  if (level === 'off') return undefined;
  if (level !== undefined) return level;
  if (rule.stage === 'preview') return config.preview === false ? undefined : 'information';
  return null;
}
