/** Writing to the terminal: colour when it is one and is wanted, complete even into a pipe. */
import { COLOURED, PLAIN, type Style } from '../report/style.ts';

/** Colours for a stream, or none: NO_COLOR, a pipe, a dumb terminal. */
export function styleFor(stream: NodeJS.WriteStream): Style {
  return stream.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb' ? COLOURED : PLAIN;
}

/** Writes and waits, so that exiting afterwards loses nothing. A closed pipe (`| head`) is no error. */
export function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => stream.write(text, () => resolve()));
}
