/** Settings of GNU libgomp, the OpenMP runtime in pip's PyTorch on Linux. */
import { parseCpuList } from '../core/cpuList.ts';
import { knob } from './knob.ts';
import { modulesLoading } from './modules.ts';

const READERS = modulesLoading('libgomp');
const GCC = 'https://gcc.gnu.org/onlinedocs/libgomp/Environment-Variables.html';

export const LIBGOMP = [
  knob({
    id: 'libgomp.cpu-affinity',
    library: 'libgomp',
    role: 'binding',
    env: ['GOMP_CPU_AFFINITY'],
    value: {
      description: 'CPU numbers, ranges and strides separated by blanks or commas: `0-3`, `0 2 4`, `0-14:2`',
      parse: (text) => (text.trim() !== '' && parseCpuList(text) ? { ok: true, number: null } : { ok: false, consequence: 'libgomp prints "Invalid value for environment variable GOMP_CPU_AFFINITY" and does not bind' }),
      examples: ['0-3', '0-14:2'],
    },
    readAt: 'load',
    readByModules: READERS,
    summary: 'CPUs that OpenMP threads are bound to, in turn. It does not change the number of threads: a short list stacks several threads on one CPU.',
    defaultValue: 'Not set: no binding.',
    precedence: 'Ignored when `OMP_PLACES` is set. A CPU the machine does not have ends the first parallel region with "libgomp: Thread creation failed: Invalid argument".',
    sources: [GCC, 'measured: 8 threads on GOMP_CPU_AFFINITY=0-3 run two to a CPU; torch 2.13'],
  }),
  knob({
    id: 'libgomp.spincount',
    library: 'libgomp',
    role: 'waiting',
    env: ['GOMP_SPINCOUNT'],
    value: {
      description: 'a number of loop iterations with an optional suffix k, M, G or T, or `INFINITE`',
      parse: (text) => (/^\s*(?:\d+\s*[kmgt]?|infinite|infinity)\s*$/i.test(text) ? { ok: true, number: null } : { ok: false, consequence: 'libgomp prints "Invalid value for environment variable GOMP_SPINCOUNT" and keeps its default' }),
      examples: ['0', '300000', 'INFINITE'],
    },
    readAt: 'load',
    readByModules: READERS,
    summary: 'How long an idle thread spins before it sleeps.',
    defaultValue: '300000 (about 3 ms); 30 billion with `OMP_WAIT_POLICY=ACTIVE`; 0 with `PASSIVE`; 100 or 1000 when this process alone has more threads than CPUs.',
    precedence: 'Wins over `OMP_WAIT_POLICY`.',
    sources: [GCC, 'https://github.com/gcc-mirror/gcc/blob/master/libgomp/env.c'],
  }),
  knob({
    id: 'libgomp.stacksize',
    library: 'libgomp',
    role: 'other',
    env: ['GOMP_STACKSIZE'],
    value: { description: 'a size in KiB', parse: (text) => (/^\s*\d+\s*[bkmg]?\s*$/i.test(text) ? { ok: true, number: null } : { ok: false, consequence: 'libgomp prints "Invalid value" and keeps its default' }), examples: ['4096'] },
    readAt: 'load',
    readByModules: READERS,
    summary: 'Stack size of worker threads; `OMP_STACKSIZE` is the portable name.',
    defaultValue: 'The system\'s thread stack size.',
    precedence: '`OMP_STACKSIZE` wins.',
    sources: [GCC],
  }),
  knob({
    id: 'libgomp.debug',
    library: 'libgomp',
    role: 'other',
    env: ['GOMP_DEBUG'],
    value: { description: '`0` or `1`', parse: () => ({ ok: true, number: null }), examples: ['0', '1'] },
    readAt: 'load',
    readByModules: READERS,
    summary: 'Debug output of offloading.',
    defaultValue: '0.',
    sources: [GCC],
  }),
  knob({
    id: 'libgomp.rtems-thread-pools',
    library: 'libgomp',
    role: 'other',
    env: ['GOMP_RTEMS_THREAD_POOLS'],
    value: { description: 'RTEMS only', parse: () => ({ ok: true, number: null }), examples: [] },
    readAt: 'load',
    readByModules: READERS,
    summary: 'Thread pools on RTEMS; nothing on Linux.',
    defaultValue: 'Not set.',
    sources: [GCC],
  }),
] as const;
