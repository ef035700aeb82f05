/** Settings of OpenBLAS, the BLAS of NumPy and SciPy wheels, and of other BLAS libraries. */
import { ATOI_POSITIVE, anyText } from './grammars.ts';
import { knob } from './knob.ts';
import { modulesLoading } from './modules.ts';

const READERS = modulesLoading('openblas');
const README = 'https://github.com/OpenMathLib/OpenBLAS#setting-the-number-of-threads-using-environment-variables';

export const OPENBLAS = [
  knob({
    id: 'openblas.num-threads',
    library: 'openblas',
    role: 'intraOp',
    env: ['OPENBLAS_NUM_THREADS', 'OPENBLAS_DEFAULT_NUM_THREADS', 'GOTO_NUM_THREADS'],
    value: ATOI_POSITIVE,
    readAt: 'load',
    readByModules: READERS,
    summary: 'Threads of OpenBLAS, created when NumPy or SciPy is imported. NumPy and SciPy each have their own copy.',
    defaultValue: 'CPUs of the affinity mask, at most 64; CPU quotas are not seen.',
    precedence: '`OPENBLAS_NUM_THREADS` > `OPENBLAS_DEFAULT_NUM_THREADS` > `GOTO_NUM_THREADS` > `OMP_NUM_THREADS`; never more than CPUs in the mask. `MKL_NUM_THREADS` does nothing here.',
    sources: [README, 'measured: NumPy 2.4.6 with OpenBLAS 0.3.31'],
  }),
  knob({
    id: 'openblas.thread-timeout',
    library: 'openblas',
    role: 'waiting',
    env: ['OPENBLAS_THREAD_TIMEOUT'],
    value: anyText('an exponent of two', ['26']),
    readAt: 'load',
    readByModules: READERS,
    summary: 'How long idle OpenBLAS threads spin, as an exponent of two of clock ticks.',
    defaultValue: '28 in the source.',
    sources: [README],
  }),
  knob({
    id: 'openblas.main-free',
    library: 'openblas',
    role: 'binding',
    env: ['OPENBLAS_MAIN_FREE', 'GOTOBLAS_MAIN_FREE'],
    value: anyText('0 or 1', ['1']),
    readAt: 'load',
    readByModules: READERS,
    summary: 'Turns off the affinity of builds that set one.',
    defaultValue: 'Not set; wheels are built without affinity.',
    sources: [README],
  }),
  knob({
    id: 'openblas.coretype',
    library: 'openblas',
    role: 'other',
    env: ['OPENBLAS_CORETYPE', 'OPENBLAS_VERBOSE', 'OPENBLAS_BLOCK_FACTOR', 'OPENBLAS_LOOPS'],
    value: anyText('see OpenBLAS', ['Haswell']),
    readAt: 'load',
    readByModules: READERS,
    summary: 'Settings of OpenBLAS that do not change the number of threads.',
    defaultValue: 'Detected.',
    sources: [README],
  }),
  knob({
    id: 'openblas.blis-num-threads',
    library: 'openblas',
    role: 'intraOp',
    env: ['BLIS_NUM_THREADS'],
    value: anyText('a positive integer', ['4']),
    readAt: 'load',
    summary: 'Threads of BLIS, where NumPy is built with it.',
    defaultValue: '`OMP_NUM_THREADS`, else 1.',
    sources: ['https://github.com/flame/blis/blob/master/docs/Multithreading.md'],
  }),
  knob({
    id: 'openblas.veclib-maximum-threads',
    library: 'openblas',
    role: 'intraOp',
    env: ['VECLIB_MAXIMUM_THREADS'],
    value: anyText('a positive integer', ['1']),
    readAt: 'load',
    summary: 'Threads of Apple Accelerate, the BLAS of some macOS builds.',
    defaultValue: 'Chosen by the system.',
    sources: ['https://developer.apple.com/documentation/accelerate'],
  }),
] as const;
