/** Where a rule's page is published. */
const RULE_PAGES = 'https://github.com/threadgauge/threadgauge/blob/main/docs/rules';

/** The address of a rule's page. */
export function ruleUrl(id: string): string {
  return `${RULE_PAGES}/${id}.md`;
}
