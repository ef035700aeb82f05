//! The real workload: one process tree per trial, watched from outside.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hasher};
use std::io::Read;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use threadgauge_protocol::{BenchRequest, Limits, Sample, Workload as Program};
use threadgauge_sys::clock;
use threadgauge_sys::cell::{CurrentLine, LineCell};
use threadgauge_sys::jumps::Clocks;
use threadgauge_sys::leftovers;
use threadgauge_sys::process::{Child, Exit, Output, SpawnSpec, out_of_memory_kills};
use threadgauge_sys::sample::{Throttle, TreeSample, TreeSampler};

use crate::observe::{Gatherer, MachineState};
use crate::{children, instances, probe};
use crate::random::Random;
use crate::workload::{Cancel, End, LineLoad, Live, Measured, ProbeMode, TrialSpec, Workload};

/// Longest time in which a cancel goes unnoticed.
const TICK: Duration = Duration::from_millis(50);
/// First look at a new process; short ones end soon.
const FIRST_LOOK: Duration = Duration::from_millis(5);
/// Looks at a long-running process, and events about it.
const LOOK: Duration = Duration::from_millis(100);
/// All looks together use one part in this many of a CPU at most, however many threads there are to look at.
const LOOK_SHARE: u32 = 300;
const LONGEST_GAP: Duration = Duration::from_secs(1);
/// Mean gap of the looks while lines are timed; random, so that no loop of the program hides from them.
const LINE_LOOK_S: f64 = 0.005;
/// Clocks may move apart by this much, and by this share of the time, without a sleep: that is how the time of day is kept right.
const JUMP_S: f64 = 0.25;
const JUMP_SHARE: f64 = 0.001;
/// A rest that lasts this much longer than asked for: the whole machine stood still, or the runner was stopped.
const STALL: Duration = Duration::from_secs(2);
/// What programs say when they get no more memory.
const MEMORY_WORDS: [&str; 7] = ["MemoryError", "bad_alloc", "annot allocate memory", "an't allocate memory", "nable to allocate", "ut of memory", "OutOfMemory"];
/// How long the end of a killed tree is waited for.
const REAP: Duration = Duration::from_secs(20);
/// How long output is waited for when the tree has gone.
const DRAIN: Duration = Duration::from_secs(2);

/// Runs the program of a request, again and again.
pub struct Processes {
    program: Program,
    limits: Limits,
    random: Random,
    throttle: Option<Throttle>,
    directory: Option<tempfile::TempDir>,
    clocks: Box<dyn FnMut() -> Clocks>,
    state: MachineState,
}

impl Processes {
    /// The program of `request`.
    pub fn new(request: &BenchRequest) -> Self {
        Self::with_clocks(request, Box::new(Clocks::now))
    }

    /// The same with other clocks to tell from whether the machine slept.
    pub fn with_clocks(request: &BenchRequest, clocks: Box<dyn FnMut() -> Clocks>) -> Self {
        for directory in leftovers::directories() {
            leftovers::clear(&directory);
        }
        Self {
            program: request.workload.clone(),
            limits: request.limits.clone(),
            random: Random::new(request.seed ^ 0x11e5),
            throttle: Throttle::find(),
            directory: None,
            clocks,
            state: MachineState::here(),
        }
    }

    /// Where the probe of each instance writes; none when nothing can be written. The directory is made again should someone have cleaned up under us.
    fn report_paths(&mut self, trial: u32, instances: usize) -> Vec<PathBuf> {
        if self.directory.as_ref().is_none_or(|directory| !directory.path().is_dir()) {
            let prefix = leftovers::own_prefix();
            self.directory = leftovers::directories().iter().find_map(|place| tempfile::Builder::new().prefix(&prefix).tempdir_in(place).ok());
        }
        let Some(directory) = &self.directory else { return Vec::new() };
        (0..instances).map(|index| directory.path().join(if index == 0 { format!("trial-{trial}.json") } else { format!("trial-{trial}-{index}.json") })).collect()
    }

    /// Environment and command line of a trial.
    fn spawn_spec(&self, spec: &TrialSpec<'_>, reports: &[PathBuf], cell: Option<&LineCell>) -> SpawnSpec {
        let arm = spec.arm;
        let mut env: BTreeMap<String, String> = self.program.env.clone();
        for (name, value) in &arm.env {
            match value {
                Some(value) => env.insert(name.clone(), value.clone()),
                None => env.remove(name),
            };
        }
        let mut argv = self.program.argv.clone();
        argv.extend(arm.arguments.iter().cloned());
        let plain = (argv.clone(), env.clone());
        let count = instances::count(arm);
        let mut instances = instances::placed(arm);
        let barrier = reports.first().filter(|_| count > 1).map(|report| report.with_extension("barrier"));
        if let Some(path) = &barrier {
            // Without the file nobody waits.
            let _ = std::fs::write(path, vec![0; count]);
        }
        if self.program.python.is_some() || self.program.node.is_some() {
            for (index, report) in reports.iter().enumerate() {
                let (mut words, mut variables) = plain.clone();
                let barrier = barrier.clone().map(|path| probe::Barrier { path, index, count });
                let shared = probe::Shared { out: report, cell: cell.map(LineCell::path), barrier: barrier.as_ref() };
                if let Some(python) = &self.program.python {
                    probe::inject(python, &spec.probe, arm, shared, &mut words, &mut variables);
                } else if let Some(node) = &self.program.node {
                    probe::inject_node(node, &spec.probe, arm, shared, &mut words, &mut variables);
                }
                if let Some(instance) = instances.get_mut(index) {
                    instance.env.extend(variables.get(probe::VARIABLE).map(|orders| (probe::VARIABLE.to_owned(), orders.clone())));
                }
                (argv, env) = (words, variables);
            }
        }
        SpawnSpec { argv, cwd: PathBuf::from(&self.program.cwd), env, instances, memory_bytes: self.limits.memory_bytes, supervisor: None }
    }
}

impl Workload for Processes {
    fn run(&mut self, spec: &TrialSpec<'_>, live: &mut dyn FnMut(Live), cancel: &Cancel) -> Measured {
        if cancel.is_set() {
            return Measured::ended(End::Cancelled);
        }
        let probed = spec.probe != ProbeMode::Off && (self.program.python.is_some() || self.program.node.is_some());
        let reports = if probed { self.report_paths(spec.trial, instances::count(spec.arm)) } else { Vec::new() };
        if probed && reports.is_empty() {
            return Measured::ended(End::CannotStart("The directory for temporary files cannot be written, which the probe needs.".into()));
        }
        let timed_lines = probed && matches!(spec.probe, ProbeMode::Wall(_) | ProbeMode::Cpu(_));
        let cell = if timed_lines { LineCell::create().ok() } else { None };
        let kills_before = out_of_memory_kills();
        let clocks_before = (self.clocks)();
        let throttled_before = self.throttle.as_ref().and_then(Throttle::throttled_ns);
        let periods_before = self.throttle.as_ref().and_then(Throttle::periods);
        let mut child = match Child::spawn(&self.spawn_spec(spec, &reports, cell.as_ref())) {
            Ok(child) => child,
            Err(error) => return Measured::ended(End::CannotStart(error.to_string())),
        };
        live(Live::Started { pid: Some(child.pid()), process_group: Some(child.process_group()) });
        let keep = self.limits.output_bytes as usize;
        let stdout = Drain::start(child.take_stdout(), keep);
        let stderr = Drain::start(child.take_stderr(), keep);
        let mut watch = Watch::new(&child, cell, timed_lines, spec.trial);
        let bounds = Bounds { limit: spec.limit, grace: Duration::from_secs_f64(self.limits.grace_s), memory_bytes: self.limits.memory_bytes };
        let ended = follow(&mut child, &bounds, &mut watch, &mut self.random, live, cancel);
        let walls: Vec<u64> = child.instance_walls().iter().map(|wall| wall.as_nanos() as u64).collect();
        drop(child);
        let (stdout, output_hash) = stdout.finish();
        let (stderr, _) = stderr.finish();

        let (end, exit) = match ended {
            Ok(ended) => ended,
            Err(reason) => (End::Broken(reason), None),
        };
        let mut measured = Measured::ended(end);
        measured.wall_ns = exit.map_or(watch.started.elapsed(), |exit| exit.wall).as_nanos() as u64;
        let usage = exit.and_then(|exit| exit.usage);
        measured.cpu_ns = usage.map_or(watch.last.cpu_ns, |usage| usage.cpu_ns());
        measured.voluntary_switches = usage.and_then(|usage| usage.voluntary_switches);
        measured.involuntary_switches = usage.and_then(|usage| usage.involuntary_switches);
        measured.peak_threads = watch.peak_threads;
        measured.run_delay_ns = watch.last.run_delay_ns;
        measured.foreign_cpus = watch.sampler.mean_foreign_cpus();
        let throttled_after = self.throttle.as_ref().and_then(Throttle::throttled_ns);
        measured.throttled_ns = throttled_before.zip(throttled_after).map(|(before, after)| after.saturating_sub(before));
        let periods_after = self.throttle.as_ref().and_then(Throttle::periods);
        measured.throttled_periods = periods_before.zip(periods_after).map(|(before, after)| [after[0].saturating_sub(before[0]), after[1].saturating_sub(before[1])]);
        measured.peak_memory_bytes = usage.and_then(|usage| usage.peak_memory_bytes);
        let apart_s = (self.clocks)().apart_s(&clocks_before);
        let allowed_s = JUMP_S + JUMP_SHARE * measured.wall_ns as f64 / 1e9;
        measured.jumped_s = if watch.stalled > STALL && watch.stalled.as_secs_f64() > apart_s.abs() {
            watch.stalled.as_secs_f64()
        } else if apart_s.abs() > allowed_s {
            apart_s
        } else {
            0.0
        };
        // What several print at the same time comes in any order.
        measured.output_hash = output_hash.filter(|_| walls.is_empty());
        measured.output_tail = join_tails(&stdout, &stderr);
        instances::note_walls(&mut measured, walls);
        measured.out_of_memory = match measured.end {
            End::OverMemory => true,
            End::Signalled(KILLED) if kills_before < out_of_memory_kills() => true,
            End::Exited(1..) | End::Signalled(_) => self.limits.memory_bytes.is_some() && MEMORY_WORDS.iter().any(|words| measured.output_tail.contains(words)),
            _ => false,
        };
        if measured.end == End::Exited(0)
            && let Some((first, others)) = reports.split_first()
        {
            let paths = probe::read(first, &mut measured);
            measured.line_loads = watch
                .lines
                .into_iter()
                .filter_map(|(at, load)| paths.get(at.file as usize).map(|path| ((path.clone(), at.line), load)))
                .collect();
            if !others.is_empty() {
                instances::join(&mut measured, others);
            }
        }
        for report in &reports {
            let _ = std::fs::remove_file(report);
            children::remove(report);
            let _ = std::fs::remove_file(report.with_extension("barrier"));
        }
        let window = measured.region_span;
        watch.gatherer.finish(&mut measured, window, watch.sampler.mean_stolen_cpus());
        measured
    }

    fn machine_state(&self) -> Option<&MachineState> {
        Some(&self.state)
    }
}

/// `SIGKILL`, with which the system ends programs when memory runs out.
const KILLED: i32 = 9;

/// What a trial may use.
struct Bounds {
    limit: Duration,
    grace: Duration,
    memory_bytes: Option<u64>,
}

/// Follows a child to its end, or ends it.
fn follow(
    child: &mut Child,
    bounds: &Bounds,
    watch: &mut Watch,
    random: &mut Random,
    live: &mut dyn FnMut(Live),
    cancel: &Cancel,
) -> Result<(End, Option<Exit>), String> {
    loop {
        let age = watch.started.elapsed();
        let stopped = if cancel.is_set() {
            Some(End::Cancelled)
        } else if age >= bounds.limit {
            Some(End::OverLimit)
        } else if watch.uses_more_than(bounds.memory_bytes) {
            Some(End::OverMemory)
        } else {
            None
        };
        if let Some(end) = stopped {
            // A program that fills the memory is not given the time to fill more.
            let grace = if end == End::OverMemory { Duration::ZERO } else { bounds.grace };
            let exit = stop(child, grace)?;
            // The program itself may have ended in time, and only what it left behind was still being ended.
            let in_time = exit.filter(|exit| end == End::OverLimit && exit.wall < bounds.limit);
            return Ok((in_time.map_or(end, |exit| natural_end(&exit)), exit));
        }
        let pause = watch.until_next_look().min(TICK).min(bounds.limit.saturating_sub(age));
        let resting = Instant::now();
        let ended = child.wait_timeout(pause).map_err(|error| format!("The program could not be followed: {error}."))?;
        watch.stalled = watch.stalled.max(resting.elapsed().saturating_sub(pause));
        if let Some(exit) = ended {
            let end = natural_end(&exit);
            // A cancel that also reached the program (Ctrl+C goes to a whole terminal) is a cancel.
            return Ok((if cancel.is_set() { End::Cancelled } else { end }, Some(exit)));
        }
        if watch.until_next_look().is_zero() {
            watch.look(random, live);
        }
    }
}

/// How a program ended that nobody stopped.
fn natural_end(exit: &Exit) -> End {
    match (exit.code, exit.signal) {
        (_, Some(signal)) => End::Signalled(signal),
        (Some(code), None) => End::Exited(code),
        (None, None) => End::Broken("The supervisor of the program was killed from outside.".into()),
    }
}

/// Ends the tree: politely, then for certain.
fn stop(child: &mut Child, grace: Duration) -> Result<Option<Exit>, String> {
    let lost = |error: std::io::Error| format!("The program could not be followed: {error}.");
    if !grace.is_zero() {
        child.terminate();
        if let Some(exit) = child.wait_timeout(grace).map_err(lost)? {
            return Ok(Some(exit));
        }
    }
    child.kill();
    match child.wait_timeout(REAP).map_err(lost)? {
        Some(exit) => Ok(Some(exit)),
        None => Err(format!("The program did not end within {} s of being killed.", REAP.as_secs())),
    }
}

/// Looks at a running tree now and then.
struct Watch {
    sampler: TreeSampler,
    trial: u32,
    started: Instant,
    next_look: Instant,
    gap: Duration,
    last_event: Option<Instant>,
    last: TreeSample,
    peak_threads: u32,
    cell: Option<LineCell>,
    random_gaps: bool,
    lines: BTreeMap<CurrentLine, LineLoad>,
    previous: Option<(CurrentLine, TreeSample)>,
    /// The longest time that a rest lasted longer than asked for.
    stalled: Duration,
    gatherer: Gatherer,
}

impl Watch {
    fn new(child: &Child, cell: Option<LineCell>, random_gaps: bool, trial: u32) -> Self {
        let now = Instant::now();
        Self {
            sampler: TreeSampler::new(child),
            trial,
            started: now,
            next_look: now + FIRST_LOOK,
            gap: FIRST_LOOK,
            last_event: None,
            last: TreeSample::default(),
            peak_threads: 0,
            cell,
            random_gaps,
            lines: BTreeMap::new(),
            previous: None,
            stalled: Duration::ZERO,
            gatherer: Gatherer::default(),
        }
    }

    fn uses_more_than(&self, limit: Option<u64>) -> bool {
        limit.is_some_and(|limit| self.sampler.memory_bytes().is_some_and(|used| used > limit))
    }

    fn until_next_look(&self) -> Duration {
        self.next_look.saturating_duration_since(Instant::now())
    }

    fn look(&mut self, random: &mut Random, live: &mut dyn FnMut(Live)) {
        let before = self.cell.as_ref().and_then(LineCell::read);
        let begun = clock::thread_cpu();
        let sample = self.sampler.sample();
        let cost = clock::thread_cpu().zip(begun).map_or(Duration::ZERO, |(end, begin)| end.saturating_sub(begin));
        let after = self.cell.as_ref().and_then(LineCell::read);
        let now = Instant::now();
        // A look at a tree that is just ending sees nothing and would undo what earlier ones saw.
        if sample.threads > 0 {
            self.last = sample;
            self.peak_threads = self.peak_threads.max(sample.threads);
        }
        self.gatherer.note(clock::monotonic_ns(), &sample);
        // Lines are timed with as little beside them as can be.
        if !self.random_gaps && let Some(detail) = self.sampler.detail_if_due() {
            self.gatherer.note_detail(detail);
        }
        // A look during which the line changed belongs to neither.
        self.note_line(before.filter(|_| before == after), sample);
        if self.last_event.is_none_or(|last| now.duration_since(last) >= LOOK) {
            self.last_event = Some(now);
            live(Live::Sample(Sample {
                trial: self.trial,
                at_ns: now.duration_since(self.started).as_nanos() as u64,
                threads: sample.threads,
                runnable: sample.runnable,
                cpu_ns: sample.cpu_ns,
                run_delay_ns: sample.run_delay_ns,
                foreign_cpus: sample.foreign_cpus,
            }));
        }
        self.gap = if self.random_gaps { Duration::from_secs_f64(random.exponential(LINE_LOOK_S).clamp(0.000_5, 0.05)) } else { (self.gap * 2).min(LOOK).max((cost * LOOK_SHARE).min(LONGEST_GAP)) };
        self.next_look = now + self.gap;
    }

    fn note_line(&mut self, line: Option<CurrentLine>, sample: TreeSample) {
        if let Some(line) = line {
            let load = self.lines.entry(line).or_default();
            load.samples += 1;
            load.runnable_sum += u64::from(sample.runnable);
            if let Some((previous, earlier)) = self.previous
                && previous == line
                && let Some((from, to)) = earlier.run_delay_ns.zip(sample.run_delay_ns)
            {
                load.pairs += 1;
                load.covered_s += sample.at.saturating_sub(earlier.at).as_secs_f64();
                load.run_delay_ns += to.saturating_sub(from);
            }
        }
        self.previous = line.map(|line| (line, sample));
    }
}

/// Reads one stream to its end on a thread of its own, so that no amount of output blocks the program.
struct Drain {
    thread: Option<JoinHandle<(VecDeque<u8>, u64)>>,
}

impl Drain {
    fn start(output: Option<Output>, keep: usize) -> Self {
        let thread = output.and_then(|mut output| {
            let read = move || {
                let mut kept = VecDeque::with_capacity(keep.min(65_536));
                let mut hasher = DefaultHasher::new();
                let mut buffer = vec![0; 65_536];
                loop {
                    match output.read(&mut buffer) {
                        Ok(0) => break,
                        Ok(read) => {
                            hasher.write(&buffer[..read]);
                            let fresh = &buffer[read.saturating_sub(keep)..read];
                            let excess = (kept.len() + fresh.len()).saturating_sub(keep);
                            kept.drain(..excess.min(kept.len()));
                            kept.extend(fresh);
                        }
                        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                        Err(_) => break,
                    }
                }
                (kept, hasher.finish())
            };
            std::thread::Builder::new().name("output".into()).spawn(read).ok()
        });
        Self { thread }
    }

    /// What was kept, and the hash of everything; no hash when the end was not seen.
    fn finish(self) -> (String, Option<u64>) {
        let Some(thread) = self.thread else { return (String::new(), None) };
        // Everything that could hold the other end is dead; a stream that is open still belongs to
        // something that was never ours.
        let until = Instant::now() + DRAIN;
        while !thread.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        if !thread.is_finished() {
            return (String::new(), None);
        }
        match thread.join() {
            Ok((kept, hash)) => (String::from_utf8_lossy(&Vec::from(kept)).into_owned(), Some(hash)),
            Err(_) => (String::new(), None),
        }
    }
}

fn join_tails(stdout: &str, stderr: &str) -> String {
    match (stdout.trim_end(), stderr.trim_end()) {
        ("", error) => error.to_owned(),
        (output, "") => output.to_owned(),
        (output, error) => format!("{output}\n{error}"),
    }
}
