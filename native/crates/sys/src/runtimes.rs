//! Libraries with threads of their own, recognised by the files a process has mapped.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use threadgauge_protocol::LoadedRuntime;

/// What the processes of a tree have loaded together.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    found: BTreeMap<(String, String), LoadedRuntime>,
    openmp_per_process: u32,
}

#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
impl Loaded {
    /// Adds a live process; one whose maps may not be read adds nothing and gives false.
    #[cfg(target_os = "linux")]
    pub(crate) fn add_process(&mut self, pid: u32) -> bool {
        let Ok(maps) = std::fs::read(format!("/proc/{pid}/maps")) else { return false };
        let mut own = of_maps(&String::from_utf8_lossy(&maps));
        for runtime in &mut own {
            let known = self.found.get(&key(runtime)).map(|known| known.version.clone());
            // A process may live in a container: its files are below its own root.
            runtime.version = known.unwrap_or_else(|| version_of(Path::new(&format!("/proc/{pid}/root")), runtime));
        }
        self.add(own);
        true
    }

    pub(crate) fn add(&mut self, of_one_process: Vec<LoadedRuntime>) {
        self.openmp_per_process = self.openmp_per_process.max(of_one_process.iter().filter(|r| r.kind == "openmp").count() as u32);
        for runtime in of_one_process {
            self.found.entry(key(&runtime)).or_insert(runtime);
        }
    }

    /// By kind and name, and the most OpenMP runtimes within one process.
    pub(crate) fn finish(self) -> (Vec<LoadedRuntime>, u32) {
        let mut all: Vec<LoadedRuntime> = self.found.into_values().collect();
        all.sort_by(|a, b| (&a.kind, &a.name, &a.path).cmp(&(&b.kind, &b.name, &b.path)));
        (all, self.openmp_per_process)
    }
}

#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn key(runtime: &LoadedRuntime) -> (String, String) {
    (runtime.name.clone(), runtime.path.clone())
}

/// The libraries in a `maps` file, each file once; of the parts of one library (MKL has several) the one
/// that tells most.
pub fn of_maps(maps: &str) -> Vec<LoadedRuntime> {
    let mut seen = BTreeSet::new();
    let mut found: Vec<(u8, LoadedRuntime)> = Vec::new();
    for line in maps.lines() {
        // Address, rights, offset, device, inode, path; the path may hold blanks.
        let Some(slash) = line.find('/') else { continue };
        let path = line[slash..].trim_end().trim_end_matches(" (deleted)");
        if !seen.insert(path) {
            continue;
        }
        let Some(Known { name, kind, rank, version }) = recognise(path) else { continue };
        let runtime = LoadedRuntime { name, kind: kind.to_owned(), path: path.to_owned(), version };
        // Two files of one OpenMP runtime are two runtimes, each with its own threads; the same holds
        // for OpenBLAS, which every wheel brings along.
        let same = found.iter_mut().find(|(_, known)| known.name == runtime.name && (runtime.name == "mkl" || !matches!(kind, "openmp" | "blas")));
        match same {
            Some(known) if known.0 >= rank => {}
            Some(known) => *known = (rank, runtime),
            None => found.push((rank, runtime)),
        }
    }
    found.into_iter().map(|(_, runtime)| runtime).collect()
}

struct Known {
    name: String,
    kind: &'static str,
    /// Of several files of one library the one with the highest rank stands for it.
    rank: u8,
    version: Option<String>,
}

fn recognise(path: &str) -> Option<Known> {
    let file = path.rsplit('/').next()?.to_ascii_lowercase();
    if ![".so", ".dylib", ".dll", ".node"].iter().any(|ending| file.contains(ending)) {
        return None;
    }
    let stem = file.strip_prefix("lib").unwrap_or(&file);
    let known = |name: &str, kind: &'static str, rank: u8, version: Option<String>| Some(Known { name: name.to_owned(), kind, rank, version });
    // `libgomp.so.1`, `libgomp-a34b3233.so.1`: the name ends at a sign that is no letter.
    let is = |name: &str| stem.strip_prefix(name).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
    if is("gomp") {
        return known("libgomp", "openmp", 0, None);
    }
    if is("iomp5") || is("iomp5md") {
        return known("libiomp5", "openmp", 0, None);
    }
    if is("omp") || is("omp140") {
        return known("libomp", "openmp", 0, None);
    }
    if stem.starts_with("openblas") || stem.starts_with("scipy_openblas") {
        return known(openblas(path, stem), "blas", 0, openblas_version(stem));
    }
    if stem.starts_with("mkl_") {
        // The file of the threading layer tells with what MKL makes its threads.
        return known("mkl", "blas", u8::from(["_thread", "_sequential"].iter().any(|part| stem.contains(part))), None);
    }
    if is("blis") || stem.starts_with("blis-") {
        return known("blis", "blas", 0, None);
    }
    if stem.starts_with("armpl") {
        return known("armpl", "blas", 0, None);
    }
    if is("dnnl") {
        return known("onednn", "framework", 0, so_version(stem));
    }
    if is("torch_cpu") {
        return known("torch", "framework", 1, None);
    }
    if is("onnxruntime") {
        return known("onnxruntime", "framework", 1, so_version(stem));
    }
    if stem.starts_with("onnxruntime_pybind11_state") || stem.starts_with("onnxruntime_binding") {
        return known("onnxruntime", "framework", 0, None);
    }
    if stem.starts_with("tensorflow_framework") || stem.starts_with("tensorflow_cc") || stem.starts_with("_pywrap_tensorflow") {
        return known("tensorflow", "framework", u8::from(stem.starts_with("tensorflow_framework")), None);
    }
    if stem.starts_with("jax_common") || stem.starts_with("xla_extension") {
        return known("jaxlib", "framework", 0, None);
    }
    for name in ["openvino", "ctranslate2", "xgboost", "llama"] {
        if is(name) {
            return known(name, "framework", 0, None);
        }
    }
    if stem.starts_with("_lightgbm") || stem.starts_with("lib_lightgbm") || is("_lightgbm") {
        return known("lightgbm", "framework", 0, None);
    }
    if stem.starts_with("_swigfaiss") || is("faiss") {
        return known("faiss", "framework", 0, None);
    }
    if stem.starts_with("opencv_core") || file.starts_with("cv2.") {
        return known("opencv", "framework", 0, None);
    }
    if is("tbb") || is("tbb12") {
        return known("tbb", "tasks", 0, None);
    }
    if is("jemalloc") {
        return known("jemalloc", "allocator", 0, None);
    }
    if is("tcmalloc") || is("tcmalloc_minimal") {
        return known("tcmalloc", "allocator", 0, None);
    }
    if is("mimalloc") {
        return known("mimalloc", "allocator", 0, so_version(stem));
    }
    None
}

/// `OpenBLAS` with what it makes its threads with, where names tell: Debian's folders, Fedora's letters,
/// and the wheels of `NumPy` and `SciPy`, which are always built with POSIX threads.
fn openblas(path: &str, stem: &str) -> &'static str {
    let folder = |name: &str| path.contains(&format!("/openblas-{name}/")) || path.contains(&format!("/openblas64-{name}/"));
    if folder("openmp") || stem.starts_with("openblaso") {
        "openblas-openmp"
    } else if folder("serial") {
        "openblas-serial"
    } else if folder("pthread") || path.contains("/numpy.libs/") || path.contains("/scipy.libs/") || stem.starts_with("scipy_openblas") {
        "openblas-pthreads"
    } else {
        "openblas"
    }
}

/// `openblasp-r0.3.21.so`, `openblas64_p-r0-15028c96.3.21.so`: a wheel's hash stands within the version.
fn openblas_version(stem: &str) -> Option<String> {
    let after = stem.split_once("-r0")?.1;
    let after = if let Some(hash) = after.strip_prefix('-') { hash.split_once('.').map(|(_, rest)| rest)? } else { after.strip_prefix('.')? };
    let mut numbers = after.split('.').map_while(|part| part.parse::<u32>().ok());
    Some(format!("0.{}.{}", numbers.next()?, numbers.next()?))
}

/// `onnxruntime.so.1.20.1`: two numbers at least, one alone is that of the interface.
fn so_version(stem: &str) -> Option<String> {
    let version = stem.split_once(".so.")?.1;
    let numbers: Vec<&str> = version.split('.').take_while(|part| part.bytes().all(|b| b.is_ascii_digit()) && !part.is_empty()).collect();
    (numbers.len() >= 2).then(|| numbers.join("."))
}

/// Version by file name, or by the metadata that an installed wheel leaves beside its package.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
pub(crate) fn version_of(root: &Path, runtime: &LoadedRuntime) -> Option<String> {
    if runtime.version.is_some() || runtime.kind != "framework" {
        return runtime.version.clone();
    }
    let packages = ["/site-packages/", "/dist-packages/"].iter().find_map(|name| runtime.path.find(name).map(|at| &runtime.path[..at + name.len()]))?;
    let wheels: &[&str] = match runtime.name.as_str() {
        "torch" => &["torch"],
        "onnxruntime" => &["onnxruntime", "onnxruntime_gpu", "onnxruntime_openvino"],
        "tensorflow" => &["tensorflow", "tensorflow_cpu", "intel_tensorflow"],
        "opencv" => &["opencv_python", "opencv_python_headless", "opencv_contrib_python"],
        "faiss" => &["faiss_cpu"],
        "llama" => &["llama_cpp_python"],
        name @ ("jaxlib" | "openvino" | "ctranslate2" | "xgboost" | "lightgbm") => &[name],
        _ => return None,
    };
    let entries = std::fs::read_dir(root.join(packages.trim_start_matches('/'))).ok()?;
    entries.flatten().find_map(|entry| {
        let name = entry.file_name().to_str()?.strip_suffix(".dist-info")?.to_owned();
        let (package, version) = name.rsplit_once('-')?;
        wheels.contains(&package).then(|| version.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(path: &str) -> String {
        format!("7f1c4a000000-7f1c4a021000 r-xp 00002000 08:01 1234                       {path}\n")
    }

    fn names(paths: &[&str]) -> Vec<String> {
        of_maps(&paths.iter().map(|path| line(path)).collect::<String>()).into_iter().map(|r| format!("{} {} {}", r.kind, r.name, r.version.unwrap_or_default()).trim_end().to_owned()).collect()
    }

    #[test]
    fn bundled_copies_are_recognised_by_their_names() {
        assert_eq!(
            names(&[
                "/v/site-packages/torch/lib/libgomp-a34b3233.so.1",
                "/v/site-packages/scikit_learn.libs/libgomp-e985bcbb.so.1.0.0",
                "/v/site-packages/numpy.libs/libscipy_openblas64_-32a4b2a6.so",
                "/v/site-packages/numpy.libs/libopenblas64_p-r0-15028c96.3.21.so",
                "/opt/conda/lib/libopenblasp-r0.3.29.so",
                "/usr/lib/x86_64-linux-gnu/openblas-openmp/libopenblas.so.0 (deleted)",
                "/opt/intel/lib/libiomp5.so",
                "/usr/lib/llvm-17/lib/libomp.so.5",
            ]),
            ["openmp libgomp", "openmp libgomp", "blas openblas-pthreads", "blas openblas-pthreads 0.3.21", "blas openblas 0.3.29", "blas openblas-openmp", "openmp libiomp5", "openmp libomp"]
        );
    }

    #[test]
    fn frameworks_task_pools_and_allocators() {
        assert_eq!(
            names(&[
                "/v/site-packages/onnxruntime/capi/onnxruntime_pybind11_state.cpython-311-x86_64-linux-gnu.so",
                "/v/node_modules/onnxruntime-node/bin/napi-v3/linux/x64/libonnxruntime.so.1.20.1",
                "/v/site-packages/torch/lib/libtorch_cpu.so",
                "/v/site-packages/torch/lib/libtorch_python.so",
                "/v/lib/libtbb.so.12",
                "/v/lib/libtbbmalloc.so.2",
                "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2",
                "/usr/lib/libtcmalloc_minimal.so.4",
                "/opt/mkl/libmkl_core.so.2",
                "/opt/mkl/libmkl_gnu_thread.so.2",
            ]),
            ["framework onnxruntime 1.20.1", "framework torch", "tasks tbb", "allocator jemalloc", "allocator tcmalloc", "blas mkl"]
        );
        let mkl = of_maps(&(line("/opt/mkl/libmkl_gnu_thread.so.2") + &line("/opt/mkl/libmkl_rt.so.2")));
        assert_eq!(mkl[0].path, "/opt/mkl/libmkl_gnu_thread.so.2", "the threading layer tells most");
    }

    #[test]
    fn what_only_sounds_alike_is_nothing() {
        assert_eq!(names(&["/v/libompi.so.1", "/v/libgomputer.so", "/v/libtorch.so", "/v/gomp.py", "/v/libtbb_evil.so", "[heap]", "/v/libblissful.so"]), Vec::<String>::new());
    }

    #[test]
    fn garbage_maps_say_nothing() {
        assert!(of_maps("\0\0/\n/// (deleted)\nlibgomp.so.1\n").is_empty());
    }

    #[test]
    fn two_runtimes_count_only_within_one_process() {
        let mut loaded = Loaded::default();
        loaded.add(of_maps(&line("/a/libgomp.so.1")));
        loaded.add(of_maps(&line("/a/libiomp5.so")));
        let (all, most) = loaded.finish();
        assert_eq!((all.len(), most), (2, 1));
        let mut loaded = Loaded::default();
        loaded.add(of_maps(&(line("/a/libgomp.so.1") + &line("/a/libgomp.so.1") + &line("/b/libgomp-1.so.1"))));
        assert_eq!(loaded.finish().1, 2);
    }

    #[test]
    fn an_installed_wheel_tells_its_version() {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::create_dir_all(root.path().join("v/site-packages/torch-2.13.0+cpu.dist-info")).expect("made");
        std::fs::create_dir_all(root.path().join("v/site-packages/torchvision-0.9.dist-info")).expect("made");
        let torch = of_maps(&line("/v/site-packages/torch/lib/libtorch_cpu.so"));
        assert_eq!(version_of(root.path(), &torch[0]).as_deref(), Some("2.13.0+cpu"));
    }
}
