/** Writes a value as a shell word. */

const PLAIN = /^[A-Za-z0-9_.,:@%+/=-]+$/;

/** The value as one word, in the quotes of `like` where they can hold it. */
export function quoteWord(value: string, like = ''): string {
  if (/^".*"$/s.test(like) && !/["$`\\!\r\n]/.test(value)) return `"${value}"`;
  if (/^'.*'$/s.test(like) && !value.includes("'")) return `'${value}'`;
  return PLAIN.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}

/** True when the value needs no quotes and means itself inside any. */
export function isPlainWord(value: string): boolean {
  return PLAIN.test(value);
}
