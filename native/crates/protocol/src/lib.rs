//! Every message between the runner and its owner: the one source of these types.
//!
//! Transport: UTF-8 JSON lines. Commands go to the runner's stdin, events come from its stdout.
//! End of stdin means: cancel and kill everything. A saved event stream is a *recording*.
//!
//! Laws of the stream: `hello` first; every `trial_started` has one `trial_finished`; exactly one
//! of `finished` or `failed` last; readers ignore unknown types; new fields are optional.
//! Units are in the names; integers stay below 2^53.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the message set; it changes when the meaning of a field changes.
pub const PROTOCOL_VERSION: u32 = 1;

/// An event with its protocol version, as one line of the stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Envelope {
    /// Protocol version.
    pub v: u32,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}

/// What the runner says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum Event {
    /// The first line.
    Hello(Hello),
    /// The trials to come.
    Plan(BenchPlan),
    /// A process was started.
    TrialStarted(TrialStarted),
    /// What a running trial looks like from outside; at most 10 a second.
    Sample(Sample),
    /// Timings per source line of one arm.
    Lines(Lines),
    /// A trial ended, however it ended.
    TrialFinished(TrialFinished),
    /// Where the run stands.
    Progress(Progress),
    /// What is known of an arm so far.
    ArmSummary(ArmSummary),
    /// What ran: versions of the program's libraries and the state of the machine. Later ones replace earlier ones.
    Environment(Environment),
    /// What the operating system and the libraries showed of one arm's processes.
    Observed(Observed),
    /// Instances times threads: what is best for latency, for throughput, and for throughput within a limit.
    Front(Front),
    /// A reason not to trust numbers.
    Doubt(Doubt),
    /// The answer.
    Verdict(Verdict),
    /// The run ended with what it could measure (also after a cancel).
    Finished(Finished),
    /// The run could not measure anything.
    Failed(Failed),
}

/// What the owner says, with its protocol version, one line each on stdin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommandEnvelope {
    /// Protocol version.
    pub v: u32,
    /// The command.
    #[serde(flatten)]
    pub command: Command,
}

/// What the owner may ask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum Command {
    /// Start a run; once per process.
    Start(Box<BenchRequest>),
    /// Stop now, keep what was measured. Has no data; send `{}`.
    Cancel(Empty),
    /// Let the trial that runs end, then wait. Has no data; send `{}`.
    Pause(Empty),
    /// Go on after a pause. Has no data; send `{}`.
    Resume(Empty),
}

/// No data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Empty {}

/// Everything a run needs; nothing else is looked up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BenchRequest {
    /// What to run.
    pub workload: Workload,
    /// The settings to compare. Two or more, or one to measure lines only.
    pub arms: Vec<Arm>,
    /// Index of the arm that is in force today; the winner is confirmed against it.
    pub current: usize,
    /// What to do.
    pub mode: Mode,
    /// Limits and thresholds.
    #[serde(default)]
    pub limits: Limits,
    /// Measure lines after the search, at these arms (`1`, best, current by default when empty).
    #[serde(default)]
    pub lines: LinesRequest,
    /// Further settings to try round the winner of the race, one factor after the other: wait policy,
    /// binding, allocator … A variation that wins the confirmation becomes part of the answer.
    #[serde(default)]
    pub variations: Vec<Variation>,
    /// What the grid of instances and threads is searched for; null for a search over one count.
    #[serde(default)]
    pub grid: Option<GridRequest>,
    /// Logical CPUs of the machine the answer is meant for, when it is another one.
    #[serde(default)]
    pub target_cpus: Option<u32>,
    /// Seed of the trial order; recorded so that a run can be repeated.
    #[serde(default)]
    pub seed: u64,
}

/// What kind of run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Anchored paired race, then confirmation against the current arm, then lines.
    #[default]
    Search,
    /// Only fresh mirrored blocks of `current` against the one other arm.
    Verify,
    /// Only lines.
    Lines,
    /// Instances x threads: diagonal and ladder of the anchors, then a bisection on the latency limit.
    Grid,
}

/// The program under test. Never run through a shell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Working directory.
    pub cwd: String,
    /// The whole environment of the process before an arm's changes.
    pub env: BTreeMap<String, String>,
    /// Set when `argv` is `PYTHON [options] SCRIPT …` or `PYTHON -m MODULE …` and the probe may be used.
    #[serde(default)]
    pub python: Option<PythonWorkload>,
    /// Set when `argv` is `NODE [options] SCRIPT …` and the probe may be used.
    #[serde(default)]
    pub node: Option<NodeWorkload>,
    /// A synthetic workload instead of a process (tests and calibration only).
    #[serde(default)]
    pub simulated: Option<SimulatedWorkload>,
}

/// How the Python probe takes part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PythonWorkload {
    /// Index in `argv` of the script, or of `-m`.
    pub script_index: usize,
    /// Directory of the probe package, put first on `PYTHONPATH`.
    pub probe_dir: String,
    /// Only files below these directories are measured per line (absolute paths; `site-packages` is always left out).
    pub roots: Vec<String>,
    /// Which part of the program the score covers.
    pub region: Region,
    /// The code that is repeated and scored; exactly when `region` is `selected`.
    #[serde(default)]
    pub selection: Option<Selection>,
}

/// How the Node.js probe takes part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeWorkload {
    /// Index in `argv` of the script.
    pub script_index: usize,
    /// Absolute path of the probe's entry file, loaded with `--require` (which, unlike `--import`, changes nothing in how the program is loaded).
    pub probe_file: String,
    /// Only files below these directories are measured per line (absolute paths; `node_modules` is always left out).
    pub roots: Vec<String>,
    /// Which part of the program the score covers.
    pub region: Region,
    /// The code that is repeated and scored; exactly when `region` is `selected`.
    #[serde(default)]
    pub selection: Option<Selection>,
}

/// Statements of one file that are measured by themselves, in the process that reaches them: the first
/// execution apart (cold), then, after a warm-up, again and again until the interval of their mean is tight.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Absolute path.
    pub path: String,
    /// 1-based line of the first statement.
    pub first_line: u32,
    /// 1-based last line, included.
    pub last_line: u32,
    /// For people: `model(x)`, `function infer`, `cell 3`.
    pub label: String,
    /// True when a function is meant: each call of it is one execution, and the first call is repeated with its arguments.
    #[serde(default)]
    pub function: bool,
    /// What one execution is: `call`, `iteration` of the selected loop, `loop` as a whole, `execution` of several
    /// statements. Told in the plan once the warm-up has shown it.
    #[serde(default)]
    pub unit: Option<String>,
    /// Half width of the 95 % interval of the mean, over the mean, at which a process stops repeating.
    #[serde(default = "tight")]
    pub tight: f64,
    /// Seconds after which it stops repeating anyway.
    #[serde(default = "most_seconds")]
    pub most_s: f64,
    /// Repetitions it makes in any case; two when a single one takes longer than `most_s`.
    #[serde(default = "fewest_calls")]
    pub fewest_calls: u32,
}

fn tight() -> f64 {
    0.01
}

fn most_seconds() -> f64 {
    5.0
}

fn fewest_calls() -> u32 {
    5
}

/// Which part of a process the score covers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// From spawn to exit.
    #[default]
    Process,
    /// From the end of the leading imports of the entry script to its end.
    AfterImports,
    /// One execution of the selected code, in steady state.
    Selected,
}

/// A scaling law with noise, so that search, statistics and verdicts are tested exactly.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SimulatedWorkload {
    /// Seconds of one run by thread count; counts in between are interpolated geometrically.
    #[serde(deserialize_with = "by_count")]
    pub seconds_by_threads: BTreeMap<u32, f64>,
    /// Standard deviation of the log of a run's time.
    pub noise: f64,
    /// Probability that a run is slowed by 1.1 to 2.5.
    pub outliers: f64,
    /// Slow drift of the machine: amplitude of an AR(1) factor.
    pub drift: f64,
    /// Probability that another process visibly disturbs a run (slows it by 1.1 to 2.5 and shows as foreign load).
    #[serde(default)]
    pub foreign: f64,
    /// Wall seconds each simulated trial really takes (0 in tests of the search).
    #[serde(default)]
    pub real_seconds: f64,
    /// Logical CPUs that instances share: beyond them each instance is slower in proportion. Grid only.
    #[serde(default)]
    pub shared_cpus: Option<u32>,
}

/// Reads a map with whole numbers as keys. Within a tagged message serde keeps keys as text, which it
/// does not turn into numbers by itself.
fn by_count<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<u32, f64>, D::Error> {
    let texts = BTreeMap::<String, f64>::deserialize(deserializer)?;
    let number = |text: &str| text.parse().map_err(|_| serde::de::Error::custom(format!("`{text}` is not a number of threads")));
    texts.iter().map(|(text, &seconds)| Ok((number(text)?, seconds))).collect()
}

/// One setting under comparison.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// For people: `OMP_NUM_THREADS=4`.
    pub label: String,
    /// Intra-op threads this arm stands for; null when the arm is not about a count (the default, say).
    pub threads: Option<u32>,
    /// Variables this arm sets (`null` unsets).
    pub env: BTreeMap<String, Option<String>>,
    /// Replaces the argument of every `torch.set_num_threads` call, where the script decides and the environment cannot. Needs the probe.
    #[serde(default)]
    pub torch_num_threads: Option<u32>,
    /// The variables of `env` keep these values in the program's main process whatever its script writes to them. Needs the probe.
    #[serde(default)]
    pub pin_env: bool,
    /// Why it is tried: `physical cores`, `power of two`, `in force today`.
    pub reason: String,
    /// Replaces the argument of every `torch.set_num_interop_threads` call, or makes the call. Needs the probe.
    #[serde(default)]
    pub torch_num_interop_threads: Option<u32>,
    /// Calls `torch.set_flush_denormal` with this after the imports. Needs the probe.
    #[serde(default)]
    pub flush_denormal: Option<bool>,
    /// Replaces `intraOpNumThreads` (or `intra_op_num_threads`) of every ONNX Runtime session. Needs the probe.
    #[serde(default)]
    pub ort_intra_op_threads: Option<u32>,
    /// Arguments added to the end of the command line, for what the script exposes itself (`--channels-last`).
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Copies of the program that run at the same time; null means one.
    #[serde(default)]
    pub instances: Option<u32>,
    /// CPU ids each instance is bound to, one list per instance; empty: not bound by the runner.
    #[serde(default)]
    pub cpus: Vec<Vec<u32>>,
    /// NUMA node each instance takes its memory from, as an index into `nodes` of the machine; empty: not bound.
    #[serde(default)]
    pub memory_nodes: Vec<u32>,
}

/// A further setting tried on top of the winner of the race.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variation {
    /// Settings of one factor exclude each other: `wait policy`, `binding`, `allocator`, `inter-op threads`.
    pub factor: String,
    /// For people: `OMP_WAIT_POLICY=passive`.
    pub label: String,
    /// Why it is tried.
    pub reason: String,
    /// Variables it sets beside those of the winner (`null` unsets).
    #[serde(default)]
    pub env: BTreeMap<String, Option<String>>,
    /// As in an arm.
    #[serde(default)]
    pub torch_num_interop_threads: Option<u32>,
    /// As in an arm.
    #[serde(default)]
    pub flush_denormal: Option<bool>,
    /// As in an arm.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// As in an arm: CPUs of the one instance.
    #[serde(default)]
    pub cpus: Vec<u32>,
    /// Tried only when the winner has at least so many threads: a single thread does not wait for others.
    #[serde(default)]
    pub least_threads: Option<u32>,
    /// Tried only when the winner has at most so many threads: more do not fit on the CPUs it names.
    #[serde(default)]
    pub most_threads: Option<u32>,
}

/// What a grid of instances and threads is searched for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GridRequest {
    /// Longest acceptable time of one piece of work, seconds; null: twice the shortest.
    #[serde(default)]
    pub latency_limit_s: Option<f64>,
    /// Every cell of the grid instead of diagonal and ladder.
    #[serde(default)]
    pub exhaustive: bool,
    /// Mirrored, interleaved blocks.
    #[serde(default = "grid_blocks")]
    pub blocks: u32,
}

fn grid_blocks() -> u32 {
    4
}

/// Limits and thresholds of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Seconds after which a single trial is stopped and counted as timed out.
    pub trial_s: f64,
    /// Seconds after which the whole run stops with what it has.
    pub budget_s: f64,
    /// Blocks of the race at most.
    pub max_blocks: u32,
    /// Mirrored (ABBA) blocks of the confirmation; a search takes between five eighths and twice as
    /// many, by what the race lets expect.
    pub confirm_blocks: u32,
    /// Gains below this fraction are never claimed (0.02 = 2 %).
    pub claim_above: f64,
    /// Bytes of a trial's output that are kept (the rest is read and dropped).
    pub output_bytes: u64,
    /// Seconds between the polite and the final signal.
    pub grace_s: f64,
    /// Private memory that the workload may use, bytes: no process of it may allocate more (the stacks of its
    /// threads apart), and all together are ended when they use more. Null: no limit.
    pub memory_bytes: Option<u64>,
    /// Every arm in every block of the race, none dropped early.
    pub exhaustive: bool,
    /// Seconds for which the run waits for another one on this machine to end, before it gives up.
    pub turn_s: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { trial_s: 120.0, budget_s: 900.0, max_blocks: 6, confirm_blocks: 8, claim_above: 0.02, output_bytes: 65_536, grace_s: 2.0, memory_bytes: None, exhaustive: false, turn_s: 1800.0 }
    }
}

/// Whether and where to measure lines.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LinesRequest {
    /// Measure lines at all.
    pub enabled: bool,
    /// Indices of the arms to measure at; empty: 1 thread (when it is an arm), the best, and the current,
    /// and with one pass each up to two more counts between and above them, heavy lines only.
    pub arms: Vec<usize>,
}

/// The first line of the stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hello {
    /// Protocol version.
    pub protocol: u32,
    /// Version of the runner.
    pub version: String,
    /// Process id of the runner, so that its owner can end it.
    pub pid: u32,
    /// The machine it runs on.
    pub machine: Machine,
    /// What this platform cannot measure, as full sentences.
    pub missing: Vec<String>,
}

/// A machine; the fields and names of `threadgauge machine --format json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// `linux`, `darwin` or `win32`.
    pub os: Option<String>,
    /// `x86_64`, `aarch64`.
    pub arch: Option<String>,
    /// Processor packages.
    pub sockets: Option<u32>,
    /// Physical cores online.
    pub physical_cores: Option<u32>,
    /// Logical CPUs online.
    pub logical_cores: Option<u32>,
    /// NUMA nodes with CPUs.
    pub numa_nodes: Option<u32>,
    /// CFS quota in CPUs, the smallest of all ancestors; null = none.
    pub cpu_quota: Option<f64>,
    /// CPUs this process may use, when fewer than all; null = all.
    pub affinity: Option<Vec<u32>>,
    /// SMT siblings: CPU ids per physical core.
    pub siblings: Option<Vec<Vec<u32>>>,
    /// CPU ids per NUMA node.
    pub nodes: Option<Vec<Vec<u32>>>,
    /// Kinds of cores on hybrid processors, fastest first.
    pub core_kinds: Option<Vec<CoreKind>>,
    /// Processor name.
    pub model: Option<String>,
}

/// One kind of core of a hybrid processor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CoreKind {
    /// `P`, `E`.
    pub name: String,
    /// CPU ids.
    pub cpus: Vec<u32>,
}

/// The trials to come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BenchPlan {
    /// The arms, in the order of the request.
    pub arms: Vec<Arm>,
    /// Index of the arm in force today.
    pub current: usize,
    /// What kind of run.
    pub mode: Mode,
    /// Trials at the most, lines included.
    pub max_trials: u32,
    /// Seed of the order.
    pub seed: u64,
    /// The workload's command line, for display.
    pub command: Vec<String>,
    /// What the score covers.
    pub region: Region,
    /// The selected code, when the score covers it.
    #[serde(default)]
    pub selection: Option<Selection>,
}

/// What a trial is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Not counted: fills caches, shows that the workload runs.
    #[default]
    Warmup,
    /// A block of the race.
    Race,
    /// A block round the winner.
    Refine,
    /// A block of further settings on top of the winner.
    Vary,
    /// A block of the grid of instances and threads.
    Grid,
    /// A mirrored block against the current arm.
    Confirm,
    /// Line timings (instrumented; never part of the score).
    Lines,
}

/// A process was started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrialStarted {
    /// Number of the trial, from 0.
    pub trial: u32,
    /// Index of the arm.
    pub arm: usize,
    /// What it is for.
    pub phase: Phase,
    /// Block within the phase, from 0.
    pub block: u32,
    /// Process id; null when simulated.
    pub pid: Option<u32>,
    /// Process group to kill if the runner dies; null when simulated.
    pub process_group: Option<u32>,
}

/// A running trial, seen from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// Number of the trial.
    pub trial: u32,
    /// Nanoseconds since the trial started.
    pub at_ns: u64,
    /// Threads alive in the process tree.
    pub threads: u32,
    /// Threads running or waiting for a CPU.
    pub runnable: u32,
    /// CPU time of the process tree so far.
    pub cpu_ns: u64,
    /// Time its threads waited for a CPU so far.
    pub run_delay_ns: Option<u64>,
    /// CPUs' worth of work of other processes since the last sample.
    pub foreign_cpus: Option<f64>,
}

/// How a trial ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrialStatus {
    /// It counts.
    #[default]
    Ok,
    /// Non-zero exit or a signal.
    Failed,
    /// Over `trial_s`.
    TimedOut,
    /// Stopped because it was already much slower than the best.
    Capped,
    /// Another load on the machine spoilt it, or the machine slept or its clock was set; it was repeated or left out.
    Contaminated,
    /// The run was cancelled.
    Cancelled,
}

/// A trial ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrialFinished {
    /// Number of the trial.
    pub trial: u32,
    /// Index of the arm.
    pub arm: usize,
    /// What it was for.
    pub phase: Phase,
    /// How it ended.
    pub status: TrialStatus,
    /// Spawn to exit.
    pub wall_ns: u64,
    /// The scored region; null when it was not reached.
    pub region_ns: Option<u64>,
    /// CPU time of the process tree.
    pub cpu_ns: u64,
    /// CPU time within the region.
    pub region_cpu_ns: Option<u64>,
    /// Most threads seen alive at once.
    pub peak_threads: u32,
    /// Voluntary context switches.
    pub voluntary_switches: Option<u64>,
    /// Involuntary context switches.
    pub involuntary_switches: Option<u64>,
    /// Time its threads waited for a CPU.
    pub run_delay_ns: Option<u64>,
    /// Time the cgroup was throttled during the trial.
    pub throttled_ns: Option<u64>,
    /// Mean CPUs' worth of other processes during the trial.
    pub foreign_cpus: Option<f64>,
    /// Exit code, when it exited.
    pub exit_code: Option<i32>,
    /// Signal, when one ended it.
    pub signal: Option<i32>,
    /// The end of stdout, then stderr, when it failed.
    pub output_tail: Option<String>,
    /// `torch.get_num_threads()` at the end of the script, when the probe could ask.
    pub observed_threads: Option<u32>,
    /// Executions of the selected code that the score is the mean of.
    #[serde(default)]
    pub calls: Option<u64>,
    /// The first execution of the selected code, which filled caches and started thread pools.
    #[serde(default)]
    pub cold_ns: Option<u64>,
    /// Half width of the 95 % interval of the mean of `calls`, over the mean.
    #[serde(default)]
    pub calls_spread: Option<f64>,
    /// 95th percentile of the executions.
    #[serde(default)]
    pub p95_ns: Option<u64>,
    /// Times threads moved to another CPU.
    #[serde(default)]
    pub migrations: Option<u64>,
    /// Periods of the CPU quota in which the cgroup was stopped, and all periods, during the trial.
    #[serde(default)]
    pub throttled_periods: Option<[u64; 2]>,
    /// Mean clock of the CPUs during the trial, MHz.
    #[serde(default)]
    pub mean_mhz: Option<f64>,
    /// Largest resident memory of any one process, bytes.
    #[serde(default)]
    pub peak_memory_bytes: Option<u64>,
    /// Region times of the instances, when there were several.
    #[serde(default)]
    pub instances_ns: Vec<u64>,
    /// Pieces of work per second of all instances together, over the time in which all of them worked.
    #[serde(default)]
    pub throughput_per_s: Option<f64>,
}

/// Timings of source lines under one arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lines {
    /// Index of the arm.
    pub arm: usize,
    /// Trials these numbers are the mean of.
    pub trials: u32,
    /// Wall time with the probe over wall time without, minus 1; null when not measured.
    pub overhead: Option<f64>,
    /// The files.
    pub files: Vec<FileLines>,
}

/// Timings of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FileLines {
    /// Absolute path.
    pub path: String,
    /// SHA-256 of the source that ran, hex, so that stale numbers are known.
    pub sha256: String,
    /// By line number.
    pub lines: Vec<LineTiming>,
}

/// What one line (the statement starting there) cost in one run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LineTiming {
    /// 1-based.
    pub line: u32,
    /// Times it was reached.
    pub hits: u64,
    /// Wall time in total.
    pub wall_ns: u64,
    /// CPU time of the whole process on it; null when it was not measured (short lines).
    pub cpu_ns: Option<u64>,
    /// CPU time of the thread that executed it; wall minus this is waiting.
    pub thread_cpu_ns: Option<u64>,
    /// Mean number of runnable threads while on it, from the outside sampler; null when too few samples fell on it.
    pub runnable: Option<f64>,
    /// Time the process's threads waited for a CPU while on it, per second of wall time; null likewise.
    pub run_delay_per_s: Option<f64>,
    /// First execution, apart (cold caches, pool start).
    pub first_ns: u64,
    /// Part of `wall_ns` in which the line was suspended by `await` while other tasks may have run.
    #[serde(default)]
    pub awaited_ns: Option<u64>,
    /// Wall time in each of the passes that `wall_ns` is the mean of.
    #[serde(default)]
    pub passes_ns: Vec<u64>,
    /// Processes that reached it, when more than one did; times and hits are sums over them.
    #[serde(default)]
    pub processes: Option<u32>,
    /// Most threads of one process that reached it, when more than one did; while several are on it at once, the wall time counts once.
    #[serde(default)]
    pub threads: Option<u32>,
}

/// Where the run stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// What is going on.
    pub phase: Phase,
    /// Trials done.
    pub done: u32,
    /// Trials expected in all; shrinks when arms drop out.
    pub expected: u32,
    /// Seconds left, estimated.
    pub remaining_s: f64,
    /// Index of the arm that leads.
    pub best: Option<usize>,
    /// True while it waits for `resume`.
    #[serde(default)]
    pub paused: bool,
    /// Time of the current arm over that of the leader so far; a guess until it is confirmed.
    #[serde(default)]
    pub best_ratio: Option<f64>,
    /// Whose end it waits for before anything runs: `another benchmark (pid 123: serve.py)`. Null once it is its turn.
    #[serde(default)]
    pub waits_for: Option<String>,
}

/// What is known of one arm.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArmSummary {
    /// Index of the arm.
    pub arm: usize,
    /// Counted trials.
    pub runs: u32,
    /// Scores in the order measured, nanoseconds.
    pub scores_ns: Vec<u64>,
    /// Median score.
    pub median_ns: u64,
    /// Mean score.
    pub mean_ns: u64,
    /// Median absolute deviation.
    pub mad_ns: u64,
    /// Smallest score.
    pub min_ns: u64,
    /// Largest score.
    pub max_ns: u64,
    /// Mean CPUs kept busy in the region (CPU over wall).
    pub busy_cores: Option<f64>,
    /// Run-queue delay over wall time: mean number of threads waiting for a CPU.
    pub waiting_threads: Option<f64>,
    /// Most threads alive.
    pub peak_threads: u32,
    /// Time over the best arm's, from paired blocks; 1 for the best.
    pub ratio_to_best: Option<f64>,
    /// True when some of its runs were stopped early, so that the ratio is at least this much.
    #[serde(default)]
    pub ratio_is_lower_bound: bool,
    /// True when the race dropped it.
    pub dropped: bool,
    /// Runs that failed or timed out.
    pub failures: u32,
    /// 95 % interval of the median score, exact (order statistics); null below six runs.
    #[serde(default)]
    pub median_interval_ns: Option<[u64; 2]>,
    /// Median of the first executions of the selected code.
    #[serde(default)]
    pub cold_median_ns: Option<u64>,
    /// Median of the 95th percentiles of the executions of the selected code.
    #[serde(default)]
    pub p95_median_ns: Option<u64>,
    /// Executions of the selected code behind all scores.
    #[serde(default)]
    pub calls: Option<u64>,
    /// Pieces of work per second of all instances together, median of the runs.
    #[serde(default)]
    pub throughput_per_s: Option<f64>,
}

/// What ran, and the machine's state.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// `Linux 6.18.1`.
    pub system: Option<String>,
    /// Frequency governor of the CPUs, when all have the same: `performance`, `schedutil`.
    pub governor: Option<String>,
    /// True when the processor may raise its clock beyond the nominal one.
    pub turbo: Option<bool>,
    /// `CPython 3.12.3`, `Node.js 24.1.0`.
    pub runtime: Option<String>,
    /// Versions of the libraries that compute: `torch` → `2.13.0`.
    pub libraries: BTreeMap<String, String>,
    /// What the library itself says of its threads (`torch.__config__.parallel_info()`), as printed.
    pub parallel_info: Option<String>,
    /// Digest of machine and versions: results with another one are not comparable.
    pub fingerprint: String,
}

/// What was seen of the processes of one arm, or of a running process that is inspected.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Observed {
    /// Index of the arm; null for an inspected process.
    pub arm: Option<usize>,
    /// OpenMP, BLAS and other runtimes with threads of their own that the processes have loaded.
    pub runtimes: Vec<LoadedRuntime>,
    /// Threads by pool, the largest first, at the moment when most were alive.
    pub pools: Vec<ThreadPool>,
    /// Most threads alive at once.
    pub peak_threads: u32,
    /// Processes alive at that moment.
    pub processes: u32,
    /// Mean number of threads that had something to do.
    pub runnable: Option<f64>,
    /// Mean number of threads waiting for a CPU (run-queue delay over wall time).
    pub waiting_threads: Option<f64>,
    /// Mean CPUs kept busy.
    pub busy_cores: Option<f64>,
    /// Times a second a thread's CPU was taken from it.
    pub involuntary_per_s: Option<f64>,
    /// Times a second a thread moved to another CPU.
    pub migrations_per_s: Option<f64>,
    /// Periods of the CPU quota in which the processes were stopped, and all periods.
    pub throttled_periods: Option<[u64; 2]>,
    /// CPU time of one piece of work over that of the arm with one thread: above 1 threads spin or disturb each other.
    pub cpu_inflation: Option<f64>,
    /// Share of the CPU time that threads spent waiting actively in a barrier, where it can be told.
    pub spinning: Option<f64>,
    /// Threads the library says it uses within an operation.
    pub intra_op: Option<u32>,
    /// Threads the library says it uses between operations.
    pub inter_op: Option<u32>,
    /// Most OpenMP runtimes (different files) that any one process has loaded: each has threads of its own.
    #[serde(default)]
    pub openmp_per_process: u32,
    /// CPUs that were to be had: the smallest of the affinity mask, the quota, and what other programs left.
    #[serde(default)]
    pub effective_cpus: Option<f64>,
    /// CPUs' worth of time that the hypervisor gave to other machines.
    #[serde(default)]
    pub stolen_cpus: Option<f64>,
    /// Runs these figures are the mean of; 0 for an inspected process.
    #[serde(default)]
    pub runs: u32,
}

/// A library with threads of its own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadedRuntime {
    /// `libgomp`, `libiomp5`, `openblas`, `mkl`, `onnxruntime`, `tensorflow`, `tbb`, `jemalloc`, `tcmalloc` …
    pub name: String,
    /// `openmp`, `blas`, `framework`, `tasks`, `allocator`.
    pub kind: String,
    /// The file it was loaded from.
    pub path: String,
    /// Version, when the file name or the library tells.
    pub version: Option<String>,
}

/// Threads of one kind in the processes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThreadPool {
    /// Name of the threads (`comm`), digits at its end left out.
    pub name: String,
    /// How many.
    pub threads: u32,
    /// CPU time they used, nanoseconds.
    pub cpu_ns: u64,
    /// Time they waited for a CPU, nanoseconds.
    pub run_delay_ns: Option<u64>,
    /// How many of them ran, or waited for a CPU, for at least a twentieth of the time looked at.
    #[serde(default)]
    pub busy: u32,
}

/// Points of instances x threads.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Front {
    /// Everything measured, in the order of the plan.
    pub points: Vec<FrontPoint>,
    /// Index of the arm with the shortest time of one piece of work.
    pub latency: Option<usize>,
    /// Index of the arm with the most work per second.
    pub throughput: Option<usize>,
    /// Index of the arm with the most work per second whose time is within the limit.
    pub within_limit: Option<usize>,
    /// The limit, nanoseconds.
    pub limit_ns: Option<u64>,
}

/// One measured cell of the grid.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FrontPoint {
    /// Index of the arm.
    pub arm: usize,
    /// Copies of the program.
    pub instances: u32,
    /// Intra-op threads of each.
    pub threads: u32,
    /// Median time of one piece of work, nanoseconds.
    pub latency_ns: u64,
    /// Its 95 % interval; null with too few runs.
    pub latency_interval_ns: Option<[u64; 2]>,
    /// Median pieces of work per second.
    pub throughput_per_s: f64,
    /// Its 95 % interval; null with too few runs.
    pub throughput_interval_per_s: Option<[f64; 2]>,
    /// Runs it rests on.
    pub runs: u32,
    /// True when no other point is better in both beyond noise.
    pub on_front: bool,
}

/// A reason not to trust numbers; an exhaustive list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Doubt {
    /// Other processes used the machine.
    ForeignLoad {
        /// CPUs' worth of foreign work, mean.
        cpus: f64,
        /// Trials left out because of it.
        contaminated: u32,
    },
    /// Repetitions of the same arm differ a lot.
    Noisy {
        /// Index of the arm.
        arm: usize,
        /// MAD over median.
        spread: f64,
    },
    /// Scores rose or fell over the run.
    Drift {
        /// Last third over first third, minus 1.
        change: f64,
    },
    /// The measured region is too short to compare.
    TooShort {
        /// Median of the shortest arm, nanoseconds.
        median_ns: u64,
    },
    /// The cgroup quota throttled the workload.
    Throttled {
        /// Index of the arm.
        arm: usize,
        /// Share of wall time throttled.
        share: f64,
    },
    /// The program printed something else under another setting.
    OutputDiffers {
        /// Index of one arm.
        arm: usize,
        /// Index of the other.
        other: usize,
    },
    /// Line timing slowed the program by more than 1 %.
    ProbeOverhead {
        /// Index of the arm.
        arm: usize,
        /// Fraction, may be negative within noise.
        overhead: f64,
    },
    /// The process used another number of threads than the arm asked for.
    SettingWithoutEffect {
        /// Index of the arm.
        arm: usize,
        /// Threads asked for.
        asked: u32,
        /// Threads the library reported.
        observed: u32,
    },
    /// The imports could not be told from the rest; the whole process was scored.
    RegionUnavailable {
        /// Why, as a full sentence.
        reason: String,
    },
    /// The time budget ended the run before its plan was done.
    BudgetSpent {
        /// Trials that were not run.
        missing_trials: u32,
    },
    /// Fewer repetitions than planned.
    FewRuns {
        /// Index of the arm.
        arm: usize,
        /// Counted trials.
        runs: u32,
    },
    /// Some trials of an arm failed or timed out.
    TrialsFailed {
        /// Index of the arm.
        arm: usize,
        /// How many.
        failed: u32,
    },
    /// The clock of the CPUs changed over the run.
    FrequencyChange {
        /// Last third over first third, minus 1.
        change: f64,
    },
    /// The machine that measures has fewer CPUs than the one the answer is meant for.
    FewerCoresThanTarget {
        /// CPUs here.
        here: u32,
        /// CPUs there.
        target: u32,
    },
    /// The machine slept or stood still during the run, or its clock was set; the trials it fell into do not count.
    ClockJumped {
        /// Seconds of the longest such jump; negative when the clock was set back.
        seconds: f64,
    },
    /// Fewer CPUs were to be had than are visible: other programs, steal time or weights took the rest.
    FewerEffectiveCpus {
        /// CPUs that can be seen.
        visible: f64,
        /// CPUs that were to be had, mean.
        effective: f64,
    },
    /// The selected code could not be repeated, or repeating changed what it does.
    SelectionNotRepeated {
        /// Why, as a full sentence.
        reason: String,
    },
    /// The instances did not work at the same time for long enough.
    InstancesUneven {
        /// Index of the arm.
        arm: usize,
        /// Share of the time in which all worked.
        together: f64,
    },
    /// The workload came to the end of the memory it may use.
    MemoryLimit {
        /// Index of the arm.
        arm: usize,
        /// The limit, bytes.
        bytes: u64,
    },
    /// Something this platform cannot measure.
    NotMeasured {
        /// What, as a full sentence.
        what: String,
    },
}

/// The answer of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Which answer.
    pub outcome: Outcome,
    /// The smallest setting within noise of the best; equal to `current` when nothing better was shown.
    pub best: usize,
    /// Index of the arm in force today.
    pub current: usize,
    /// Time of current over time of best, from the confirmation (1.9 = 1.9 times faster).
    pub speedup: Option<f64>,
    /// 95 % confidence interval of `speedup`.
    pub interval: Option<[f64; 2]>,
    /// Paired repetitions behind the interval.
    pub pairs: u32,
    /// Arms whose difference from the best is within noise.
    pub tied: Vec<usize>,
    /// One or two full sentences for people.
    pub sentence: String,
}

/// The kinds of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// `best` is faster than `current` beyond noise.
    Faster,
    /// `current` is already the best, or as good as the best within noise.
    CurrentIsBest,
    /// The machine shows no difference between the settings.
    NoDifference,
    /// Verify only: the new setting is slower.
    Slower,
    /// Too little was measured to say.
    Inconclusive,
}

/// The run ended with what it could measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finished {
    /// True when it was cancelled; what was measured so far stands.
    pub cancelled: bool,
    /// Seconds from start to end.
    pub elapsed_s: f64,
    /// Trials that counted.
    pub counted_trials: u32,
}

/// The run could not measure anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failed {
    /// Which failure, for programs.
    pub code: FailureCode,
    /// What happened, as full sentences.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// The end of the workload's output, when there is some.
    pub output_tail: Option<String>,
}

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The request does not make sense.
    BadRequest,
    /// The program to run does not exist or may not be executed.
    CannotStart,
    /// It exited non-zero or by a signal in the warm-up.
    WorkloadFailed,
    /// It did not end within `trial_s`.
    WorkloadNeverEnds,
    /// Python could not import a module the script needs.
    MissingModule,
    /// The program ended without executing the selected code.
    SelectionNotReached,
    /// Another run on this machine did not end in time; two runs at once would measure each other.
    MachineBusy,
    /// A defect of the runner.
    Internal,
}

/// Both directions in one document, so that one schema file serves all.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Protocol {
    event: Envelope,
    command: CommandEnvelope,
    inspection: Inspection,
    process: RunningProcess,
}

/// A running process and its descendants; what `threadgauge-runner inspect PID` prints, once or every second.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Inspection {
    /// The machine it runs on.
    pub machine: Machine,
    /// Seconds over which rates and means were taken.
    pub seconds: f64,
    /// The process asked for first, its descendants after it, parents before children.
    pub processes: Vec<InspectedProcess>,
    /// The whole tree together.
    pub tree: Observed,
    /// What could not be read, as full sentences.
    pub missing: Vec<String>,
}

/// One process.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InspectedProcess {
    /// Process id.
    pub pid: u32,
    /// Its parent.
    pub parent: u32,
    /// Command line.
    pub command: Vec<String>,
    /// Working directory; null when it may not be read.
    pub cwd: Option<String>,
    /// Variables that concern threads, as they were when the process started; null when they may not be read.
    pub environment: Option<BTreeMap<String, String>>,
    /// CPUs it may use.
    pub affinity: Option<Vec<u32>>,
    /// CFS quota in CPUs.
    pub cpu_quota: Option<f64>,
    /// What was seen of it.
    pub observed: Observed,
}

/// A process of this user; what `threadgauge-runner processes` prints a list of, newest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunningProcess {
    /// Process id.
    pub pid: u32,
    /// Its parent.
    pub parent: u32,
    /// Command line.
    pub command: Vec<String>,
    /// Working directory; null when it may not be read.
    pub cwd: Option<String>,
    /// Seconds since it started.
    pub age_s: f64,
    /// Threads alive.
    pub threads: u32,
    /// CPU time it has used, nanoseconds.
    pub cpu_ns: u64,
}

/// The JSON Schema (draft 7) of the event stream and of the commands, pretty-printed, with a final newline.
///
/// # Panics
/// Never: a schema is always JSON.
pub fn schema() -> String {
    let schema = schemars::generate::SchemaSettings::draft07().into_generator().into_root_schema_for::<Protocol>();
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is always JSON");
    text.push('\n');
    text
}
