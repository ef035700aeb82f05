/** Runs the Markdown fixtures of rules and plans: the pages of the rules are the tests of the rules (those of readers: unit/readers/readerPages.test.ts). UPDATE=1 rewrites messages, plans and diffs. */
import { strict as assert } from 'node:assert';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { diffLines } from 'diff';
import type { Finding } from '../server/src/core/finding.ts';
import { describePlan } from '../server/src/plan/explain.ts';
import { RULES } from '../server/src/rules/index.ts';
import { RULE_CHAPTERS, parseRuleDocument, readCarets, writeCaret, type Expectation, type RuleDocument, type Section } from '../scripts/ruleDocument.ts';
import { FixtureWorkspace, machineOf, prepareWorkspaces } from './fixtures/fixtureWorkspace.ts';

const root = path.resolve(import.meta.dirname, '..');
const update = process.env['UPDATE'] === '1';
const rulesFolder = path.join(root, 'server/src/rules');

function workspaceOf(section: Section): FixtureWorkspace {
  const files = new Map(section.fences.filter((fence) => fence.attributes['file'] !== undefined && fence.language !== 'diff').map((fence) => [fence.attributes['file'] ?? '', readCarets(fence).text]));
  return new FixtureWorkspace(files, machineFor(section));
}

function machineFor(section: Section): ReturnType<typeof machineOf> {
  const fence = section.fences.find((part) => part.language === 'machine');
  return machineOf(Object.fromEntries((fence?.lines ?? []).filter((line) => line.trim() !== '').map((line) => line.split('=').map((part) => part.trim()) as [string, string])));
}

/** The findings as caret expectations, related places included, each place once. */
function actualOf(workspace: FixtureWorkspace, findings: readonly Finding[]): Expectation[] {
  const all: Expectation[] = [];
  for (const finding of findings) {
    const rule = RULES.find((r) => r.id === finding.rule);
    const qualifiers = [...(rule?.severity === finding.severity ? [] : [finding.severity]), ...(finding.confidence === 'certain' ? [] : [finding.confidence])];
    all.push({ ...workspace.place(finding.primary), rule: finding.rule, qualifiers, message: finding.message });
    for (const related of finding.related) all.push({ ...workspace.place(related.anchor), rule: 'related', qualifiers: [], message: related.message });
  }
  const written = new Map(all.map((e) => [`${e.file}:${e.line}:${e.start}:${writeCaret(e)}`, e]));
  return [...written.values()].sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line || Number(a.rule === 'related') - Number(b.rule === 'related') || a.start - b.start || a.rule.localeCompare(b.rule) || a.message.localeCompare(b.message));
}

function show(expectations: readonly Expectation[]): string[] {
  return expectations.map((e) => `${e.file}:${e.line + 1}:${e.start + 1}-${e.end + 1} ${writeCaret(e).trim().replace(/^\^+ /, '')}`);
}

/** Changed lines only, as the pages show them. */
function diffOf(before: string, after: string): string[] {
  return diffLines(before, after).flatMap((part) => (part.added || part.removed ? part.value.replace(/\n$/, '').split('\n').map((line) => (part.added ? '+' : '-') + line) : []));
}

interface DiffBlock {
  readonly header: string;
  readonly lines: readonly string[];
}

function diffsOf(workspace: FixtureWorkspace, findings: readonly Finding[]): DiffBlock[] {
  const blocks = new Map<string, DiffBlock>();
  for (const finding of findings) {
    for (const fix of finding.fixes) {
      for (const [file, after] of workspace.apply(fix)) {
        const before = workspace.texts.get(file) ?? '';
        if (before === after) continue;
        const block = { header: `diff fix=${fix.safety} file=${file} title="${fix.title.replaceAll('"', "'")}"`, lines: diffOf(before, after) };
        blocks.set(JSON.stringify(block), block);
      }
    }
  }
  return [...blocks.values()];
}

/** Rewrites one section with what was found. Never adds a finding where none was expected. */
function rewrite(section: Section, document: RuleDocument, actual: readonly Expectation[], plans: readonly string[], diffs: readonly DiffBlock[]): string[] {
  const out: string[] = [];
  let at = section.from;
  const copyTo = (line: number): void => {
    out.push(...document.lines.slice(at, line));
    at = line;
  };
  const reported = section.title.startsWith('Reported');
  for (const fence of section.fences) {
    copyTo(fence.from);
    at = fence.to + 1;
    if (fence.language === 'diff') {
      while (out.at(-1) === '') out.pop();
      continue;
    }
    out.push(document.lines[fence.from] ?? '');
    if (fence.language === 'plan') out.push(...plans);
    else if (fence.attributes['file'] === undefined) out.push(...fence.lines);
    else {
      const read = readCarets(fence);
      const lines = read.text === '' ? [] : read.text.slice(0, -1).split('\n');
      lines.forEach((line, i) => {
        out.push(line);
        const expected = read.expected.filter((e) => e.line === i && e.rule !== 'related');
        const found = actual.filter((e) => e.file === fence.attributes['file'] && e.line === i);
        const kept = found.filter((e) => (e.rule === 'related' ? reported : expected.some((x) => x.rule === e.rule)));
        out.push(...kept.map(writeCaret));
        // What was expected and not found stays, so that the test goes on failing.
        out.push(...expected.filter((x) => !found.some((e) => e.rule === x.rule)).map(writeCaret));
      });
    }
    out.push('```');
  }
  copyTo(section.to);
  while (out.at(-1) === '') out.pop();
  for (const block of diffs) out.push('', `\`\`\`${block.header}`, ...block.lines, '```');
  out.push('');
  return out;
}

for (const folder of ['rules', 'plan']) {
  const base = path.join(root, 'server/src', folder);
  if (!existsSync(base)) continue;
  for (const name of readdirSync(base, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.md')).sort()) {
    const file = path.join(base, name);
    const document = parseRuleDocument(readFileSync(file, 'utf8'));
    const sections = document.sections.filter((section) => section.fences.some((fence) => fence.attributes['file'] !== undefined && fence.language !== 'diff'));
    if (sections.length === 0) continue;
    describe(`${folder}/${name}`, () => {
      before(prepareWorkspaces);
      const updates = new Map<number, string[]>();
      for (const section of sections) {
        it(`${section.chapter} — ${section.title}`, () => {
          const workspace = workspaceOf(section);
          const findings = workspace.findings();
          const actual = actualOf(workspace, findings);
          const plans = workspace.plans().flatMap((plan) => describePlan(plan).replace(/\n+$/, '').split('\n'));
          const diffs = section.title.startsWith('Reported') ? diffsOf(workspace, findings) : [];
          if (update) updates.set(section.from, rewrite(section, document, actual, plans, diffs));
          const carets = section.fences.filter((fence) => fence.attributes['file'] !== undefined && fence.language !== 'diff').flatMap((fence) => readCarets(fence).expected);
          if (update) {
            const wanted = carets.filter((e) => e.rule !== 'related').map((e) => `${e.file}:${e.line + 1} ${e.rule}`).sort();
            const got = actual.filter((e) => e.rule !== 'related').map((e) => `${e.file}:${e.line + 1} ${e.rule}`).sort();
            assert.deepEqual([...new Set(got)], [...new Set(wanted)], show(actual).join('\n'));
          } else {
            assert.deepEqual(show(actual).sort(), show(carets).sort());
            const written = section.fences.filter((fence) => fence.language === 'diff').map((fence) => ({ header: (document.lines[fence.from] ?? '').slice(3), lines: fence.lines }));
            assert.deepEqual(diffs, written);
            const planFence = section.fences.find((fence) => fence.language === 'plan');
            if (planFence) assert.deepEqual(plans, planFence.lines);
          }
          if (section.title.startsWith('Reported')) checkFixes(section, workspace, findings);
        });
      }
      after(() => {
        if (!update) return;
        const out: string[] = [];
        let at = 0;
        for (const [from, lines] of [...updates].sort(([a], [b]) => a - b)) {
          out.push(...document.lines.slice(at, from), ...lines);
          at = document.sections.find((section) => section.from === from)?.to ?? from;
        }
        out.push(...document.lines.slice(at));
        writeFileSync(file, out.join('\n'));
      });
    });
  }
}

/** After a fix the finding is gone and nothing new has come. */
function checkFixes(section: Section, workspace: FixtureWorkspace, findings: readonly Finding[]): void {
  for (const finding of findings) {
    for (const fix of finding.fixes) {
      const after = new FixtureWorkspace(workspace.apply(fix), machineFor(section)).findings();
      const count = (list: readonly Finding[], rule: string): number => list.filter((f) => f.rule === rule).length;
      assert.ok(count(after, finding.rule) < count(findings, finding.rule), `"${fix.title}" leaves ${finding.rule}: ${after.map((f) => `${f.rule}: ${f.message}`).join(' | ')}`);
      for (const rule of new Set(after.map((f) => f.rule))) {
        assert.ok(count(after, rule) <= count(findings, rule), `"${fix.title}" brings ${rule}: ${after.filter((f) => f.rule === rule).map((f) => f.message).join(' | ')}`);
      }
    }
  }
}

describe('rule pages', () => {
  for (const rule of RULES) {
    it(`${rule.id} is complete`, () => {
      const text = readFileSync(path.join(rulesFolder, rule.id, 'rule.md'), 'utf8');
      const document = parseRuleDocument(text);
      assert.equal(document.title, rule.id);
      assert.deepEqual(document.chapters, [...RULE_CHAPTERS]);
      const titled = (kind: string): Section[] => document.sections.filter((section) => section.title.startsWith(kind));
      assert.ok(titled('Reported').length >= 1, 'a Reported section');
      assert.ok(titled('Fine').length >= 2, 'two Fine sections');
      const own = titled('Reported').flatMap((section) => section.fences.flatMap((fence) => readCarets(fence).expected)).filter((e) => e.rule === rule.id);
      assert.ok(own.length > 0, 'a caret of the rule itself');
      const fixes = new Set(document.sections.flatMap((section) => section.fences).filter((fence) => fence.language === 'diff').map((fence) => fence.attributes['fix']));
      assert.equal(fixes.has(rule.fix) || rule.fix === 'none', true, `a diff block with fix=${rule.fix}`);
      if (rule.fix === 'none') assert.equal(fixes.size, 0, 'no diff where no fix is declared');
      for (const line of text.split('\n')) assert.ok(!/\/work\/|\/opt\/tg/.test(line), 'no internal paths');
      for (const source of rule.sources) {
        const [kind] = source.split(':');
        assert.ok(kind === 'measured' || kind === 'https', `a source is a link or "measured: …": ${source}`);
      }
    });
  }

  it('are listed in order', () => {
    const ids = RULES.map((rule) => rule.id);
    assert.deepEqual(ids, [...ids].sort());
    assert.equal(new Set(ids).size, ids.length);
  });
});
