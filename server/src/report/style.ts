/** Colours of terminal reports, or none. */
import type { Severity } from '../core/finding.ts';

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  severity(severity: Severity, text: string): string;
  good(text: string): string;
}

export const PLAIN: Style = { bold: (text) => text, dim: (text) => text, severity: (_, text) => text, good: (text) => text };

const SEVERITY_CODE: Readonly<Record<Severity, string>> = { error: '31', warning: '33', information: '34', hint: '36' };

export const COLOURED: Style = {
  bold: (text) => paint('1', text),
  dim: (text) => paint('2', text),
  severity: (severity, text) => paint(`1;${SEVERITY_CODE[severity]}`, text),
  good: (text) => paint('1;32', text),
};

function paint(code: string, text: string): string {
  return `\u001b[${code}m${text}\u001b[0m`;
}
