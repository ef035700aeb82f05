/** The cells of a notebook up to one of them as a script that Python runs without a notebook. */
import { readNotebook } from './notebook/cells.ts';
import { readCell } from './notebookMagics.ts';

export interface NotebookScript {
  readonly text: string;
  /** Lines of the script in which each of its cells stands, from 1; the key counts all cells from 1. */
  readonly cells: ReadonlyMap<number, { readonly first: number; readonly last: number }>;
  /** What differs from a run in the notebook, as full sentences. */
  readonly notes: readonly string[];
}

/** Cell magics whose body is Python, or which only show something: without them the program is the same. */
const TRANSPARENT = /^%%(?:time|timeit|capture)\b/;
const LEFT_OUT = /^%%(?:bash|sh|script|html|HTML|javascript|js|markdown|latex|svg|SVG|writefile|file|perl|ruby|sql|bigquery|system|!)(?![\w])/;
/** Line magics that only set up the notebook. */
const IDLE = /^%(?:matplotlib|pylab|config|load_ext|reload_ext|unload_ext|autoreload|aimport|precision|pip|conda|mamba|time|timeit|env|set_env|who|whos|who_ls|pwd|ls|lsmagic|history|hist|pinfo|pinfo2|pdoc|psource|xmode|pprint|colors|automagic|tb|prun|memit|mprun|lprun|debug|pdb|watermark|doctest_mode|logstart|logstop|notebook|quickref|magic|page|dhist|tensorboard|store)\b/;
const AWAITS = /^(?:[\w., ()[\]]+=[ \t]*)?await\b|^async[ \t]+(?:for|with)\b/m;

/** The script of the cells up to `through` (from 1), or the sentence why there is none. */
export function notebookScript(json: string, through: number): NotebookScript | { readonly problem: string } {
  const { cells, language, broken } = readNotebook(json);
  if (language !== null && !/python|conda|venv|py3/.test(language)) return { problem: `The notebook is written in ${language}; only cells of Python can be measured.` };
  const target = cells.find(({ index }) => index === through - 1);
  if (!target) return { problem: broken ? 'The notebook is not valid JSON.' : `The notebook has no cell ${through}; it has ${cells.length}.` };
  if (target.kind !== 'code') return { problem: `Cell ${through} holds text, not code.` };
  const lines: string[] = [];
  const placed = new Map<number, { first: number; last: number }>();
  const notes: string[] = [];
  for (const cell of cells) {
    if (cell.index >= through || cell.kind !== 'code') continue;
    const number = cell.index + 1;
    const source = cell.pieces.map(({ text }) => text).join('').replaceAll(/\r\n?/g, '\n');
    const read = asScript(source, number, number === through, notes);
    if (typeof read !== 'string') return read;
    const first = lines.length + 1;
    lines.push(...read.split('\n'));
    placed.set(number, { first, last: lines.length });
  }
  return { text: `${lines.join('\n')}\n`, cells: placed, notes };
}

function asScript(source: string, number: number, measured: boolean, notes: string[]): string | { readonly problem: string } {
  const magic = /^\s*(%%.*)/.exec(source)?.[1]?.trim();
  if (magic !== undefined && !TRANSPARENT.test(magic)) {
    const word = magic.split(/\s/, 1)[0] ?? magic;
    if (measured) return { problem: `Cell ${number} is not run by Python itself (${word}), so it cannot be measured.` };
    if (!LEFT_OUT.test(magic)) return { problem: `Cell ${number} begins with ${word}, which only a notebook can run. Take it out, or measure a script.` };
    notes.push(`Cell ${number} (${word}) is left out; what it leaves behind must be there already.`);
    return source.replaceAll(/[^\n]/g, '');
  }
  const { python, variables } = readCell(source);
  const outside = python.split('\n');
  const written = source.split('\n');
  for (const [index, line] of written.entries()) {
    const here = outside[index] ?? '';
    const said = line.trim();
    if (here === line || said === '') continue;
    if (/=\s*[!%]/.test(said) && /=\s*0#/.test(here)) return { problem: `Cell ${number} takes a value from a shell command or a magic (\`${short(said)}\`), which only a notebook can do.` };
    if (said.startsWith('!')) notes.push(`The command \`${short(said)}\` of cell ${number} is left out.`);
    else if (said.startsWith('%') && !said.startsWith('%%') && !IDLE.test(said)) return { problem: `Cell ${number} uses \`${short(said)}\`, which only a notebook can run.` };
  }
  if (AWAITS.test(python)) return { problem: `Cell ${number} awaits outside of a function, which only a notebook can do; call \`asyncio.run\` instead.` };
  if (/\bget_ipython\s*\(/.test(python)) return { problem: `Cell ${number} asks for the notebook itself (\`get_ipython()\`), which a script does not have.` };
  let text = python;
  for (const { name, value, range } of [...variables].reverse()) {
    if (value === null) return { problem: `Cell ${number} sets ${name} to something that IPython fills in, which only a notebook can do.` };
    text = `${text.slice(0, range.start)}__import__("os").environ[${JSON.stringify(name)}] = ${JSON.stringify(value)}${text.slice(range.end)}`;
  }
  // What shows a value in a notebook shows nothing here; each `display` that is not imported is this one.
  if (/\bdisplay\s*\(/.test(text) && !/\bimport\b.*\bdisplay\b/.test(text)) text = text.replaceAll(/(?<![\w.])display(?=\s*\()/g, '(lambda *_, **__: None)');
  return text;
}

function short(text: string): string {
  return text.length > 48 ? `${text.slice(0, 47)}…` : text;
}
