/** Findings as SARIF 2.1.0, for code scanning. */
import type { FindingJson, PlaceJson } from '../core/reportJson.ts';
import type { RuleMeta } from '../rules/rule.ts';

const LEVEL = { error: 'error', warning: 'warning', information: 'note', hint: 'note' } as const;

/** The log, to be printed as JSON. `ruleUrl` gives the page of a rule. */
export function sarifLog(findings: readonly FindingJson[], rules: readonly RuleMeta[], version: string, ruleUrl: (id: string) => string): object {
  const used = rules.filter((rule) => findings.some((finding) => finding.rule === rule.id));
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'ThreadGauge',
            version,
            informationUri: 'https://github.com/threadgauge/threadgauge',
            rules: used.map((rule) => ({
              id: rule.id,
              shortDescription: { text: rule.summary },
              helpUri: ruleUrl(rule.id),
              defaultConfiguration: { level: LEVEL[rule.severity] },
              properties: { tags: [rule.family] },
            })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: findings.map((finding) => ({
          ruleId: finding.rule,
          ruleIndex: used.findIndex((rule) => rule.id === finding.rule),
          level: LEVEL[finding.severity],
          message: { text: finding.message },
          locations: [location(finding)],
          relatedLocations: finding.related.map((related, id) => ({ id, ...location(related), message: { text: related.message } })),
          fixes: finding.fixes.map((fix) => ({
            description: { text: fix.title },
            artifactChanges: [...new Set(fix.edits.map((edit) => edit.file))].map((file) => ({
              artifactLocation: { uri: artifactUri(file) },
              replacements: fix.edits.filter((edit) => edit.file === file).map((edit) => ({ deletedRegion: region(edit), insertedContent: { text: edit.newText } })),
            })),
          })),
          properties: { confidence: finding.confidence, family: finding.family },
        })),
      },
    ],
  };
}

function location(place: PlaceJson): object {
  return { physicalLocation: { artifactLocation: { uri: artifactUri(place.file) }, region: region(place) } };
}

function region({ range }: PlaceJson): object {
  return { startLine: range.start.line, startColumn: range.start.column, endLine: range.end.line, endColumn: range.end.column };
}

/** Paths become relative URI references; a colon in the first segment would read as a scheme. */
function artifactUri(file: string): string {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(file)) return file;
  return file.replaceAll('\\', '/').split('/').map(encodeURIComponent).join('/');
}
