//! What the operating system showed of an arm's processes, and of the machine: gathered trial by trial, told once.

use std::collections::BTreeMap;

use threadgauge_protocol::{Environment, LoadedRuntime, Machine, Observed, ThreadPool};
use threadgauge_sys::sample::{TreeDetail, TreeSample};

use crate::stats;
use crate::workload::Measured;

/// A part of a trial is judged by itself when the looks cover at least this much of it.
const COVERED: f64 = 0.5;
/// Shorter stretches hold too few looks.
const SHORTEST_NS: u64 = 200_000_000;
/// CPU time per piece of work over that of one thread, above which threads burn what they do not need …
const SPINNING_INFLATION: f64 = 2.0;
/// … and mean number of threads waiting for a CPU meanwhile, which a machine with room for all does not show.
const SPINNING_WAITING: f64 = 0.5;
/// Missing CPUs below this are the noise of other programs.
const MISSING_CPUS: f64 = 0.25;
/// Share of the visible CPUs that an arm must ask for before it can be said that it did not get them.
const DEMANDED: f64 = 0.9;

/// One look, by the clock that the probe uses too.
#[derive(Debug, Clone, Copy)]
struct Point {
    at_ns: u64,
    delay_ns: Option<u64>,
    runnable: u32,
}

/// Gathers the looks at one trial.
#[derive(Debug, Default)]
pub(crate) struct Gatherer {
    points: Vec<Point>,
    largest: Option<TreeDetail>,
    runtimes: Vec<LoadedRuntime>,
    openmp_per_process: u32,
    migrations: Option<(u64, f64)>,
    mhz: Vec<f64>,
}

/// What was seen of one trial.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sighting {
    /// Libraries with threads of their own that any of the processes loaded.
    pub runtimes: Vec<LoadedRuntime>,
    /// Most OpenMP runtimes in one process.
    pub openmp_per_process: u32,
    /// Threads by name when most were alive.
    pub pools: Vec<ThreadPool>,
    /// Processes then.
    pub processes: u32,
    /// Mean number of threads with something to do, in the region when it is known.
    pub runnable: Option<f64>,
    /// Mean number of threads waiting for a CPU, likewise.
    pub waiting: Option<f64>,
    /// Times a second a thread moved to another CPU.
    pub migrations_per_s: Option<f64>,
    /// CPUs' worth of time taken by other virtual machines.
    pub stolen_cpus: Option<f64>,
}

impl Gatherer {
    /// Notes a look; `at_ns` is the time of the clock of the probe.
    pub fn note(&mut self, at_ns: Option<u64>, sample: &TreeSample) {
        if let Some(at_ns) = at_ns.filter(|_| sample.threads > 0) {
            self.points.push(Point { at_ns, delay_ns: sample.run_delay_ns, runnable: sample.runnable });
        }
    }

    /// Notes a closer look.
    pub fn note_detail(&mut self, detail: TreeDetail) {
        for runtime in &detail.runtimes {
            if !self.runtimes.contains(runtime) {
                self.runtimes.push(runtime.clone());
            }
        }
        self.openmp_per_process = self.openmp_per_process.max(detail.openmp_per_process);
        self.migrations = detail.migrations.map(|count| (count, detail.at.as_secs_f64())).or(self.migrations);
        self.mhz.extend(detail.mhz);
        // Of looks at as many threads the last one has the most of their work.
        if self.largest.as_ref().is_none_or(|largest| detail.threads >= largest.threads) {
            self.largest = Some(detail);
        }
    }

    /// Puts what was seen into `measured`; `window` is the region by the clock of the probe.
    pub fn finish(self, measured: &mut Measured, window: Option<(u64, u64)>, stolen_cpus: Option<f64>) {
        measured.migrations = self.migrations.map(|(count, _)| count);
        measured.mean_mhz = stats::mean(&self.mhz);
        let whole = self.points.first().zip(self.points.last()).map(|(first, last)| (first.at_ns, last.at_ns));
        let (runnable, waiting) = window.and_then(|window| within(&self.points, window)).or_else(|| within(&self.points, whole?)).unwrap_or_default();
        let largest = self.largest.unwrap_or_default();
        measured.sighting = Some(Sighting {
            runtimes: self.runtimes,
            openmp_per_process: self.openmp_per_process,
            pools: largest.pools,
            processes: largest.processes,
            runnable,
            waiting,
            migrations_per_s: self.migrations.filter(|&(_, seconds)| seconds > 0.0).map(|(count, seconds)| count as f64 / seconds),
            stolen_cpus,
        });
    }
}

/// Means of runnable and of waiting threads in a stretch of time; `None` when too few looks fell into it.
fn within(points: &[Point], (from, to): (u64, u64)) -> Option<(Option<f64>, Option<f64>)> {
    let inside: Vec<&Point> = points.iter().filter(|point| (from..=to).contains(&point.at_ns)).collect();
    let (first, last) = (inside.first()?, inside.last()?);
    let covered = last.at_ns - first.at_ns;
    if inside.len() < 2 || covered < SHORTEST_NS || (covered as f64) < COVERED * (to - from) as f64 {
        return None;
    }
    let runnable = inside.iter().map(|point| f64::from(point.runnable)).sum::<f64>() / inside.len() as f64;
    let waiting = first.delay_ns.zip(last.delay_ns).map(|(before, after)| after.saturating_sub(before) as f64 / covered as f64);
    Some((Some(runnable), waiting))
}

/// Everything seen of one arm, over its counted trials.
#[derive(Debug, Clone, Default)]
pub struct Collected {
    runtimes: Vec<LoadedRuntime>,
    openmp_per_process: u32,
    pools: Vec<ThreadPool>,
    processes: u32,
    peak_threads: u32,
    runnable: Vec<f64>,
    waiting: Vec<f64>,
    migrations_per_s: Vec<f64>,
    involuntary_per_s: Vec<f64>,
    stolen: Vec<f64>,
    foreign: Vec<f64>,
    /// CPUs kept busy in the region.
    busy: Vec<f64>,
    /// CPU time of the scored part, nanoseconds.
    cpu: Vec<f64>,
    periods: Option<[u64; 2]>,
    intra_op: Option<u32>,
    inter_op: Option<u32>,
    /// Number of the trial and mean clock.
    pub(crate) mhz: Vec<(u32, f64)>,
    runs: u32,
}

impl Collected {
    /// Adds a counted trial. `wall_ns` and `cpu_ns` are those of the scored part.
    pub(crate) fn add(&mut self, trial: u32, measured: &Measured, wall_ns: u64, cpu_ns: u64) {
        self.runs += 1;
        // Of selected code the CPU time may be unknown.
        if wall_ns > 0 && cpu_ns > 0 {
            self.cpu.push(cpu_ns as f64);
            self.busy.push(cpu_ns as f64 / wall_ns as f64);
        }
        self.foreign.extend(measured.foreign_cpus);
        if measured.wall_ns > 0 {
            self.involuntary_per_s.extend(measured.involuntary_switches.map(|count| count as f64 * 1e9 / measured.wall_ns as f64));
        }
        if let Some([throttled, all]) = measured.throttled_periods {
            let sum = self.periods.get_or_insert([0, 0]);
            *sum = [sum[0] + throttled, sum[1] + all];
        }
        self.mhz.extend(measured.mean_mhz.map(|mhz| (trial, mhz)));
        self.intra_op = measured.observed_threads.or(self.intra_op);
        self.inter_op = measured.libraries.as_ref().and_then(|libraries| libraries.inter_op).or(self.inter_op);
        let Some(seen) = &measured.sighting else { return };
        for runtime in &seen.runtimes {
            if !self.runtimes.contains(runtime) {
                self.runtimes.push(runtime.clone());
            }
        }
        self.openmp_per_process = self.openmp_per_process.max(seen.openmp_per_process);
        if self.pools.is_empty() || measured.peak_threads > self.peak_threads {
            self.pools.clone_from(&seen.pools);
            self.processes = seen.processes;
        }
        self.peak_threads = self.peak_threads.max(measured.peak_threads);
        self.runnable.extend(seen.runnable);
        self.waiting.extend(seen.waiting);
        self.migrations_per_s.extend(seen.migrations_per_s);
        self.stolen.extend(seen.stolen_cpus);
    }

    /// Mean number of threads that waited for a CPU.
    pub(crate) fn waiting_threads(&self) -> Option<f64> {
        stats::mean(&self.waiting)
    }

    /// How many CPUs were to be had, of those that are visible; `None` when that cannot be told.
    fn effective(&self, machine: &Machine) -> Option<f64> {
        let logical = f64::from(machine.logical_cores?);
        let mask = machine.affinity.as_ref().map_or(logical, |cpus| cpus.len() as f64);
        // Other programs may use the CPUs that the mask leaves out; only what does not fit there is missing here.
        let beside = (stats::mean(&self.foreign)? - (logical - mask)).max(0.0);
        let left = (mask - beside).max(stats::mean(&self.busy).unwrap_or(0.0)).min(mask);
        Some(machine.cpu_quota.map_or(left, |quota| quota.min(left)))
    }

    /// CPUs that could be had and that were had, when the arm asked for all and did not get them.
    pub(crate) fn missed(&self, machine: &Machine) -> Option<(f64, f64)> {
        let mask = machine.affinity.as_ref().map_or_else(|| machine.logical_cores.map(f64::from), |cpus| Some(cpus.len() as f64))?;
        let visible = machine.cpu_quota.map_or(mask, |quota| quota.min(mask));
        let effective = self.effective(machine)?;
        let waiting = self.waiting_threads()?;
        let asked = stats::mean(&self.busy)? + waiting;
        (asked >= DEMANDED * visible && waiting > MISSING_CPUS && visible - effective >= MISSING_CPUS).then_some((visible, effective))
    }

    /// The event about this arm; `one` is the arm with one thread.
    pub(crate) fn event(&self, arm: usize, one: Option<&Collected>, machine: Option<&Machine>) -> Option<Observed> {
        if self.runs == 0 || self.runtimes.is_empty() && self.pools.is_empty() {
            return None;
        }
        let inflation = one.and_then(|one| Some(stats::mean(&self.cpu)? / stats::mean(&one.cpu).filter(|&cpu| cpu > 0.0)?));
        let waiting = self.waiting_threads();
        // More CPU time for the same work while threads wait for CPUs: those that run burn it. With memory
        // that is too slow they would burn it too, but nobody would have to wait.
        let spins = inflation.is_some_and(|inflation| inflation > SPINNING_INFLATION) && waiting.is_some_and(|waiting| waiting > SPINNING_WAITING) && self.openmp_per_process > 0;
        Some(Observed {
            arm: Some(arm),
            runtimes: self.runtimes.clone(),
            pools: self.pools.clone(),
            peak_threads: self.peak_threads,
            processes: self.processes,
            runnable: stats::mean(&self.runnable),
            waiting_threads: waiting,
            busy_cores: stats::mean(&self.busy),
            involuntary_per_s: stats::mean(&self.involuntary_per_s),
            migrations_per_s: stats::mean(&self.migrations_per_s),
            throttled_periods: self.periods,
            cpu_inflation: inflation,
            spinning: inflation.filter(|_| spins).map(|inflation| 1.0 - 1.0 / inflation),
            intra_op: self.intra_op,
            inter_op: self.inter_op,
            openmp_per_process: self.openmp_per_process,
            effective_cpus: machine.and_then(|machine| self.effective(machine)),
            stolen_cpus: stats::mean(&self.stolen),
            runs: self.runs,
        })
    }
}

/// What the program said of its libraries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Libraries {
    /// `CPython 3.12.3`.
    pub runtime: Option<String>,
    /// Versions by name.
    pub versions: BTreeMap<String, String>,
    /// `torch.__config__.parallel_info()`.
    pub parallel_info: Option<String>,
    /// Threads between operations.
    pub inter_op: Option<u32>,
}

/// The state of the machine that measures.
#[derive(Debug, Clone, Default)]
pub struct MachineState {
    /// What it is.
    pub machine: Machine,
    /// Its system.
    pub system: Option<String>,
    /// What sets its clock.
    pub clock: threadgauge_sys::clock::ClockPolicy,
}

impl MachineState {
    /// This machine.
    pub(crate) fn here() -> Self {
        Self { machine: threadgauge_sys::topology::machine(), system: threadgauge_sys::clock::system(), clock: threadgauge_sys::clock::policy() }
    }

    /// The event about this machine and what ran on it in `measured`.
    pub(crate) fn environment(&self, measured: &Measured) -> Environment {
        let told = measured.libraries.clone().unwrap_or_default();
        let mut libraries = told.versions;
        for runtime in measured.sighting.iter().flat_map(|seen| &seen.runtimes).filter(|runtime| runtime.kind == "framework") {
            if let Some(version) = &runtime.version {
                libraries.entry(runtime.name.clone()).or_insert_with(|| version.clone());
            }
        }
        let mut environment = Environment {
            system: self.system.clone(),
            governor: self.clock.governor.clone(),
            turbo: self.clock.turbo,
            runtime: told.runtime,
            libraries,
            parallel_info: told.parallel_info,
            fingerprint: String::new(),
        };
        // The text that tells thread counts too differs between settings, the machine does not.
        let same = (&self.machine, Environment { parallel_info: None, ..environment.clone() });
        environment.fingerprint = digest(&serde_json::to_vec(&same).unwrap_or_default());
        environment
    }
}

/// FNV-1a, which is the same in every version of everything.
fn digest(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::End;

    fn machine(logical: u32, mask: Option<Vec<u32>>, quota: Option<f64>) -> Machine {
        Machine { logical_cores: Some(logical), affinity: mask, cpu_quota: quota, ..Machine::default() }
    }

    /// Trials with this much CPU time in a second, waiting threads, and foreign CPUs.
    fn collected(cpu: f64, waiting: f64, foreign: f64) -> Collected {
        let mut all = Collected::default();
        for trial in 0..3 {
            let mut measured = Measured::ended(End::Exited(0));
            measured.wall_ns = 2_000_000_000;
            measured.foreign_cpus = Some(foreign);
            measured.involuntary_switches = Some(50);
            measured.throttled_periods = Some([2, 10]);
            measured.sighting = Some(Sighting {
                runtimes: vec![LoadedRuntime { name: "libgomp".into(), kind: "openmp".into(), ..LoadedRuntime::default() }],
                openmp_per_process: 1,
                pools: vec![ThreadPool { name: "python".into(), threads: 2, ..ThreadPool::default() }],
                waiting: Some(waiting),
                ..Sighting::default()
            });
            all.add(trial, &measured, 1_000_000_000, (cpu * 1e9) as u64);
        }
        all
    }

    #[test]
    fn looks_outside_of_the_region_do_not_count() {
        let at = |ms: u64, delay_ms: u64, runnable: u32| Point { at_ns: ms * 1_000_000, delay_ns: Some(delay_ms * 1_000_000), runnable };
        // Imports for a second without anybody waiting, then 0.6 s with one waiting thread.
        let points: Vec<Point> = (0..10).map(|i| at(i * 100, 0, 1)).chain((0..7).map(|i| at(1_000 + i * 100, i * 100, 3))).collect();
        assert_eq!(within(&points, (1_000_000_000, 1_650_000_000)), Some((Some(3.0), Some(1.0))));
        assert_eq!(within(&points, (1_000_000_000, 1_100_000_000)), None, "too short");
        assert_eq!(within(&points, (1_000_000_000, 9_000_000_000)), None, "not covered");
    }

    #[test]
    fn a_neighbour_takes_cpus_from_those_who_ask_for_all() {
        let two = machine(2, None, None);
        assert_eq!(collected(1.0, 0.9, 1.0).missed(&two), Some((2.0, 1.0)));
        assert_eq!(collected(1.0, 0.0, 1.0).missed(&two), None, "one thread misses nothing");
        assert_eq!(collected(1.5, 0.75, 0.0).missed(&two), None, "oversubscribed by its own threads");
        assert_eq!(collected(2.0, 0.9, 2.0).missed(&machine(4, Some(vec![0, 1]), None)), None, "the others have CPUs of their own");
        assert_eq!(collected(1.0, 0.9, 0.0).missed(&machine(4, None, Some(1.0))), None, "the quota is known, not missing");
        assert_eq!(collected(1.0, 0.9, 3.5).missed(&machine(4, None, Some(2.0))), Some((2.0, 1.0)));
    }

    #[test]
    fn spinning_is_said_only_where_threads_wait_meanwhile() {
        let one = collected(0.5, 0.0, 0.0);
        let event = |all: &Collected| all.event(1, Some(&one), Some(&machine(2, None, None))).expect("runs");
        let spinning = event(&collected(2.0, 0.9, 0.0));
        assert_eq!((spinning.cpu_inflation, spinning.spinning, spinning.throttled_periods, spinning.involuntary_per_s), (Some(4.0), Some(0.75), Some([6, 30]), Some(25.0)));
        assert_eq!(event(&collected(2.0, 0.0, 0.0)).spinning, None, "slow memory looks the same when there is room");
        assert_eq!(event(&collected(0.75, 0.9, 0.0)).spinning, None);
        assert_eq!(Collected::default().event(0, None, None), None);
    }

    #[test]
    fn the_fingerprint_is_that_of_machine_and_versions() {
        let state = MachineState::default();
        let mut measured = Measured::ended(End::Exited(0));
        let of = |measured: &Measured| state.environment(measured).fingerprint;
        let plain = of(&measured);
        measured.libraries = Some(Libraries { parallel_info: Some("2 threads".into()), inter_op: Some(2), ..Libraries::default() });
        assert_eq!(of(&measured), plain);
        measured.libraries = Some(Libraries { versions: BTreeMap::from([("torch".into(), "2.13.0".into())]), ..Libraries::default() });
        assert_ne!(of(&measured), plain);
        assert_eq!(digest(b"a"), "af63dc4c8601ec8c");
    }
}
