//! macOS and Windows: a plain child process, without a supervisor.

use super::{Exit, Output, SpawnError, SpawnSpec};
use std::io;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Child {
    inner: Arc<Mutex<std::process::Child>>,
    pid: u32,
    started: Instant,
    stdout: Option<Output>,
    stderr: Option<Output>,
    ended: Option<Exit>,
}

#[derive(Debug, Clone)]
pub(super) struct Killer {
    inner: Arc<Mutex<std::process::Child>>,
}

fn lock(inner: &Mutex<std::process::Child>) -> MutexGuard<'_, std::process::Child> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(unix)]
fn own_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(windows)]
fn own_group(command: &mut Command) {
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
    std::os::windows::process::CommandExt::creation_flags(command, CREATE_NEW_PROCESS_GROUP);
}

#[cfg(unix)]
fn file(pipe: impl Into<std::os::fd::OwnedFd>) -> Output {
    Output::from(pipe.into())
}

#[cfg(windows)]
fn file(pipe: impl Into<std::os::windows::io::OwnedHandle>) -> Output {
    Output::from(pipe.into())
}

impl Child {
    pub(super) fn spawn(spec: &SpawnSpec) -> Result<Self, SpawnError> {
        let Some(program) = spec.argv.first().filter(|p| !p.is_empty()) else { return Err(SpawnError::EmptyArgv) };
        let cwd = || spec.cwd.display().to_string();
        match std::fs::metadata(&spec.cwd) {
            Ok(data) if data.is_dir() => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(SpawnError::CwdMissing { cwd: cwd() }),
            _ => return Err(SpawnError::CwdUnusable { cwd: cwd() }),
        }
        let impossible = |message: &str| Err(SpawnError::Other { program: program.clone(), message: message.to_owned() });
        if spec.instances.len() > 1 {
            return impossible("several instances cannot be followed together on this platform");
        }
        if spec.instances.iter().any(|instance| !instance.cpus.is_empty() || instance.memory_node.is_some()) {
            return impossible("programs cannot be bound to CPUs on this platform");
        }
        let mut command = Command::new(program);
        command.args(&spec.argv[1..]).env_clear().envs(&spec.env).envs(spec.instances.iter().flat_map(|instance| &instance.env)).current_dir(&spec.cwd);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        own_group(&mut command);
        let started = Instant::now();
        let mut inner = command.spawn().map_err(|error| {
            let program = program.clone();
            match error.kind() {
                io::ErrorKind::NotFound => SpawnError::NotFound { program },
                io::ErrorKind::PermissionDenied => SpawnError::PermissionDenied { program },
                io::ErrorKind::InvalidInput => SpawnError::BadText { what: "The command line".to_owned() },
                _ => SpawnError::Other { program, message: error.to_string() },
            }
        })?;
        let (stdout, stderr) = (inner.stdout.take().map(file), inner.stderr.take().map(file));
        Ok(Self { pid: inner.id(), inner: Arc::new(Mutex::new(inner)), started, stdout, stderr, ended: None })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn process_group(&self) -> u32 {
        self.pid
    }

    pub(super) fn root_pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn take_stdout(&mut self) -> Option<Output> {
        self.stdout.take()
    }

    pub(super) fn take_stderr(&mut self) -> Option<Output> {
        self.stderr.take()
    }

    pub(super) fn instance_walls(&self) -> &[Duration] {
        &[]
    }

    pub(super) fn killer(&self) -> Killer {
        Killer { inner: Arc::clone(&self.inner) }
    }

    pub(super) fn wait_timeout(&mut self, timeout: Duration) -> io::Result<Option<Exit>> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(exit) = self.ended {
                return Ok(Some(exit));
            }
            if let Some(status) = lock(&self.inner).try_wait()? {
                let wall = self.started.elapsed();
                #[cfg(unix)]
                let signal = std::os::unix::process::ExitStatusExt::signal(&status);
                #[cfg(not(unix))]
                let signal = None;
                self.ended = Some(Exit { code: status.code(), signal, wall, usage: None, leftovers: 0 });
                #[cfg(unix)]
                signal_group(self.pid, libc::SIGKILL);
                continue;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            std::thread::sleep(left.min(Duration::from_millis(1)));
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.ended.is_none() {
            self.killer().kill();
            let _ = lock(&self.inner).wait();
        }
    }
}

#[cfg(unix)]
fn signal_group(pid: u32, number: i32) {
    // SAFETY: no memory is involved.
    unsafe {
        libc::kill(-(pid as i32), number);
    }
}

impl Killer {
    pub(super) fn terminate(&self) {
        #[cfg(unix)]
        {
            let mut inner = lock(&self.inner);
            // Not reaped yet, so the id still names this process.
            if let Ok(None) = inner.try_wait() {
                signal_group(inner.id(), libc::SIGTERM);
            }
        }
        // Windows has no polite signal for a process without a console.
        #[cfg(not(unix))]
        self.kill();
    }

    pub(super) fn kill(&self) {
        let mut inner = lock(&self.inner);
        #[cfg(unix)]
        if let Ok(None) = inner.try_wait() {
            signal_group(inner.id(), libc::SIGKILL);
        }
        let _ = inner.kill();
    }
}

pub(super) fn adopt_orphans() {}

pub(super) fn supervisor_main() -> ! {
    eprintln!("There is no supervisor on this platform.");
    std::process::exit(2)
}

pub(super) fn out_of_memory_kills() -> Option<u64> {
    None
}

pub(super) fn can_bind_cpus() -> bool {
    false
}

pub(super) fn can_bind_memory() -> bool {
    false
}

pub(super) fn missing() -> Vec<String> {
    vec![
        "On this platform programs cannot be bound to CPUs, and several instances cannot be measured together.".to_owned(),
        "On this platform processes that the workload starts in a session or job of their own, and all of them should the runner be killed, are not ended with it.".to_owned(),
        "On this platform the CPU time and the context switches of the workload are not measured.".to_owned(),
    ]
}
