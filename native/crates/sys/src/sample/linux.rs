//! Linux: `/proc`. Files of a thread are opened once and read again with `pread`, which costs a
//! third of opening them each time; the number of files kept open is limited.

use super::TreeSample;
use crate::cgroup::{self, Group};
use crate::process::linux::{Process, process, stat_fields};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// The whole process list is looked through for new descendants this often at most, and so rarely
/// that it costs at most one part in `SCAN_SHARE` of a CPU.
const SCAN_EVERY: Duration = Duration::from_millis(40);
const SCAN_SHARE: u32 = 50;
/// The kernel counts in ticks of 10 ms; a shorter difference says nothing.
const FOREIGN_WINDOW: Duration = Duration::from_millis(100);
/// Files kept open at most; a thread needs two.
const MAX_OPEN: usize = 512;

#[derive(Debug)]
pub(super) struct TreeSampler {
    root: u32,
    without_root: bool,
    begin: Instant,
    tick_ns: u64,
    open_budget: usize,
    counts_delay: bool,
    members: BTreeMap<u32, Member>,
    /// Processes known to be nobody of ours: such a one can never become one.
    strangers: BTreeSet<u32>,
    scanned: Option<(Instant, Duration)>,
    /// Run-queue delay of threads that have ended, as last seen.
    ended_delay_ns: u64,
    last: TreeSample,
    first_load: Option<Load>,
    last_load: Option<Load>,
}

/// A process of the tree.
#[derive(Debug)]
struct Member {
    threads: BTreeMap<u32, Thread>,
}

#[derive(Debug, Default)]
struct Thread {
    schedstat: Option<File>,
    stat: Option<File>,
    delay_ns: u64,
}

/// Counters of the whole machine beside our own, at one time.
#[derive(Debug, Clone, Copy)]
struct Load {
    at: Instant,
    busy_ns: u64,
    own_ns: u64,
}

impl TreeSampler {
    pub(super) fn new(root: u32, without_root: bool) -> Self {
        // SAFETY: no memory is involved.
        let hertz = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
        let mut sampler = Self {
            root,
            without_root,
            begin: Instant::now(),
            tick_ns: 1_000_000_000 / u64::try_from(hertz).unwrap_or(100).max(1),
            open_budget: open_budget(),
            counts_delay: Path::new("/proc/self/schedstat").exists(),
            members: BTreeMap::new(),
            strangers: BTreeSet::new(),
            scanned: None,
            ended_delay_ns: 0,
            last: TreeSample::default(),
            first_load: None,
            last_load: None,
        };
        sampler.sample();
        sampler.begin = Instant::now();
        sampler
    }

    pub(super) fn sample(&mut self) -> TreeSample {
        self.scan();
        let mut sample = TreeSample { at: self.begin.elapsed(), ..TreeSample::default() };
        let mut cpu_ns = 0;
        let mut delay_ns = 0;
        let mut open: usize = self.members.values().flat_map(|m| m.threads.values()).map(|t| usize::from(t.stat.is_some()) * 2).sum();
        let mut ended = Vec::new();
        if self.without_root {
            // The supervisor's own work is not the workload's, that of the children it reaped is.
            cpu_ns += self.children_ns(self.root).unwrap_or(0);
        }
        for (&pid, member) in &mut self.members {
            let (Some(own), Some(tids)) = (process_cpu_ns(pid), tasks(pid)) else {
                ended.push(pid);
                continue;
            };
            cpu_ns += own;
            let mut alive = 0;
            member.threads.retain(|tid, thread| {
                let stays = tids.binary_search(tid).is_ok();
                if !stays {
                    self.ended_delay_ns += thread.delay_ns;
                    open -= usize::from(thread.stat.is_some()) * 2;
                }
                stays
            });
            for &tid in &tids {
                let thread = member.threads.entry(tid).or_insert_with(|| {
                    let mut new = Thread::default();
                    if open + 2 <= self.open_budget {
                        new.stat = File::open(format!("/proc/{pid}/task/{tid}/stat")).ok();
                        new.schedstat = File::open(format!("/proc/{pid}/task/{tid}/schedstat")).ok();
                        open += 2;
                    }
                    new
                });
                match thread.state(pid, tid) {
                    None | Some(b'Z' | b'X') => continue,
                    Some(b'R') => sample.runnable += 1,
                    Some(_) => {}
                }
                alive += 1;
                if self.counts_delay {
                    thread.read_delay(pid, tid);
                }
            }
            delay_ns += member.threads.values().map(|t| t.delay_ns).sum::<u64>();
            sample.threads += alive;
            sample.processes += u32::from(alive > 0);
        }
        for &pid in self.members.keys() {
            cpu_ns += self.children_ns(pid).unwrap_or(0);
        }
        for pid in ended {
            if let Some(member) = self.members.remove(&pid) {
                self.ended_delay_ns += member.threads.values().map(|t| t.delay_ns).sum::<u64>();
            }
        }
        // What an ended process used passes to its parent in ticks, so the sum can step back a little.
        sample.cpu_ns = cpu_ns.max(self.last.cpu_ns);
        let delay_ns = (delay_ns + self.ended_delay_ns).max(self.last.run_delay_ns.unwrap_or(0));
        sample.run_delay_ns = self.counts_delay.then_some(delay_ns);
        sample.foreign_cpus = self.foreign(sample.cpu_ns);
        self.last = sample;
        sample
    }

    pub(super) fn mean_foreign_cpus(&self) -> Option<f64> {
        let (first, last) = (self.first_load?, self.last_load?);
        first.foreign_until(&last)
    }

    /// Finds new descendants.
    fn scan(&mut self) {
        let now = Instant::now();
        if let Some((at, cost)) = self.scanned {
            let rest = SCAN_EVERY.max(cost * SCAN_SHARE);
            if now.duration_since(at) < rest {
                return;
            }
        }
        let begun = clock_ns(libc::CLOCK_THREAD_CPUTIME_ID).unwrap_or(0);
        let Some(pids) = numbers_in(Path::new("/proc")) else { return };
        self.strangers.retain(|pid| pids.binary_search(pid).is_ok());
        let unknown: Vec<u32> = pids.iter().copied().filter(|pid| !self.strangers.contains(pid) && !self.members.contains_key(pid)).collect();
        let parents: BTreeMap<u32, Process> = unknown.iter().filter_map(|&pid| process(pid)).map(|p| (p.pid, p)).collect();
        for &pid in &unknown {
            let mut at = pid;
            // Up to the root, or to somebody known; at most as far as the list is long.
            for _ in 0..=parents.len() {
                if at == self.root || self.members.contains_key(&at) {
                    break;
                }
                match parents.get(&at) {
                    Some(process) => at = process.parent,
                    None => break,
                }
            }
            let ours = at == self.root || self.members.contains_key(&at);
            if !ours {
                self.strangers.insert(pid);
            } else if pid != self.root || !self.without_root {
                self.members.insert(pid, Member { threads: BTreeMap::new() });
            }
        }
        // CPU time, not wall time: on a busy machine the latter would put off the next look for long.
        let cost = clock_ns(libc::CLOCK_THREAD_CPUTIME_ID).unwrap_or(begun).saturating_sub(begun);
        self.scanned = Some((now, Duration::from_nanos(cost)));
    }

    /// CPU time of the children that a process has reaped.
    fn children_ns(&self, pid: u32) -> Option<u64> {
        let text = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        let fields = stat_fields(&text)?;
        let ticks = fields.get(13)?.parse::<u64>().ok()? + fields.get(14)?.parse::<u64>().ok()?;
        Some(ticks * self.tick_ns)
    }

    fn foreign(&mut self, tree_ns: u64) -> Option<f64> {
        let now = Load { at: Instant::now(), busy_ns: self.machine_busy_ns()?, own_ns: tree_ns + own_cpu_ns() };
        let Some(last) = self.last_load else {
            (self.first_load, self.last_load) = (Some(now), Some(now));
            return None;
        };
        if now.at.duration_since(last.at) < FOREIGN_WINDOW {
            return None;
        }
        self.last_load = Some(now);
        last.foreign_until(&now)
    }

    /// Time all CPUs were busy since boot, time taken by other virtual machines included.
    fn machine_busy_ns(&self) -> Option<u64> {
        let text = std::fs::read_to_string("/proc/stat").ok()?;
        let mut words = text.lines().next()?.split_ascii_whitespace();
        if words.next()? != "cpu" {
            return None;
        }
        // user nice system idle iowait irq softirq steal; guests are in user already.
        let ticks: u64 = words.take(8).enumerate().filter(|(i, _)| *i != 3 && *i != 4).filter_map(|(_, w)| w.parse::<u64>().ok()).sum();
        Some(ticks * self.tick_ns)
    }
}

impl Load {
    fn foreign_until(&self, later: &Load) -> Option<f64> {
        let wall = later.at.duration_since(self.at);
        if wall < FOREIGN_WINDOW {
            return None;
        }
        let busy = later.busy_ns.saturating_sub(self.busy_ns) as f64;
        let own = later.own_ns.saturating_sub(self.own_ns) as f64;
        Some((busy - own).max(0.0) / wall.as_nanos() as f64)
    }
}

impl Thread {
    fn state(&self, pid: u32, tid: u32) -> Option<u8> {
        let mut buffer = [0; 512];
        let text = read_start(self.stat.as_ref(), pid, tid, "stat", &mut buffer)?;
        stat_fields(text)?.first()?.bytes().next()
    }

    fn read_delay(&mut self, pid: u32, tid: u32) {
        let mut buffer = [0; 128];
        let value = read_start(self.schedstat.as_ref(), pid, tid, "schedstat", &mut buffer)
            .and_then(|text| std::str::from_utf8(text).ok()?.split_ascii_whitespace().nth(1)?.parse::<u64>().ok());
        // An ended thread's id may be given to another thread, whose counter starts again.
        if let Some(value) = value {
            self.delay_ns = self.delay_ns.max(value);
        }
    }
}

/// The start of a thread's file, from the open one when there is one.
fn read_start<'b>(open: Option<&File>, pid: u32, tid: u32, name: &str, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let length = match open {
        Some(file) => file.read_at(buffer, 0).ok()?,
        None => File::open(format!("/proc/{pid}/task/{tid}/{name}")).ok()?.read_at(buffer, 0).ok()?,
    };
    buffer.get(..length)
}

/// CPU time of a live process, its ended threads included, to the nanosecond.
fn process_cpu_ns(pid: u32) -> Option<u64> {
    // The clock of another process: its id, inverted, with 2 for "scheduler's count".
    let clock = (!(pid as libc::clockid_t) << 3) | 2;
    clock_ns(clock)
}

fn own_cpu_ns() -> u64 {
    clock_ns(libc::CLOCK_PROCESS_CPUTIME_ID).unwrap_or(0)
}

fn clock_ns(clock: libc::clockid_t) -> Option<u64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a local.
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    (result == 0).then(|| time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

fn tasks(pid: u32) -> Option<Vec<u32>> {
    numbers_in(Path::new(&format!("/proc/{pid}/task")))
}

/// The entries of a directory whose names are numbers, sorted.
fn numbers_in(directory: &Path) -> Option<Vec<u32>> {
    let mut numbers: Vec<u32> =
        std::fs::read_dir(directory).ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    Some(numbers)
}

/// How many files may be kept open: a quarter of what this process may have.
fn open_budget() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a local.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    if result == 0 { (limit.rlim_cur as usize / 4).min(MAX_OPEN) } else { 64 }
}

#[derive(Debug)]
pub(super) struct Throttle {
    groups: Vec<(Group, u64)>,
}

impl Throttle {
    pub(super) fn find() -> Option<Self> {
        let groups: Vec<(Group, u64)> = cgroup::groups(Path::new("/"))
            .into_iter()
            .filter(|group| group.quota().is_some())
            .filter_map(|group| group.throttled_ns().map(|base| (group, base)))
            .collect();
        (!groups.is_empty()).then_some(Self { groups })
    }

    pub(super) fn throttled_ns(&self) -> Option<u64> {
        self.groups.iter().filter_map(|(group, base)| Some(group.throttled_ns()?.saturating_sub(*base))).max()
    }
}

pub(super) fn cpu_pressure() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/pressure/cpu").ok()?;
    let total = text.lines().find_map(|line| line.strip_prefix("some "))?.split("total=").nth(1)?;
    Some(Duration::from_micros(total.trim().parse().ok()?))
}

pub(super) fn missing() -> Vec<String> {
    let mut sentences = Vec::new();
    if !Path::new("/proc/self/schedstat").exists() {
        sentences.push("This kernel does not count how long threads wait for a CPU.".to_owned());
    }
    if !Path::new("/proc/stat").exists() {
        sentences.push("This system does not show the load of other processes.".to_owned());
    }
    sentences
}
