//! macOS and other Unix systems: a workload is a process group, and a watchdog ends it should the runner be killed.
//!
//! The watchdog is this very binary once more: it reads from a pipe whose other end only the runner has,
//! and kills the group when that end closes without a word. What has left the group is not reached.

use super::Ended;
use crate::process::{Usage, WATCHDOG_ARG};
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Told to the watchdog when the group has ended.
const DONE: u8 = b'd';

#[derive(Debug)]
pub(super) struct Tree {
    /// The first process, which leads the group.
    leader: i32,
    /// True once the leader's id may belong to somebody else. Held while a signal is sent.
    reaped: Mutex<bool>,
    watchdog: Mutex<Option<std::process::Child>>,
}

impl Tree {
    pub(super) fn prepare(command: &mut Command) {
        command.process_group(0);
    }

    pub(super) fn around(child: &std::process::Child, _memory_bytes: Option<u64>, own_program: Option<&[OsString]>) -> io::Result<Self> {
        let leader = child.id() as i32;
        let tree = Self { leader, reaped: Mutex::new(false), watchdog: Mutex::new(None) };
        let exe = std::env::current_exe()?;
        let mut command = match own_program.and_then(<[OsString]>::split_first) {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments);
                command
            }
            None => Command::new(exe),
        };
        let mut watchdog = command.arg(WATCHDOG_ARG).env_clear().current_dir("/").process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let told = watchdog.stdin.as_mut().map_or(Ok(()), |pipe| writeln!(pipe, "{leader}"));
        *lock(&tree.watchdog) = Some(watchdog);
        told.map(|()| tree)
    }

    /// Waits for the end of the first process, then ends the rest of its group.
    pub(super) fn wait(&self) -> io::Result<Ended> {
        // Not reaped yet: until it is, its id stays its own and that of its group.
        loop {
            // SAFETY: the pointer is to a local, and a zeroed siginfo is a valid one.
            let result = unsafe {
                let mut info: libc::siginfo_t = std::mem::zeroed();
                libc::waitid(libc::P_PID, self.leader as libc::id_t, &raw mut info, libc::WEXITED | libc::WNOWAIT)
            };
            match result {
                0 => break,
                _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
                _ => return Err(io::Error::last_os_error()),
            }
        }
        let at = Instant::now();
        let mut reaped = lock(&self.reaped);
        self.send(libc::SIGKILL);
        let mut status = 0;
        // SAFETY: both pointers are to locals; a zeroed rusage is a valid one.
        let (pid, usage) = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            (libc::wait4(self.leader, &raw mut status, 0, &raw mut usage), usage)
        };
        *reaped = true;
        self.dismiss();
        if pid != self.leader {
            return Err(io::Error::last_os_error());
        }
        let status = ExitStatus::from_raw(status);
        Ok(Ended { at, code: status.code(), signal: status.signal(), usage: Some(usage_of(&usage)), leftovers: 0 })
    }

    pub(super) fn terminate(&self) {
        self.signal(libc::SIGTERM);
    }

    pub(super) fn kill(&self) {
        self.signal(libc::SIGKILL);
    }

    fn signal(&self, number: i32) {
        let reaped = lock(&self.reaped);
        if !*reaped {
            self.send(number);
        }
    }

    fn send(&self, number: i32) {
        if self.leader > 1 {
            // SAFETY: no memory is involved, and the group is that of a process of ours that is not reaped.
            unsafe {
                libc::kill(-self.leader, number);
            }
        }
    }

    /// The watchdog has nothing to watch any more.
    fn dismiss(&self) {
        if let Some(mut watchdog) = lock(&self.watchdog).take() {
            if let Some(mut pipe) = watchdog.stdin.take() {
                let _ = pipe.write_all(&[DONE]);
            }
            let _ = watchdog.wait();
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.dismiss();
    }
}

/// The watchdog: never returns.
pub(super) fn watch() -> ! {
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    let mut byte = [0];
    let status = loop {
        match input.read(&mut byte) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(1) if byte[0] == DONE => break 0,
            Ok(1) => line.push(byte[0]),
            // The runner is gone without a word.
            _ => {
                let leader = std::str::from_utf8(&line).ok().and_then(|text| text.trim().parse::<i32>().ok());
                if let Some(leader) = leader.filter(|&leader| leader > 1) {
                    // SAFETY: no memory is involved; the number is that of a group and neither 0 nor 1.
                    unsafe {
                        libc::kill(-leader, libc::SIGKILL);
                    }
                }
                break 1;
            }
        }
    };
    std::process::exit(status)
}

/// Of the first process and of all descendants that were waited for.
fn usage_of(usage: &libc::rusage) -> Usage {
    let nanoseconds = |t: libc::timeval| t.tv_sec as u64 * 1_000_000_000 + t.tv_usec as u64 * 1_000;
    // Everywhere in units of 1024 bytes, except on macOS.
    let unit = if cfg!(target_vendor = "apple") { 1 } else { 1024 };
    Usage {
        user_ns: nanoseconds(usage.ru_utime),
        system_ns: nanoseconds(usage.ru_stime),
        voluntary_switches: Some(usage.ru_nvcsw as u64),
        involuntary_switches: Some(usage.ru_nivcsw as u64),
        peak_memory_bytes: Some(usage.ru_maxrss as u64 * unit),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn missing() -> Vec<String> {
    vec![
        "On this platform processes that the workload starts in a session or process group of their own are not ended with it.".to_owned(),
        "On this platform CPU time and context switches are those of the workload's first process and of the processes it waited for.".to_owned(),
        "On this platform a limit of memory is not enforced.".to_owned(),
    ]
}
