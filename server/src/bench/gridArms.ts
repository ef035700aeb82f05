/** Which pairs of instances and threads a grid starts with: as many instances as fill the machine for each count, and one alone. */
import type { Machine } from '../core/machine.ts';
import { logicalCapacity, physicalCapacity } from '../core/machine.ts';
import { anchorCounts, armFor, type ArmChoice, type CurrentSetting, type Mechanism } from './arms.ts';
import type { Arm } from './protocol.generated.ts';
import { placeInstances, smallestNodeCores } from './topology.ts';

export interface GridChoice {
  /** Thread counts to try instead of those chosen from the machine. */
  readonly threads?: readonly number[];
  /** Numbers of instances to try instead of as many as fill the machine. */
  readonly instances?: readonly number[];
  /** Every pair that fits. */
  readonly exhaustive?: boolean;
}

/** The largest grid that is built: more pairs than anybody waits for. */
const LARGEST = 2000;

/** The arms of a grid; the first is what is in force today, alone and unbound. */
export function chooseGrid(machine: Machine, mechanism: Mechanism, current: CurrentSetting, choice: GridChoice): ArmChoice {
  const cells = gridCells(machine, choice);
  const today: Arm = { label: `1 x ${current.label}`, threads: current.threads, env: {}, torch_num_threads: null, pin_env: false, reason: 'in force today', instances: 1 };
  return { arms: [today, ...[...cells.values()].map(({ instances, threads, reason }) => gridArm(machine, mechanism, instances, threads, reason))], current: 0 };
}

interface Cell {
  readonly instances: number;
  readonly threads: number;
  readonly reason: string;
}

function gridCells(machine: Machine, { threads, instances, exhaustive }: GridChoice): ReadonlyMap<string, Cell> {
  const logical = Math.max(1, Math.floor(logicalCapacity(machine) ?? 1));
  const cores = Math.max(1, Math.min(logical, Math.floor(physicalCapacity(machine) ?? logical)));
  const node = smallestNodeCores(machine) ?? cores;
  const cells = new Map<string, Cell>();
  const add = (m: number, n: number, reason: string): void => {
    if (m >= 1 && n >= 1 && m * n <= logical && cells.size < LARGEST && !cells.has(`${m} ${n}`)) cells.set(`${m} ${n}`, { instances: m, threads: n, reason });
  };
  const counts = threads ?? (exhaustive ? Array.from({ length: logical }, (_, i) => i + 1) : [...anchorCounts(machine).keys()].filter((n) => n <= cores));
  for (const n of [...new Set(counts)].sort((a, b) => a - b)) {
    if (instances) {
      for (const m of [...new Set(instances)].sort((a, b) => a - b)) add(m, n, 'asked for');
    } else if (exhaustive) {
      for (let m = 1; m * n <= logical; m++) add(m, n, 'every pair');
    } else {
      add(1, n, 'one instance: the shortest time');
      add(Math.floor(cores / n), n, 'fills the physical cores');
      if (n <= node) add(Math.floor(logical / n), n, 'fills the logical CPUs');
    }
  }
  return cells;
}

/** The arm for some instances of some threads, each bound to CPUs of its own where they are known. */
export function gridArm(machine: Machine, mechanism: Mechanism, instances: number, threads: number, reason: string): Arm {
  const placements = machine.os === 'linux' ? placeInstances(machine, instances, threads) : null;
  const nodes = placements?.map(({ node }) => node) ?? [];
  const bound = nodes.every((node): node is number => node !== null) ? nodes : [];
  return {
    ...armFor(threads, mechanism, reason),
    label: `${instances} x ${threads} thread${threads === 1 ? '' : 's'}`,
    instances,
    cpus: placements?.map(({ cpus }) => [...cpus]) ?? [],
    memory_nodes: bound,
  };
}
