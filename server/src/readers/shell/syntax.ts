/** The one door to the shell parser: its tree, its errors, and nothing that throws. */
import { parse } from 'unbash';
import type { ParsedScript, Word } from 'unbash';

export type {
  AndOr,
  ArithmeticExpression,
  Assignment,
  Command,
  CommandNode,
  CompoundList,
  Function as FunctionNode,
  For,
  ParameterExpansionPart,
  Pipeline,
  PipelineNode,
  Script,
  Statement,
  TestExpression,
  Word,
  WordPart,
} from 'unbash';

export interface ShellTree {
  readonly script: ParsedScript;
  readonly errors: readonly { readonly message: string; readonly pos: number }[];
}

/** Parses a script; null when it is nested deeper than the stack. Offsets are those of `text`. */
export function parseShell(text: string): ShellTree | null {
  try {
    const script = parse(normalised(text));
    return { script, errors: script.errors ?? [] };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** A text of the same length without a byte order mark and without `\r`, which would stick to the words beside them. */
function normalised(text: string): string {
  const start = text.startsWith('\uFEFF') ? ` ${text.slice(1)}` : text;
  return start.includes('\r') ? start.replaceAll('\\\r\n', ' \\\n').replaceAll('\r\n', '\n\n') : start;
}

/** Parses `NAME=value` that stands as an ordinary word (`env NAME=value`); null when it is no such thing. */
export function parseAssignmentWord(text: string): { readonly name: string; readonly valueStart: number; readonly value: Word } | null {
  const match = /^([A-Za-z_][A-Za-z0-9_]*)=/.exec(text);
  if (!match) return null;
  const command = parseShell(text)?.script.commands[0]?.command;
  const assignment = command?.type === 'Command' ? command.prefix[0] : undefined;
  if (assignment?.type !== 'Assignment' || assignment.end !== text.length || assignment.value.type !== 'Word') return null;
  return { name: assignment.name, valueStart: match[0].length, value: assignment.value };
}
