/** Findings of measurements under the configuration and the comments that hold for those of rules. */
import { strict as assert } from 'node:assert';
import type { Finding } from '../../../server/src/core/finding.ts';
import type { Engine } from '../../../server/src/engine/engine.ts';
import { realEngine, uriOf } from './realEngine.ts';

const SCRIPT = 'import torch\ntorch.mm(torch.rand(9, 9), torch.rand(9, 9))\n';

/** Severities with which two kinds found on each launch are reported, without a plan or a rule being asked. */
function admitted(files: Readonly<Record<string, string>>, engine: Engine = realEngine({ 'serve.py': SCRIPT, ...files })): readonly string[] {
  const found = engine.launches().flatMap((launch) =>
    ['measured-spinning', 'measured-throttled'].map((rule) => {
      const finding: Finding = { rule, family: 'measurement', severity: 'information', confidence: 'certain', message: 'It was seen.', primary: launch.anchor, related: [], launches: [launch.key], fixes: [], unnecessary: false };
      return { launch, finding };
    }),
  );
  const { plans } = engine.counters;
  const said = engine.admitted(found).map(({ rule, severity }) => `${rule} ${severity}`);
  assert.equal(engine.counters.plans, plans);
  engine.setMeasured(() => found);
  assert.deepEqual(engine.findings().filter(({ rule }) => rule.startsWith('measured-')).map(({ rule, severity }) => `${rule} ${severity}`), said);
  assert.deepEqual(engine.configProblems(), []);
  return said;
}

describe('measured findings', () => {
  it('are reported as they are where nobody says otherwise', () => {
    assert.deepEqual(admitted({ 'run.sh': 'python serve.py\n' }), ['measured-spinning information', 'measured-throttled information']);
  });

  it('have the levels that a folder gives their kinds', () => {
    assert.deepEqual(admitted({ 'run.sh': 'python serve.py\n', '.threadgauge.json': '{ "rules": { "measured-spinning": "off", "measured-throttled": "warning" } }' }), ['measured-throttled warning']);
    assert.deepEqual(admitted({ 'run.sh': 'python serve.py\n', '.threadgauge.json': '{ "exclude": ["run.sh"] }' }), []);
  });

  it('are silenced by comments, which are neither unknown nor unused for it', () => {
    const engine = realEngine({ 'serve.py': SCRIPT, 'run.sh': 'python serve.py  # threadgauge: ignore[measured-spinning] one user at night\n' });
    assert.deepEqual(admitted({}, engine), ['measured-throttled information']);
    assert.deepEqual(engine.findings(uriOf('run.sh')).filter(({ rule }) => rule === 'unused-suppression'), []);
    assert.deepEqual(admitted({ 'run.sh': 'python serve.py  # threadgauge: ignore\n' }), []);
  });
});
