/** Builds the fixes that several rules offer. */
import type { FixIntent, FixProposal } from '../core/finding.ts';
import type { SettingFact } from '../core/fact.ts';
import type { Launch } from '../core/launchGraph.ts';
import type { Anchor } from '../core/span.ts';
import { requote, valueAnchor } from './settingText.ts';

/** Replaces a setting's value, keeping its quotes. */
export function replaceValue(uri: string, fact: SettingFact, text: string, safety: FixProposal['safety']): FixProposal {
  return { title: `Replace the value by ${text}`, safety, preferred: true, intents: [{ kind: 'replace', anchor: valueAnchor(uri, fact), text: requote(fact, text) }] };
}

/** Puts other code in the place of an expression. */
export function replaceCode(anchor: Anchor, text: string, title: string, safety: FixProposal['safety']): FixProposal {
  return { title, safety, preferred: true, intents: [{ kind: 'replace', anchor, text }] };
}

/** Removes the statement or entry that holds a setting. */
export function removeSetting(uri: string, fact: SettingFact, safety: FixProposal['safety'], preferred = false): FixProposal {
  return { title: `Remove ${fact.channel === 'call' ? `the call of ${fact.name}` : fact.name}`, safety, preferred, intents: [{ kind: 'remove', anchor: { uri, span: fact.span }, extent: 'statement' }] };
}

/** Variables in the environment of one launch; null when nothing in the workspace configures that launch. */
export function setForLaunch(launch: Launch, variables: Readonly<Record<string, string | null>>, safety: FixProposal['safety']): FixProposal | null {
  if (launch.implicit) return null;
  const entries = Object.entries(variables);
  const intents: FixIntent[] = entries.map(([name, value]) => ({ kind: 'setEnvironment', uri: launch.uri, launchId: launch.id, name, value }));
  const what = entries.map(([name, value]) => (value === null ? `no ${name}` : `${name}=${value}`)).join(' and ');
  return { title: `Set ${what} for "${launch.label}"`, safety, preferred: true, intents };
}
