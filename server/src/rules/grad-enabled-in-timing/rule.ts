/** Reports timed inference that records gradients. */
import { defineRule } from '../rule.ts';
import { callsModel, timedWork, trains } from '../timedWork.ts';

const GRADIENTS = /^torch\.(?:inference_mode|no_grad|set_grad_enabled|enable_grad|autograd\.\w+(?:\.\w+)*)$/;

export const rule = defineRule({
  id: 'grad-enabled-in-timing',
  family: 'measurement',
  severity: 'hint',
  stage: 'stable',
  since: '0.1.0',
  fix: 'none',
  needs: 'file',
  summary: 'Inference is timed while PyTorch records what a backward pass would need.',
  sources: ['https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad_mode.inference_mode.html'],
  messages: {
    recorded: '`{work}` is timed with gradients enabled: PyTorch keeps what a backward pass would need, which costs time and memory. Put it under `torch.inference_mode()`.',
  },
  check({ file }, report) {
    if (trains(file.facts)) return;
    if (file.facts.some((f) => (f.kind === 'call' && GRADIENTS.test(f.callee)) || (f.kind === 'define' && f.decorators.some((d) => GRADIENTS.test(d))))) return;
    for (const { start, work } of timedWork(file.facts)) {
      const model = work.find(callsModel);
      if (!model) continue;
      report({ messageId: 'recorded', args: { work: model.text }, at: { uri: file.uri, span: model.span }, confidence: 'likely', related: [{ anchor: { uri: file.uri, span: start.span }, message: 'The clock starts.' }] });
    }
  },
});
