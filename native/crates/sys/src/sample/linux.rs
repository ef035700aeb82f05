//! Linux: `/proc`. Files of a thread are opened once and read again with `pread`, which costs a
//! third of opening them each time; the number of files kept open is limited.

use super::{TreeDetail, TreeSample};
use crate::cgroup::{self, Group};
use crate::clock;
use crate::pools::Pools;
use crate::process::linux::{Process, process, stat_fields};
use crate::runtimes::Loaded;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// The whole process list is looked through for new descendants this often at most, and so rarely
/// that it costs at most one part in `SCAN_SHARE` of a CPU.
const SCAN_EVERY: Duration = Duration::from_millis(40);
const SCAN_SHARE: u32 = 100;
/// The kernel counts in ticks of 10 ms; a shorter difference says nothing.
const FOREIGN_WINDOW: Duration = Duration::from_millis(100);
/// Closer looks come this far apart at least, and cost at most one part in `DETAIL_SHARE` of a CPU.
const DETAIL_EVERY: Duration = Duration::from_millis(100);
const DETAIL_SHARE: u32 = 400;
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
    detail_due: Instant,
    detail_at: Instant,
    /// Migrations of threads that have ended, as last seen.
    ended_migrations: u64,
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
    cpu_ns: u64,
    /// CPU time and waiting at the closer look before.
    wanted_before_ns: u64,
    migrations: Option<u64>,
}

/// Counters of the whole machine beside our own, at one time.
#[derive(Debug, Clone, Copy)]
struct Load {
    at: Instant,
    busy_ns: u64,
    stolen_ns: u64,
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
            detail_due: Instant::now() + DETAIL_EVERY,
            detail_at: Instant::now(),
            ended_migrations: 0,
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
                    self.ended_migrations += thread.migrations.unwrap_or(0);
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
                    thread.read_times(pid, tid);
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
                self.ended_migrations += member.threads.values().filter_map(|t| t.migrations).sum::<u64>();
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

    pub(super) fn detail_if_due(&mut self) -> Option<TreeDetail> {
        if Instant::now() < self.detail_due {
            return None;
        }
        let begun = clock_ns(libc::CLOCK_THREAD_CPUTIME_ID).unwrap_or(0);
        let detail = self.detail();
        let cost = clock_ns(libc::CLOCK_THREAD_CPUTIME_ID).unwrap_or(begun).saturating_sub(begun);
        self.detail_due = Instant::now() + DETAIL_EVERY.max(Duration::from_nanos(cost) * DETAIL_SHARE);
        detail
    }

    fn detail(&mut self) -> Option<TreeDetail> {
        let now = Instant::now();
        let window = now.duration_since(self.detail_at).as_nanos() as u64;
        self.detail_at = now;
        let mut detail = TreeDetail { at: self.begin.elapsed(), mhz: clock::mean_mhz(Path::new("/")), ..TreeDetail::default() };
        let (mut pools, mut loaded, mut migrations, mut counted) = (Pools::default(), Loaded::default(), 0, false);
        for (&pid, member) in &mut self.members {
            let main = member.threads.get(&pid).and_then(|thread| thread.name(pid, pid)).unwrap_or_default();
            let mut alive = 0;
            for (&tid, thread) in &mut member.threads {
                let Some(name) = thread.name(pid, tid) else { continue };
                alive += 1;
                if let Some(moved) = thread.read_migrations(pid, tid) {
                    (migrations, counted) = (migrations + moved, true);
                }
                let busy = (thread.cpu_ns + thread.delay_ns).saturating_sub(thread.wanted_before_ns) > window / 20;
                thread.wanted_before_ns = thread.cpu_ns + thread.delay_ns;
                pools.add(&main, &name, thread.cpu_ns, self.counts_delay.then_some(thread.delay_ns), busy);
            }
            detail.threads += alive;
            detail.processes += u32::from(alive > 0);
            loaded.add_process(pid);
        }
        if detail.threads == 0 {
            return None;
        }
        detail.pools = pools.finish();
        (detail.runtimes, detail.openmp_per_process) = loaded.finish();
        detail.migrations = counted.then_some(migrations + self.ended_migrations);
        Some(detail)
    }

    pub(super) fn mean_stolen_cpus(&self) -> Option<f64> {
        let (first, last) = (self.first_load?, self.last_load?);
        let wall = last.at.duration_since(first.at);
        (wall >= FOREIGN_WINDOW).then(|| last.stolen_ns.saturating_sub(first.stolen_ns) as f64 / wall.as_nanos() as f64)
    }

    pub(super) fn memory_bytes(&self) -> Option<u64> {
        // SAFETY: no memory is involved.
        let page = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok()?;
        let pages = |pid: &u32| {
            let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
            let mut numbers = text.split_ascii_whitespace().skip(1).map(str::parse::<u64>);
            let (resident, shared) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
            Some(resident.saturating_sub(shared))
        };
        Some(self.members.keys().filter_map(pages).sum::<u64>().saturating_mul(page))
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
        // The first look at a machine full of strangers is dear and comes once; it must not put off the second.
        let cost = if self.scanned.is_none() { Duration::ZERO } else { Duration::from_nanos(cost) };
        self.scanned = Some((now, cost));
    }

    /// CPU time of the children that a process has reaped.
    fn children_ns(&self, pid: u32) -> Option<u64> {
        let text = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        let fields = stat_fields(&text)?;
        let ticks = fields.get(13)?.parse::<u64>().ok()? + fields.get(14)?.parse::<u64>().ok()?;
        Some(ticks * self.tick_ns)
    }

    fn foreign(&mut self, tree_ns: u64) -> Option<f64> {
        let [busy_ns, stolen_ns] = machine_busy_ns(self.tick_ns)?;
        let now = Load { at: Instant::now(), busy_ns, stolen_ns, own_ns: tree_ns + own_cpu_ns() };
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
}

/// Time all CPUs were busy since boot, time taken by other virtual machines included, and that time by itself.
pub(crate) fn machine_busy_ns(tick_ns: u64) -> Option<[u64; 2]> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let mut words = text.lines().next()?.split_ascii_whitespace();
    if words.next()? != "cpu" {
        return None;
    }
    // user nice system idle iowait irq softirq steal; guests are in user already.
    let ticks: Vec<u64> = words.take(8).map(|word| word.parse::<u64>().unwrap_or(0)).collect();
    let busy: u64 = ticks.iter().enumerate().filter(|(i, _)| *i != 3 && *i != 4).map(|(_, n)| n).sum();
    Some([busy * tick_ns, ticks.get(7).copied().unwrap_or(0) * tick_ns])
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

    /// CPU time and time waited for a CPU.
    fn read_times(&mut self, pid: u32, tid: u32) {
        let mut buffer = [0; 128];
        let Some(text) = read_start(self.schedstat.as_ref(), pid, tid, "schedstat", &mut buffer).and_then(|text| std::str::from_utf8(text).ok()) else { return };
        let mut words = text.split_ascii_whitespace().map_while(|word| word.parse::<u64>().ok());
        // An ended thread's id may be given to another thread, whose counters start again.
        if let (Some(cpu), Some(delay)) = (words.next(), words.next()) {
            self.cpu_ns = self.cpu_ns.max(cpu);
            self.delay_ns = self.delay_ns.max(delay);
        }
    }

    fn name(&self, pid: u32, tid: u32) -> Option<String> {
        let mut buffer = [0; 512];
        thread_name(read_start(self.stat.as_ref(), pid, tid, "stat", &mut buffer)?)
    }

    fn read_migrations(&mut self, pid: u32, tid: u32) -> Option<u64> {
        let read = std::fs::read(format!("/proc/{pid}/task/{tid}/sched")).ok().and_then(|text| migrations_in(&text));
        self.migrations = read.or(self.migrations);
        self.migrations
    }
}

/// The name in a `stat` file, between the first and the last parenthesis.
pub(crate) fn thread_name(stat: &[u8]) -> Option<String> {
    let (from, to) = (stat.iter().position(|&b| b == b'(')? + 1, stat.iter().rposition(|&b| b == b')')?);
    Some(String::from_utf8_lossy(stat.get(from..to)?).into_owned())
}

/// `se.nr_migrations` of a `sched` file, which kernels without scheduler debugging do not have.
pub(crate) fn migrations_in(sched: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(sched);
    text.lines().find_map(|line| line.strip_prefix("se.nr_migrations")?.trim_start().strip_prefix(':')?.trim().parse().ok())
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
pub(crate) fn process_cpu_ns(pid: u32) -> Option<u64> {
    // The clock of another process: its id, inverted, with 2 for "scheduler's count".
    let clock = (!(pid as libc::clockid_t) << 3) | 2;
    clock_ns(clock)
}

fn own_cpu_ns() -> u64 {
    clock_ns(libc::CLOCK_PROCESS_CPUTIME_ID).unwrap_or(0)
}

pub(crate) fn clock_ns(clock: libc::clockid_t) -> Option<u64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a local.
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    (result == 0).then(|| time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

pub(crate) fn tasks(pid: u32) -> Option<Vec<u32>> {
    numbers_in(Path::new(&format!("/proc/{pid}/task")))
}

/// The entries of a directory whose names are numbers, sorted.
pub(crate) fn numbers_in(directory: &Path) -> Option<Vec<u32>> {
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
    groups: Vec<(Group, u64, [u64; 2])>,
}

impl Throttle {
    pub(super) fn find() -> Option<Self> {
        let groups: Vec<(Group, u64, [u64; 2])> = cgroup::groups(Path::new("/"))
            .into_iter()
            .filter(|group| group.quota().is_some())
            .filter_map(|group| Some((group.throttled_ns()?, group.periods().unwrap_or_default(), group)))
            .map(|(base, periods, group)| (group, base, periods))
            .collect();
        (!groups.is_empty()).then_some(Self { groups })
    }

    pub(super) fn throttled_ns(&self) -> Option<u64> {
        self.groups.iter().filter_map(|(group, base, _)| Some(group.throttled_ns()?.saturating_sub(*base))).max()
    }

    pub(super) fn periods(&self) -> Option<[u64; 2]> {
        let since = |(group, _, base): &(Group, u64, [u64; 2])| group.periods().map(|now| [now[0].saturating_sub(base[0]), now[1].saturating_sub(base[1])]);
        self.groups.iter().filter_map(since).max()
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
    if !std::fs::read("/proc/self/sched").is_ok_and(|text| migrations_in(&text).is_some()) {
        sentences.push("This kernel does not count how often threads move to another CPU.".to_owned());
    }
    if !Path::new("/proc/stat").exists() {
        sentences.push("This system does not show the load of other processes.".to_owned());
    }
    sentences
}
