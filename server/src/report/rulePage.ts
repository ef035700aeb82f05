/** Where the pages about findings are published. */
const DOCS = 'https://github.com/threadgauge/threadgauge/blob/main/docs';
/** Where a rule's page is published. */
const RULE_PAGES = `${DOCS}/rules`;

/** The address of what is said about a kind of measured finding. */
export function measuredUrl(kind: string): string {
  return `${DOCS}/measured.md#${kind}`;
}

/** The address of a rule's page. */
export function ruleUrl(id: string): string {
  return `${RULE_PAGES}/${id}.md`;
}
