/** Which CPUs threads and instances are bound to: physical cores, SMT siblings, NUMA nodes and kinds of cores, within the mask that is in force. */
import type { Machine } from '../core/machine.ts';

/** A physical core: its usable CPUs, and the place of its NUMA node in the machine's list. */
interface Core {
  readonly cpus: readonly number[];
  readonly node: number;
  /** 0 for the fastest kind. */
  readonly kind: number;
}

/** Where one instance runs. */
export interface Placement {
  readonly cpus: readonly number[];
  /** Place of the NUMA node that holds all of them; null when they are on several, or there is one node. */
  readonly node: number | null;
}

/** The cores that may be used, fastest kind first within each node; null when the machine does not tell which CPUs share a core. */
export function usableCores(machine: Machine): readonly Core[] | null {
  const groups = machine.siblings ?? (machine.physicalCores !== null && machine.physicalCores === machine.logicalCores ? allowedCpus(machine)?.map((cpu) => [cpu]) : null);
  if (!groups) return null;
  const mask = machine.affinity === null ? null : new Set(machine.affinity);
  const nodeOf = new Map((machine.nodes ?? []).flatMap((cpus, node) => cpus.map((cpu) => [cpu, node] as const)));
  const kindOf = new Map((machine.coreKinds ?? []).flatMap(({ cpus }, kind) => cpus.map((cpu) => [cpu, kind] as const)));
  const cores: Core[] = [];
  for (const group of groups) {
    const cpus = group.filter((cpu) => mask === null || mask.has(cpu)).sort((a, b) => a - b);
    const [first] = cpus;
    if (first !== undefined) cores.push({ cpus, node: nodeOf.get(first) ?? 0, kind: kindOf.get(first) ?? 0 });
  }
  return cores.sort((a, b) => a.node - b.node || a.kind - b.kind || (a.cpus[0] ?? 0) - (b.cpus[0] ?? 0));
}

/** Every CPU that may be used; null when their numbers are not known. */
function allowedCpus(machine: Machine): readonly number[] | null {
  return machine.affinity ?? machine.nodes?.flat() ?? null;
}

/** One CPU of each physical core; null when that is no restriction, or not known. */
export function oneCpuPerCore(machine: Machine): readonly number[] | null {
  const cores = usableCores(machine);
  if (!cores || cores.length < 2 || cores.every(({ cpus }) => cpus.length < 2)) return null;
  return cores.flatMap(({ cpus }) => cpus.slice(0, 1)).sort((a, b) => a - b);
}

/** One CPU of each core of the NUMA node with the most usable cores; null with a single node. */
export function oneNode(machine: Machine): readonly number[] | null {
  const cores = usableCores(machine);
  if (!cores) return null;
  const nodes = byNode(cores);
  const largest = [...nodes.values()].reduce<readonly Core[]>((best, node) => (node.length > best.length ? node : best), []);
  return nodes.size < 2 || largest.length < 2 ? null : largest.flatMap(({ cpus }) => cpus.slice(0, 1)).sort((a, b) => a - b);
}

/** One CPU of each core of the fastest kind; null when all are of one kind. */
export function fastestCores(machine: Machine): readonly number[] | null {
  const cores = usableCores(machine);
  if (!cores || new Set(cores.map(({ kind }) => kind)).size < 2) return null;
  const fastest = Math.min(...cores.map(({ kind }) => kind));
  return cores.filter(({ kind }) => kind === fastest).flatMap(({ cpus }) => cpus.slice(0, 1)).sort((a, b) => a - b);
}

/** Cores of the smallest NUMA node that may be used; null with a single node. */
export function smallestNodeCores(machine: Machine): number | null {
  const cores = usableCores(machine);
  const nodes = cores && byNode(cores);
  return !nodes || nodes.size < 2 ? null : Math.min(...[...nodes.values()].map((node) => node.length));
}

/**
 * Distinct CPUs for `instances` times `threads`, no two instances on the same CPU: one CPU of each core as long as cores last,
 * whole cores with their siblings beyond that. An instance stays within one node where it fits. Null when there are not enough, or they are not known.
 */
export function placeInstances(machine: Machine, instances: number, threads: number): readonly Placement[] | null {
  const cores = usableCores(machine);
  if (!cores || instances < 1 || threads < 1) return null;
  const alone = instances * threads <= cores.length;
  const severalNodes = byNode(cores).size > 1;
  const free = new Map([...byNode(cores)].map(([node, own]) => [node, own.flatMap(({ cpus }) => (alone ? cpus.slice(0, 1) : cpus))]));
  const placements: Placement[] = [];
  for (let instance = 0; instance < instances; instance++) {
    // The node with the most room left, so that instances are spread evenly; the first of equals.
    const [node, room] = [...free].reduce<readonly [number, readonly number[]]>((best, entry) => (entry[1].length > best[1].length ? entry : best), [-1, []]);
    if (room.length >= threads) {
      placements.push({ cpus: [...room.slice(0, threads)].sort((a, b) => a - b), node: severalNodes ? node : null });
      free.set(node, room.slice(threads));
      continue;
    }
    // What is left in several nodes together.
    const rest = [...free].flatMap(([from, cpus]) => cpus.map((cpu) => ({ from, cpu })));
    if (rest.length < threads) return null;
    const taken = rest.slice(0, threads);
    for (const { from, cpu } of taken) free.set(from, (free.get(from) ?? []).filter((other) => other !== cpu));
    placements.push({ cpus: taken.map(({ cpu }) => cpu).sort((a, b) => a - b), node: null });
  }
  return placements;
}

function byNode(cores: readonly Core[]): ReadonlyMap<number, readonly Core[]> {
  const nodes = new Map<number, Core[]>();
  for (const core of cores) nodes.set(core.node, [...(nodes.get(core.node) ?? []), core]);
  return nodes;
}
