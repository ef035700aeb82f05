/** Settings of LLVM libomp and Intel libiomp5 (`KMP_*`). */
import type { Knob } from '../core/knob.ts';
import { anyText, integer, pattern, words } from './grammars.ts';
import { knob } from './knob.ts';
import { modulesLoading } from './modules.ts';

const READERS = modulesLoading('libomp');
const DESIGN = 'https://openmp.llvm.org/design/Runtimes.html';
const INERT = 'Read only by LLVM/Intel OpenMP. pip\'s PyTorch on Linux uses libgomp, where it does nothing and no warning is printed, unless `LD_PRELOAD` brings `libiomp5.so` or `libomp.so`.';

function kmp(id: string, role: Knob['role'], names: readonly string[], value: Knob['value'], summary: string, defaultValue: string, extra: { precedence?: string; sources?: readonly string[] } = {}): Knob {
  return knob({
    id: `libomp.${id}`,
    library: 'libomp',
    role,
    env: names,
    value,
    readAt: 'load',
    readByModules: READERS,
    summary,
    defaultValue,
    precedence: extra.precedence ? `${extra.precedence} ${INERT}` : INERT,
    sources: [DESIGN, ...(extra.sources ?? []), 'measured: KMP_* variables are inert with pip torch 2.13 on Linux; grammar on libomp 14.0.6'],
  });
}

const BOOLEAN = words({ accepted: ['TRUE', 'FALSE', '1', '0', 'yes', 'no', 'on', 'off'], anyCase: true, consequence: 'the runtime warns and keeps its default' });
const AFFINITY_TYPES = ['none', 'balanced', 'compact', 'scatter', 'explicit', 'disabled', 'physical', 'logical'];

function affinityProblem(text: string): string | null {
  const parts = text.replace(/proclist=\[[^\]]*\]/i, 'proclist').split(',').map((part) => part.trim().toLowerCase());
  for (const part of parts) {
    if (part === '' || /^\d+$/.test(part) || part === 'proclist' || AFFINITY_TYPES.includes(part)) continue;
    if (/^(?:no)?(?:verbose|warnings|respect|reset)$/.test(part) || /^granularity=\w+(?:=\d+)?$/.test(part)) continue;
    return `libomp prints "Warning #58: KMP_AFFINITY: unknown or unsupported option" for "${part}"`;
  }
  if (parts.includes('explicit') && !parts.includes('proclist')) return 'libomp prints "Warning #62" because `explicit` needs `proclist=[…]`, and does not bind';
  return null;
}

export const LIBOMP = [
  kmp(
    'affinity',
    'binding',
    ['KMP_AFFINITY'],
    {
      description: 'modifiers and a type: `granularity=fine,compact,1,0`, `scatter`, `proclist=[0-3],explicit`, `none`, `disabled`',
      parse: (text) => {
        const problem = affinityProblem(text);
        return problem === null ? { ok: true, number: null } : { ok: false, consequence: problem };
      },
      examples: ['granularity=fine,compact,1,0', 'scatter', 'none'],
    },
    'Binds threads to CPUs. On machines with SMT, `compact` without `,1,0` puts two threads on each core.',
    '`noverbose,warnings,respect,granularity=core,none`: no binding.',
    { precedence: 'Makes libomp ignore `OMP_PROC_BIND` (Warning #182).', sources: ['measured: granularity=fine,compact,1,0 puts 4 threads on 4 cores, without 1,0 on 2 cores'] },
  ),
  kmp(
    'blocktime',
    'waiting',
    ['KMP_BLOCKTIME'],
    pattern({ description: 'milliseconds, optionally with the suffix us, ms, s, m, h or d, or `infinite`', accepted: /^\s*(?:\d+\s*(?:us|ms|s|m|h|d)?|infinite|infinity)\s*$/i, consequence: 'the runtime prints "Warning #39 … is invalid" and uses 200 ms', examples: ['0', '1', '200', 'infinite'] }),
    'How long a thread spins after a parallel region before it sleeps.',
    '200 ms.',
    { precedence: 'Wins over `OMP_WAIT_POLICY`.' },
  ),
  kmp(
    'hw-subset',
    'limit',
    ['KMP_HW_SUBSET', 'KMP_PLACE_THREADS'],
    pattern({ description: 'counts of sockets, cores and threads: `2s,8c,1t`, `1T`', accepted: /^\s*[\d*]*[a-z_]+(?:@\d+)?(?:\s*[,x:]?\s*[\d*]+[a-z_]+(?:[:=]\w+)*(?:@\d+)?)*\s*$/i, consequence: 'the runtime warns and ignores it', examples: ['1T', '1s,8c,1t'] }),
    'Restricts the runtime to a part of the machine, such as one thread per core.',
    'The whole machine.',
    { sources: ['measured: a subset larger than the machine is ignored with Warning #285'] },
  ),
  kmp('library', 'waiting', ['KMP_LIBRARY'], words({ accepted: ['throughput', 'turnaround', 'serial'], anyCase: true, consequence: 'the runtime warns and uses throughput' }), 'Execution mode: `turnaround` spins, `throughput` yields.', '`throughput`.'),
  kmp('thread-limit', 'limit', ['KMP_DEVICE_THREAD_LIMIT', 'KMP_ALL_THREADS', 'KMP_TEAMS_THREAD_LIMIT'], integer({ minimum: 1, consequence: 'the runtime warns and keeps its limit' }), 'Upper bound on threads of the runtime. `KMP_ALL_THREADS` is the deprecated name.', 'No practical limit.'),
  kmp(
    'duplicate-lib-ok',
    'duplicate-runtime',
    ['KMP_DUPLICATE_LIB_OK'],
    BOOLEAN,
    'Silences "OMP: Error #15" when two Intel/LLVM OpenMP runtimes are loaded into one process. Unsupported: the process may hang or compute wrong results.',
    '`FALSE`: the second runtime aborts the process.',
    { sources: ['https://github.com/pytorch/pytorch/issues/193520'] },
  ),
  kmp('settings', 'other', ['KMP_SETTINGS'], BOOLEAN, 'Prints every setting when the runtime loads.', '`FALSE`.'),
  kmp('dynamic-mode', 'dynamic', ['KMP_DYNAMIC_MODE'], words({ accepted: ['load balance', 'thread limit', 'random', 'load_balance', 'thread_limit'], anyCase: true, consequence: 'the runtime warns and keeps its default' }), 'How team sizes are chosen when `OMP_DYNAMIC` is on.', '`load balance` where it is supported.'),
  kmp('topology-method', 'binding', ['KMP_TOPOLOGY_METHOD', 'KMP_CPUINFO_FILE', 'KMP_AFFINITY_VERBOSE'], anyText('see the runtime\'s documentation', ['all', 'cpuinfo']), 'How the runtime finds out about cores and sockets.', '`all`: every method in turn.'),
  kmp('stacksize', 'other', ['KMP_STACKSIZE', 'KMP_MONITOR_STACKSIZE', 'KMP_STACKOFFSET', 'KMP_STACKPAD'], anyText('a size with an optional suffix', ['4m']), 'Stack of worker threads.', '4 MiB on 64-bit systems.'),
  kmp('warnings', 'other', ['KMP_WARNINGS', 'KMP_VERSION', 'KMP_DISP_NUM_BUFFERS', 'KMP_ATOMIC_MODE', 'KMP_MALLOC_POOL_INCR', 'KMP_INIT_AT_FORK', 'KMP_HANDLE_SIGNALS', 'KMP_CONSISTENCY_CHECK', 'KMP_DETERMINISTIC_REDUCTION', 'KMP_FORCE_REDUCTION', 'KMP_SPIN_BACKOFF_PARAMS', 'KMP_USE_YIELD', 'KMP_INHERIT_FP_CONTROL'], anyText('see the runtime\'s documentation', []), 'Diagnostics and internals of the runtime.', 'See the runtime\'s documentation.'),
  kmp('barrier', 'other', ['KMP_FORKJOIN_BARRIER', 'KMP_PLAIN_BARRIER', 'KMP_REDUCTION_BARRIER', 'KMP_FORKJOIN_BARRIER_PATTERN', 'KMP_PLAIN_BARRIER_PATTERN', 'KMP_REDUCTION_BARRIER_PATTERN'], anyText('branch bits or a pattern name', ['2,2', 'hyper,hyper']), 'Shape of the runtime\'s barriers.', 'Chosen by the runtime.'),
  kmp('hidden-helper', 'other', ['KMP_HIDDEN_HELPER_THREADS', 'LIBOMP_NUM_HIDDEN_HELPER_THREADS', 'LIBOMP_USE_HIDDEN_HELPER_TASK'], anyText('a number', ['0']), 'Helper threads for offloading tasks.', '8, started on first use.'),
  kmp('tasking', 'other', ['KMP_TASKING', 'KMP_TASK_STEALING_CONSTRAINT', 'KMP_ENABLE_TASK_THROTTLING', 'KMP_NESTING_MODE', 'KMP_GTID_MODE', 'KMP_ALIGN_ALLOC', 'KMP_LOCK_KIND', 'KMP_NUM_LOCKS_IN_BLOCK', 'KMP_ADAPTIVE_LOCK_PROPS', 'KMP_CPU_FREQUENCY', 'KMP_USER_LEVEL_MWAIT', 'KMP_MWAIT_HINTS', 'KMP_TPAUSE', 'KMP_USE_IRML', 'KMP_DEBUG', 'KMP_SHARED_MEMORY_NAME', 'KMP_CANCEL_THREADS', 'KMP_COMPOSABILITY'], anyText('see the runtime\'s documentation', []), 'Internals of the runtime.', 'See the runtime\'s documentation.'),
] as const;
