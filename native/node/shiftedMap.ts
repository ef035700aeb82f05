/** The source map of a source into which text was inserted, so that Node.js maps stack traces as before. */

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUES = new Map([...DIGITS].map((digit, value) => [digit, value]));

/**
 * The `mappings` with the columns of the generated source moved. `shift` gives, for a line and a column (from 0), how
 * many characters were inserted at or before it on its line. Null when the text is not what it should be.
 */
export function shiftMappings(mappings: string, shift: (line: number, column: number) => number): string | null {
  const lines: string[] = [];
  for (const [line, text] of mappings.split(';').entries()) {
    const segments: string[] = [];
    let [before, after] = [0, 0];
    for (const segment of text === '' ? [] : text.split(',')) {
      const values = decode(segment);
      const first = values?.[0];
      if (!values || first === undefined) return null;
      before += first;
      const moved = before + shift(line, before);
      segments.push([moved - after, ...values.slice(1)].map(encode).join(''));
      after = moved;
    }
    lines.push(segments.join(','));
  }
  return lines.join(';');
}

function decode(segment: string): readonly number[] | null {
  const values: number[] = [];
  let [value, bits] = [0, 0];
  for (const digit of segment) {
    const part = VALUES.get(digit);
    if (part === undefined) return null;
    value += (part & 31) * 2 ** bits;
    if (part & 32) bits += 5;
    else {
      values.push(value % 2 === 1 ? -Math.floor(value / 2) : value / 2);
      [value, bits] = [0, 0];
    }
  }
  return bits === 0 ? values : null;
}

function encode(value: number): string {
  let rest = value < 0 ? -value * 2 + 1 : value * 2;
  let text = '';
  do {
    const digit = rest % 32;
    rest = Math.floor(rest / 32);
    text += DIGITS[rest > 0 ? digit + 32 : digit] ?? '';
  } while (rest > 0);
  return text;
}
