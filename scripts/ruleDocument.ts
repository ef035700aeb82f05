/** Reads the Markdown of a rule or a reader: headings, file fences with caret expectations, machines, plans and diffs. */

/** What a caret line under the code expects. */
export interface Expectation {
  readonly file: string;
  /** Zero-based, in the text without caret lines. */
  readonly line: number;
  /** Zero-based UTF-16 columns on that line. */
  readonly start: number;
  readonly end: number;
  /** A rule id, or `related`. */
  readonly rule: string;
  /** Written in brackets after the id when they differ from the rule's own: `[hint, likely]`. */
  readonly qualifiers: readonly string[];
  readonly message: string;
}

export interface Fence {
  /** `python`, `machine`, `diff`, … */
  readonly language: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Content lines, without the fence lines. */
  readonly lines: readonly string[];
  /** Zero-based lines of the document: the opening fence and the closing fence. */
  readonly from: number;
  readonly to: number;
}

/** One `###` section: a whole workspace. */
export interface Section {
  /** The `##` heading above. */
  readonly chapter: string;
  readonly title: string;
  /** Zero-based lines of the document, heading included, end excluded. */
  readonly from: number;
  readonly to: number;
  readonly fences: readonly Fence[];
}

export interface RuleDocument {
  readonly lines: readonly string[];
  readonly title: string;
  /** The `##` headings in order. */
  readonly chapters: readonly string[];
  readonly sections: readonly Section[];
}

/** The chapters every rule page has, in this order. */
export const RULE_CHAPTERS = ['What it finds', 'Why it costs', 'Examples', 'How to fix', 'When it says nothing', 'Sources'] as const;

const CARETS = /^(\s*)(\^+)(?: ([a-z0-9-]+)(?: \[([a-z, ]+)\])?(?:: (.*))?)?$/;

/** Splits a page into its parts. Throws an Error with the line when a fence is not closed or a heading is out of place. */
export function parseRuleDocument(text: string): RuleDocument {
  const lines = text.split('\n');
  const chapters: string[] = [];
  const sections: { chapter: string; title: string; from: number; to: number; fences: Fence[] }[] = [];
  let title = '';
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? '';
    const heading = /^(#{1,3}) (.+)$/.exec(line);
    if (heading) {
      const open = sections.at(-1);
      if (open && open.to === -1) open.to = i;
      if (heading[1] === '#') title = heading[2] ?? '';
      else if (heading[1] === '##') chapters.push(heading[2] ?? '');
      else sections.push({ chapter: chapters.at(-1) ?? '', title: heading[2] ?? '', from: i, to: -1, fences: [] });
      continue;
    }
    const fence = /^```(\S+)?(.*)$/.exec(line);
    if (!fence) continue;
    const close = lines.indexOf('```', i + 1);
    if (close < 0) throw new Error(`line ${i + 1}: the fence is not closed`);
    const open = sections.at(-1);
    const part: Fence = { language: fence[1] ?? '', attributes: attributesOf(fence[2] ?? ''), lines: lines.slice(i + 1, close), from: i, to: close };
    if (open && open.to === -1) open.fences.push(part);
    else if (part.attributes['file'] !== undefined) throw new Error(`line ${i + 1}: a file outside a ### section is not run`);
    i = close;
  }
  const last = sections.at(-1);
  if (last && last.to === -1) last.to = lines.length;
  return { lines, title, chapters, sections };
}

function attributesOf(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const match of text.matchAll(/([a-z]+)=(?:"([^"]*)"|(\S+))/g)) found[match[1] ?? ''] = match[2] ?? match[3] ?? '';
  return found;
}

/** Takes the caret lines out of a file fence: the text as analysed, and what the carets expect. */
export function readCarets(fence: Fence): { readonly text: string; readonly expected: readonly Expectation[] } {
  const code: string[] = [];
  const expected: Expectation[] = [];
  for (const line of fence.lines) {
    const match = CARETS.exec(line);
    if (!match) {
      code.push(line);
      continue;
    }
    const start = match[1]?.length ?? 0;
    expected.push({
      file: fence.attributes['file'] ?? '',
      line: Math.max(0, code.length - 1),
      start,
      end: start + (match[2]?.length ?? 0),
      rule: match[3] ?? '',
      qualifiers: match[4] ? match[4].split(/, */) : [],
      message: match[5] ?? '',
    });
  }
  return { text: code.length > 0 ? `${code.join('\n')}\n` : '', expected };
}

/** A caret line for an expectation. */
export function writeCaret(e: Expectation): string {
  const qualifiers = e.qualifiers.length > 0 ? ` [${e.qualifiers.join(', ')}]` : '';
  return `${' '.repeat(e.start)}${'^'.repeat(Math.max(1, e.end - e.start))} ${e.rule}${qualifiers}: ${e.message}`;
}

/** The page for people: caret lines turned away, fence attributes turned into captions. */
export function cleanPage(text: string): string {
  const document = parseRuleDocument(text);
  const out: string[] = [];
  const fences = new Map(document.sections.flatMap((section) => section.fences).map((fence) => [fence.from, fence]));
  for (let i = 0; i < document.lines.length; i++) {
    const fence = fences.get(i);
    if (!fence) {
      out.push(document.lines[i] ?? '');
      continue;
    }
    i = fence.to;
    const file = fence.attributes['file'];
    if (fence.language === 'machine') {
      out.push(`Machine: ${fence.lines.join(', ')}.`);
    } else if (fence.language === 'diff') {
      const kind = fence.attributes['fix'] === 'safe' ? 'Safe fix' : 'Fix to review';
      out.push(`*${kind}*: ${fence.attributes['title'] ?? 'edit'}${file === undefined ? '' : `, in \`${file}\``}`, '', '```diff', ...fence.lines, '```');
    } else {
      const read = file === undefined ? null : readCarets(fence);
      if (file !== undefined) out.push(`\`${file}\``, '');
      out.push(`\`\`\`${fence.language}`, ...(read === null ? fence.lines : read.text.split('\n').slice(0, -1)), '```');
      const reported = read?.expected ?? [];
      if (reported.length > 0) out.push('', ...reported.map((e) => `- line ${e.line + 1}${e.rule === 'related' ? ' (related)' : `, \`${e.rule}\``}: ${e.message}`));
    }
  }
  return out.join('\n');
}
