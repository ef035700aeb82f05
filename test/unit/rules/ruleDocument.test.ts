/** The Markdown of a rule page: what is taken for an expectation, and what people get to read. */
import { strict as assert } from 'node:assert';
import { cleanPage, parseRuleDocument, readCarets, writeCaret } from '../../../scripts/ruleDocument.ts';

const PAGE = `# some-rule

## Examples

### Reported

\`\`\`machine
logical = 4
\`\`\`

\`\`\`python file=a.py
import torch
torch.set_num_threads(0)
                      ^ some-rule [hint, likely]: Zero: no.
^^^^^ related: Here.
\`\`\`

\`\`\`diff fix=safe file=a.py title="Use 'one'"
-torch.set_num_threads(0)
+torch.set_num_threads(1)
\`\`\`
`;

describe('rule pages as text', () => {
  it('takes caret lines out of the code and reads what they expect', () => {
    const section = parseRuleDocument(PAGE).sections[0];
    const fence = section?.fences[1];
    assert.ok(fence);
    const { text, expected } = readCarets(fence);
    assert.equal(text, 'import torch\ntorch.set_num_threads(0)\n');
    assert.deepEqual(expected[0], { file: 'a.py', line: 1, start: 22, end: 23, rule: 'some-rule', qualifiers: ['hint', 'likely'], message: 'Zero: no.' });
    assert.equal(expected[1]?.rule, 'related');
    assert.deepEqual(expected.map(writeCaret), fence.lines.slice(2));
  });

  it('reads attributes with and without quotes', () => {
    const diff = parseRuleDocument(PAGE).sections[0]?.fences[2];
    assert.deepEqual(diff?.attributes, { fix: 'safe', file: 'a.py', title: "Use 'one'" });
  });

  it('refuses a fence that is not closed and a file that no section runs', () => {
    assert.throws(() => parseRuleDocument('# x\n\n```python\n'), /line 3: the fence is not closed/);
    assert.throws(() => parseRuleDocument('# x\n\n```python file=a.py\n```\n'), /line 3: a file outside a ### section/);
  });

  it('turns carets, machines and fixes into words', () => {
    const page = cleanPage(PAGE);
    assert.ok(!page.includes('^'));
    assert.match(page, /Machine: logical = 4\./);
    assert.match(page, /- line 2, `some-rule`: Zero: no\./);
    assert.match(page, /\*Safe fix\*: Use 'one', in `a\.py`/);
  });
});
