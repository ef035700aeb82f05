/** A word of a command line as people would type it. */

/** Quoted for a POSIX shell where it needs that; for reading and copying, nothing is run through a shell. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
