//! Linux: the supervisor (see the parent module) and the runner's side of it.

use super::{Exit, Instance, Output, SUPERVISOR_ARG, SpawnError, SpawnSpec, Usage};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long processes that outlive the first one may take to end by themselves (Python's resource
/// tracker, say, needs a moment to clean up).
const LINGER: Duration = Duration::from_millis(150);
/// Time between two sweeps while descendants are being killed.
const SWEEP_EVERY: Duration = Duration::from_millis(5);
/// Refuses specifications larger than any `execve` would take.
const MAX_SPEC_BYTES: usize = 64 << 20;

/// Written to `oom_score_adj` of the workload: should memory run out, it is ended before the editor and the runner.
const ENDED_FIRST: &[u8] = b"500";
/// Space of a thread's stack when the limit says nothing useful.
const USUAL_STACK: u64 = 8 << 20;

const TERMINATE: u8 = b'T';
const KILL: u8 = b'K';

/// What the runner tells the supervisor first.
#[derive(Serialize, Deserialize)]
struct Order {
    argv: Vec<String>,
    cwd: std::path::PathBuf,
    env: BTreeMap<String, String>,
    memory_bytes: Option<u64>,
    instances: Vec<Instance>,
}

/// What the supervisor tells the runner, one JSON line each.
#[derive(Serialize, Deserialize)]
enum Report {
    Started { pids: Vec<u32> },
    Refused(Refusal),
    Ended { exit: Exit, walls: Vec<Duration> },
}

#[derive(Serialize, Deserialize)]
enum Refusal {
    NotFound,
    PermissionDenied,
    NotExecutable,
    CwdMissing,
    CwdUnusable,
    BadText(String),
    TooLarge,
    Cpus(String),
    Other(String),
}

impl Refusal {
    fn into_error(self, spec: &SpawnSpec) -> SpawnError {
        let program = spec.argv.first().cloned().unwrap_or_default();
        let cwd = spec.cwd.display().to_string();
        match self {
            Self::NotFound => SpawnError::NotFound { program },
            Self::PermissionDenied => SpawnError::PermissionDenied { program },
            Self::NotExecutable => SpawnError::NotExecutable { program },
            Self::CwdMissing => SpawnError::CwdMissing { cwd },
            Self::CwdUnusable => SpawnError::CwdUnusable { cwd },
            Self::BadText(what) => SpawnError::BadText { what },
            Self::TooLarge => SpawnError::TooLarge { program },
            Self::Cpus(cpus) => SpawnError::Cpus { cpus },
            Self::Other(message) => SpawnError::Other { program, message },
        }
    }
}

// ---------------------------------------------------------------------------- the runner's side

#[derive(Debug)]
pub(super) struct Child {
    supervisor: std::process::Child,
    socket: Arc<UnixStream>,
    received: Vec<u8>,
    pids: Vec<u32>,
    walls: Vec<Duration>,
    stdout: Option<Output>,
    stderr: Option<Output>,
    ended: Option<Exit>,
}

#[derive(Debug, Clone)]
pub(super) struct Killer {
    socket: Arc<UnixStream>,
}

impl Killer {
    pub(super) fn terminate(&self) {
        let _ = (&*self.socket).write_all(&[TERMINATE]);
    }

    pub(super) fn kill(&self) {
        let _ = (&*self.socket).write_all(&[KILL]);
    }
}

impl Child {
    pub(super) fn spawn(spec: &SpawnSpec) -> Result<Self, SpawnError> {
        check_texts(spec)?;
        let trouble = |what: &str, error: &io::Error| SpawnError::Supervisor { message: format!("{what}: {error}") };
        let (ours, theirs) = UnixStream::pair().map_err(|e| trouble("no socket", &e))?;
        // `/proc/self/exe` stays right when the binary on disk is replaced by an update.
        let command_line =
            spec.supervisor.clone().unwrap_or_else(|| vec![OsString::from("/proc/self/exe"), OsString::from(SUPERVISOR_ARG)]);
        let Some((program, arguments)) = command_line.split_first() else {
            return Err(SpawnError::Supervisor { message: "its command line is empty".to_owned() });
        };
        let mut supervisor = Command::new(program)
            .arg0("threadgauge-supervisor")
            .args(arguments)
            .env_clear()
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| trouble("it cannot be executed", &e))?;
        let stdout = supervisor.stdout.take().map(|s| Output::from(OwnedFd::from(s)));
        let stderr = supervisor.stderr.take().map(|s| Output::from(OwnedFd::from(s)));
        let mut child =
            Self { supervisor, socket: Arc::new(ours), received: Vec::new(), pids: Vec::new(), walls: Vec::new(), stdout, stderr, ended: None };

        let order = Order { argv: spec.argv.clone(), cwd: spec.cwd.clone(), env: spec.env.clone(), memory_bytes: spec.memory_bytes, instances: spec.instances.clone() };
        let sent = serde_json::to_vec(&order).map_err(io::Error::from).and_then(|text| {
            let length = u32::try_from(text.len()).map_err(|_| io::Error::from_raw_os_error(libc::E2BIG))?;
            (&*child.socket).write_all(&length.to_ne_bytes())?;
            (&*child.socket).write_all(&text)
        });
        let started = match sent {
            Ok(()) => child.report(None),
            Err(error) => Err(error),
        };
        match started {
            Ok(Some(Report::Started { pids })) => {
                child.pids = pids;
                Ok(child)
            }
            Ok(Some(Report::Refused(refusal))) => {
                let _ = child.supervisor.wait();
                child.ended = Some(Exit { code: None, signal: None, wall: Duration::ZERO, usage: None, leftovers: 0 });
                Err(refusal.into_error(spec))
            }
            Ok(_) => Err(SpawnError::Supervisor { message: "it did not answer as a supervisor does".to_owned() }),
            Err(error) => Err(trouble("it ended early", &error)),
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.pids.first().copied().unwrap_or(0)
    }

    pub(super) fn process_group(&self) -> u32 {
        self.pid()
    }

    pub(super) fn instance_walls(&self) -> &[Duration] {
        &self.walls
    }

    pub(super) fn root_pid(&self) -> u32 {
        self.supervisor.id()
    }

    pub(super) fn take_stdout(&mut self) -> Option<Output> {
        self.stdout.take()
    }

    pub(super) fn take_stderr(&mut self) -> Option<Output> {
        self.stderr.take()
    }

    pub(super) fn killer(&self) -> Killer {
        Killer { socket: Arc::clone(&self.socket) }
    }

    pub(super) fn wait_timeout(&mut self, timeout: Duration) -> io::Result<Option<Exit>> {
        if let Some(exit) = self.ended {
            return Ok(Some(exit));
        }
        match self.report(Some(timeout)) {
            Ok(None) => Ok(None),
            Ok(Some(Report::Ended { exit, walls })) => {
                self.ended = Some(exit);
                self.walls = walls;
                let _ = self.supervisor.wait();
                Ok(Some(exit))
            }
            Ok(Some(_)) => Err(io::Error::other("The supervising process said something unexpected.")),
            Err(error) => {
                // The supervisor is gone: the kernel has killed the first process with it
                // (PR_SET_PDEATHSIG); what else is in its session is killed from here.
                let _ = self.supervisor.kill();
                let status = self.supervisor.wait()?;
                for &pid in &self.pids {
                    kill_session(pid);
                }
                kill_adopted();
                let signal = status.signal();
                self.ended = Some(Exit { code: None, signal: signal.or(Some(libc::SIGKILL)), wall: Duration::ZERO, usage: None, leftovers: 0 });
                Err(io::Error::new(error.kind(), format!("The supervising process ended before the workload did ({status}).")))
            }
        }
    }

    /// The next report; `None` on timeout (never without a timeout).
    fn report(&mut self, timeout: Option<Duration>) -> io::Result<Option<Report>> {
        let deadline = timeout.map(|t| Instant::now() + t);
        loop {
            if let Some(end) = self.received.iter().position(|&b| b == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                return serde_json::from_slice(&line).map(Some).map_err(io::Error::from);
            }
            let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
            if !readable(&[self.socket.as_raw_fd()], left)?[0] {
                return Ok(None);
            }
            let mut buffer = [0; 4096];
            match (&*self.socket).read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => self.received.extend_from_slice(&buffer[..n]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.ended.is_some() {
            return;
        }
        self.killer().kill();
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        // The supervisor ends when all are gone. A process stuck in the kernel can delay that; it
        // must not hang the runner, and the supervisor stays on the case.
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            match self.supervisor.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(2)),
                _ => return,
            }
        }
    }
}

fn check_texts(spec: &SpawnSpec) -> Result<(), SpawnError> {
    if spec.argv.first().is_none_or(String::is_empty) {
        return Err(SpawnError::EmptyArgv);
    }
    for (index, argument) in spec.argv.iter().enumerate() {
        if argument.contains('\0') {
            return Err(SpawnError::BadText { what: format!("Argument {index}") });
        }
    }
    for (name, value) in &spec.env {
        if name.is_empty() || name.contains(['\0', '=']) || value.contains('\0') {
            return Err(SpawnError::BadText { what: format!("The variable `{}`", name.escape_default()) });
        }
    }
    Ok(())
}

/// Set once this process adopts what a killed supervisor leaves behind.
static ADOPTING: AtomicBool = AtomicBool::new(false);

pub(super) fn adopt_orphans() {
    // SAFETY: no memory is involved.
    if unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) } == 0 {
        ADOPTING.store(true, Ordering::SeqCst);
    }
}

/// Kills and reaps everything below this process, when it adopts orphans at all.
fn kill_adopted() {
    if !ADOPTING.load(Ordering::SeqCst) {
        return;
    }
    let own = std::process::id();
    for _ in 0..200 {
        let all = descendants(&processes(), own);
        for process in &all {
            signal(process.pid as i32, libc::SIGKILL);
            if process.parent == own {
                // SAFETY: a null status is allowed.
                unsafe {
                    libc::waitpid(process.pid as i32, std::ptr::null_mut(), libc::WNOHANG);
                }
            }
        }
        if all.is_empty() {
            return;
        }
        std::thread::sleep(SWEEP_EVERY);
    }
}

/// Kills every process of a session, by its leader's id.
fn kill_session(leader: u32) {
    for _ in 0..200 {
        let members: Vec<u32> = processes().into_iter().filter(|p| p.session == leader && !p.dead).map(|p| p.pid).collect();
        if members.is_empty() {
            return;
        }
        for pid in members {
            signal(pid as i32, libc::SIGKILL);
        }
        std::thread::sleep(SWEEP_EVERY);
    }
}

// ---------------------------------------------------------------------------- the supervisor

pub(super) fn supervisor_main() -> ! {
    let status = match supervise() {
        Ok(()) => 0,
        Err(_) => 1,
    };
    std::process::exit(status)
}

/// The first process of one instance.
struct Main {
    pid: u32,
    started: Instant,
    ended: Option<(i32, Duration)>,
}

impl Main {
    fn has_failed(&self) -> bool {
        self.ended.is_some_and(|(status, _)| !(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0))
    }
}

/// The state of a supervision.
struct Watch {
    mains: Vec<Main>,
    started: Instant,
    usage: Usage,
    killed: BTreeSet<u32>,
}

fn supervise() -> io::Result<()> {
    // Nothing may interrupt the supervisor; signals arrive as data instead.
    // SAFETY: plain system calls on a local set.
    let signals = unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut set);
        check(libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut()))?;
        let mut wanted: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut wanted);
        for number in [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT] {
            libc::sigaddset(&raw mut wanted, number);
        }
        let fd = check(libc::signalfd(-1, &raw const wanted, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK))?;
        OwnedFd::from_raw_fd(fd)
    };
    // SAFETY: no memory is involved. `setsid` fails only for a group leader, which changes nothing here.
    unsafe {
        libc::setsid();
        check(libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))?;
    }
    // SAFETY: stdin is the socket to the runner, and nothing else in this process uses it.
    let mut socket = unsafe { UnixStream::from_raw_fd(0) };

    let mut length = [0; 4];
    socket.read_exact(&mut length)?;
    let length = u32::from_ne_bytes(length) as usize;
    if length > MAX_SPEC_BYTES {
        return say(&mut socket, &Report::Refused(Refusal::TooLarge));
    }
    let mut text = vec![0; length];
    socket.read_exact(&mut text)?;
    let order: Order = serde_json::from_slice(&text)?;

    let started = Instant::now();
    let single = [Instance::default()];
    let mut mains: Vec<Main> = Vec::new();
    let mut refused = None;
    for instance in if order.instances.is_empty() { &single[..] } else { &order.instances } {
        let started = Instant::now();
        match start(&order, instance) {
            Ok(pid) => mains.push(Main { pid, started, ended: None }),
            Err(refusal) => {
                refused = Some(refusal);
                break;
            }
        }
    }
    drop_outputs();
    let pids = mains.iter().map(|main| main.pid).collect();
    let mut watch = Watch { mains, started, usage: Usage { voluntary_switches: Some(0), involuntary_switches: Some(0), peak_memory_bytes: Some(0), ..Usage::default() }, killed: BTreeSet::new() };
    if let Some(refusal) = refused {
        // Those that did start must not stay.
        watch.kill_all();
        return say(&mut socket, &Report::Refused(refusal));
    }
    // A runner that died meanwhile is noticed below as end of file.
    let _ = say(&mut socket, &Report::Started { pids });
    watch.follow(&mut socket, signals.as_raw_fd())?;

    // Of several, the one that failed by itself tells why; those after it were killed for it.
    let ends: Vec<(i32, Duration)> = watch.mains.iter().map(|main| main.ended.unwrap_or((libc::SIGKILL, main.started.elapsed()))).collect();
    let status = watch.mains.iter().zip(&ends).filter(|(main, _)| main.has_failed()).min_by_key(|(main, (_, wall))| main.started + *wall).map(|(_, (status, _))| *status);
    let status = status.or(ends.first().map(|&(status, _)| status)).unwrap_or(libc::SIGKILL);
    let wall = watch.mains.iter().zip(&ends).map(|(main, &(_, wall))| main.started.duration_since(watch.started) + wall).max().unwrap_or_default();
    let exit = Exit {
        code: libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
        signal: libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status)),
        wall,
        usage: Some(watch.usage),
        leftovers: watch.killed.len() as u32,
    };
    let walls = if ends.len() > 1 { ends.iter().map(|&(_, wall)| wall).collect() } else { Vec::new() };
    let _ = say(&mut socket, &Report::Ended { exit, walls });
    Ok(())
}

impl Watch {
    /// Follows the workload until no descendant is left.
    fn follow(&mut self, socket: &mut UnixStream, signals: RawFd) -> io::Result<()> {
        let mut killing = false;
        let mut owner = true;
        let mut linger_until: Option<Instant> = None;
        loop {
            // SIGCHLD comes once for many ends; so always reap all. No child left means no
            // descendant left, because orphans become children of this process.
            if self.reap() {
                return Ok(());
            }
            killing |= self.mains.len() > 1 && self.mains.iter().any(Main::has_failed);
            if self.all_ended() && !killing {
                let until = *linger_until.get_or_insert_with(|| Instant::now() + LINGER);
                killing = Instant::now() >= until;
            }
            if killing {
                self.sweep();
            }
            let timeout = if killing {
                Some(SWEEP_EVERY)
            } else {
                linger_until.map(|until| until.saturating_duration_since(Instant::now()))
            };
            let watched = [signals, socket.as_raw_fd()];
            let ready = readable(if owner { &watched } else { &watched[..1] }, timeout)?;
            if ready[0] && drain_signals(signals) {
                killing = true;
            }
            if ready.get(1) == Some(&true) {
                let mut byte = [0; 64];
                match socket.read(&mut byte) {
                    Ok(0) => (owner, killing) = (false, true),
                    Ok(n) => {
                        for &command in &byte[..n] {
                            match command {
                                TERMINATE => {
                                    for main in self.mains.iter().filter(|main| main.ended.is_none()) {
                                        signal(-(main.pid as i32), libc::SIGTERM);
                                    }
                                }
                                KILL => killing = true,
                                _ => {}
                            }
                        }
                    }
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => (owner, killing) = (false, true),
                }
            }
        }
    }

    /// True when the first process of every instance has ended.
    fn all_ended(&self) -> bool {
        self.mains.iter().all(|main| main.ended.is_some())
    }

    /// Kills everything there is, without looking at the runner.
    fn kill_all(&mut self) {
        while !self.reap() {
            self.sweep();
            std::thread::sleep(SWEEP_EVERY);
        }
    }

    /// Reaps all that have ended; true when no child is left.
    fn reap(&mut self) -> bool {
        loop {
            let mut status = 0;
            // SAFETY: both pointers are to locals; a zeroed rusage is a valid one.
            let (pid, usage) = unsafe {
                let mut usage: libc::rusage = std::mem::zeroed();
                (libc::wait4(-1, &raw mut status, libc::WNOHANG, &raw mut usage), usage)
            };
            match pid {
                0 => return false,
                -1 if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
                -1 => return true,
                pid => {
                    if let Some(main) = self.mains.iter_mut().find(|main| main.pid == pid as u32 && main.ended.is_none()) {
                        main.ended = Some((status, main.started.elapsed()));
                    }
                    add_usage(&mut self.usage, &usage);
                }
            }
        }
    }

    /// Kills every descendant there is now. Killing whole groups matters: a signal to a group
    /// cannot be outrun by a member that forks, whereas one to a process can.
    fn sweep(&mut self) {
        let own = std::process::id();
        let all = processes();
        let mut groups = BTreeSet::new();
        for process in descendants(&all, own) {
            if process.dead {
                continue;
            }
            if !self.mains.iter().any(|main| main.pid == process.pid) {
                self.killed.insert(process.pid);
            }
            if process.group != own && process.group > 1 {
                groups.insert(process.group);
            }
            signal(process.pid as i32, libc::SIGKILL);
        }
        for group in groups {
            signal(-(group as i32), libc::SIGKILL);
        }
    }
}

/// The largest CPU number that a mask here may name.
const MASK_WORDS: usize = 128;

/// CPUs as the kernel takes them; `None` when a number is beyond all machines.
fn mask_of(cpus: &[u32]) -> Option<[u64; MASK_WORDS]> {
    let mut words = [0; MASK_WORDS];
    for &cpu in cpus {
        *words.get_mut(cpu as usize / 64)? |= 1 << (cpu % 64);
    }
    Some(words)
}

/// Starts the first process of one instance in a session of its own.
fn start(order: &Order, instance: &Instance) -> Result<u32, Refusal> {
    let Some(program) = order.argv.first() else { return Err(Refusal::NotFound) };
    check_cwd(&order.cwd)?;
    let own = std::process::id() as i32;
    let memory = order.memory_bytes.map(data_limit);
    let mut command = Command::new(program);
    command.args(&order.argv[1..]).env_clear().envs(&order.env).envs(&instance.env).current_dir(&order.cwd).stdin(Stdio::null());
    let list = || instance.cpus.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let mask = if instance.cpus.is_empty() { None } else { Some(mask_of(&instance.cpus).filter(|_| can_use(&instance.cpus)).ok_or_else(|| Refusal::Cpus(list()))?) };
    let nodes = instance.memory_node.and_then(|node| mask_of(&[node]));
    // SAFETY: only system calls that are safe after fork, and no allocation.
    unsafe {
        command.pre_exec(move || {
            libc::setsid();
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0);
            if libc::getppid() != own {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            for number in 1..=64 {
                if number != libc::SIGKILL && number != libc::SIGSTOP {
                    libc::signal(number, libc::SIG_DFL);
                }
            }
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
            // Before the program starts, so that its libraries see the mask when they count CPUs.
            if let Some(mask) = &mask
                && libc::syscall(libc::SYS_sched_setaffinity, 0, size_of_val(mask), mask.as_ptr()) != 0
            {
                return Err(io::Error::last_os_error());
            }
            if let Some(nodes) = &nodes {
                // Where it is forbidden the system's own choice is the node of the CPUs, too.
                libc::syscall(libc::SYS_set_mempolicy, libc::MPOL_BIND, nodes.as_ptr(), MASK_WORDS * 64);
            }
            let score = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
            if score >= 0 {
                libc::write(score, ENDED_FIRST.as_ptr().cast(), ENDED_FIRST.len());
                libc::close(score);
            }
            memory.map_or(Ok(()), |limit| check(libc::setrlimit(libc::RLIMIT_DATA, &raw const limit)).map(drop))
        });
    }
    match command.spawn() {
        Ok(child) => Ok(child.id()),
        Err(error) => Err(refusal(&error, order, program)),
    }
}

/// What a process may allocate when it may use `bytes`: the stacks of two threads per CPU come on top.
fn data_limit(bytes: u64) -> libc::rlimit {
    let mut stack = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a local.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_STACK, &raw mut stack) } == 0;
    let stack = Some(stack.rlim_cur).filter(|&size| known && size <= 8 * USUAL_STACK).unwrap_or(USUAL_STACK);
    let threads = 2 * std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let limit = bytes.saturating_add(stack.saturating_mul(threads));
    libc::rlimit { rlim_cur: limit, rlim_max: limit }
}

/// True when all of `cpus` are among those this process may use. A mask of which only some are allowed would
/// be cut down silently.
fn can_use(cpus: &[u32]) -> bool {
    crate::topology::affinity_of(0).is_none_or(|allowed| cpus.iter().all(|cpu| allowed.contains(cpu)))
}

pub(super) fn can_bind_cpus() -> bool {
    true
}

pub(super) fn can_bind_memory() -> bool {
    // Who may not ask may not bind either: sandboxes forbid the calls together.
    let mut mode = 0_i32;
    // SAFETY: the mode goes to a local; no node mask is asked for.
    unsafe { libc::syscall(libc::SYS_get_mempolicy, &raw mut mode, std::ptr::null_mut::<u64>(), 0, std::ptr::null::<u8>(), 0) == 0 }
}

fn check_cwd(cwd: &Path) -> Result<(), Refusal> {
    match std::fs::metadata(cwd) {
        Ok(data) if data.is_dir() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Refusal::CwdMissing),
        _ => Err(Refusal::CwdUnusable),
    }
}

fn refusal(error: &io::Error, order: &Order, program: &str) -> Refusal {
    let file = order.cwd.join(program);
    let by_path = program.contains('/');
    match error.raw_os_error() {
        // The file is there, so what is missing is the interpreter that its first line names.
        Some(libc::ENOENT | libc::ENOTDIR) if !(by_path && file.exists()) => Refusal::NotFound,
        Some(libc::ENOENT | libc::ENOTDIR | libc::ENOEXEC) => Refusal::NotExecutable,
        Some(libc::EACCES) if !may_enter(&order.cwd) => Refusal::CwdUnusable,
        Some(libc::EACCES | libc::EPERM) => Refusal::PermissionDenied,
        Some(libc::E2BIG) => Refusal::TooLarge,
        _ if error.kind() == io::ErrorKind::InvalidInput => Refusal::BadText("The command line".to_owned()),
        _ => Refusal::Other(error.to_string()),
    }
}

fn may_enter(directory: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let Ok(path) = std::ffi::CString::new(directory.as_os_str().as_bytes()) else { return false };
    // SAFETY: the string is NUL-terminated and lives through the call.
    unsafe { libc::access(path.as_ptr(), libc::X_OK) == 0 }
}

/// Lets go of the workload's stdout and stderr, so that their readers see the end of file when the
/// workload is gone.
fn drop_outputs() {
    // SAFETY: plain system calls on descriptors of this process.
    unsafe {
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC);
        if null >= 0 {
            libc::dup2(null, 1);
            libc::dup2(null, 2);
            libc::close(null);
        } else {
            libc::close(1);
            libc::close(2);
        }
    }
}

fn say(socket: &mut UnixStream, report: &Report) -> io::Result<()> {
    let mut line = serde_json::to_vec(report)?;
    line.push(b'\n');
    socket.write_all(&line)
}

/// Reads the pending signals; true when one of them asks to end.
fn drain_signals(fd: RawFd) -> bool {
    let mut end = false;
    loop {
        // SAFETY: a zeroed signalfd_siginfo is valid, and the length is its own.
        let (read, info) = unsafe {
            let mut info: libc::signalfd_siginfo = std::mem::zeroed();
            let size = size_of::<libc::signalfd_siginfo>();
            (libc::read(fd, (&raw mut info).cast(), size), info)
        };
        if read <= 0 {
            return end;
        }
        end |= info.ssi_signo as i32 != libc::SIGCHLD;
    }
}

fn add_usage(total: &mut Usage, more: &libc::rusage) {
    let nanoseconds = |t: libc::timeval| t.tv_sec as u64 * 1_000_000_000 + t.tv_usec as u64 * 1_000;
    total.user_ns += nanoseconds(more.ru_utime);
    total.system_ns += nanoseconds(more.ru_stime);
    total.voluntary_switches = total.voluntary_switches.map(|n| n + more.ru_nvcsw as u64);
    total.involuntary_switches = total.involuntary_switches.map(|n| n + more.ru_nivcsw as u64);
    total.peak_memory_bytes = total.peak_memory_bytes.map(|n| n.max(more.ru_maxrss as u64 * 1024));
}

// ---------------------------------------------------------------------------- system calls

fn check(result: i32) -> io::Result<i32> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Signals a process, or a group when negative. One that is gone already is no error.
fn signal(target: i32, number: i32) {
    // SAFETY: no memory is involved. 0 and -1 would mean "everyone" and must never get here.
    if !(-1..=1).contains(&target) {
        unsafe {
            libc::kill(target, number);
        }
    }
}

/// Which of the descriptors can be read (or have ended); waits at most `timeout`.
fn readable(fds: &[RawFd], timeout: Option<Duration>) -> io::Result<Vec<bool>> {
    let deadline = timeout.map(|t| Instant::now() + t);
    let mut polled: Vec<libc::pollfd> = fds.iter().map(|&fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 }).collect();
    loop {
        let milliseconds = deadline.map_or(-1, |d| {
            // Rounded up, so that a short rest does not become a busy loop.
            let left = d.saturating_duration_since(Instant::now());
            i32::try_from(left.as_micros().div_ceil(1000)).unwrap_or(i32::MAX)
        });
        // SAFETY: pointer and length are those of a live vector.
        let count = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, milliseconds) };
        if count >= 0 {
            return Ok(polled.iter().map(|p| p.revents != 0).collect());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

// ---------------------------------------------------------------------------- /proc

/// A process as `/proc/<pid>/stat` shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    pub(crate) group: u32,
    pub(crate) session: u32,
    /// Ended but not reaped.
    pub(crate) dead: bool,
}

/// All processes there are now.
pub(crate) fn processes() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            process(pid)
        })
        .collect()
}

/// One process; `None` when there is none with this id.
pub(crate) fn process(pid: u32) -> Option<Process> {
    let text = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let fields = stat_fields(&text)?;
    let number = |index: usize| fields.get(index)?.parse::<i64>().ok().map(|n| n.max(0) as u32);
    Some(Process { pid, parent: number(1)?, group: number(2)?, session: number(3)?, dead: matches!(*fields.first()?, "Z" | "X") })
}

/// The fields of a `stat` file from the state on. The name before it may contain anything, `)` included.
pub(crate) fn stat_fields(text: &[u8]) -> Option<Vec<&str>> {
    let after = text.iter().rposition(|&b| b == b')')? + 1;
    Some(std::str::from_utf8(text.get(after..)?).ok()?.split_ascii_whitespace().collect())
}

/// All processes below `root`, which is not one of them.
pub(crate) fn descendants(all: &[Process], root: u32) -> Vec<Process> {
    let mut children: BTreeMap<u32, Vec<&Process>> = BTreeMap::new();
    for process in all {
        children.entry(process.parent).or_default().push(process);
    }
    let mut found = Vec::new();
    let mut seen = BTreeSet::from([root]);
    let mut queue = vec![root];
    while let Some(parent) = queue.pop() {
        for child in children.get(&parent).into_iter().flatten() {
            // The list is no snapshot; a reused id could close a circle.
            if seen.insert(child.pid) {
                found.push(**child);
                queue.push(child.pid);
            }
        }
    }
    found
}

pub(super) fn out_of_memory_kills() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/vmstat").ok()?;
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

pub(super) fn missing() -> Vec<String> {
    Vec::new()
}
