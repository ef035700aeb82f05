/** Reports gunicorn started with no worker, which serves nothing. */
import { replaceCode } from '../fixProposals.ts';
import { launchEnvironment } from '../launchEnvironment.ts';
import { defineRule } from '../rule.ts';
import { valueAnchor } from '../settingText.ts';

export const rule = defineRule({
  id: 'gunicorn-zero-workers',
  family: 'under-use',
  severity: 'error',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'plan',
  summary: 'gunicorn is told to start no worker.',
  sources: ['measured: gunicorn 26.2.0 starts its master, no worker, and prints no error', 'https://docs.gunicorn.org/en/stable/settings.html#workers'],
  messages: {
    none: '{what} starts no worker: gunicorn listens, answers nothing and prints no error.',
  },
  check({ plan }, report) {
    if (plan.launch.program !== 'gunicorn') return;
    const wrapper = plan.launch.wrappers.findLast((w) => w.kind === 'workers');
    if (wrapper) {
      if (Number(wrapper.value) !== 0 || wrapper.value === null) return;
      const at = wrapper.valueAnchor ?? wrapper.anchor;
      report({ messageId: 'none', args: { what: `\`${wrapper.text}\`` }, at, fixes: wrapper.valueAnchor ? [replaceCode(wrapper.valueAnchor, '1', 'Start 1 worker', 'review')] : [] });
      return;
    }
    const variable = launchEnvironment(plan).get('WEB_CONCURRENCY');
    if (variable?.text !== '0') return;
    const at = valueAnchor(variable.setting.anchor.uri, variable.setting.fact);
    report({ messageId: 'none', args: { what: 'WEB_CONCURRENCY=0' }, at, related: [{ anchor: plan.launch.anchor, message: 'gunicorn takes it as its default number of workers.' }], fixes: [replaceCode(at, (variable.setting.fact.raw ?? '0').replace('0', '1'), 'Start 1 worker', 'review')] });
  },
});
