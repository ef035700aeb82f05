/** The parts of a program that are worth measuring by themselves: calls that run a model, marked parts, and notebook cells with such calls. */
import type { RegionParams } from '../bench/messages.ts';
import { markedRegions } from '../bench/region.ts';
import { neverMeasured } from '../bench/request.ts';
import type { Launch } from '../core/launchGraph.ts';
import type { Plan } from '../core/plan.ts';
import type { Engine } from '../engine/engine.ts';
import type { Range } from 'vscode-languageserver';
import type { Places } from './convert.ts';
import { plansWith } from './launchPlaces.ts';
import type { ClientDocument } from './notebooks.ts';

/** A part that a lens offers, and the launch that reaches it. */
export interface OfferedRegion {
  readonly title: string;
  readonly range: Range;
  readonly launch: Launch;
  readonly region: RegionParams;
}

/** Methods that are part of a model: what they call is measured where the model itself is called. */
const INSIDE = /(?:^|\.)(?:forward|__call__|\w*_step)$/;

/** The offers of a document, each line once. */
export function offeredRegions(document: ClientDocument, engine: Engine, places: Places): readonly OfferedRegion[] {
  const { file, cell } = document;
  const reader = engine.reader(file)?.id;
  const isNotebook = reader === 'notebook';
  if ((reader !== 'python' && !isNotebook) || (isNotebook && cell === null)) return [];
  const uri = isNotebook ? (places.documentsOf(file)[cell ?? 0] ?? file) : places.clientUri(file);
  const offers = new Map<number, OfferedRegion>();
  for (const fact of engine.facts(file)?.facts ?? []) {
    if (fact.kind !== 'compute' || fact.model !== true || INSIDE.test(fact.scope.func ?? '')) continue;
    const range = places.anchorIn(document, { uri: file, span: fact.span });
    const launch = range ? launchOf(engine, plansWith(engine, file, fact), isNotebook) : null;
    if (!range || !launch || offers.has(range.start.line)) continue;
    offers.set(range.start.line, { title: 'Benchmark this', range, launch, region: { uri, lines: { first: range.start.line, last: range.end.line } } });
  }
  const found = [...offers.values()];
  const [first] = found;
  if (isNotebook && first) found.unshift({ ...first, title: 'Benchmark this cell', range: { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } }, region: { uri } });
  return [...markedOffers(document, uri, engine, isNotebook), ...found];
}

function markedOffers(document: ClientDocument, uri: string, engine: Engine, isNotebook: boolean): readonly OfferedRegion[] {
  const { file, cell } = document;
  const text = cell === null ? engine.text(file)?.text : engine.cells(file)?.find(({ index }) => index === cell)?.text;
  const marks = text === undefined ? [] : markedRegions(text);
  if (marks.length === 0) return [];
  const launch = launchOf(engine, engine.plans().filter((plan) => plan.launch.reachable.includes(file)), isNotebook);
  if (!launch) return [];
  return marks.map(({ name, begin, end }) => ({ title: name === null ? 'Benchmark this part' : `Benchmark "${name}"`, range: { start: { line: begin - 1, character: 0 }, end: { line: begin - 1, character: 0 } }, launch, region: { uri, lines: { first: begin - 1, last: end - 1 } } }));
}

/** The first launch that can be measured; the cells of a notebook can be, although the notebook as a whole cannot. */
function launchOf(engine: Engine, plans: readonly Plan[], isNotebook: boolean): Launch | null {
  return plans.find((plan) => !neverMeasured(plan.launch, plan, engine.graph()) || (isNotebook && plan.launch.implicit))?.launch ?? null;
}

/** The key of a part's results: a launch has results of its own for each part. */
export function regionKey(launch: Launch, { uri, lines, function: name }: RegionParams): string {
  return `${launch.key} ${uri} ${name ?? (lines ? lines.first : 'all')}`;
}

