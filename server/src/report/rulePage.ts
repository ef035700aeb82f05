/** Where the pages about findings are published. */
import { MEASURED_KINDS } from '../core/measuredKinds.ts';

const DOCS = 'https://github.com/threadgauge/threadgauge/blob/main/docs';
/** Where a rule's page is published. */
const RULE_PAGES = `${DOCS}/rules`;

/** The address of a rule's page, or of what is said about a kind of measured finding. */
export function ruleUrl(id: string): string {
  return MEASURED_KINDS.has(id) ? `${DOCS}/measured.md#${id}` : `${RULE_PAGES}/${id}.md`;
}
