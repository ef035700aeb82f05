//! A workload's life: started without a shell, followed, ended for certain.
//!
//! # Why there is a supervisor
//!
//! Nothing a workload starts may outlive the runner, not even when the runner is killed with
//! `SIGKILL`. A process group is not enough (`setsid` leaves it), and neither is
//! `PR_SET_PDEATHSIG` (it reaches the direct child only). So the runner re-executes its own binary
//! with [`SUPERVISOR_ARG`]. That *supervisor* leads its own session, declares itself
//! `PR_SET_CHILD_SUBREAPER` so that every orphan of the workload becomes its child, starts the
//! workload in a further session, and holds one end of a socket whose other end only the runner has.
//! End of file on that socket means the runner is gone: the supervisor then stops and kills all
//! descendants, again and again, until none is left. The same sweep ends a normal trial, so a
//! workload that leaves daemons behind cannot disturb the next one. Because the supervisor reaps
//! everything, the resource usage it reports is that of the whole tree. Should the supervisor itself
//! be killed, `PR_SET_PDEATHSIG` ends the workload's first process and the runner kills its session.
//!
//! A cgroup would do the same with one write, but needs a delegated cgroup, which neither containers
//! nor plain logins give.
//!
//! Windows has job objects, which end all their processes when their last handle closes. macOS has neither: there a
//! workload is a process group, and a watchdog process ends it when the runner is killed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

#[cfg(target_os = "linux")]
pub(crate) mod linux;
#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(any(not(target_os = "linux"), test))]
#[cfg_attr(target_os = "linux", allow(dead_code, reason = "compiled here to test its Unix half"))]
mod other;
#[cfg(not(target_os = "linux"))]
use other as platform;

/// The hidden first argument that makes a binary the supervisor; see [`run_supervisor_if_asked`].
pub const SUPERVISOR_ARG: &str = "__threadgauge-supervise";

/// One of several copies of a program, or where the only one runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Instance {
    /// Variables that this copy has beside or instead of those of all.
    pub env: BTreeMap<String, String>,
    /// CPUs it is bound to before the program starts; empty: all that the runner may use.
    pub cpus: Vec<u32>,
    /// Number of the NUMA node that its memory is taken from; `None`: as the system sees fit.
    pub memory_node: Option<u32>,
}

/// The same for the watchdog of platforms without a supervisor.
#[cfg(any(not(target_os = "linux"), test))]
pub(crate) const WATCHDOG_ARG: &str = "__threadgauge-watch";

/// What to start.
#[derive(Debug, Clone, Default)]
pub struct SpawnSpec {
    /// Program and arguments. A program without a slash is looked up on the `PATH` of `env`. (A
    /// script without a `#!` line is given to `/bin/sh`, as `execvp` has it everywhere.)
    pub argv: Vec<String>,
    /// Working directory.
    pub cwd: PathBuf,
    /// The whole environment; nothing of the runner's own is inherited.
    pub env: BTreeMap<String, String>,
    /// Private memory that no process of the workload may exceed, bytes. The stacks of its threads, which are
    /// reserved and hardly used, come on top. Ignored where it cannot be enforced.
    pub memory_bytes: Option<u64>,
    /// Copies of the program that run at the same time; empty: one, bound to nothing. The workload has
    /// ended when all have; when one of several fails, the others are killed.
    pub instances: Vec<Instance>,
    /// Program and arguments of the supervisor, when it is not this very binary (tests).
    pub supervisor: Option<Vec<OsString>>,
}

/// Why a workload could not be started.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
pub enum SpawnError {
    /// `argv` is empty.
    #[error("There is no program to start.")]
    EmptyArgv,
    /// The program does not exist.
    #[error("The program `{program}` was not found.")]
    NotFound {
        /// As asked for.
        program: String,
    },
    /// The program may not be executed.
    #[error("The program `{program}` may not be executed.")]
    PermissionDenied {
        /// As asked for.
        program: String,
    },
    /// The file is not a program of this machine.
    #[error("The file `{program}` is not a program that this machine can execute.")]
    NotExecutable {
        /// As asked for.
        program: String,
    },
    /// The working directory does not exist.
    #[error("The working directory `{cwd}` does not exist.")]
    CwdMissing {
        /// As asked for.
        cwd: String,
    },
    /// The working directory is not a directory, or may not be entered.
    #[error("The working directory `{cwd}` cannot be entered.")]
    CwdUnusable {
        /// As asked for.
        cwd: String,
    },
    /// An argument or a variable contains a NUL byte, or a variable's name contains `=`.
    #[error("{what} contains a character that no program can be given.")]
    BadText {
        /// Which text.
        what: String,
    },
    /// Arguments and environment together are larger than the system takes.
    #[error("The command line and the environment of `{program}` are too large.")]
    TooLarge {
        /// As asked for.
        program: String,
    },
    /// The supervisor could not be started or ended early.
    #[error("The supervising process could not be started: {message}.")]
    Supervisor {
        /// What happened.
        message: String,
    },
    /// CPUs that do not exist, or that this process may not use.
    #[error("The program cannot be bound to the CPUs {cpus}: they are not there, or not for this process.")]
    Cpus {
        /// As asked for, `0,2`.
        cpus: String,
    },
    /// Another error of the operating system.
    #[error("The program `{program}` could not be started: {message}.")]
    Other {
        /// As asked for.
        program: String,
        /// What the system said.
        message: String,
    },
}

/// Resources used by a whole process tree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    /// CPU time in user mode, nanoseconds.
    pub user_ns: u64,
    /// CPU time in the kernel, nanoseconds.
    pub system_ns: u64,
    /// Times a thread gave up its CPU by itself.
    pub voluntary_switches: Option<u64>,
    /// Times a thread's CPU was taken from it.
    pub involuntary_switches: Option<u64>,
    /// Largest resident memory of any one process, bytes.
    pub peak_memory_bytes: Option<u64>,
}

impl Usage {
    /// User and system CPU time, nanoseconds.
    pub fn cpu_ns(&self) -> u64 {
        self.user_ns + self.system_ns
    }
}

/// How a workload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Exit {
    /// Exit code of the first process, when it exited; with several instances, of the first that failed.
    pub code: Option<i32>,
    /// Signal that ended that process, when one did.
    pub signal: Option<i32>,
    /// From just before the first process was created until it ended, the last one of several.
    pub wall: Duration,
    /// Usage of the whole tree; `None` when the supervisor was killed before it could say.
    pub usage: Option<Usage>,
    /// Processes that outlived the first one and had to be killed.
    pub leftovers: u32,
}

impl Exit {
    /// True when the first process exited with code 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}

/// A running workload. Dropping it kills the whole tree.
#[derive(Debug)]
pub struct Child(platform::Child);

/// Ends a workload from any thread; cheap to clone.
#[derive(Debug, Clone)]
pub struct Killer(platform::Killer);

/// The reading end of a workload's stdout or stderr. End of file comes when every process that
/// holds the other end is gone, so read it until then in a thread of its own.
pub type Output = std::fs::File;

impl Child {
    /// Starts a workload: no shell, stdin empty, stdout and stderr piped, a session and process
    /// group of its own, signal dispositions and mask at their defaults.
    ///
    /// # Errors
    /// See [`SpawnError`].
    pub fn spawn(spec: &SpawnSpec) -> Result<Self, SpawnError> {
        platform::Child::spawn(spec).map(Self)
    }

    /// Process id of the first process.
    pub fn pid(&self) -> u32 {
        self.0.pid()
    }

    /// Process group of the first process, to be killed should the runner die.
    pub fn process_group(&self) -> u32 {
        self.0.process_group()
    }

    /// The process below which the whole tree hangs, daemonised descendants included (the supervisor;
    /// where there is none, the first process).
    pub fn root_pid(&self) -> u32 {
        self.0.root_pid()
    }

    /// The workload's stdout; `None` the second time.
    pub fn take_stdout(&mut self) -> Option<Output> {
        self.0.take_stdout()
    }

    /// The workload's stderr; `None` the second time.
    pub fn take_stderr(&mut self) -> Option<Output> {
        self.0.take_stderr()
    }

    /// Waits at most `timeout` for the end of the whole tree; `None` when it still runs. The same
    /// answer is given again when asked again.
    ///
    /// # Errors
    /// Those of the operating system; the tree is killed then.
    pub fn wait_timeout(&mut self, timeout: Duration) -> io::Result<Option<Exit>> {
        self.0.wait_timeout(timeout)
    }

    /// How long each of several instances ran, in their order; empty before the end, and for a single one.
    pub fn instance_walls(&self) -> &[Duration] {
        self.0.instance_walls()
    }

    /// A handle that ends this workload from another thread.
    pub fn killer(&self) -> Killer {
        Killer(self.0.killer())
    }

    /// Politely asks the workload's process group to end (`SIGTERM`).
    pub fn terminate(&self) {
        self.0.killer().terminate();
    }

    /// Kills the whole tree, daemonised descendants included. Returns at once; [`Child::wait_timeout`] tells when all are gone.
    pub fn kill(&self) {
        self.0.killer().kill();
    }
}

impl Killer {
    /// See [`Child::terminate`]. Does nothing when the workload has ended.
    pub fn terminate(&self) {
        self.0.terminate();
    }

    /// See [`Child::kill`]. Does nothing when the workload has ended.
    pub fn kill(&self) {
        self.0.kill();
    }
}

/// Must be the first call in `main` of every binary that starts workloads: when the binary was
/// started with [`SUPERVISOR_ARG`] this supervises and never returns; otherwise it does nothing.
pub fn run_supervisor_if_asked() {
    let asked = std::env::args_os().nth(1);
    if asked.as_ref().is_some_and(|a| a == SUPERVISOR_ARG) {
        supervisor_main();
    }
    #[cfg(any(not(target_os = "linux"), test))]
    if asked.is_some_and(|a| a == WATCHDOG_ARG) {
        other::watch();
    }
}

/// For a binary that has no other children than workloads: makes it the heir of what a supervisor leaves
/// behind when it is killed itself, daemons included, and kills it then.
pub fn adopt_orphans() {
    platform::adopt_orphans();
}

/// The supervisor: reads what to start from stdin (a socket to the runner), never returns.
pub fn supervisor_main() -> ! {
    platform::supervisor_main()
}

/// How often this machine has run out of memory and ended a process for it, since it started; `None` where
/// that is not counted.
pub fn out_of_memory_kills() -> Option<u64> {
    platform::out_of_memory_kills()
}

/// True when programs can be bound to CPUs here.
pub fn can_bind_cpus() -> bool {
    platform::can_bind_cpus()
}

/// True when the memory of programs can be bound to NUMA nodes here; containers often forbid it.
pub fn can_bind_memory() -> bool {
    platform::can_bind_memory()
}

/// What this platform cannot do with processes.
pub fn missing() -> Vec<String> {
    platform::missing()
}

/// Makes a *test binary* able to be its own supervisor, which has no `main` of its own to call
/// [`run_supervisor_if_asked`] from. Use it once, at the top level of a test file or of a library's
/// test module. (It registers a function that the loader runs before `main`.)
#[macro_export]
macro_rules! supervise_in_test_binary {
    () => {
        #[cfg(target_os = "linux")]
        #[allow(unsafe_code)]
        const _: () = {
            extern "C" fn hook() {
                $crate::process::run_supervisor_if_asked();
            }
            #[used]
            #[unsafe(link_section = ".init_array")]
            static HOOK: extern "C" fn() = hook;
        };
    };
}
