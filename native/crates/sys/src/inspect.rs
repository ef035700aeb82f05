//! A look at processes that are running already: nothing is attached to them, nothing is sent to them.

use std::time::Duration;
use threadgauge_protocol::{Inspection, RunningProcess};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
use other as platform;

/// Why a process cannot be looked at.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
pub enum InspectError {
    /// No process has this id.
    #[error("There is no process {pid}.")]
    NoSuchProcess {
        /// As asked for.
        pid: u32,
    },
    /// It has ended and its parent has not asked how.
    #[error("Process {pid} has ended; only its entry is left until its parent, process {parent}, asks for its exit code.")]
    Zombie {
        /// As asked for.
        pid: u32,
        /// Its parent.
        parent: u32,
    },
    /// The number is that of a thread.
    #[error("{pid} is a thread of process {process}, not a process; inspect {process}.")]
    Thread {
        /// As asked for.
        pid: u32,
        /// The process it belongs to.
        process: u32,
    },
    /// It is a part of the kernel.
    #[error("Process {pid} ({name}) is a thread of the kernel and runs no program.")]
    KernelThread {
        /// As asked for.
        pid: u32,
        /// Its name.
        name: String,
    },
    /// It ended before two looks at it were possible.
    #[error("Process {pid} ended before anything could be measured.")]
    Ended {
        /// As asked for.
        pid: u32,
    },
    /// The platform does not tell.
    #[error("Running processes cannot be inspected on this system: their threads, environment, libraries and waiting times are read from /proc, which only Linux has.")]
    Platform,
}

/// Looks at a process and its descendants, again and again.
#[derive(Debug)]
pub struct Inspector(platform::Inspector);

impl Inspector {
    /// An inspector of the tree below `pid`, itself included.
    ///
    /// # Errors
    /// See [`InspectError`].
    pub fn new(pid: u32) -> Result<Self, InspectError> {
        platform::Inspector::new(pid).map(Self)
    }

    /// Looks for `time`, or until `stop` says so or the process has ended, and tells what happened meanwhile.
    /// A process that ends gives what was seen until then, and a sentence in `missing`.
    ///
    /// # Errors
    /// [`InspectError::Ended`] when it was gone before the second look at it.
    pub fn look(&mut self, time: Duration, stop: &dyn Fn() -> bool) -> Result<Inspection, InspectError> {
        self.0.look(time, stop)
    }

    /// True once the process asked for has ended.
    pub fn has_ended(&self) -> bool {
        self.0.has_ended()
    }
}

/// The programs that run under this user, newest first; this process and the threads of the kernel are left out.
///
/// # Errors
/// [`InspectError::Platform`] where the system does not tell.
pub fn processes() -> Result<Vec<RunningProcess>, InspectError> {
    platform::processes()
}

/// Variables that libraries read for their threads, by name.
const NAMES: &[&str] = &[
    "GOMAXPROCS",
    "GOTO_NUM_THREADS",
    "LD_PRELOAD",
    "LOCAL_RANK",
    "LOCAL_WORLD_SIZE",
    "MAX_JOBS",
    "NODE_OPTIONS",
    "NPROC",
    "POLARS_MAX_THREADS",
    "PYTHON_CPU_COUNT",
    "PYTHON_GIL",
    "RANK",
    "UV_THREADPOOL_SIZE",
    "WEB_CONCURRENCY",
    "WORLD_SIZE",
    "XLA_FLAGS",
];
/// Variables that libraries read for their threads, by how their names begin.
const PREFIXES: &[&str] = &[
    "ATEN_", "BLIS_", "CT2_", "DNNL_", "GOMP_", "GUNICORN_", "JOBLIB_", "KMP_", "LOKY_", "MALLOC_", "MKL_", "NUMBA_", "NUMEXPR_", "OMP_", "ONEDNN_", "OPENBLAS_", "OPENCV_", "ORT_", "PYTORCH_", "RAYON_", "SLURM_", "TBB_", "TF_ENABLE_ONEDNN", "TF_NUM_", "TF_INTER", "TF_INTRA",
    "TOKENIZERS_", "TORCH_", "UVICORN_", "VECLIB_",
];

/// True for variables that concern threads; what may hold a secret never does.
pub fn concerns_threads(name: &str) -> bool {
    let secret = ["TOKEN", "SECRET", "PASSW", "CREDENTIAL", "_KEY", "AUTH"].iter().any(|part| name.strip_prefix("TOKENIZERS_").unwrap_or(name).contains(part));
    !secret && (NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variables_about_threads_are_shown() {
        for name in ["OMP_NUM_THREADS", "TOKENIZERS_PARALLELISM", "UV_THREADPOOL_SIZE", "MKL_DYNAMIC", "SLURM_CPUS_PER_TASK"] {
            assert!(concerns_threads(name), "{name}");
        }
        for name in ["HF_TOKEN", "PATH", "AWS_SECRET_ACCESS_KEY", "SLURM_AUTH_TOKEN", "TORCH_API_KEY", "omp_num_threads", ""] {
            assert!(!concerns_threads(name), "{name}");
        }
    }
}
