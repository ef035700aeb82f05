//! Linux: `/proc`, read and never written.

use super::{InspectError, concerns_threads};
use crate::cgroup::{self, Group};
use crate::pools::Pools;
use crate::process::linux::{descendants, process, processes as all_processes, stat_fields};
use crate::runtimes::Loaded;
use crate::sample::linux::{clock_ns, migrations_in, process_cpu_ns, tasks, thread_name};
use crate::topology;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};
use threadgauge_protocol::{InspectedProcess, Inspection, Machine, Observed, RunningProcess};

/// Looks come this far apart at least, and use at most one part in `SHARE` of a CPU.
const EVERY: Duration = Duration::from_millis(50);
const SHARE: u32 = 100;
/// A thread that ran or waited for a CPU for this share of the time was busy.
const BUSY: u64 = 20;
/// The flag of kernel threads among those of a process.
const PF_KTHREAD: u64 = 0x0020_0000;

/// The counters of one thread; all of them only grow.
#[derive(Debug, Clone, Default)]
struct Thread {
    name: String,
    cpu_ns: u64,
    delay_ns: Option<u64>,
    involuntary: Option<u64>,
    migrations: Option<u64>,
}

/// One process while it is looked at.
#[derive(Debug, Clone, Default)]
struct Seen {
    /// Counters when the look began; of threads that came later, nothing.
    first: BTreeMap<u32, Thread>,
    last: BTreeMap<u32, Thread>,
    /// Those of `last` that were there at the latest look.
    alive: BTreeSet<u32>,
    first_cpu_ns: u64,
    last_cpu_ns: u64,
    from: Option<Instant>,
    until: Option<Instant>,
    /// Threads running or ready, summed over the looks.
    runnable: u64,
    looks: u64,
    peak_threads: u32,
    groups: Vec<Group>,
    periods: Option<[u64; 2]>,
    described: InspectedProcess,
    openmp: u32,
}

#[derive(Debug)]
pub(super) struct Inspector {
    root: u32,
    machine: Machine,
    tick_ns: u64,
    counts_delay: bool,
    ended: bool,
    seen: BTreeMap<u32, Seen>,
    missing: BTreeSet<String>,
}

/// The whole machine at one time.
struct Load {
    at: Instant,
    busy_ns: Option<Vec<[u64; 2]>>,
    own_ns: u64,
}

impl Inspector {
    pub(super) fn new(pid: u32) -> Result<Self, InspectError> {
        check(pid)?;
        // SAFETY: no memory is involved.
        let hertz = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
        Ok(Self {
            root: pid,
            machine: topology::machine(),
            tick_ns: 1_000_000_000 / u64::try_from(hertz).unwrap_or(100).max(1),
            counts_delay: Path::new("/proc/self/schedstat").exists(),
            ended: false,
            seen: BTreeMap::new(),
            missing: BTreeSet::new(),
        })
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn look(&mut self, time: Duration, stop: &dyn Fn() -> bool) -> Result<Inspection, InspectError> {
        self.missing.clear();
        self.begin();
        let begun = self.load();
        let mut members = self.members();
        for &pid in &members {
            self.note(pid);
        }
        let mut processes_at_peak = 0;
        let (mut peak, mut listed) = (0, Instant::now());
        while begun.at.elapsed() < time && !stop() {
            let cost_from = clock_ns(libc::CLOCK_THREAD_CPUTIME_ID).unwrap_or(0);
            let alive: Vec<u32> = members.iter().copied().filter(|&pid| self.note(pid)).collect();
            let threads: u32 = alive.iter().filter_map(|pid| self.seen.get(pid)).map(|seen| seen.alive.len() as u32).sum();
            if threads >= peak {
                (peak, processes_at_peak) = (threads, alive.len() as u32);
            }
            if !alive.contains(&self.root) {
                self.ended = true;
                self.missing.insert(format!("Process {} ended {:.1} s after the look at it began; the figures are those until then.", self.root, begun.at.elapsed().as_secs_f64()));
                break;
            }
            if listed.elapsed() >= EVERY * 5 {
                members = self.members();
                listed = Instant::now();
            }
            let cost = Duration::from_nanos(clock_ns(libc::CLOCK_THREAD_CPUTIME_ID).unwrap_or(cost_from).saturating_sub(cost_from));
            let rest = EVERY.max(cost * SHARE).min(time.saturating_sub(begun.at.elapsed()));
            std::thread::sleep(rest);
        }
        for &pid in &members {
            self.note(pid);
        }
        for pid in self.members() {
            if self.seen.contains_key(&pid) {
                self.describe(pid);
            }
        }
        let ended = self.load();
        self.finish(&begun, &ended, peak, processes_at_peak)
    }

    /// Counters seen last are those the next look begins with.
    fn begin(&mut self) {
        let known: BTreeSet<u32> = self.members().into_iter().collect();
        self.seen.retain(|pid, _| known.contains(pid));
        for seen in self.seen.values_mut() {
            let alive = std::mem::take(&mut seen.alive);
            seen.last.retain(|tid, _| alive.contains(tid));
            seen.first.clone_from(&seen.last);
            seen.first_cpu_ns = seen.last_cpu_ns;
            seen.from = seen.until;
            (seen.runnable, seen.looks, seen.peak_threads) = (0, 0, 0);
            seen.periods = periods(&seen.groups);
        }
    }

    /// The process and its descendants, parents before children.
    fn members(&self) -> Vec<u32> {
        let all = all_processes();
        let below: BTreeSet<u32> = descendants(&all, self.root).iter().filter(|process| !process.dead && process.pid != std::process::id()).map(|process| process.pid).collect();
        let mut ordered = vec![self.root];
        let mut at = 0;
        while let Some(&parent) = ordered.get(at) {
            // Each is put behind its parent, younger ones after older ones.
            let children = all.iter().filter(|process| process.parent == parent && below.contains(&process.pid)).map(|process| process.pid);
            let fresh: BTreeSet<u32> = children.filter(|pid| !ordered.contains(pid)).collect();
            for (offset, pid) in fresh.into_iter().enumerate() {
                ordered.insert(at + 1 + offset, pid);
            }
            at += 1;
        }
        ordered
    }

    /// Reads the counters of a process; false when it is gone.
    fn note(&mut self, pid: u32) -> bool {
        let counts_delay = self.counts_delay;
        let alive = process(pid).is_some_and(|process| !process.dead);
        let (Some(cpu_ns), Some(tids), true) = (process_cpu_ns(pid), tasks(pid), alive) else { return false };
        let (mut threads, mut runnable) = (BTreeMap::new(), 0);
        for tid in tids {
            let Some((state, thread)) = read_thread(pid, tid, counts_delay) else { continue };
            if matches!(state, b'Z' | b'X') {
                continue;
            }
            runnable += u64::from(state == b'R');
            threads.insert(tid, thread);
        }
        if threads.is_empty() {
            return false;
        }
        let is_new = !self.seen.contains_key(&pid);
        let now = Instant::now();
        let seen = self.seen.entry(pid).or_default();
        seen.peak_threads = seen.peak_threads.max(threads.len() as u32);
        if is_new {
            seen.groups = cgroup::groups_of(Path::new("/"), &pid.to_string());
            seen.periods = periods(&seen.groups);
            (seen.first, seen.first_cpu_ns, seen.from) = (threads.clone(), cpu_ns, Some(now));
        } else {
            seen.runnable += runnable;
            seen.looks += 1;
        }
        seen.alive = threads.keys().copied().collect();
        // What ended threads used is kept in the counter of the process; of their waiting, what was seen last.
        for (tid, thread) in threads {
            seen.last.insert(tid, thread);
        }
        (seen.last_cpu_ns, seen.until) = (cpu_ns, Some(now));
        if is_new {
            self.describe(pid);
        }
        true
    }

    /// Reads what a process is: command line, environment, libraries.
    fn describe(&mut self, pid: u32) {
        let Some(own) = process(pid) else { return };
        let base = format!("/proc/{pid}");
        let read = |name: &str| std::fs::read(format!("{base}/{name}"));
        let mut described = InspectedProcess { pid, parent: own.parent, ..InspectedProcess::default() };
        described.command = read("cmdline").map(|text| words(&text)).unwrap_or_default();
        if described.command.is_empty() {
            described.command = read("comm").map(|text| vec![String::from_utf8_lossy(&text).trim().to_owned()]).unwrap_or_default();
        }
        described.cwd = std::fs::read_link(format!("{base}/cwd")).ok().map(|path| path.display().to_string());
        let environment = read("environ");
        if environment.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied) {
            let owner = std::fs::metadata(&base).map(|data| data.uid()).ok();
            // SAFETY: no memory is involved.
            let this_user = unsafe { libc::geteuid() };
            let why = match owner {
                Some(uid) if uid != this_user => format!("Process {pid} belongs to the user {}", user_name(uid)),
                _ => format!("Process {pid} is protected by the system"),
            };
            self.missing.insert(format!("{why}: its environment, its working directory and the libraries it loaded may not be read. Its threads, CPU time and waiting are shown; run this as that user or as root for the rest."));
        }
        described.environment = environment.ok().map(|text| {
            words(&text).into_iter().filter_map(|word| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))).filter(|(name, _)| concerns_threads(name)).collect()
        });
        described.affinity = topology::affinity_of(pid);
        let Some(seen) = self.seen.get_mut(&pid) else { return };
        described.cpu_quota = seen.groups.iter().filter_map(Group::quota).min_by(f64::total_cmp);
        let mut loaded = Loaded::default();
        if loaded.add_process(pid) {
            (described.observed.runtimes, seen.openmp) = loaded.finish();
        } else {
            described.observed.runtimes.clone_from(&seen.described.observed.runtimes);
        }
        seen.described = described;
    }

    fn load(&self) -> Load {
        let text = std::fs::read_to_string("/proc/stat").ok();
        let busy_ns = text.as_deref().map(|text| busy_by_cpu(text, self.tick_ns)).filter(|cpus| !cpus.is_empty());
        Load { at: Instant::now(), busy_ns, own_ns: clock_ns(libc::CLOCK_PROCESS_CPUTIME_ID).unwrap_or(0) }
    }

    fn finish(&self, begun: &Load, ended: &Load, peak_threads: u32, processes: u32) -> Result<Inspection, InspectError> {
        let measured = self.seen.values().any(|seen| seen.looks > 0);
        if !measured {
            return Err(InspectError::Ended { pid: self.root });
        }
        let wall = ended.at.duration_since(begun.at);
        let mut inspection = Inspection { machine: self.machine.clone(), seconds: wall.as_secs_f64(), ..Inspection::default() };
        let (mut pools, mut loaded) = (Pools::default(), Loaded::default());
        let mut sum = Sum::default();
        for (&pid, seen) in &self.seen {
            let own = seen.sum(&mut pools, pid);
            loaded.add(seen.described.observed.runtimes.clone());
            sum.add(&own);
        }
        let mut order = self.members();
        order.extend(self.seen.keys().copied().filter(|pid| !order.contains(pid)).collect::<Vec<_>>());
        for pid in order {
            let Some(seen) = self.seen.get(&pid).filter(|seen| seen.looks > 0) else { continue };
            let mut own_pools = Pools::default();
            let own = seen.sum(&mut own_pools, pid);
            let mut described = seen.described.clone();
            let own_wall = seen.from.zip(seen.until).map_or(wall, |(from, until)| until.duration_since(from));
            let runtimes = std::mem::take(&mut described.observed.runtimes);
            described.observed = own.observed(own_wall, self.counts_delay);
            described.observed.runtimes = runtimes;
            described.observed.openmp_per_process = seen.openmp;
            described.observed.pools = own_pools.finish();
            described.observed.peak_threads = seen.peak_threads;
            described.observed.processes = 1;
            described.observed.throttled_periods = seen.periods.zip(periods(&seen.groups)).map(|(before, now)| [now[0].saturating_sub(before[0]), now[1].saturating_sub(before[1])]);
            inspection.processes.push(described);
        }
        let mut tree = sum.observed(wall, self.counts_delay);
        tree.pools = pools.finish();
        (tree.runtimes, tree.openmp_per_process) = loaded.finish();
        tree.peak_threads = peak_threads;
        tree.processes = processes;
        tree.throttled_periods = inspection.processes.iter().filter_map(|process| process.observed.throttled_periods).max();
        Self::room(&mut tree, &inspection.processes, begun, ended, sum.cpu_ns);
        inspection.tree = tree;
        inspection.missing = self.missing.iter().cloned().collect();
        if !self.counts_delay {
            inspection.missing.push("This kernel does not count how long threads wait for a CPU.".to_owned());
        }
        Ok(inspection)
    }

    /// How many CPUs the tree could have: mask, quota, and what other programs left of the mask.
    fn room(tree: &mut Observed, processes: &[InspectedProcess], begun: &Load, ended: &Load, cpu_ns: u64) {
        let mask: Option<BTreeSet<u32>> = processes.iter().map(|process| process.affinity.clone()).collect::<Option<Vec<_>>>().map(|masks| masks.into_iter().flatten().collect());
        let (Some(mask), Some(before), Some(after)) = (mask.filter(|mask| !mask.is_empty()), &begun.busy_ns, &ended.busy_ns) else { return };
        let wall_ns = ended.at.duration_since(begun.at).as_nanos() as f64;
        if wall_ns < 1e8 {
            return;
        }
        let total = |index: usize| mask.iter().filter_map(|&cpu| Some(after.get(cpu as usize)?[index].saturating_sub(before.get(cpu as usize)?[index]))).sum::<u64>() as f64;
        let ours = (cpu_ns + ended.own_ns.saturating_sub(begun.own_ns)) as f64;
        let foreign = ((total(0) - ours) / wall_ns).max(0.0);
        let visible = mask.len() as f64;
        let left = (visible - foreign).max(tree.busy_cores.unwrap_or(0.0)).min(visible);
        let quota = processes.iter().filter_map(|process| process.cpu_quota).min_by(f64::total_cmp);
        tree.effective_cpus = Some(quota.map_or(left, |quota| quota.min(left)));
        tree.stolen_cpus = Some(total(1) / wall_ns);
    }
}

/// What happened between two looks.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    cpu_ns: u64,
    delay_ns: u64,
    involuntary: Option<u64>,
    migrations: Option<u64>,
    runnable: f64,
}

impl Sum {
    fn add(&mut self, other: &Self) {
        let both = |a: Option<u64>, b: Option<u64>| if a.is_none() { b } else { a.map(|a| a + b.unwrap_or(0)) };
        self.cpu_ns += other.cpu_ns;
        self.delay_ns += other.delay_ns;
        self.involuntary = both(self.involuntary, other.involuntary);
        self.migrations = both(self.migrations, other.migrations);
        self.runnable += other.runnable;
    }

    fn observed(&self, wall: Duration, counts_delay: bool) -> Observed {
        let wall_ns = (wall.as_nanos() as f64).max(1.0);
        let per_s = |count: u64| count as f64 * 1e9 / wall_ns;
        Observed {
            busy_cores: Some(self.cpu_ns as f64 / wall_ns),
            waiting_threads: counts_delay.then(|| self.delay_ns as f64 / wall_ns),
            involuntary_per_s: self.involuntary.map(per_s),
            migrations_per_s: self.migrations.map(per_s),
            runnable: Some(self.runnable),
            ..Observed::default()
        }
    }
}

impl Seen {
    fn sum(&self, pools: &mut Pools, pid: u32) -> Sum {
        let wall_ns = self.from.zip(self.until).map_or(0, |(from, until)| until.duration_since(from).as_nanos() as u64);
        let main = self.last.get(&pid).map(|thread| thread.name.clone()).unwrap_or_default();
        let mut sum = Sum {
            cpu_ns: self.last_cpu_ns.saturating_sub(self.first_cpu_ns),
            runnable: if self.looks == 0 { 0.0 } else { self.runnable as f64 / self.looks as f64 },
            ..Sum::default()
        };
        for (tid, thread) in &self.last {
            let none = Thread::default();
            let before = self.first.get(tid).unwrap_or(&none);
            let since = |now: Option<u64>, then: Option<u64>| now.map(|now| now.saturating_sub(then.unwrap_or(0)));
            let cpu_ns = thread.cpu_ns.saturating_sub(before.cpu_ns);
            let delay_ns = since(thread.delay_ns, before.delay_ns);
            sum.delay_ns += delay_ns.unwrap_or(0);
            sum.add(&Sum { involuntary: since(thread.involuntary, before.involuntary), migrations: since(thread.migrations, before.migrations), ..Sum::default() });
            if !self.alive.contains(tid) {
                continue;
            }
            pools.add(&main, &thread.name, cpu_ns, delay_ns, wall_ns > 0 && cpu_ns + delay_ns.unwrap_or(0) > wall_ns / BUSY);
        }
        sum
    }
}

fn periods(groups: &[Group]) -> Option<[u64; 2]> {
    groups.iter().filter(|group| group.quota().is_some()).filter_map(Group::periods).max()
}

fn check(pid: u32) -> Result<(), InspectError> {
    let Ok(stat) = std::fs::read(format!("/proc/{pid}/stat")) else { return Err(InspectError::NoSuchProcess { pid }) };
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    if let Some(group) = status.lines().find_map(|line| line.strip_prefix("Tgid:")?.trim().parse::<u32>().ok()).filter(|&group| group != pid) {
        return Err(InspectError::Thread { pid, process: group });
    }
    let fields = stat_fields(&stat).unwrap_or_default();
    let number = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    if matches!(fields.first(), Some(&("Z" | "X"))) {
        return Err(InspectError::Zombie { pid, parent: number(1) as u32 });
    }
    if number(6) & PF_KTHREAD != 0 {
        return Err(InspectError::KernelThread { pid, name: thread_name(&stat).unwrap_or_default() });
    }
    Ok(())
}

fn read_thread(pid: u32, tid: u32, counts_delay: bool) -> Option<(u8, Thread)> {
    let read = |name: &str| std::fs::read(format!("/proc/{pid}/task/{tid}/{name}")).ok();
    let stat = read("stat")?;
    let state = stat_fields(&stat)?.first()?.bytes().next()?;
    let mut thread = Thread { name: thread_name(&stat)?, ..Thread::default() };
    if counts_delay && let Some(text) = read("schedstat") {
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut words = text.split_ascii_whitespace().map_while(|word| word.parse::<u64>().ok());
        if let (Some(cpu), Some(delay)) = (words.next(), words.next()) {
            (thread.cpu_ns, thread.delay_ns) = (cpu, Some(delay));
        }
    }
    if let Some(text) = read("status") {
        let text = String::from_utf8_lossy(&text).into_owned();
        thread.involuntary = text.lines().find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:")?.trim().parse().ok());
    }
    thread.migrations = read("sched").and_then(|text| migrations_in(&text));
    Some((state, thread))
}

/// Time each CPU was busy since boot, and the part of it that other virtual machines took; by id.
fn busy_by_cpu(stat: &str, tick_ns: u64) -> Vec<[u64; 2]> {
    let mut cpus: Vec<[u64; 2]> = Vec::new();
    for line in stat.lines() {
        let Some((id, rest)) = line.strip_prefix("cpu").and_then(|line| line.split_once(' ')) else { continue };
        let Ok(id) = id.parse::<usize>() else { continue };
        let ticks: Vec<u64> = rest.split_ascii_whitespace().take(8).map(|word| word.parse().unwrap_or(0)).collect();
        let busy: u64 = ticks.iter().enumerate().filter(|(i, _)| *i != 3 && *i != 4).map(|(_, n)| n).sum();
        if id >= cpus.len() && id < 65_536 {
            cpus.resize(id + 1, [0, 0]);
        }
        if let Some(cpu) = cpus.get_mut(id) {
            *cpu = [busy * tick_ns, ticks.get(7).copied().unwrap_or(0) * tick_ns];
        }
    }
    cpus
}

/// Words that end with a NUL each.
fn words(text: &[u8]) -> Vec<String> {
    let text = text.strip_suffix(b"\0").unwrap_or(text);
    // A program that writes its own title (gunicorn, postgres) leaves one word and a row of NULs.
    let text = String::from_utf8_lossy(text).trim_end_matches('\0').to_owned();
    if text.is_empty() { Vec::new() } else { text.split('\0').map(str::to_owned).collect() }
}

fn user_name(uid: u32) -> String {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse::<u32>().ok()? == uid).then(|| name.to_owned())
    });
    found.unwrap_or_else(|| uid.to_string())
}

#[expect(clippy::unnecessary_wraps, reason = "other platforms cannot tell")]
pub(super) fn processes() -> Result<Vec<RunningProcess>, InspectError> {
    // SAFETY: no memory is involved.
    let (user, hertz) = unsafe { (libc::geteuid(), libc::sysconf(libc::_SC_CLK_TCK)) };
    let hertz = f64::from(i32::try_from(hertz).unwrap_or(100).max(1));
    let uptime = clock_ns(libc::CLOCK_BOOTTIME).unwrap_or(0) as f64 / 1e9;
    let mut found: Vec<RunningProcess> = all_processes()
        .into_iter()
        .filter(|process| !process.dead && process.pid != std::process::id())
        .filter_map(|process| {
            let base = format!("/proc/{}", process.pid);
            if std::fs::metadata(&base).ok()?.uid() != user {
                return None;
            }
            let command = words(&std::fs::read(format!("{base}/cmdline")).ok()?);
            if command.is_empty() {
                return None;
            }
            let stat = std::fs::read(format!("{base}/stat")).ok()?;
            let fields = stat_fields(&stat)?;
            let started = fields.get(19)?.parse::<f64>().ok()? / hertz;
            Some(RunningProcess {
                pid: process.pid,
                parent: process.parent,
                command,
                cwd: std::fs::read_link(format!("{base}/cwd")).ok().map(|path| path.display().to_string()),
                age_s: (uptime - started).max(0.0),
                threads: fields.get(17)?.parse().ok()?,
                cpu_ns: process_cpu_ns(process.pid).unwrap_or(0),
            })
        })
        .collect();
    found.sort_by(|a, b| a.age_s.total_cmp(&b.age_s).then(b.pid.cmp(&a.pid)));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_time_is_read_by_cpu() {
        let cpus = busy_by_cpu("cpu  9 9 9 9\ncpu0 10 1 2 500 7 0 3 4 0 0\ncpu2 1 0 0 9 9 0 0 0 0 0\nintr 5\n", 10);
        assert_eq!(cpus, [[200, 40], [0, 0], [10, 0]]);
    }

    #[test]
    fn command_lines_end_with_their_nuls() {
        assert_eq!(words(b"python\0-c\0\0print()\0"), ["python", "-c", "", "print()"]);
        assert_eq!(words(b"gunicorn: worker\0\0\0\0"), ["gunicorn: worker"]);
        assert_eq!(words(b""), Vec::<String>::new());
    }

    #[test]
    fn migrations_are_read_from_any_layout_of_the_file() {
        assert_eq!(migrations_in(b"python (1, #threads: 2)\n---\nse.exec_start   :  1.5\nse.nr_migrations          :                  42\n"), Some(42));
        assert_eq!(migrations_in(b"se.nr_migrations_cold : 1\n"), None);
        assert_eq!(migrations_in(b""), None);
    }
}
