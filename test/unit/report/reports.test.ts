/** Reports escape what their readers would take for syntax, and place what they show. */
import { strict as assert } from 'node:assert';
import type { FindingJson } from '../../../server/src/core/reportJson.ts';
import { machineFromJson } from '../../../server/src/core/machine.ts';
import { engineSources } from '../../../server/src/lsp/reportSources.ts';
import { findingsTextOf } from './findingsTextOf.ts';
import { githubAnnotations } from '../../../server/src/report/github.ts';
import { machineLine, machineText } from '../../../server/src/report/machineText.ts';
import { planReportJson } from '../../../server/src/report/planJson.ts';
import { sarifLog } from '../../../server/src/report/sarif.ts';
import { RULES } from '../../../server/src/rules/index.ts';
import { realEngine } from '../engine/realEngine.ts';

const FINDING: FindingJson = {
  file: 'a b/ü:x,y.py',
  range: { start: { line: 2, column: 3 }, end: { line: 2, column: 9 } },
  rule: 'env-set-after-import',
  family: 'ineffective-order',
  severity: 'hint',
  confidence: 'certain',
  message: '100 % of\r\nthe time: yes, ::error::',
  related: [],
  fixes: [{ title: 'Fix', safety: 'safe', edits: [{ file: 'a b/ü:x,y.py', range: { start: { line: 1, column: 1 }, end: { line: 1, column: 1 } }, newText: 'x\n' }] }],
};

describe('reports', () => {
  it('escape workflow commands', () => {
    assert.equal(githubAnnotations([FINDING]), '::notice file=a b/ü%3Ax%2Cy.py,line=2,endLine=2,col=3,endColumn=9,title=ThreadGauge env-set-after-import::100 %25 of%0D%0Athe time: yes, ::error::\n');
  });

  it('write SARIF with URI references, regions and fixes', () => {
    const log = JSON.parse(JSON.stringify(sarifLog([FINDING], RULES, '1.2.3', (id) => `https://x/${id}`))) as { runs: { tool: { driver: { version: string; rules: { helpUri: string }[] } }; results: { level: string; locations: { physicalLocation: { artifactLocation: { uri: string }; region: object } }[]; fixes: { artifactChanges: { replacements: { insertedContent: { text: string } }[] }[] }[] }[] }[] };
    const [run] = log.runs;
    const [result] = run?.results ?? [];
    assert.equal(run?.tool.driver.rules[0]?.helpUri, 'https://x/env-set-after-import');
    assert.equal(result?.level, 'note');
    assert.equal(result?.locations[0]?.physicalLocation.artifactLocation.uri, 'a%20b/%C3%BC%3Ax%2Cy.py');
    assert.deepEqual(result?.locations[0]?.physicalLocation.region, { startLine: 2, startColumn: 3, endLine: 2, endColumn: 9 });
    assert.equal(result?.fixes[0]?.artifactChanges[0]?.replacements[0]?.insertedContent.text, 'x\n');
  });

  it('keep tabs before carets, cut very long lines, and let no control character through', () => {
    const late = (name: string): string => `import os\nimport torch\n\n\ndef main():\n\tos.environ["OMP_NUM_THREADS"] = "${name}"\n\tprint(torch.ones(2) @ torch.ones(2))\n\n\nif __name__ == "__main__":\n\tmain()\n`;
    assert.match(findingsTextOf({ 'late.py': late('4') }), /^ {2}6 \| \tos\.environ.*\n {4}\| \t\^+$/m);
    const long = findingsTextOf({ 'late.py': late('4').replace('= "4"', `= "4"  # ${'x'.repeat(500)}`) });
    assert.ok(long.split('\n').every((line) => line.length < 400), long);
    assert.ok(!findingsTextOf({ 'late.py': late('\u001b[31m4') }).includes('\u001b'));
  });

  it('say null and why for what is not known', () => {
    const engine = realEngine({ 'run.sh': 'OMP_NUM_THREADS=$N python app.py\n', 'app.py': 'import torch\nprint(torch.ones(3) @ torch.ones(3))\n' });
    const [plan] = planReportJson(engine.plans(), engine.machine, engineSources(engine, (uri) => uri)).plans;
    assert.equal(plan?.intraOp, null);
    assert.ok((plan?.unknowns.length ?? 0) > 0);
    for (const sentence of plan?.unknowns ?? []) assert.match(sentence, /^[A-Z`$].*\.$/);
  });

  it('describe machines, also unknown ones', () => {
    assert.equal(machineLine(machineFromJson({ model: 'CPU', os: 'linux', arch: 'x86_64', physicalCores: 8, logicalCores: 16, sockets: 2, affinity: [0, 1, 2, 5], cpuQuota: 1 })), 'CPU, linux x86_64: 8 cores, 16 CPUs, 2 sockets, bound to CPUs 0-2,5, quota of 1 CPU');
    assert.equal(machineLine(machineFromJson({})), 'unknown machine');
    assert.match(machineText(machineFromJson({})), /^physical cores +not known$/m);
  });
});
