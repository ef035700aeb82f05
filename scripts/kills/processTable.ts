/** Which processes belong to which run: by descent while it runs, by a variable in their environment whenever one looks. */
import { readdirSync, readFileSync } from 'node:fs';

/** The variable that everything a run starts inherits; not one of those that a launch is kept from inheriting. */
export const MARK = 'KILLS_MARK';

export interface Process {
  readonly pid: number;
  readonly parent: number;
  /** Clock ticks since the start of the machine; with the id it names a process for good. */
  readonly started: number;
  readonly zombie: boolean;
  readonly command: string;
}

/** Every process there is now. */
export function processes(): readonly Process[] {
  const found: Process[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const process = processOf(Number(name));
    if (process) found.push(process);
  }
  return found;
}

/** One process; null when it is gone. */
export function processOf(pid: number): Process | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
    return { pid, parent: Number(fields[1]), started: Number(fields[19]), zombie: fields[0] === 'Z' || fields[0] === 'X', command };
  } catch {
    return null;
  }
}

/** True while this very process runs. */
export function lives({ pid, started }: Process): boolean {
  const now = processOf(pid);
  return now !== null && now.started === started && !now.zombie;
}

/** Processes alive that carry a mark. */
export function marked(mark: string): readonly Process[] {
  const wanted = `${MARK}=${mark}`;
  return processes().filter(({ pid, zombie }) => {
    if (zombie) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(wanted);
    } catch {
      return false;
    }
  });
}

/** Follows the trees of running runs: who was once seen below a root stays a member, even as an orphan. */
export class Families {
  readonly #members = new Map<number, Map<number, Process>>();

  /** Looks once at every process and adds the new members of each family. */
  look(): void {
    const all = processes();
    for (const members of this.#members.values()) {
      for (let found = true; found; ) {
        found = false;
        for (const process of all) {
          if (members.has(process.pid) || !members.has(process.parent)) continue;
          members.set(process.pid, process);
          found = true;
        }
      }
    }
  }

  add(root: number): void {
    const process = processOf(root);
    this.#members.set(root, new Map(process ? [[root, process]] : []));
  }

  /** Members ever seen below a root, the root included. */
  of(root: number): readonly Process[] {
    return [...(this.#members.get(root)?.values() ?? [])];
  }

  remove(root: number): void {
    this.#members.delete(root);
  }
}
