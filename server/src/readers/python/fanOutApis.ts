/** Python APIs that start processes or threads, and where they say how many. */
import type { FanOutFact } from '../../core/fact.ts';

export interface FanOutApi {
  readonly what: 'process' | 'thread';
  /** Keyword of the number of workers; null when each call starts one. */
  readonly count: string | null;
  readonly position: number;
  readonly worker: string | null;
  readonly workerPosition?: number;
  /** Keyword of the multiprocessing context. */
  readonly context?: string;
  readonly startMethod?: NonNullable<FanOutFact['startMethod']>;
  /** Keyword of a function that every worker runs first. */
  readonly initializer?: string;
  readonly initializerPosition?: number;
  /** Without the count there is no fan-out. */
  readonly optional?: boolean;
}

export const FAN_OUTS: ReadonlyMap<string, FanOutApi> = new Map<string, FanOutApi>([
  ['multiprocessing.Process', { what: 'process', count: null, position: -1, worker: 'target', workerPosition: 1 }],
  ['multiprocessing.Pool', { what: 'process', count: 'processes', position: 0, worker: null, context: 'context', initializer: 'initializer', initializerPosition: 1 }],
  ['multiprocessing.pool.ThreadPool', { what: 'thread', count: 'processes', position: 0, worker: null, initializer: 'initializer', initializerPosition: 1 }],
  ['concurrent.futures.ProcessPoolExecutor', { what: 'process', count: 'max_workers', position: 0, worker: null, context: 'mp_context', initializer: 'initializer', initializerPosition: 2 }],
  ['concurrent.futures.ThreadPoolExecutor', { what: 'thread', count: 'max_workers', position: 0, worker: null, initializer: 'initializer', initializerPosition: 2 }],
  ['threading.Thread', { what: 'thread', count: null, position: -1, worker: 'target', workerPosition: 1 }],
  ['torch.multiprocessing.spawn', { what: 'process', count: 'nprocs', position: 2, worker: 'fn', workerPosition: 0, startMethod: 'spawn' }],
  ['torch.multiprocessing.start_processes', { what: 'process', count: 'nprocs', position: 2, worker: 'fn', workerPosition: 0, startMethod: 'spawn' }],
  ['loky.get_reusable_executor', { what: 'process', count: 'max_workers', position: 0, worker: null, startMethod: 'spawn', initializer: 'initializer' }],
  ['loky.ProcessPoolExecutor', { what: 'process', count: 'max_workers', position: 0, worker: null, startMethod: 'spawn', initializer: 'initializer' }],
  ['sentence_transformers.SentenceTransformer.start_multi_process_pool', { what: 'process', count: 'target_devices', position: 0, worker: null, startMethod: 'spawn' }],
  ['torch.utils.data.DataLoader', { what: 'process', count: 'num_workers', position: 5, worker: 'worker_init_fn', context: 'multiprocessing_context', optional: true }],
  ['dask.distributed.LocalCluster', { what: 'process', count: 'n_workers', position: 1, worker: null, startMethod: 'spawn' }],
  ['dask.distributed.Client', { what: 'process', count: 'n_workers', position: -1, worker: null, startMethod: 'spawn' }],
  ['joblib.Parallel', { what: 'process', count: 'n_jobs', position: 0, worker: null }],
  ['os.fork', { what: 'process', count: null, position: -1, worker: null, startMethod: 'fork' }],
  ['uvicorn.run', { what: 'process', count: 'workers', position: -1, worker: null, startMethod: 'spawn', optional: true }],
]);
