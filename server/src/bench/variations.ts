/** Further settings to try round the best thread count: only those that can act on this program and this machine. */
import { formatCpuList } from '../core/cpuList.ts';
import type { Library } from '../core/knob.ts';
import type { Machine } from '../core/machine.ts';
import type { Plan } from '../core/plan.ts';
import { loadedLibraries } from '../plan/loadedLibraries.ts';
import type { Variation } from './protocol.generated.ts';
import { fastestCores, oneCpuPerCore, oneNode, usableCores } from './topology.ts';

/** Factors that can be asked for, in the order they are told; settings of one exclude each other. */
export const FACTORS = ['wait-policy', 'binding', 'allocator', 'inter-op', 'denormals', 'primitive-cache', 'channels-last'] as const;

export type Factor = (typeof FACTORS)[number];

/** `auto`: those that matter most often; else the factors asked for. */
export type VaryChoice = 'auto' | 'all' | 'none' | readonly Factor[];

/** What may make a large difference: the rest is tried when asked for. */
const AUTO: ReadonlySet<Factor> = new Set(['wait-policy', 'binding', 'allocator']);

export type OpenMp = 'libgomp' | 'libiomp5';

/** What the proposals depend on beside plan and machine. */
export interface VariationContext {
  readonly plan: Plan;
  readonly machine: Machine;
  /** The environment of the program. */
  readonly environment: Readonly<Record<string, string>>;
  /** The OpenMP runtime that PyTorch brings along; null when it is not known. */
  readonly openMp: OpenMp | null;
  /** Allocators installed on the machine: name → file. */
  readonly allocators: ReadonlyMap<string, string>;
  /** True when the probe can change the program from inside. */
  readonly probe: boolean;
  /** Options of the script that are switches, such as `--channels-last`. */
  readonly switches: readonly string[];
}

/** A variation, and whether it would be tried without being asked for. */
export interface ProposedVariation {
  readonly variation: Variation;
  readonly factor: Factor;
  readonly chosen: boolean;
}

/** Everything that can act, those of `choice` marked. */
export function proposeVariations(context: VariationContext, choice: VaryChoice): readonly ProposedVariation[] {
  const chosen = (factor: Factor): boolean => (choice === 'none' ? false : choice === 'all' || (choice === 'auto' ? AUTO.has(factor) : choice.includes(factor)));
  const seen = new Set<string>();
  const result: ProposedVariation[] = [];
  for (const factor of FACTORS) {
    for (const variation of SETTINGS[factor](context)) {
      // What is in force already is the winner itself.
      const key = JSON.stringify([variation.env, variation.cpus, variation.arguments, variation.torch_num_interop_threads, variation.flush_denormal]);
      if (seen.has(key) || isInForce(variation, context.environment)) continue;
      seen.add(key);
      result.push({ variation: { ...variation, factor }, factor, chosen: chosen(factor) });
    }
  }
  return result;
}

type Setting = Omit<Variation, 'factor'>;

const SETTINGS: Readonly<Record<Factor, (context: VariationContext) => readonly Setting[]>> = {
  'wait-policy': waitPolicies,
  binding: bindings,
  allocator: allocators,
  'inter-op': interOp,
  denormals: ({ probe, machine, ...context }) =>
    probe && loads('torch', context) && (machine.arch === 'x86_64' || machine.arch === 'aarch64') ? [{ label: 'torch.set_flush_denormal(True)', reason: 'numbers close to zero are slow on some processors', flush_denormal: true }] : [],
  'primitive-cache': (context) =>
    loads('onednn', context) && context.machine.os !== 'darwin' ? [{ label: 'ONEDNN_PRIMITIVE_CACHE_CAPACITY=4096', reason: 'inputs of many shapes need more than the usual 1024 kernels', env: { ONEDNN_PRIMITIVE_CACHE_CAPACITY: '4096' } }] : [],
  'channels-last': ({ switches }) => switches.filter((option) => /^--?channels[-_]?last$/.test(option)).slice(0, 1).map((option) => ({ label: option, reason: 'convolutions often read this layout faster', arguments: [option] })),
};

function waitPolicies(context: VariationContext): readonly Setting[] {
  if (!usesOpenMp(context)) return [];
  const runtime = effectiveRuntime(context);
  const { environment } = context;
  // The more special variable wins, so that it must not stay beside the general one.
  const without = (...names: readonly string[]): Record<string, null> => Object.fromEntries(names.filter((name) => environment[name] !== undefined).map((name) => [name, null]));
  const setting = (name: string, value: string, reason: string, removed: readonly string[]): Setting => ({ label: `${name}=${value}`, reason, env: { ...without(...removed), [name]: value }, least_threads: 2 });
  if (runtime === 'libiomp5') {
    return [
      setting('KMP_BLOCKTIME', '0', 'waiting threads sleep at once', ['OMP_WAIT_POLICY']),
      setting('KMP_BLOCKTIME', '1', 'waiting threads sleep after 1 ms instead of 200', ['OMP_WAIT_POLICY']),
    ];
  }
  return [
    setting('OMP_WAIT_POLICY', 'passive', 'waiting threads sleep at once, which helps when CPUs are shared', ['GOMP_SPINCOUNT', 'KMP_BLOCKTIME']),
    ...(runtime === 'libgomp' ? [setting('GOMP_SPINCOUNT', '1000', 'waiting threads spin for some microseconds only', ['OMP_WAIT_POLICY'])] : []),
    setting('OMP_WAIT_POLICY', 'active', 'waiting threads never sleep, which helps when nobody else needs the CPUs', ['GOMP_SPINCOUNT', 'KMP_BLOCKTIME']),
  ];
}

function bindings(context: VariationContext): readonly Setting[] {
  const { machine, environment } = context;
  if (!canBind(machine)) return [];
  const cores = usableCores(machine);
  if (!cores || cores.length < 2) return [];
  const settings: Setting[] = [];
  const openMp = usesOpenMp(context);
  const runtime = effectiveRuntime(context);
  // With a second runtime beside libgomp each binds the threads of the other to a single CPU.
  if (openMp && !preloadsOther(context)) {
    const removed = ['GOMP_CPU_AFFINITY', 'KMP_AFFINITY'].filter((name) => environment[name] !== undefined);
    const bind = (how: string, reason: string, most: number): Setting => ({ label: `OMP_PROC_BIND=${how} OMP_PLACES=cores`, reason, env: { ...Object.fromEntries(removed.map((name) => [name, null])), OMP_PROC_BIND: how, OMP_PLACES: 'cores' }, least_threads: 2, most_threads: most });
    settings.push(bind('close', 'a core for each thread, next to each other', cores.length));
    // With a thread on every core both are the same.
    if (cores.length > 2) settings.push(bind('spread', 'a core for each thread, far from each other', cores.length - 1));
    const each = oneCpuPerCore(machine);
    const unplaced = Object.fromEntries(['OMP_PLACES', 'OMP_PROC_BIND'].filter((name) => environment[name] !== undefined).map((name) => [name, null]));
    if (each && runtime === 'libgomp') settings.push({ label: `GOMP_CPU_AFFINITY=${formatCpuList(each)}`, reason: 'one CPU of a core for each thread', env: { ...unplaced, GOMP_CPU_AFFINITY: formatCpuList(each) }, least_threads: 2, most_threads: each.length });
    if (runtime === 'libiomp5') settings.push({ label: 'KMP_AFFINITY=granularity=fine,compact,1,0', reason: 'a core for each thread, in order', env: { ...unplaced, KMP_AFFINITY: 'granularity=fine,compact,1,0' }, least_threads: 2, most_threads: cores.length });
  }
  if (machine.os === 'linux') {
    const mask = (cpus: readonly number[] | null, reason: string): void => {
      if (cpus) settings.push({ label: `on CPUs ${formatCpuList(cpus)}`, reason, cpus: [...cpus], most_threads: cpus.length });
    };
    mask(oneCpuPerCore(machine), 'one CPU of each physical core');
    mask(oneNode(machine), 'one NUMA node');
    mask(fastestCores(machine), 'the fastest cores only');
  }
  return settings;
}

function allocators({ machine, environment, allocators: installed }: VariationContext): readonly Setting[] {
  const loaded = environment['LD_PRELOAD'] ?? '';
  if (machine.os !== 'linux' || /libjemalloc|libtcmalloc|libmimalloc/.test(loaded)) return [];
  return [...installed].map(([name, file]) => ({ label: `${name} (LD_PRELOAD)`, reason: 'threads that allocate wait less for each other', env: { LD_PRELOAD: loaded === '' ? file : `${loaded}:${file}` } }));
}

function interOp(context: VariationContext): readonly Setting[] {
  if (loads('tensorflow', context)) return [1, 2].map((count) => ({ label: `TF_NUM_INTEROP_THREADS=${count}`, reason: 'operations side by side compete for the same CPUs', env: { TF_NUM_INTEROP_THREADS: String(count) } }));
  return context.probe && loads('torch', context) ? [{ label: 'torch.set_num_interop_threads(1)', reason: 'operations side by side compete for the same CPUs', torch_num_interop_threads: 1 }] : [];
}

/** Everything the variation sets is so already. */
function isInForce(variation: Setting, environment: Readonly<Record<string, string>>): boolean {
  const entries = Object.entries(variation.env ?? {});
  const other = (variation.cpus?.length ?? 0) > 0 || (variation.arguments?.length ?? 0) > 0 || variation.torch_num_interop_threads != null || variation.flush_denormal != null;
  return !other && entries.every(([name, value]) => (environment[name] ?? null) === value);
}

/** Windows binds through OpenMP; macOS has no such call. */
function canBind(machine: Machine): boolean {
  return machine.os === 'linux' || machine.os === 'win32';
}

function loads(library: Library, { plan }: Pick<VariationContext, 'plan'>): boolean {
  return loadedLibraries(plan).has(library);
}

function usesOpenMp(context: VariationContext): boolean {
  return loads('openmp', context) || loads('libgomp', context);
}

/** The runtime whose variables count: one that is preloaded comes before the program's own. */
function effectiveRuntime({ environment, openMp, machine }: VariationContext): OpenMp | null {
  const preloaded = environment['LD_PRELOAD'] ?? '';
  if (/lib(?:i?omp5?)\b[\w.-]*\.so/.test(preloaded)) return 'libiomp5';
  return machine.os === 'darwin' ? null : openMp;
}

function preloadsOther({ environment, openMp }: VariationContext): boolean {
  return openMp === 'libgomp' && /lib(?:iomp5|omp)\b[\w.-]*\.so/.test(environment['LD_PRELOAD'] ?? '');
}
