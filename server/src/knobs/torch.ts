/** Settings of PyTorch itself. */
import { anyText, integer, torchPositiveInt, words } from './grammars.ts';
import { knob } from './knob.ts';

const THREADING = 'https://docs.pytorch.org/docs/stable/notes/cpu_threading_torchscript_inference.html';

export const TORCH = [
  knob({
    id: 'torch.num-threads',
    library: 'torch',
    role: 'intraOp',
    calls: ['torch.set_num_threads'],
    value: torchPositiveInt('set_num_threads'),
    readAt: 'call',
    summary: 'Threads of PyTorch\'s intra-op pool, for the calling thread and for threads that have not run an operation yet.',
    defaultValue: 'Linux x86-64 wheel: the smaller of physical cores and CPUs in the affinity mask. CPU quotas are not seen.',
    precedence: 'Wins over `MKL_NUM_THREADS` and `OMP_NUM_THREADS` and is not clamped. Spawned processes do not inherit it; DataLoader workers always use 1.',
    sources: [THREADING, 'https://docs.pytorch.org/docs/stable/generated/torch.set_num_threads.html', 'measured: torch 2.13'],
  }),
  knob({
    id: 'torch.num-interop-threads',
    library: 'torch',
    role: 'interOp',
    calls: ['torch.set_num_interop_threads'],
    value: torchPositiveInt('set_num_interop_threads'),
    readAt: 'call',
    summary: 'Threads of PyTorch\'s inter-op pool, used only by TorchScript `fork` and a few distributed paths.',
    defaultValue: 'Physical cores of the machine; affinity masks, quotas and environment variables change nothing.',
    precedence: 'May be called once, before inter-op work: a second call raises, even with the same value. No environment variable exists.',
    sources: [THREADING, 'https://docs.pytorch.org/docs/stable/generated/torch.set_num_interop_threads.html', 'measured: torch 2.13'],
  }),
  knob({
    id: 'torch.flush-denormal',
    library: 'torch',
    role: 'other',
    calls: ['torch.set_flush_denormal'],
    value: words({ accepted: ['True', 'False'], anyCase: false, consequence: 'it raises "RuntimeError: flush_denormal expects a bool"' }),
    readAt: 'call',
    summary: 'Flushes denormal numbers to zero in the calling thread; threads created later inherit it.',
    defaultValue: '`False`.',
    precedence: 'Called after the OpenMP team exists, the team\'s threads keep denormals.',
    sources: ['https://docs.pytorch.org/docs/stable/generated/torch.set_flush_denormal.html', 'measured: half of a tensor is still denormal when it is called after the first parallel operation; torch 2.13'],
  }),
  knob({
    id: 'torch.inductor-compile-threads',
    library: 'torch',
    role: 'workers',
    env: ['TORCHINDUCTOR_COMPILE_THREADS'],
    value: integer({ minimum: 1, consequence: 'torch.compile raises a ValueError', examples: ['1', '8'] }),
    readAt: 'load',
    readByModules: ['torch'],
    summary: 'Processes that compile kernels for `torch.compile`.',
    defaultValue: 'The smaller of 32 and CPUs in the affinity mask.',
    sources: ['https://github.com/pytorch/pytorch/blob/main/torch/_inductor/config.py'],
  }),
  knob({
    id: 'torch.inductor-dynamic-threads',
    library: 'torch',
    role: 'dynamic',
    env: ['TORCHINDUCTOR_CPP_DYNAMIC_THREADS'],
    value: anyText('`1` or `0`', ['1']),
    readAt: 'load',
    readByModules: ['torch'],
    summary: 'Leaves the thread count out of compiled kernels, so that they follow the current setting.',
    defaultValue: '0: the count at compile time is compiled in.',
    sources: ['https://github.com/pytorch/pytorch/blob/main/torch/_inductor/config.py'],
  }),
] as const;
