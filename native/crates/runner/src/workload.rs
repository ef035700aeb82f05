//! What a trial asks of a workload and what it learns from it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use threadgauge_protocol::{Arm, Phase, Sample};

use crate::observe::{Libraries, MachineState, Sighting};

/// Set once, seen everywhere: the run is to stop now.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks everything to stop. Cannot be taken back.
    pub fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// True once asked to stop.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// The flag itself, for signal handlers.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

/// Set and taken back: the run is to wait once the trial that runs has ended.
#[derive(Debug, Clone, Default)]
pub struct Pause(Arc<AtomicBool>);

impl Pause {
    /// Asks the run to wait, or to go on.
    pub fn set(&self, pause: bool) {
        self.0.store(pause, Ordering::SeqCst);
    }

    /// True while the run is to wait.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// How much the probe does in a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeMode {
    /// The program runs as it is.
    Off,
    /// One mark after the leading imports; nothing per line.
    Region,
    /// The selected code is executed again and again; how, once the warm-up has decided it.
    Selected(Option<Executions>),
    /// Wall time of every line but these, by absolute path.
    Wall(BTreeMap<String, Vec<u32>>),
    /// CPU clocks on these lines, by absolute path.
    Cpu(BTreeMap<String, Vec<u32>>),
}

/// Which executions of the selected code count. Decided once, so that every arm is compared over the same ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Executions {
    /// How they come about.
    pub mode: ExecutionMode,
    /// Executions after the first that are warm-up; the process decides when absent.
    pub skip: Option<u32>,
    /// Executions after those that count; the process decides when absent.
    pub count: Option<u32>,
}

impl Executions {
    /// As many repetitions in place as each process needs.
    pub fn repeated() -> Self {
        Self { mode: ExecutionMode::Repeat, skip: None, count: None }
    }
}

/// How executions of the selected code come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionMode {
    /// The code is repeated in place.
    Repeat,
    /// The iterations of the selected loop.
    Iterations,
    /// Those that the program itself makes.
    Natural,
}

/// What the probe tells of the selected code.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Selected {
    /// The file of the selection was loaded.
    pub loaded: bool,
    /// Why nothing can be measured, as a full sentence.
    pub problem: Option<String>,
    /// First and last line of the statements that cover the selection.
    pub lines: Option<[u32; 2]>,
    /// What one execution is called.
    pub unit: String,
    /// How the executions came about.
    pub how: Option<ExecutionMode>,
    /// Why they were not repetitions, as a full sentence.
    pub reason: Option<String>,
    /// The code was executed.
    pub reached: bool,
    /// This run only showed that repeating does not do; the next one measures natural executions.
    #[serde(default)]
    pub again: bool,
    /// Executions that count.
    #[serde(default)]
    pub calls: u64,
    /// Their mean; zero when nothing was measured.
    #[serde(default)]
    pub mean_ns: u64,
    /// Their 95th percentile.
    #[serde(default)]
    pub p95_ns: u64,
    /// The first execution.
    #[serde(default)]
    pub cold_ns: u64,
    /// Half width of the 95 % interval of the mean, over the mean.
    #[serde(default)]
    pub spread: Option<f64>,
    /// Last third over middle third, minus 1.
    #[serde(default)]
    pub trend: f64,
    /// CPU time of the process for one execution.
    #[serde(default)]
    pub cpu_ns: Option<u64>,
    /// See [`Executions`].
    #[serde(default)]
    pub skip: u32,
    /// See [`Executions`].
    #[serde(default)]
    pub count: u32,
}

/// One trial to run.
#[derive(Debug)]
pub struct TrialSpec<'a> {
    /// Number of the trial.
    pub trial: u32,
    /// The setting.
    pub arm: &'a Arm,
    /// What it is for.
    pub phase: Phase,
    /// The trial is stopped after this long.
    pub limit: Duration,
    /// What the probe does.
    pub probe: ProbeMode,
}

/// What happens while a trial runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Live {
    /// The process runs; nulls when simulated.
    Started {
        /// Process id.
        pid: Option<u32>,
        /// Process group to kill if the runner dies.
        process_group: Option<u32>,
    },
    /// A look from outside.
    Sample(Sample),
}

/// How a trial ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It exited by itself.
    Exited(i32),
    /// A signal that was not ours ended it.
    Signalled(i32),
    /// It was stopped at the limit.
    OverLimit,
    /// It was stopped because it used more memory than it may.
    OverMemory,
    /// It was stopped because the run was cancelled.
    Cancelled,
    /// It never started; why, as a full sentence.
    CannotStart(String),
    /// The runner could not follow it; why, as a full sentence.
    Broken(String),
}

/// The scored region of a program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RegionTime {
    /// Wall time.
    pub wall_ns: u64,
    /// CPU time of the process.
    pub cpu_ns: u64,
}

/// One line of a file as the probe saw it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProbedLine {
    /// 1-based.
    pub line: u32,
    /// Times it was reached.
    pub hits: u64,
    /// Wall time in total.
    pub wall_ns: u64,
    /// CPU time of the process, when measured.
    pub cpu_ns: Option<u64>,
    /// CPU time of the executing thread, when measured.
    pub thread_cpu_ns: Option<u64>,
    /// The first execution.
    pub first_ns: u64,
    /// Part of the wall time in which it was suspended by `await`.
    pub awaited_ns: Option<u64>,
    /// Most threads of one process that reached it, when more than one did.
    pub threads: Option<u32>,
    /// Processes that reached it.
    pub processes: u32,
}

/// One file as the probe saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbedFile {
    /// Absolute path.
    pub path: String,
    /// SHA-256 of the source that ran, hex.
    pub sha256: String,
    /// Its lines.
    pub lines: Vec<ProbedLine>,
    /// Lines that are too short and too frequent to be timed without slowing others down.
    pub hot: Vec<u32>,
}

/// What the outside sampler saw while one line ran.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LineLoad {
    /// Samples that fell on the line.
    pub samples: u32,
    /// Sum of the runnable threads over those samples.
    pub runnable_sum: u64,
    /// Pairs of consecutive samples that both fell on the line.
    pub pairs: u32,
    /// Seconds between pairs of samples that both fell on the line.
    pub covered_s: f64,
    /// Run-queue delay within those seconds.
    pub run_delay_ns: u64,
}

/// What a trial learned.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// How it ended.
    pub end: End,
    /// Spawn to exit.
    pub wall_ns: u64,
    /// CPU time of the process tree.
    pub cpu_ns: u64,
    /// The region, when the probe saw it.
    pub region: Option<RegionTime>,
    /// The selected code, when one was asked for.
    pub selected: Option<Selected>,
    /// Why there is no region although one was asked for, as a full sentence.
    pub region_reason: Option<String>,
    /// What went wrong in the probe, as a full sentence, although the program ran.
    pub probe_error: Option<String>,
    /// Most threads seen alive at once.
    pub peak_threads: u32,
    /// Voluntary context switches.
    pub voluntary_switches: Option<u64>,
    /// Involuntary context switches.
    pub involuntary_switches: Option<u64>,
    /// Time its threads waited for a CPU.
    pub run_delay_ns: Option<u64>,
    /// Time the cgroup was throttled meanwhile.
    pub throttled_ns: Option<u64>,
    /// Mean CPUs' worth of work of other processes.
    pub foreign_cpus: Option<f64>,
    /// Seconds by which the machine slept, its clock was set, or nothing ran at all meanwhile; 0 when that is usual.
    pub jumped_s: f64,
    /// It failed because it came to the end of the memory it may use.
    pub out_of_memory: bool,
    /// Judged to be disturbed by them; the run decides, not the workload.
    pub spoilt: bool,
    /// Hash of everything it wrote to stdout.
    pub output_hash: Option<u64>,
    /// The end of stdout, then of stderr.
    pub output_tail: String,
    /// `torch.get_num_threads()` at the end.
    pub observed_threads: Option<u32>,
    /// When the region began and ended, on the steady clock that all processes of the machine share.
    pub region_span: Option<(u64, u64)>,
    /// How long each of several instances worked: its region, or all of it where that is scored.
    pub instances_ns: Vec<u64>,
    /// Share of the time between the first start and the last end in which all instances worked.
    pub together: Option<f64>,
    /// Per-line numbers, when the probe was asked for them.
    pub files: Vec<ProbedFile>,
    /// Children that were to measure their lines and told nothing.
    pub silent_children: u32,
    /// What the sampler saw, by path and line.
    pub line_loads: BTreeMap<(String, u32), LineLoad>,
    /// Times threads moved to another CPU, as far as seen.
    pub migrations: Option<u64>,
    /// Periods of the quota in which it was stopped, and all periods meanwhile.
    pub throttled_periods: Option<[u64; 2]>,
    /// Mean clock of the CPUs, MHz.
    pub mean_mhz: Option<f64>,
    /// Largest resident memory of any one process.
    pub peak_memory_bytes: Option<u64>,
    /// What closer looks from outside saw.
    pub sighting: Option<Sighting>,
    /// What the program said of its libraries.
    pub libraries: Option<Libraries>,
}

impl Measured {
    /// A trial about which nothing but its end is known.
    pub fn ended(end: End) -> Self {
        Self {
            end,
            wall_ns: 0,
            cpu_ns: 0,
            region: None,
            selected: None,
            region_reason: None,
            probe_error: None,
            peak_threads: 0,
            voluntary_switches: None,
            involuntary_switches: None,
            run_delay_ns: None,
            throttled_ns: None,
            foreign_cpus: None,
            jumped_s: 0.0,
            out_of_memory: false,
            spoilt: false,
            output_hash: None,
            output_tail: String::new(),
            observed_threads: None,
            region_span: None,
            instances_ns: Vec::new(),
            together: None,
            files: Vec::new(),
            silent_children: 0,
            line_loads: BTreeMap::new(),
            migrations: None,
            throttled_periods: None,
            mean_mhz: None,
            peak_memory_bytes: None,
            sighting: None,
            libraries: None,
        }
    }
}

/// Something that can be run again and again under different settings.
pub trait Workload {
    /// Runs one trial to its end, whatever that end is, and leaves nothing behind.
    /// Calls `live` with `Started` once, unless it could not start.
    fn run(&mut self, spec: &TrialSpec<'_>, live: &mut dyn FnMut(Live), cancel: &Cancel) -> Measured;

    /// The machine that runs it; `None` when none really does.
    fn machine_state(&self) -> Option<&MachineState> {
        None
    }
}
