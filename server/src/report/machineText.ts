/** A machine for people. */
import { formatCpuList } from '../core/cpuList.ts';
import type { Machine } from '../core/machine.ts';
import { logicalCapacity } from '../core/machine.ts';

/** One line: `Intel Xeon …: 8 cores, 16 CPUs, quota of 4 CPUs`. */
export function machineLine(machine: Machine): string {
  const parts: string[] = [];
  if (machine.physicalCores !== null) parts.push(count(machine.physicalCores, 'core'));
  if (machine.logicalCores !== null) parts.push(count(machine.logicalCores, 'CPU'));
  if (machine.sockets !== null && machine.sockets > 1) parts.push(`${machine.sockets} sockets`);
  if (machine.numaNodes !== null && machine.numaNodes > 1) parts.push(`${machine.numaNodes} NUMA nodes`);
  if (machine.affinity !== null) parts.push(`bound to CPUs ${formatCpuList(machine.affinity)}`);
  if (machine.cpuQuota !== null) parts.push(`quota of ${count(machine.cpuQuota, 'CPU')}`);
  const system = [machine.os, machine.arch].filter((part) => part !== null).join(' ');
  const name = [machine.model, system].filter((part) => part !== null && part !== '').join(', ');
  return `${name === '' ? 'unknown machine' : name}${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`;
}

/** One fact per line; what is not known says so. */
export function machineText(machine: Machine): string {
  const rows: [string, string][] = [
    ['processor', machine.model ?? 'not known'],
    ['system', [machine.os, machine.arch].filter((part) => part !== null).join(' ') || 'not known'],
    ['sockets', number(machine.sockets)],
    ['physical cores', number(machine.physicalCores)],
    ['logical CPUs', number(machine.logicalCores)],
    ['SMT', machine.physicalCores === null || machine.logicalCores === null ? 'not known' : machine.logicalCores > machine.physicalCores ? `${machine.logicalCores / machine.physicalCores} CPUs per core` : 'off'],
    ['NUMA nodes', machine.nodes && machine.nodes.length > 1 ? machine.nodes.map((cpus, node) => `${node}: CPUs ${formatCpuList(cpus)}`).join('; ') : number(machine.numaNodes)],
    ['core kinds', machine.coreKinds === null ? 'one, or not known' : machine.coreKinds.map(({ name, cpus }) => `${name}: CPUs ${formatCpuList(cpus)}`).join('; ')],
    ['affinity', machine.affinity === null ? 'every CPU' : `CPUs ${formatCpuList(machine.affinity)}`],
    ['CPU quota', machine.cpuQuota === null ? 'none' : count(machine.cpuQuota, 'CPU')],
    ['usable CPUs', number(logicalCapacity(machine))],
  ];
  return rows.map(([name, value]) => `${name.padEnd(15)} ${value}\n`).join('');
}

function number(value: number | null): string {
  return value === null ? 'not known' : String(value);
}

function count(n: number, unit: string): string {
  return `${n} ${unit}${n === 1 ? '' : 's'}`;
}
