/** The text report of a workspace, for tests. */
import { engineSources } from '../../../server/src/lsp/reportSources.ts';
import { checkText } from '../../../server/src/report/findingsText.ts';
import { PLAIN } from '../../../server/src/report/style.ts';
import { realEngine, uriOf } from '../engine/realEngine.ts';

export function findingsTextOf(files: Readonly<Record<string, string>>): string {
  const engine = realEngine(files);
  const sources = engineSources(engine, (uri) => uri.slice(uriOf('').length));
  return checkText(engine.findings(), engine.gaps(), engine.plans(), 1, sources, PLAIN);
}
