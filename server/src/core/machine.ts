/** The machine a plan is computed for: always an input, never looked up. */

/** A kind of core on hybrid processors, fastest first. */
export interface CoreKind {
  /** e.g. `P` and `E`. */
  readonly name: string;
  /** Logical CPU ids of this kind. */
  readonly cpus: readonly number[];
}

/**
 * What is known of a machine. `null` means not known; nothing is guessed, except
 * that physical and logical cores default to one another when only one is given.
 */
export interface Machine {
  readonly os: 'linux' | 'darwin' | 'win32' | null;
  /** `x86_64` or `aarch64`, as the runner prints it. */
  readonly arch: string | null;
  readonly sockets: number | null;
  readonly physicalCores: number | null;
  /** Logical CPUs online. */
  readonly logicalCores: number | null;
  readonly numaNodes: number | null;
  /** CFS quota in CPUs (quota/period, may be fractional); `null` = none or not known. */
  readonly cpuQuota: number | null;
  /** Logical CPU ids the process may use; `null` = all or not known. */
  readonly affinity: readonly number[] | null;
  /** SMT siblings: one list of logical CPU ids per physical core. */
  readonly siblings: readonly (readonly number[])[] | null;
  /** Logical CPU ids per NUMA node. */
  readonly nodes: readonly (readonly number[])[] | null;
  readonly coreKinds: readonly CoreKind[] | null;
  /** Processor name, for reports. */
  readonly model: string | null;
}

/** A machine of which nothing is known. */
export const UNKNOWN_MACHINE: Machine = {
  os: null,
  arch: null,
  sockets: null,
  physicalCores: null,
  logicalCores: null,
  numaNodes: null,
  cpuQuota: null,
  affinity: null,
  siblings: null,
  nodes: null,
  coreKinds: null,
  model: null,
};

/** CPUs a process may run on at once: min(affinity, quota), in logical CPUs; `null` when not known. May be fractional under a quota. */
export function logicalCapacity(machine: Machine): number | null {
  const visible = machine.affinity?.length ?? machine.logicalCores;
  if (visible === null) return machine.cpuQuota;
  return machine.cpuQuota === null ? visible : Math.min(visible, machine.cpuQuota);
}

/** Physical cores within the affinity mask, capped by the quota; `null` when not known. */
export function physicalCapacity(machine: Machine): number | null {
  const cores = physicalCoresInMask(machine);
  if (cores === null) return machine.cpuQuota;
  return machine.cpuQuota === null ? cores : Math.min(cores, machine.cpuQuota);
}

/** Physical cores with at least one CPU in the affinity mask; `null` when not known. */
export function physicalCoresInMask(machine: Machine): number | null {
  if (machine.affinity === null) return machine.physicalCores;
  const mask = new Set(machine.affinity);
  if (machine.siblings) return machine.siblings.filter((core) => core.some((cpu) => mask.has(cpu))).length;
  if (machine.physicalCores !== null && machine.physicalCores === machine.logicalCores) return mask.size;
  return null;
}

/** A machine description that does not fit the format; `message` says what to change. */
export class MachineFormatError extends Error {}

/** Checks a parsed JSON value (`threadgauge machine --format json`, a machine file, a setting). Throws MachineFormatError. */
export function machineFromJson(json: unknown): Machine {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new MachineFormatError('a machine must be a JSON object such as {"logicalCores": 32}');
  const input = json as Record<string, unknown>;
  for (const key of Object.keys(input)) {
    if (!(key in UNKNOWN_MACHINE)) throw new MachineFormatError(`unknown machine field "${key}"; known fields: ${Object.keys(UNKNOWN_MACHINE).join(', ')}`);
  }
  const logical = count(input, 'logicalCores');
  const physical = count(input, 'physicalCores');
  if (logical !== null && physical !== null && physical > logical) throw new MachineFormatError(`physicalCores (${physical}) cannot exceed logicalCores (${logical})`);
  const os = text(input, 'os');
  if (os !== null && os !== 'linux' && os !== 'darwin' && os !== 'win32') throw new MachineFormatError(`os must be "linux", "darwin" or "win32", not "${os}"`);
  const quota = input['cpuQuota'] ?? null;
  if (quota !== null && (typeof quota !== 'number' || !(quota > 0) || !Number.isFinite(quota))) throw new MachineFormatError('cpuQuota must be a number of CPUs above 0, such as 2.5, or null');
  return {
    os,
    arch: text(input, 'arch'),
    sockets: count(input, 'sockets'),
    physicalCores: physical ?? logical,
    logicalCores: logical ?? physical,
    numaNodes: count(input, 'numaNodes'),
    cpuQuota: quota,
    affinity: input['affinity'] == null ? null : cpuIds(input['affinity'], 'affinity'),
    siblings: idLists(input, 'siblings'),
    nodes: idLists(input, 'nodes'),
    coreKinds: coreKinds(input),
    model: text(input, 'model'),
  };
}

function count(input: Record<string, unknown>, key: string): number | null {
  const value = input[key] ?? null;
  if (value === null) return null;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) throw new MachineFormatError(`${key} must be a whole number of at least 1, or null`);
  return value;
}

function text(input: Record<string, unknown>, key: string): string | null {
  const value = input[key] ?? null;
  if (value !== null && typeof value !== 'string') throw new MachineFormatError(`${key} must be a string or null`);
  return value;
}

function cpuIds(value: unknown, key: string): readonly number[] {
  const ok = Array.isArray(value) && value.length > 0 && value.every((id) => typeof id === 'number' && Number.isInteger(id) && id >= 0);
  if (!ok) throw new MachineFormatError(`${key} must be a list of CPU numbers such as [0, 1, 2, 3], or null`);
  return value as number[];
}

function idLists(input: Record<string, unknown>, key: string): readonly (readonly number[])[] | null {
  const value = input[key] ?? null;
  if (value === null) return null;
  if (!Array.isArray(value)) throw new MachineFormatError(`${key} must be a list of lists of CPU numbers, or null`);
  return value.map((part) => cpuIds(part, key));
}

function coreKinds(input: Record<string, unknown>): readonly CoreKind[] | null {
  const value = input['coreKinds'] ?? null;
  if (value === null) return null;
  const ok = Array.isArray(value) && value.every((kind) => typeof kind === 'object' && kind !== null && typeof kind.name === 'string');
  if (!ok) throw new MachineFormatError('coreKinds must be a list such as [{"name": "P", "cpus": [0, 1]}], or null');
  return (value as CoreKind[]).map((kind) => ({ name: kind.name, cpus: cpuIds(kind.cpus, 'coreKinds.cpus') }));
}
