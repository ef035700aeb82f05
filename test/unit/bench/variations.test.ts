/** Which further settings are proposed for which program and machine. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BenchHost } from '../../../server/src/bench/request.ts';
import type { BenchOptions } from '../../../server/src/bench/request.ts';
import { machineFromJson } from '../../../server/src/core/machine.ts';
import { findAllocators, openMpOf, switchesOf } from '../../../server/src/host/node/benchSurroundings.ts';
import { prepared } from './launches.ts';

const SMT = machineFromJson({ os: 'linux', arch: 'x86_64', physicalCores: 4, logicalCores: 8, siblings: [[0, 1], [2, 3], [4, 5], [6, 7]], nodes: [[0, 1, 2, 3, 4, 5, 6, 7]] });
const TORCH = { 'a.py': 'import torch\nx = torch.ones(8, 8) @ torch.ones(8, 8)\n' };

function proposals(files: Readonly<Record<string, string>>, host: Partial<BenchHost> = {}, options: Partial<BenchOptions> = {}): string[] {
  const { preview } = prepared(files, null, { vary: 'all', ...options }, { machine: SMT, openMpOf: () => 'libgomp', ...host });
  assert.equal(preview.refusal, null);
  return preview.variations.map(({ factor, label }) => `${factor}: ${label}`);
}

describe('proposed further settings', () => {
  it('are those that act on PyTorch with libgomp', () => {
    assert.deepEqual(proposals(TORCH, { allocators: () => new Map([['jemalloc', '/usr/lib/libjemalloc.so.2']]), switchesOf: () => ['--channels-last', '--quiet'] }), [
      'wait-policy: OMP_WAIT_POLICY=passive',
      'wait-policy: GOMP_SPINCOUNT=1000',
      'wait-policy: OMP_WAIT_POLICY=active',
      'binding: OMP_PROC_BIND=close OMP_PLACES=cores',
      'binding: OMP_PROC_BIND=spread OMP_PLACES=cores',
      'binding: GOMP_CPU_AFFINITY=0,2,4,6',
      'binding: on CPUs 0,2,4,6',
      'allocator: jemalloc (LD_PRELOAD)',
      'inter-op: torch.set_num_interop_threads(1)',
      'denormals: torch.set_flush_denormal(True)',
      'primitive-cache: ONEDNN_PRIMITIVE_CACHE_CAPACITY=4096',
      'channels-last: --channels-last',
    ]);
  });

  it('leave KMP variables to libiomp5 and GOMP variables to libgomp', () => {
    const withIntel = proposals(TORCH, { openMpOf: () => 'libiomp5' });
    assert.ok(withIntel.includes('wait-policy: KMP_BLOCKTIME=0') && withIntel.includes('binding: KMP_AFFINITY=granularity=fine,compact,1,0'));
    assert.ok(!withIntel.some((text) => text.includes('GOMP_') || text.includes('OMP_WAIT_POLICY')));
    assert.ok(!proposals(TORCH).some((text) => text.includes('KMP_')));
    assert.ok(!proposals(TORCH, { openMpOf: () => null }).some((text) => /KMP_|GOMP_/.test(text)));
  });

  it('bind nothing through OpenMP where a second runtime is preloaded', () => {
    const preloaded = proposals(TORCH, { environment: { PATH: '/usr/bin', LD_PRELOAD: '/opt/libiomp5.so' } });
    assert.deepEqual(preloaded.filter((text) => text.startsWith('binding')), ['binding: on CPUs 0,2,4,6']);
    assert.ok(preloaded.includes('wait-policy: KMP_BLOCKTIME=0'));
  });

  it('leave out what the platform has not', () => {
    const mac = machineFromJson({ os: 'darwin', arch: 'aarch64', physicalCores: 8, logicalCores: 8 });
    assert.ok(!proposals(TORCH, { machine: mac, allocators: () => new Map([['jemalloc', '/x']]) }).some((text) => /^(?:binding|allocator|primitive-cache)/.test(text)));
    const oneCore = machineFromJson({ os: 'linux', arch: 'x86_64', physicalCores: 1, logicalCores: 2, siblings: [[0, 1]] });
    assert.ok(!proposals(TORCH, { machine: oneCore }).some((text) => text.startsWith('binding')));
    assert.ok(!proposals(TORCH, { probeDirectory: null }).some((text) => /^(?:inter-op|denormals)/.test(text)));
  });

  it('leave out what the program does not use, and what is so already', () => {
    assert.deepEqual(proposals({ 'run.sh': 'python a.py\n', 'a.py': 'print(1)\n' }).filter((text) => !text.startsWith('binding: on CPUs')), []);
    const passive = proposals(TORCH, { environment: { PATH: '/usr/bin', OMP_WAIT_POLICY: 'passive' } });
    assert.ok(!passive.includes('wait-policy: OMP_WAIT_POLICY=passive'));
    const { request } = prepared(TORCH, null, { vary: ['wait-policy'] }, { machine: SMT, openMpOf: () => 'libgomp', environment: { PATH: '/usr/bin', OMP_WAIT_POLICY: 'passive' } });
    assert.deepEqual(request?.variations?.map(({ env }) => env), [{ OMP_WAIT_POLICY: null, GOMP_SPINCOUNT: '1000' }, { OMP_WAIT_POLICY: 'active' }]);
  });

  it('are tried when they matter often, or when asked for', () => {
    const tried = (vary: BenchOptions['vary']): string[] => [...new Set(prepared(TORCH, null, { vary }, { machine: SMT, openMpOf: () => 'libgomp' }).request?.variations?.map(({ factor }) => factor) ?? [])];
    assert.deepEqual(tried('auto'), ['wait-policy', 'binding']);
    assert.deepEqual(tried('none'), []);
    assert.deepEqual(tried(['denormals']), ['denormals']);
  });

  it('cost time, which is told', () => {
    const plain = prepared(TORCH, null, { vary: 'none', lastTrialSeconds: 2 }, { machine: SMT }).preview.estimate;
    const varied = prepared(TORCH, null, { vary: 'all', lastTrialSeconds: 2 }, { machine: SMT, openMpOf: () => 'libgomp' }).preview.estimate;
    assert.ok(plain.seconds !== null && varied.seconds !== null && varied.seconds > plain.seconds, JSON.stringify([plain, varied]));
    assert.equal(plain.seconds, plain.usualTrials * 2);
    assert.match(plain.sentence, /At 2 seconds a run, as the last time, that takes about \d+ \w+\./);
    assert.equal(prepared(TORCH, null, {}, { machine: SMT }).preview.estimate.seconds, null);
  });
});

describe('what is installed', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'threadgauge-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));
  const touch = (file: string): void => {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), file.endsWith('.conf') ? '# a comment\n/opt/tools/lib\n' : '');
  };

  it('names allocators by the file that the loader would take', () => {
    for (const file of ['usr/lib/x86_64-linux-gnu/libjemalloc.so', 'usr/lib/x86_64-linux-gnu/libjemalloc.so.2', 'usr/lib/i386-linux-gnu/libtcmalloc_minimal.so.4', 'etc/ld.so.conf.d/tools.conf', 'opt/tools/lib/libtcmalloc.so.4']) touch(file);
    assert.deepEqual([...findAllocators('x86_64', [], root)], [
      ['jemalloc', '/usr/lib/x86_64-linux-gnu/libjemalloc.so.2'],
      ['tcmalloc (full)', '/opt/tools/lib/libtcmalloc.so.4'],
    ]);
    assert.equal(findAllocators('aarch64', [], root).has('jemalloc'), false);
  });

  it('tells the OpenMP runtime of a Python by the files of its torch', () => {
    touch('venv/lib/python3.12/site-packages/torch/lib/libgomp-a34b3233.so.1');
    assert.equal(openMpOf(path.join(root, 'venv/bin/python')), 'libgomp');
    assert.equal(openMpOf(path.join(root, 'other/bin/python')), null);
  });

  it('reads the switches of a script', () => {
    assert.deepEqual(switchesOf('p.add_argument("--n", type=int)\np.add_argument("-c", "--channels-last", action="store_true", help="x")\n'), ['-c', '--channels-last']);
  });
});
