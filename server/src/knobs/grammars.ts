/** How each consumer parses the text of a setting, exactly as measured on the real libraries. */
import type { ValueGrammar } from '../core/knob.ts';

type Parsed = ReturnType<ValueGrammar['parse']>;

const number = (value: number | null): Parsed => ({ ok: true, number: value });
const refused = (consequence: string): Parsed => ({ ok: false, consequence });

/** The first item of an OpenMP list of positive decimals (`4`, ` +04 , 2`); null when libgomp would refuse it. */
export function parseOpenMpList(text: string): number | null {
  if (!/^\s*\+?\d+(?:\s*,\s*\+?\d+)*\s*$/.test(text)) return null;
  const items = text.split(',').map((item) => Number(item.trim()));
  const first = items[0];
  return first !== undefined && items.every((item) => item > 0 && item <= 0x7fffffff) ? first : null;
}

/** What MKL makes of MKL_NUM_THREADS: null = as if unset; anything but plain digits silently means 1. */
export function parseMklThreads(text: string): number | null {
  if (text === '' || /^0+$/.test(text)) return null;
  return /^\d+$/.test(text) ? Number(text) : 1;
}

/** True when the text turns MKL_DYNAMIC off; only these two spellings do. */
export function turnsMklDynamicOff(text: string): boolean {
  return text === 'FALSE' || text === 'false';
}

/** C's `atoi`: leading blanks and sign, digits until the first other character; 0 when there are none. */
export function atoi(text: string): number {
  const match = /^\s*([+-]?\d+)/.exec(text);
  return match ? Number(match[1]) : 0;
}

/** Python's `int(text)`; null when it raises. */
export function parsePythonInt(text: string): number | null {
  const trimmed = text.trim();
  return /^[+-]?\d+(?:_\d+)*$/.test(trimmed) ? Number(trimmed.replaceAll('_', '')) : null;
}

/** `OMP_NUM_THREADS` and other lists of the OpenMP runtime. */
export function openMpList(consequence: string): ValueGrammar {
  return {
    description: 'a positive integer, or a comma-separated list of them for nested regions',
    parse: (text) => {
      const first = parseOpenMpList(text);
      return first === null ? refused(consequence) : number(first);
    },
    examples: ['1', '4', '8'],
  };
}

/** Plain digits only; 0 and empty count as unset. */
export const MKL_THREADS: ValueGrammar = {
  description: 'plain digits only (no sign, blanks, quotes or decimals); 0 or empty counts as unset',
  parse: (text) => {
    if (text === '' || /^0+$/.test(text)) return number(null);
    return /^\d+$/.test(text) ? number(Number(text)) : refused('MKL silently uses 1 thread for every value that is not plain digits');
  },
  examples: ['1', '4', '8'],
};

/** OpenBLAS: `atoi`, where anything that does not come to a positive number counts as unset. */
export const ATOI_POSITIVE: ValueGrammar = {
  description: 'a positive integer, read with `atoi`; anything else counts as unset',
  parse: (text) => {
    const value = atoi(text);
    if (value > 0 && /^\s*\+?\d+\s*$/.test(text)) return number(value);
    if (value > 0) return refused(`OpenBLAS reads it with atoi and uses ${value}`);
    return refused('OpenBLAS silently treats it as unset');
  },
  examples: ['1', '4'],
};

/** A whole number of at least `minimum`; `consequence` says what the consumer does otherwise. */
export function integer(options: { readonly minimum: number; readonly maximum?: number; readonly consequence: string; readonly meansDefault?: readonly number[]; readonly emptyIsUnset?: boolean; readonly examples?: readonly string[] }): ValueGrammar {
  const { minimum, maximum } = options;
  const range = maximum === undefined ? `a whole number of at least ${minimum}` : `a whole number from ${minimum} to ${maximum}`;
  const defaults = options.meansDefault ?? [];
  return {
    description: defaults.length > 0 ? `${range}; ${defaults.join(' and ')} means the default` : range,
    parse: (text) => {
      if (options.emptyIsUnset && text === '') return number(null);
      if (!/^\s*[+-]?\d+\s*$/.test(text)) return refused(options.consequence);
      const value = Number(text);
      if (defaults.includes(value)) return number(null);
      return value >= minimum && (maximum === undefined || value <= maximum) ? number(value) : refused(options.consequence);
    },
    examples: options.examples ?? ['1', '4'],
  };
}

/** One of a few words. */
export function words(options: { readonly accepted: readonly string[]; readonly anyCase: boolean; readonly consequence: string; readonly also?: RegExp; readonly alsoDescription?: string }): ValueGrammar {
  const { accepted, anyCase, also } = options;
  return {
    description: `one of ${accepted.map((word) => `\`${word}\``).join(', ')}${options.alsoDescription ? `, or ${options.alsoDescription}` : ''}`,
    parse: (text) => {
      const trimmed = anyCase ? text.trim().toLowerCase() : text;
      const known = accepted.some((word) => (anyCase ? word.toLowerCase() : word) === trimmed);
      return known || also?.test(text.trim()) ? number(null) : refused(options.consequence);
    },
    examples: accepted,
  };
}

/** Any text that matches a pattern; numbers are not read out of it. */
export function pattern(options: { readonly description: string; readonly accepted: RegExp; readonly consequence: string; readonly examples: readonly string[] }): ValueGrammar {
  return {
    description: options.description,
    parse: (text) => (options.accepted.test(text) ? number(null) : refused(options.consequence)),
    examples: options.examples,
  };
}

/** A value the consumer does not check, or checks in a way that is not known. */
export function anyText(description: string, examples: readonly string[]): ValueGrammar {
  return { description, parse: () => number(null), examples };
}

/** The positive `int` argument of a torch call, as source text: strings, floats and booleans raise. */
export function torchPositiveInt(callee: string): ValueGrammar {
  return {
    description: 'an `int` from 1 to 2147483647, positional',
    parse: (text) => {
      const trimmed = text.trim();
      if (/^[+-]?\d+(?:_\d+)*$/.test(trimmed)) {
        const value = Number(trimmed.replaceAll('_', ''));
        if (value < 1) return refused(`it raises "RuntimeError: ${callee} expects a positive integer"`);
        return value <= 0x7fffffff ? number(value) : refused('it raises "ValueError: Overflow when unpacking long"');
      }
      const type = /^(['"])/.test(trimmed) ? 'str' : /^[+-]?(?:\d+\.\d*|\.\d+|\d+e[+-]?\d+)$/i.test(trimmed) ? 'float' : /^(?:True|False)$/.test(trimmed) ? 'bool' : trimmed === 'None' ? 'NoneType' : null;
      return type === null ? number(null) : refused(`it raises "RuntimeError: ${callee} expects an int, but got ${type}"`);
    },
    examples: ['1', '4'],
  };
}
