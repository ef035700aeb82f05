/** What the parts of the calibration have in common: what they are given and what they say. */
import type { Machine } from '../../server/src/core/machine.ts';

/** What a part is given. */
export interface Surroundings {
  readonly runner: string;
  /** A Python with torch and numpy; null when there is none. */
  readonly python: string | null;
  readonly probeDirectory: string;
  readonly machine: Machine;
  readonly seed: number;
  /** Few repetitions: shows that everything works, says nothing of the figures. */
  readonly quick: boolean;
  /** Repetitions instead of those of the part. */
  readonly runs: number | null;
  /** A directory for this part's files. */
  readonly folder: string;
  say(line: string): void;
}

/** A statement that a part checks. */
export interface Check {
  readonly what: string;
  readonly holds: boolean;
}

export interface PartResult {
  /** Rows with a header; empty when nothing could be measured. */
  readonly table: readonly (readonly string[])[];
  readonly checks: readonly Check[];
  /** How often, how scattered, under which load; one sentence each. */
  readonly notes: readonly string[];
  /** Why the part, or some of it, is not possible here. */
  readonly impossible: readonly string[];
}

export interface Part {
  readonly name: string;
  readonly title: string;
  run(surroundings: Surroundings): Promise<PartResult>;
}
