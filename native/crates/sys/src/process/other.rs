//! macOS and Windows: a plain child process in a tree of the platform's kind, followed by a thread that waits for its end.

#[cfg(unix)]
#[path = "other/group.rs"]
mod tree;
#[cfg(windows)]
#[path = "other/job.rs"]
mod tree;

use super::{Exit, Output, SpawnError, SpawnSpec, Usage};
use std::io;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use tree::Tree;

/// How a workload ended.
struct Ended {
    at: Instant,
    code: Option<i32>,
    signal: Option<i32>,
    usage: Option<Usage>,
    leftovers: u32,
}

#[derive(Debug)]
pub(super) struct Child {
    tree: Arc<Tree>,
    end: Receiver<io::Result<Ended>>,
    pid: u32,
    started: Instant,
    stdout: Option<Output>,
    stderr: Option<Output>,
    ended: Option<Exit>,
}

#[derive(Debug, Clone)]
pub(super) struct Killer {
    tree: Arc<Tree>,
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
        Tree::prepare(&mut command);
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
        let trouble = |error: &io::Error| SpawnError::Supervisor { message: error.to_string() };
        let tree = match Tree::around(&inner, spec.memory_bytes, spec.supervisor.as_deref()) {
            Ok(tree) => Arc::new(tree),
            Err(error) => {
                let _ = inner.kill();
                let _ = inner.wait();
                return Err(trouble(&error));
            }
        };
        let (sender, end) = channel();
        let waiting = Arc::clone(&tree);
        let thread = std::thread::Builder::new().name("end of the workload".into()).spawn(move || {
            let _ = sender.send(waiting.wait());
        });
        if let Err(error) = thread {
            tree.kill();
            return Err(trouble(&error));
        }
        Ok(Self { tree, end, pid: inner.id(), started, stdout, stderr, ended: None })
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

    #[allow(clippy::unused_self, reason = "other platforms follow several instances")]
    pub(super) fn instance_walls(&self) -> &[Duration] {
        &[]
    }

    pub(super) fn killer(&self) -> Killer {
        Killer { tree: Arc::clone(&self.tree) }
    }

    pub(super) fn wait_timeout(&mut self, timeout: Duration) -> io::Result<Option<Exit>> {
        if let Some(exit) = self.ended {
            return Ok(Some(exit));
        }
        let ended = match self.end.recv_timeout(timeout) {
            Ok(ended) => ended,
            Err(RecvTimeoutError::Timeout) => return Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("The thread that waits for the program has ended.")),
        };
        match ended {
            Ok(Ended { at, code, signal, usage, leftovers }) => {
                let exit = Exit { code, signal, wall: at.duration_since(self.started), usage, leftovers };
                self.ended = Some(exit);
                Ok(Some(exit))
            }
            Err(error) => {
                self.tree.kill();
                self.ended = Some(Exit { code: None, signal: None, wall: self.started.elapsed(), usage: None, leftovers: 0 });
                Err(error)
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.ended.is_none() {
            self.tree.kill();
            // A process stuck in the kernel must not hang the runner.
            let _ = self.end.recv_timeout(Duration::from_secs(5));
        }
    }
}

impl Killer {
    pub(super) fn terminate(&self) {
        self.tree.terminate();
    }

    pub(super) fn kill(&self) {
        self.tree.kill();
    }
}

/// What ends a workload whose runner was killed; see `run_supervisor_if_asked`.
pub(super) fn watch() -> ! {
    tree::watch()
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
    let mut all = vec!["On this platform programs cannot be bound to CPUs, and several instances cannot be measured together.".to_owned()];
    all.extend(tree::missing());
    all
}

/// The Unix half is tested on Linux, where it is not used otherwise.
#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::io::Read;

    crate::supervise_in_test_binary!();

    const LONG: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> SpawnSpec {
        let env = BTreeMap::from([("PATH".to_owned(), std::env::var("PATH").expect("a PATH"))]);
        SpawnSpec { argv: ["sh", "-c", script].map(str::to_owned).to_vec(), cwd: std::env::temp_dir(), env, ..SpawnSpec::default() }
    }

    fn end(child: &mut Child) -> Exit {
        child.wait_timeout(LONG).expect("followed").expect("ended")
    }

    fn is_alive(pid: u32) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    }

    fn gone(pid: u32) {
        let until = Instant::now() + LONG;
        while is_alive(pid) {
            assert!(Instant::now() < until, "{pid} is still alive");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn code_signal_wall_and_cpu_time_are_told() {
        let mut child = Child::spawn(&shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; sleep 0.2; echo out; exit 7")).expect("started");
        assert!(child.wait_timeout(Duration::from_millis(1)).expect("followed").is_none());
        let mut text = String::new();
        child.take_stdout().expect("piped").read_to_string(&mut text).expect("read");
        let exit = end(&mut child);
        assert_eq!((exit.code, exit.signal, text.as_str()), (Some(7), None, "out\n"));
        assert!(exit.wall >= Duration::from_millis(200));
        let usage = exit.usage.expect("told");
        assert!(usage.cpu_ns() > 10_000_000 && usage.peak_memory_bytes > Some(1 << 18), "{usage:?}");
        assert_eq!(end(&mut child), exit, "the same answer again");
        let mut child = Child::spawn(&shell("kill -SEGV $$")).expect("started");
        assert_eq!(end(&mut child).signal, Some(libc::SIGSEGV));
    }

    #[test]
    fn the_group_ends_with_its_first_process_with_a_kill_and_with_a_drop() {
        let pid_of = |child: &mut Child| -> u32 {
            let mut bytes = [0; 16];
            let read = child.take_stdout().expect("piped").read(&mut bytes).expect("read");
            std::str::from_utf8(&bytes[..read]).expect("text").trim().parse().expect("a number")
        };
        let mut child = Child::spawn(&shell("sleep 600 & echo $!; exit 3")).expect("started");
        let sleeper = pid_of(&mut child);
        assert_eq!(end(&mut child).code, Some(3));
        gone(sleeper);
        let mut child = Child::spawn(&shell("trap '' TERM; sleep 600 & echo $!; wait; sleep 600")).expect("started");
        let sleeper = pid_of(&mut child);
        child.killer().terminate();
        assert!(child.wait_timeout(Duration::from_millis(100)).expect("followed").is_none());
        child.killer().kill();
        assert_eq!(end(&mut child).signal, Some(libc::SIGKILL));
        gone(sleeper);
        child.killer().kill();
        let mut child = Child::spawn(&shell("sleep 600 & echo $!; wait")).expect("started");
        let sleeper = pid_of(&mut child);
        drop(child);
        gone(sleeper);
    }

    #[test]
    fn the_watchdog_ends_the_group_of_a_runner_that_was_killed_and_leaves_that_of_one_that_says_so() {
        use std::os::unix::process::CommandExt;
        for (word, survives) in [("", false), ("d", true)] {
            let mut group = Command::new("sleep").arg("600").process_group(0).spawn().expect("started");
            let exe = std::env::current_exe().expect("this test");
            let mut watchdog = Command::new(exe).arg(super::super::WATCHDOG_ARG).stdin(Stdio::piped()).spawn().expect("started");
            let mut pipe = watchdog.stdin.take().expect("piped");
            io::Write::write_all(&mut pipe, format!("{}\n{word}", group.id()).as_bytes()).expect("written");
            // What happens to the pipe of a runner that is killed.
            drop(pipe);
            watchdog.wait().expect("ended");
            std::thread::sleep(Duration::from_millis(20));
            assert_eq!(group.try_wait().expect("ours").is_none(), survives);
            let _ = group.kill();
            let _ = group.wait();
        }
    }

    #[test]
    fn what_cannot_be_started_is_told_apart() {
        let mut spec = shell("true");
        spec.argv = vec!["no-such-program-at-all".into()];
        assert!(matches!(Child::spawn(&spec), Err(SpawnError::NotFound { .. })));
        let mut spec = shell("true");
        spec.cwd = "/no/such/directory".into();
        assert!(matches!(Child::spawn(&spec), Err(SpawnError::CwdMissing { .. })));
    }
}
