/** The runner's output as events: JSON lines, whatever the pieces they arrive in. */
import type { Envelope } from './protocol.generated.ts';

/** A line longer than this is no event (UTF-16 code units). */
const MAX_LINE = 32 * 1024 * 1024;

const TYPES: ReadonlySet<string> = new Set<Envelope['type']>(['hello', 'plan', 'trial_started', 'sample', 'lines', 'trial_finished', 'progress', 'arm_summary', 'environment', 'observed', 'front', 'doubt', 'verdict', 'finished', 'failed']);

/** Splits text into lines and lines into events. Lines of unknown type are skipped; lines that are not events are reported. */
export class EventDecoder {
  readonly #onEvent: (event: Envelope, line: string) => void;
  readonly #onProblem: (problem: string) => void;
  #rest = '';
  #skipping = false;

  constructor(onEvent: (event: Envelope, line: string) => void, onProblem: (problem: string) => void) {
    this.#onEvent = onEvent;
    this.#onProblem = onProblem;
  }

  push(text: string): void {
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      const line = this.#rest + text.slice(start, end);
      this.#rest = '';
      start = end + 1;
      if (this.#skipping) this.#skipping = false;
      else this.#line(line);
    }
    if (this.#skipping) return;
    this.#rest += text.slice(start);
    if (this.#rest.length > MAX_LINE) {
      this.#rest = '';
      this.#skipping = true;
      this.#onProblem('a line of more than 32 MiB was skipped');
    }
  }

  /** The stream ended; a last line without a line end counts. */
  end(): void {
    if (this.#rest !== '') this.#line(this.#rest);
    this.#rest = '';
  }

  #line(line: string): void {
    if (line.trim() === '') return;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      this.#onProblem(`not JSON: ${line.slice(0, 200)}`);
      return;
    }
    if (!isEnvelope(value)) {
      this.#onProblem(`not an event: ${line.slice(0, 200)}`);
      return;
    }
    if (TYPES.has(value.type)) this.#onEvent(value, line);
  }
}

function isEnvelope(value: unknown): value is Envelope {
  if (typeof value !== 'object' || value === null) return false;
  const { v, type, data } = value as Record<string, unknown>;
  return typeof v === 'number' && typeof type === 'string' && typeof data === 'object' && data !== null;
}

/** Every event of a saved stream. Throws a SyntaxError naming the line when it is not one. */
export function decodeRecording(text: string): readonly Envelope[] {
  const events: Envelope[] = [];
  const problems: string[] = [];
  const decoder = new EventDecoder(
    (event) => events.push(event),
    (problem) => problems.push(problem),
  );
  decoder.push(text);
  decoder.end();
  if (problems.length > 0) throw new SyntaxError(`This is not a recording of a benchmark: ${problems[0]}.`);
  return events;
}
