/** Makes a Python script set an environment variable itself, above everything that could read it. */
import type { FileFacts, SettingFact } from '../core/fact.ts';
import type { PlaceIntent, Refusal } from '../core/reader.ts';
import type { TextEdit } from '../core/sourceText.ts';
import { resolveSpan, type ChunkOffsets } from '../core/span.ts';
import { lineBreakOf } from '../core/textLines.ts';
import { PythonEdits } from './pythonEdits.ts';
import { pythonLines, type PythonLine } from './pythonLines.ts';
import { importBindings } from './pythonNames.ts';

/** Edits that put `os.environ[name] = value` before the first import that is not known to be harmless; null takes such lines away. */
export function placeInPython(intent: PlaceIntent, text: string, facts: FileFacts, offsets: ChunkOffsets): readonly TextEdit[] | Refusal {
  const { name, value } = intent;
  const lines = pythonLines(text);
  const first = firstReader(text, lines);
  const own = facts.facts.filter((fact): fact is SettingFact => fact.kind === 'setting' && fact.channel === 'env' && fact.name === name && fact.scope.func === null && fact.operation !== 'unset');
  if (value === null) {
    const edits = new PythonEdits(text);
    for (const fact of own) {
      const refusal = edits.remove(resolveSpan(fact.span, offsets));
      if (refusal) return refusal;
    }
    return edits.result();
  }
  const written = JSON.stringify(value);
  const inForce = own.filter((fact) => !fact.scope.conditional && !fact.scope.loop && (first === null || resolveSpan(fact.span, offsets).start < first.start)).at(-1);
  if (inForce?.valueSpan) {
    const range = resolveSpan(inForce.valueSpan, offsets);
    return text.slice(range.start, range.end) === written ? [] : [{ ...range, newText: written }];
  }
  const lineBreak = lineBreakOf(text);
  const target = first ?? lines[0];
  const hasOs = lines.some((line) => target && line.start < target.start && line.indentation === '' && importBindings(text, line)?.some((binding) => binding.statement === 'import os'));
  const statement = `${hasOs ? '' : `import os${lineBreak}${lineBreak}`}os.environ["${name}"] = ${written}${lineBreak}`;
  const at = target ? target.lineStart : text.length;
  return [{ start: at, end: at, newText: statement }];
}

/** The first statement that may load a library: behind the docstring, `from __future__` and plain standard modules. */
function firstReader(text: string, lines: readonly PythonLine[]): PythonLine | null {
  for (const [index, line] of lines.entries()) {
    const code = text.slice(line.start, line.end);
    if (index === 0 && /^[rRuU]?(?:"|')/.test(code)) continue;
    if (/^from\s+__future__\b/.test(code)) continue;
    const bindings = importBindings(text, line);
    if (bindings && bindings.every((binding) => binding.harmless)) continue;
    if (/^(?:os\.environ\b|os\.putenv\b)/.test(code)) continue;
    return line;
  }
  return null;
}
