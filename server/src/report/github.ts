/** Findings as GitHub Actions workflow commands, which show as annotations of a pull request. */
import type { FindingJson } from '../core/reportJson.ts';

const LEVEL = { error: 'error', warning: 'warning', information: 'notice', hint: 'notice' } as const;

/** One line per finding. */
export function githubAnnotations(findings: readonly FindingJson[]): string {
  return findings
    .map(({ severity, file, range, rule, message }) => {
      const properties = { file, line: range.start.line, endLine: range.end.line, col: range.start.column, endColumn: range.end.column, title: `ThreadGauge ${rule}` };
      const list = Object.entries(properties).map(([name, value]) => `${name}=${escapeProperty(String(value))}`);
      return `::${LEVEL[severity]} ${list.join(',')}::${escapeData(message)}\n`;
    })
    .join('');
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
