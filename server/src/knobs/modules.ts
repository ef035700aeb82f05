/** Which compute libraries importing a Python module loads, and so which settings that import makes final. */
import type { Library } from '../core/knob.ts';

/** `eager` modules load the library on import in every version looked at; `lazy` ones only when a feature is used. */
interface Loads {
  readonly eager: readonly Library[];
  readonly lazy: readonly Library[];
}

const NUMPY: readonly Library[] = ['openblas'];
// torch imports numpy when it is installed, and its wheel carries OpenMP, MKL and oneDNN.
const TORCH: readonly Library[] = ['torch', 'openmp', 'libgomp', 'libomp', 'mkl', 'onednn', 'openblas'];
const OPENMP: readonly Library[] = ['openmp', 'libgomp', 'libomp', 'openblas'];

const eager = (...libraries: readonly Library[]): Loads => ({ eager: libraries, lazy: [] });

/** Keyed by the first component of the dotted name. */
const MODULES: Readonly<Record<string, Loads>> = {
  torch: eager(...TORCH),
  torchvision: eager(...TORCH),
  torchaudio: eager(...TORCH),
  torchtext: eager(...TORCH),
  timm: eager(...TORCH),
  accelerate: eager(...TORCH),
  peft: eager(...TORCH),
  lightning: eager(...TORCH),
  pytorch_lightning: eager(...TORCH),
  sentence_transformers: eager(...TORCH),
  open_clip: eager(...TORCH),
  whisper: eager(...TORCH),
  easyocr: eager(...TORCH),
  intel_extension_for_pytorch: eager(...TORCH),
  transformers: { eager: NUMPY, lazy: TORCH },
  diffusers: { eager: NUMPY, lazy: TORCH },
  ultralytics: { eager: NUMPY, lazy: TORCH },
  numpy: eager(...NUMPY),
  scipy: eager(...NUMPY),
  pandas: eager(...NUMPY),
  cv2: eager('opencv', ...NUMPY),
  sklearn: eager('sklearn', ...OPENMP),
  faiss: eager('faiss', ...OPENMP),
  lightgbm: eager(...OPENMP),
  xgboost: eager(...OPENMP),
  // Their OpenMP is sized when a model is created, from the environment of that moment.
  ctranslate2: eager('ctranslate2', ...NUMPY),
  faster_whisper: eager('ctranslate2', ...NUMPY),
  llama_cpp: eager('llamacpp', ...NUMPY),
  openvino: eager('openvino', ...NUMPY),
  jax: eager('jax', ...NUMPY),
  onnxruntime: eager('onnxruntime', ...NUMPY),
  optimum: { eager: NUMPY, lazy: ['onnxruntime', ...TORCH] },
  tensorflow: eager('tensorflow', ...NUMPY),
  keras: { eager: NUMPY, lazy: ['tensorflow', ...TORCH] },
  numexpr: eager('numexpr', ...NUMPY),
  numba: eager('numba', ...NUMPY),
  polars: eager('polars'),
  tokenizers: eager('tokenizers'),
  // Packages of npm; none of them loads NumPy.
  'onnxruntime-node': eager('onnxruntime'),
  '@huggingface/transformers': eager('onnxruntime'),
  '@tensorflow/tfjs-node': eager('tensorflow'),
  'node-llama-cpp': eager('llamacpp'),
};

/** Libraries that `import module` loads for certain. Accepts dotted names. */
export function librariesLoadedBy(module: string): readonly Library[] {
  return MODULES[root(module)]?.eager ?? [];
}

/** Libraries that may be loaded later through an imported module, when a feature of it is used. */
export function librariesReachedThrough(module: string): readonly Library[] {
  return MODULES[root(module)]?.lazy ?? [];
}

/** Every module known to load the library on import; sorted. */
export function modulesLoading(library: Library): readonly string[] {
  return Object.keys(MODULES)
    .filter((name) => MODULES[name]?.eager.includes(library))
    .sort();
}

/** True for modules of which this table knows what they load. */
export function isKnownModule(module: string): boolean {
  return Object.hasOwn(MODULES, root(module));
}

/** What a dotted name begins with: the package that an import of it loads. */
export function topModule(module: string): string {
  const dot = module.indexOf('.');
  return dot < 0 ? module : module.slice(0, dot);
}

function root(module: string): string {
  const name = topModule(module);
  return Object.hasOwn(MODULES, name) ? name : '';
}
