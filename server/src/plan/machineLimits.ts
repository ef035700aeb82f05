/** Applies a launch's own CPU limits (taskset, numactl) to the machine. */
import { parseCpuList } from '../core/cpuList.ts';
import type { Launch, LaunchWrapper } from '../core/launchGraph.ts';
import { logicalCapacity, physicalCapacity, type Machine } from '../core/machine.ts';
import type { PlanNumber, Provenance } from '../core/plan.ts';
import { evaluateIn, type EnvironmentState } from './precedence.ts';
import { known, notKnown, reason } from './pools.ts';

export interface LimitedMachine {
  readonly machine: Machine;
  readonly cores: PlanNumber;
  readonly physicalCores: PlanNumber;
  /** Full sentences. */
  readonly unknowns: readonly string[];
}

/** The machine as the launched program sees it, and what it may use at once. */
export function limitMachine(launch: Launch, machine: Machine, environment: EnvironmentState): LimitedMachine {
  let limited = machine;
  let maskKnown = true;
  const unknowns: string[] = [];
  const from: Provenance[] = [];
  for (const wrapper of launch.wrappers) {
    if (wrapper.kind !== 'affinity') continue;
    const cpus = cpusOf(wrapper, limited, environment);
    if (cpus === null) {
      maskKnown = false;
      unknowns.push(`Which CPUs \`${wrapper.text}\` allows is not known.`);
      continue;
    }
    const online = limited.affinity ?? (limited.logicalCores === null ? null : range(limited.logicalCores));
    const allowed = online === null ? cpus : cpus.filter((cpu) => online.includes(cpu));
    if (allowed.length === 0) {
      unknowns.push(`\`${wrapper.text}\` names no CPU of this machine, so the program does not start.`);
      continue;
    }
    limited = { ...limited, affinity: allowed };
    from.unshift({ anchor: wrapper.anchor, text: wrapper.text });
  }
  if (!maskKnown) {
    const why = 'the CPU mask of the launch is not known';
    return { machine: { ...limited, affinity: null, logicalCores: null }, cores: notKnown(why), physicalCores: notKnown(why), unknowns };
  }
  return { machine: limited, cores: capacity(limited, from), physicalCores: physical(limited, from), unknowns };
}

function capacity(machine: Machine, from: readonly Provenance[]): PlanNumber {
  const value = logicalCapacity(machine);
  if (value === null) return notKnown('the number of CPUs of the machine is not known');
  const visible = machine.affinity?.length ?? machine.logicalCores;
  if (machine.cpuQuota !== null && value === machine.cpuQuota && value !== visible) return known(value, reason(`a CPU quota of ${value}`), ...from);
  const unit = value === 1 ? 'logical CPU' : 'logical CPUs';
  return known(value, reason(machine.affinity === null ? `${value} ${unit}` : `${value} ${unit} of the affinity mask`), ...from);
}

function physical(machine: Machine, from: readonly Provenance[]): PlanNumber {
  const value = physicalCapacity(machine);
  if (value === null) return notKnown('the number of physical cores of the machine is not known');
  return known(value, reason(`${value} physical ${value === 1 ? 'core' : 'cores'}`), ...from);
}

function cpusOf(wrapper: LaunchWrapper, machine: Machine, environment: EnvironmentState): readonly number[] | null {
  let text = wrapper.value === null ? null : String(wrapper.value);
  if (text === null && wrapper.given) {
    const { result } = evaluateIn(wrapper.given, { machine, environment, inShell: true });
    text = result.kind === 'known' && result.value !== null ? String(result.value) : null;
  }
  const list = text === null ? null : parseCpuList(text);
  if (list === null || wrapper.unit !== 'node') return list;
  const cpus = list.map((node) => machine.nodes?.[node] ?? null);
  return cpus.some((node) => node === null) ? null : cpus.flatMap((node) => [...(node ?? [])]).sort((a, b) => a - b);
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, cpu) => cpu);
}
