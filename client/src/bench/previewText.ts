/** What a benchmark would start, as plain text. */
import type { BenchPreview } from '../../../server/src/bench/messages.ts';
import { shellWord } from '../../../server/src/bench/shellWord.ts';

/** Command, folder, environment, settings, estimate and notes, in this order. */
export function previewText(preview: BenchPreview): string {
  const environment = preview.environment.map(({ name, value, from }) => (value === null ? `  ${name} unset (${from})` : `  ${name}=${shellWord(value)} (${from})`));
  const arms = preview.arms.map(({ label, current }) => (current ? `${label} (in force today)` : label));
  const tried = preview.variations.filter(({ chosen }) => chosen);
  return [
    preview.argv.map(shellWord).join(' '),
    `in ${preview.cwd}`,
    ...(preview.region ? [`Measures only ${preview.region.label} (${preview.region.first === preview.region.last ? `line ${preview.region.first}` : `lines ${preview.region.first} to ${preview.region.last}`} of ${preview.region.path.replace(/^.*[\\/]/, '')}), again and again.`] : []),
    ...(preview.interpreter ? [`${preview.program === 'node' ? 'Node.js' : 'Python'}: ${preview.interpreter.path} (${preview.interpreter.from}).`] : []),
    ...(environment.length > 0 ? ['', 'Environment of the launch:', ...environment] : []),
    '',
    `Settings to compare: ${arms.join(', ')}.`,
    ...(tried.length > 0 ? [`Then, with the best of them: ${tried.map(({ label }) => label).join('; ')}.`] : []),
    preview.estimate.sentence,
    ...(preview.notes.length > 0 ? ['', ...preview.notes] : []),
  ].join('\n');
}
