/** CPU lists on the machines that other launchers get wrong. */
import assert from 'node:assert/strict';
import { chooseGrid } from '../../../server/src/bench/gridArms.ts';
import { fastestCores, oneCpuPerCore, oneNode, placeInstances } from '../../../server/src/bench/topology.ts';
import { machineFromJson, type Machine } from '../../../server/src/core/machine.ts';

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** 8 vCPUs of 4 cores with adjacent siblings, as virtual machines of every large cloud have them. */
const ADJACENT = machineFromJson({ os: 'linux', physicalCores: 4, logicalCores: 8, siblings: [[0, 1], [2, 3], [4, 5], [6, 7]], nodes: [range(0, 8)] });
/** Siblings half the machine apart, as on most servers. */
const APART = machineFromJson({ os: 'linux', physicalCores: 4, logicalCores: 8, siblings: range(0, 4).map((cpu) => [cpu, cpu + 4]), nodes: [range(0, 8)] });
/** CPUs 2 and 3 are offline, so that the numbers have a gap; no SMT. */
const GAPS = machineFromJson({ os: 'linux', physicalCores: 4, logicalCores: 4, siblings: [[0], [1], [4], [5]], nodes: [[0, 1, 4, 5]] });
/** Two nodes of six and two cores. */
const LOPSIDED = machineFromJson({ os: 'linux', physicalCores: 8, logicalCores: 8, numaNodes: 2, siblings: range(0, 8).map((cpu) => [cpu]), nodes: [range(0, 6), [6, 7]] });
/** Two fast cores with siblings and four slow ones without. */
const HYBRID = machineFromJson({ os: 'linux', physicalCores: 6, logicalCores: 8, siblings: [[0, 1], [2, 3], [4], [5], [6], [7]], nodes: [range(0, 8)], coreKinds: [{ name: 'P', cpus: [0, 1, 2, 3] }, { name: 'E', cpus: [4, 5, 6, 7] }] });

function lists(machine: Machine, instances: number, threads: number): readonly (readonly number[])[] | null {
  return placeInstances(machine, instances, threads)?.map(({ cpus }) => cpus) ?? null;
}

describe('CPU lists', () => {
  it('takes one CPU of each core where siblings have adjacent numbers', () => {
    assert.deepEqual(oneCpuPerCore(ADJACENT), [0, 2, 4, 6]);
    assert.deepEqual(lists(ADJACENT, 2, 2), [[0, 2], [4, 6]]);
    assert.deepEqual(lists(APART, 2, 2), [[0, 1], [2, 3]]);
  });

  it('gives whole cores with their siblings when there are not enough cores', () => {
    assert.deepEqual(lists(ADJACENT, 2, 4), [[0, 1, 2, 3], [4, 5, 6, 7]]);
    assert.deepEqual(lists(APART, 2, 4), [[0, 1, 4, 5], [2, 3, 6, 7]]);
    assert.deepEqual(lists(APART, 8, 1)?.flat().sort((a, b) => a - b), range(0, 8));
    assert.equal(lists(APART, 3, 3), null);
  });

  it('never names a CPU that is not there', () => {
    assert.deepEqual(lists(GAPS, 2, 2), [[0, 1], [4, 5]]);
    assert.equal(oneCpuPerCore(GAPS), null);
  });

  it('keeps instances within nodes, whatever their sizes', () => {
    assert.deepEqual(placeInstances(LOPSIDED, 4, 2), [{ cpus: [0, 1], node: 0 }, { cpus: [2, 3], node: 0 }, { cpus: [4, 5], node: 0 }, { cpus: [6, 7], node: 1 }]);
    assert.deepEqual(placeInstances(LOPSIDED, 1, 8), [{ cpus: range(0, 8), node: null }]);
    // Three threads fit twice into one node; what is left over in both makes a third.
    assert.deepEqual(placeInstances(LOPSIDED, 2, 3)?.map(({ node }) => node), [0, 0]);
    assert.deepEqual(oneNode(LOPSIDED), range(0, 6));
    assert.equal(oneNode(ADJACENT), null);
  });

  it('spreads instances over equal nodes', () => {
    const two = machineFromJson({ os: 'linux', physicalCores: 8, logicalCores: 8, numaNodes: 2, siblings: range(0, 8).map((cpu) => [cpu]), nodes: [range(0, 4), range(4, 8)] });
    assert.deepEqual(placeInstances(two, 2, 2), [{ cpus: [0, 1], node: 0 }, { cpus: [4, 5], node: 1 }]);
  });

  it('tells fast cores from slow ones', () => {
    assert.deepEqual(fastestCores(HYBRID), [0, 2]);
    assert.deepEqual(lists(HYBRID, 1, 2), [[0, 2]]);
    assert.deepEqual(oneCpuPerCore(HYBRID), [0, 2, 4, 5, 6, 7]);
    assert.equal(fastestCores(APART), null);
  });

  it('stays within the mask it was given', () => {
    const masked: Machine = { ...ADJACENT, affinity: [1, 2, 3] };
    assert.deepEqual(oneCpuPerCore(masked), [1, 2]);
    assert.deepEqual(lists(masked, 2, 1), [[1], [2]]);
    assert.equal(lists(masked, 2, 2), null);
    assert.deepEqual(lists({ ...ADJACENT, affinity: [1] }, 1, 1), [[1]]);
  });

  it('says nothing about a machine whose cores are not known', () => {
    assert.equal(placeInstances(machineFromJson({ logicalCores: 8, physicalCores: 4 }), 2, 2), null);
    assert.equal(oneCpuPerCore(machineFromJson({ logicalCores: 8 })), null);
  });
});

describe('the grid of instances and threads', () => {
  const cells = (machine: Machine, choice = {}): string[] => chooseGrid(machine, { kind: 'environment', names: ['OMP_NUM_THREADS'] }, { threads: null, label: 'default', stated: false }, choice).arms.map(({ label }) => label);

  it('is the diagonal and the ladder', () => {
    assert.deepEqual(cells(APART), ['1 x default', '1 x 1 thread', '4 x 1 thread', '8 x 1 thread', '1 x 2 threads', '2 x 2 threads', '4 x 2 threads', '1 x 4 threads', '2 x 4 threads']);
  });

  it('starts something on two cores, where a launcher divides them by four', () => {
    const two = machineFromJson({ os: 'linux', physicalCores: 2, logicalCores: 2, siblings: [[0], [1]] });
    assert.deepEqual(cells(two), ['1 x default', '1 x 1 thread', '2 x 1 thread', '1 x 2 threads']);
  });

  it('keeps to the quota', () => {
    assert.deepEqual(cells({ ...APART, cpuQuota: 2 }), ['1 x default', '1 x 1 thread', '2 x 1 thread', '1 x 2 threads']);
  });

  it('can be every pair that fits, or what is asked for', () => {
    assert.equal(cells(APART, { exhaustive: true }).length, 1 + range(1, 9).reduce((sum, n) => sum + Math.floor(8 / n), 0));
    assert.deepEqual(cells(APART, { instances: [1, 3], threads: [2, 4] }), ['1 x default', '1 x 2 threads', '3 x 2 threads', '1 x 4 threads']);
  });

  it('binds every instance to CPUs of its own and its memory to their node', () => {
    const { arms } = chooseGrid(LOPSIDED, { kind: 'torchCall' }, { threads: 8, label: 'torch.set_num_threads(8)', stated: true }, { instances: [4], threads: [2] });
    assert.deepEqual(arms[1], { label: '4 x 2 threads', threads: 2, env: {}, torch_num_threads: 2, pin_env: false, reason: 'asked for', instances: 4, cpus: [[0, 1], [2, 3], [4, 5], [6, 7]], memory_nodes: [0, 0, 0, 1] });
  });
});
