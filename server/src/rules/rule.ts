/** The shape of a rule, and what it may ask. A rule holds no state, does no IO and knows no format. */
import type { Anchor } from '../core/span.ts';
import type { FileFacts, Fact, SuppressionFact } from '../core/fact.ts';
import type { Confidence, Family, FixProposal, RelatedLocation, Severity } from '../core/finding.ts';
import type { LaunchGraph } from '../core/launchGraph.ts';
import type { Machine } from '../core/machine.ts';
import type { Plan } from '../core/plan.ts';

/** What a report carries; the rule's id and family are added by the engine. */
export interface Report<MessageId extends string = string> {
  readonly messageId: MessageId;
  readonly args?: Readonly<Record<string, string | number>>;
  readonly at: Anchor;
  /** Defaults to the rule's severity. */
  readonly severity?: Severity;
  /** Defaults to `certain`. */
  readonly confidence?: Confidence;
  readonly related?: readonly RelatedLocation[];
  readonly fixes?: readonly FixProposal[];
  readonly unnecessary?: boolean;
}

/** Input of a rule that judges one file on its own. */
export interface FileInput {
  readonly file: FileFacts;
  /** The target machine; fields are null when not known. */
  readonly machine: Machine;
  anchor(fact: Pick<Fact, 'span'>): Anchor;
}

/** Input of a rule that judges one launch with its plan. */
export interface PlanInput {
  readonly plan: Plan;
  readonly graph: LaunchGraph;
  /** The machine before the launch's own limits. */
  readonly machine: Machine;
}

/** Input of a rule that judges the suppression comments of one file, after all other rules have spoken. */
export interface SuppressionsInput {
  readonly file: FileFacts;
  readonly machine: Machine;
  /** Every rule and kind of measured finding, and whether it reports in this file without a measurement. */
  readonly rules: ReadonlyMap<string, { readonly active: boolean; readonly needs: Rule['needs'] }>;
  /** Rules whose findings a comment keeps silent. */
  silenced(fact: SuppressionFact): ReadonlySet<string>;
  anchor(fact: Pick<Fact, 'span'>): Anchor;
}

export interface RuleMeta<MessageId extends string = string> {
  /** Kebab-case, names the pattern found: `env-set-after-import`. */
  readonly id: string;
  readonly family: Family;
  readonly severity: Severity;
  readonly stage: 'preview' | 'stable';
  /** First release that has it. */
  readonly since: string;
  /** `none` when no fix can be right in general. */
  readonly fix: 'none' | 'safe' | 'review';
  /** One sentence for tables. */
  readonly summary: string;
  /** Where the claim comes from: links, or `measured: …`. At least one. */
  readonly sources: readonly [string, ...string[]];
  /** Templates; `{name}` takes an argument. Full sentences that prove themselves. */
  readonly messages: Readonly<Record<MessageId, string>>;
}

export type Rule<MessageId extends string = string> = RuleMeta<MessageId> &
  (
    | { readonly needs: 'file'; check(input: FileInput, report: (r: Report<MessageId>) => void): void }
    | { readonly needs: 'plan'; check(input: PlanInput, report: (r: Report<MessageId>) => void): void }
    | { readonly needs: 'suppressions'; check(input: SuppressionsInput, report: (r: Report<MessageId>) => void): void }
  );

/** Declares a rule; exists so that message ids are checked against `messages`. */
export function defineRule<MessageId extends string>(rule: Rule<MessageId>): Rule<MessageId> {
  return rule;
}
