/** Which settings a benchmark compares: chosen from the machine, applied where they work for the launch. */
import type { Machine } from '../core/machine.ts';
import { logicalCapacity, physicalCapacity } from '../core/machine.ts';
import type { Arm } from './protocol.generated.ts';

/** How a thread count reaches the program. */
export type Mechanism =
  /** Through the environment; the first name decides, the others would override it. `pinned`: the script writes them too and must not win. */
  | { readonly kind: 'environment'; readonly names: readonly [string, ...string[]]; readonly pinned?: boolean }
  /** The script's own `torch.set_num_threads` decides. */
  | { readonly kind: 'torchCall' }
  /** The options of ONNX Runtime's sessions in Node.js. */
  | { readonly kind: 'ortSessions' };

/** What is in force today. */
export interface CurrentSetting {
  /** Threads; null when not known. */
  readonly threads: number | null;
  /** `OMP_NUM_THREADS=1`, `default`. */
  readonly label: string;
  /** True when the mechanism is at work today and says exactly `threads`, so that stating it changes nothing. */
  readonly stated: boolean;
}

export interface ArmChoice {
  readonly arms: readonly Arm[];
  /** Index of the setting in force. */
  readonly current: number;
}

/** The arm for one count. */
export function armFor(threads: number, mechanism: Mechanism, reason: string): Arm {
  if (mechanism.kind === 'ortSessions') return { label: `intraOpNumThreads=${threads}`, threads, env: {}, torch_num_threads: null, ort_intra_op_threads: threads, pin_env: false, reason };
  if (mechanism.kind === 'torchCall') return { label: `torch.set_num_threads(${threads})`, threads, env: {}, torch_num_threads: threads, pin_env: false, reason };
  return { label: `${mechanism.names[0]}=${threads}`, threads, env: Object.fromEntries(mechanism.names.map((name) => [name, String(threads)])), torch_num_threads: null, pin_env: mechanism.pinned ?? false, reason };
}

/** Counts worth trying on a machine, smallest first, each with its reason. */
export function anchorCounts(machine: Machine): ReadonlyMap<number, string> {
  const counts = new Map<number, string>();
  const add = (count: number | null, reason: string): void => {
    if (count !== null && count >= 1 && Number.isInteger(count)) counts.set(count, counts.has(count) ? `${counts.get(count)}, ${reason}` : reason);
  };
  const capacity = logicalCapacity(machine);
  const usable = capacity === null ? null : Math.max(1, Math.ceil(capacity));
  for (let n = 1; n <= (usable ?? 8); n *= 2) add(n, n === 1 ? 'no parallelism' : 'power of two');
  const physical = physicalCapacity(machine);
  add(physical === null ? null : Math.max(1, Math.floor(physical)), 'physical cores');
  add(physical === null || physical < 2 ? null : Math.floor(physical / 2), 'half the physical cores');
  add(usable, 'logical CPUs');
  if (machine.cpuQuota !== null) {
    add(Math.max(1, Math.floor(machine.cpuQuota)), 'CPU quota');
    add(Math.ceil(machine.cpuQuota), 'CPU quota, rounded up');
  }
  const node = smallestNode(machine);
  if (node !== null && usable !== null && node < usable) add(node, 'cores of one NUMA node');
  const fastest = machine.coreKinds?.[0];
  if (fastest && usable !== null && fastest.cpus.length < usable) add(coresAmong(fastest.cpus, machine), `${fastest.name} cores`);
  return new Map([...counts].filter(([n]) => usable === null || n <= usable).sort(([a], [b]) => a - b));
}

/** The arms of a search: the setting in force unchanged, and every other count once. */
export function chooseArms(machine: Machine, mechanism: Mechanism, current: CurrentSetting, only?: readonly number[]): ArmChoice {
  const counts = only === undefined ? anchorCounts(machine) : new Map([...new Set(only)].sort((a, b) => a - b).map((n) => [n, 'asked for']));
  // No change at all: what runs today, whatever decides it.
  const unchanged: Arm = { label: current.label, threads: current.threads, env: {}, torch_num_threads: null, pin_env: false, reason: 'in force today' };
  const inForce = current.stated && current.threads !== null ? { ...armFor(current.threads, mechanism, 'in force today'), label: current.label } : unchanged;
  const arms = [...counts].filter(([n]) => n !== current.threads).map(([n, reason]) => armFor(n, mechanism, reason));
  const at = arms.findIndex((arm) => current.threads !== null && (arm.threads ?? 0) > current.threads);
  const index = at < 0 ? arms.length : at;
  arms.splice(index, 0, inForce);
  return { arms, current: index };
}

function smallestNode(machine: Machine): number | null {
  if (machine.nodes && machine.nodes.length > 1) return Math.min(...machine.nodes.map((cpus) => coresAmong(cpus, machine)));
  if (machine.numaNodes !== null && machine.numaNodes > 1 && machine.physicalCores !== null) return Math.floor(machine.physicalCores / machine.numaNodes);
  return null;
}

function coresAmong(cpus: readonly number[], machine: Machine): number {
  if (!machine.siblings) return cpus.length;
  const set = new Set(cpus);
  return machine.siblings.filter((core) => core.some((cpu) => set.has(cpu))).length;
}
