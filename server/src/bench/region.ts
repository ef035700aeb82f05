/** Which part of a program a benchmark covers: what people name, and the statements it stands for. */
import type { Statement } from '../core/reader.ts';
import { LineIndex } from '../core/sourceText.ts';

/** What people name. Lines and cells count from 1. */
export type RegionTarget =
  | { readonly kind: 'lines'; readonly first: number; readonly last: number }
  | { readonly kind: 'function'; readonly name: string }
  /** Between `# threadgauge: begin name` and `# threadgauge: end`; null = the only one. */
  | { readonly kind: 'mark'; readonly name: string | null }
  | { readonly kind: 'cell'; readonly cell: number; readonly lines: { readonly first: number; readonly last: number } | null };

/** Statements of a file; lines count from 1. */
export interface Region {
  readonly first: number;
  readonly last: number;
  /** `function infer`, `y = model(x)`, `lines 3 to 8`. */
  readonly label: string;
  readonly function: boolean;
}

/** A part of a file that is marked in the source. */
export interface MarkedRegion {
  readonly name: string | null;
  /** Line of the comment that begins it, and of the one that ends it; from 1. */
  readonly begin: number;
  readonly end: number;
}

export type Problem = { readonly problem: string };

/** Reads `12-20`, `12`, `infer`, `Model.forward`, `mark:name`, `mark`, `cell:3`, `cell:3:2-4`. */
export function parseRegion(text: string): RegionTarget | Problem {
  const lines = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (lines) return linesTarget(lines[1], lines[2]);
  const mark = /^mark(?::(.+))?$/.exec(text);
  if (mark) return { kind: 'mark', name: mark[1]?.trim() ?? null };
  const cell = /^cell:(\d+)(?::(\d+)(?:-(\d+))?)?$/.exec(text);
  if (cell) {
    const within = cell[2] === undefined ? null : linesTarget(cell[2], cell[3]);
    if (within && 'problem' in within) return within;
    return Number(cell[1]) >= 1 ? { kind: 'cell', cell: Number(cell[1]), lines: within } : { problem: 'Cells count from 1.' };
  }
  if (/^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/.test(text)) return { kind: 'function', name: text };
  return { problem: `"${text}" names no part of a file; give lines (12-20), a function (infer, Model.forward), a mark (mark:name) or a notebook's cell (cell:3).` };
}

function linesTarget(from = '', to = from): Extract<RegionTarget, { kind: 'lines' }> | Problem {
  const [first, last] = [Number(from), Number(to)];
  return first >= 1 && last >= first ? { kind: 'lines', first, last } : { problem: `There are no lines ${from} to ${to}; lines count from 1.` };
}

const BEGIN = /^[ \t]*#+[ \t]*threadgauge:[ \t]*begin\b[ \t]*([^\r\n]*?)[ \t]*$/i;
const END = /^[ \t]*#+[ \t]*threadgauge:[ \t]*end\b/i;

/** The marked parts of a text, in order. A mark without an end reaches to the end of the text, and says so by `end` behind the last line. */
export function markedRegions(text: string): readonly MarkedRegion[] {
  if (!/threadgauge:[ \t]*begin/i.test(text)) return [];
  const found: MarkedRegion[] = [];
  const open: { name: string | null; begin: number }[] = [];
  const lines = text.split(/\r\n|\r|\n/);
  lines.forEach((line, index) => {
    const begin = BEGIN.exec(line);
    if (begin) open.push({ name: begin[1] === '' ? null : (begin[1] ?? null), begin: index + 1 });
    else if (END.test(line)) {
      const started = open.pop();
      if (started) found.push({ ...started, end: index + 1 });
    }
  });
  found.push(...open.map((started) => ({ ...started, end: lines.length + 1 })));
  return found.sort((a, b) => a.begin - b.begin);
}

/** The statements a target stands for; what the probe finds for the same lines. `cell` is not for files of Python. */
export function resolveRegion(target: RegionTarget, text: string, statements: readonly Statement[], file: string): Region | Problem {
  const index = new LineIndex(text);
  const line = (offset: number): number => index.positionAt(offset).line + 1;
  switch (target.kind) {
    case 'lines':
      return ofLines(target.first, target.last, text, statements, line, file);
    case 'function': {
      const found = functionsNamed(target.name, statements);
      const [only] = found;
      if (!only) return { problem: `${file} has no function ${target.name}${known(statements)}.` };
      if (found.length > 1) return { problem: `${file} has ${found.length} functions ${target.name}, at lines ${found.map(({ statement }) => line(statement.head)).join(', ')}; name the lines of one.` };
      return functionRegion(only.statement, only.path, line);
    }
    case 'mark': {
      const marks = markedRegions(text);
      const named = target.name === null ? marks : marks.filter(({ name }) => name === target.name);
      const [mark] = named;
      if (!mark) return { problem: target.name === null || marks.length === 0 ? `${file} has no "# threadgauge: begin".` : `${file} has no mark ${target.name}; it has ${marks.map(({ name }) => name ?? 'one without a name').join(', ')}.` };
      if (named.length > 1) return { problem: `${file} marks ${target.name === null ? 'more than one part' : `${target.name} more than once`} (lines ${named.map(({ begin }) => begin).join(', ')}); give the marks names of their own.` };
      const region = ofLines(mark.begin, mark.end, text, statements, line, file);
      if ('problem' in region) return { problem: `The mark at line ${mark.begin} of ${file} holds no statement.` };
      return { ...region, label: mark.name ?? region.label };
    }
    case 'cell':
      return { problem: `${file} is no notebook, so it has no cells.` };
  }
}

function ofLines(first: number, last: number, text: string, statements: readonly Statement[], line: (offset: number) => number, file: string): Region | Problem {
  const found = smallest(statements, first, last, line).filter((statement) => !staysFirst(statement, statements, text));
  const [start] = found;
  const end = found.at(-1);
  const where = first === last ? `line ${first}` : `lines ${first} to ${last}`;
  if (!start || !end) return { problem: `There is no statement at ${where} of ${file}.` };
  if (found.length === 1 && start.kind === 'class') return { problem: `The class ${start.name ?? ''} only defines; choose one of its methods, or a call.` };
  if (found.length === 1 && start.kind === 'function') return functionRegion(start, pathTo(start, statements) ?? start.name ?? '', line);
  const lines = { first: line(start.start), last: line(end.end) };
  const head = text.slice(start.start).split(/[\r\n]/, 1)[0]?.trim() ?? '';
  const label = found.length > 1 ? `lines ${lines.first} to ${lines.last}` : head.length > 48 ? `${head.slice(0, 47)}…` : head;
  return { ...lines, label, function: false };
}

/** True of what must stand first in its file, which can neither be repeated nor takes time. */
function staysFirst({ start, end, blocks }: Statement, statements: readonly Statement[], text: string): boolean {
  if (blocks.length > 0) return false;
  const written = text.slice(start, end);
  return /^from[ \t]+__future__\b/.test(written) || (statements[0]?.start === start && /^[rRuU]?(["'])[^]*\1$/.test(written));
}

function functionRegion(statement: Statement, path: string, line: (offset: number) => number): Region {
  // Its first line is enough, and stays right while its body is edited.
  return { first: line(statement.head), last: line(statement.head), label: `function ${path}`, function: true };
}

/** The smallest run of statements of one block that covers the lines. The probe (`selected.py`) finds the same. */
function smallest(block: readonly Statement[], first: number, last: number, line: (offset: number) => number): readonly Statement[] {
  const hit = block.filter(({ start, end }) => line(start) <= last && line(end) >= first);
  const [only] = hit;
  if (hit.length !== 1 || !only) return hit;
  const inner = only.blocks[0]?.[0];
  if (!inner || first < line(inner.start) || line(inner.start) <= line(only.head)) return hit;
  const touched = only.blocks.map((statements) => smallest(statements, first, last, line)).filter((found) => found.length > 0);
  return touched.length > 1 ? hit : (touched[0] ?? []);
}

function functionsNamed(name: string, statements: readonly Statement[]): readonly { readonly statement: Statement; readonly path: string }[] {
  return allNamed(statements).filter(({ statement, path }) => statement.kind === 'function' && (path === name || path.endsWith(`.${name}`)));
}

function pathTo(wanted: Statement, statements: readonly Statement[]): string | null {
  return allNamed(statements).find(({ statement }) => statement === wanted)?.path ?? null;
}

/** Functions and classes with what they are in: `Model.forward`. */
function allNamed(statements: readonly Statement[], outer = ''): readonly { readonly statement: Statement; readonly path: string }[] {
  return statements.flatMap((statement) => {
    const path = statement.name === null ? outer : outer === '' ? statement.name : `${outer}.${statement.name}`;
    const inner = statement.blocks.flatMap((block) => allNamed(block, path));
    return statement.name === null ? inner : [{ statement, path }, ...inner];
  });
}

function known(statements: readonly Statement[]): string {
  const names = allNamed(statements).flatMap(({ statement, path }) => (statement.kind === 'function' ? [path] : []));
  return names.length === 0 ? '' : `; it has ${names.slice(0, 12).join(', ')}${names.length > 12 ? ' …' : ''}`;
}
