//! What the tests of the runner share: requests, laws of the stream, scaling laws.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::{BTreeMap, BTreeSet};

use threadgauge_protocol::*;
use threadgauge_runner::random::Random;
use threadgauge_runner::workload::Cancel;
use threadgauge_runner::{Emitter, Simulated, Sink, check, run};

/// An arm that sets `OMP_NUM_THREADS`.
pub fn arm(threads: u32) -> Arm {
    Arm {
        label: format!("OMP_NUM_THREADS={threads}"),
        threads: Some(threads),
        env: BTreeMap::from([("OMP_NUM_THREADS".into(), Some(threads.to_string()))]),
        torch_num_threads: None,
        pin_env: false,
        reason: "test".into(),
        ..Default::default()
    }
}

/// A law without noise.
pub fn law(points: &[(u32, f64)]) -> SimulatedWorkload {
    SimulatedWorkload { seconds_by_threads: points.iter().copied().collect(), noise: 0.0, outliers: 0.0, drift: 0.0, foreign: 0.0, real_seconds: 0.0, ..Default::default() }
}

/// A search over `counts` with `current` (a count) in force.
pub fn search(law: SimulatedWorkload, counts: &[u32], current: u32, seed: u64) -> BenchRequest {
    BenchRequest {
        workload: Workload { argv: vec!["simulated".into()], cwd: "/".into(), env: BTreeMap::new(), python: None, simulated: Some(law), ..Default::default() },
        arms: counts.iter().map(|&count| arm(count)).collect(),
        current: counts.iter().position(|&count| count == current).expect("current is among the counts"),
        mode: Mode::Search,
        limits: Limits { budget_s: 1e6, trial_s: 1e4, ..Limits::default() },
        lines: LinesRequest::default(),
        seed,
        ..Default::default()
    }
}

/// Keeps events; may cancel after some.
#[derive(Default)]
pub struct Recorder {
    pub events: Vec<Event>,
    pub cancel_after: Option<(usize, Cancel)>,
}

impl Sink for Recorder {
    fn take(&mut self, envelope: &Envelope) -> bool {
        self.events.push(envelope.event.clone());
        if let Some((after, cancel)) = &self.cancel_after
            && self.events.len() == *after
        {
            cancel.set();
        }
        true
    }
}

/// Runs a simulated request to its end.
pub fn simulate(request: &BenchRequest) -> Vec<Event> {
    simulate_until(request, None)
}

/// Runs a simulated request and cancels it after so many events.
pub fn simulate_until(request: &BenchRequest, cancel_after: Option<usize>) -> Vec<Event> {
    check(request).expect("a request that makes sense");
    let cancel = Cancel::default();
    let mut recorder = Recorder { events: Vec::new(), cancel_after: cancel_after.map(|after| (after, cancel.clone())) };
    let mut workload = Simulated::new(request.workload.simulated.clone().expect("a law"), request.seed);
    run(request, &mut workload, &mut Emitter::new(&mut recorder, cancel.clone()), &cancel, &[]);
    recorder.events
}

pub fn verdict(events: &[Event]) -> &Verdict {
    events.iter().find_map(|event| if let Event::Verdict(verdict) = event { Some(verdict) } else { None }).expect("a verdict")
}

/// The arms of the last plan.
pub fn arms(events: &[Event]) -> &[Arm] {
    events.iter().rev().find_map(|event| if let Event::Plan(plan) = event { Some(plan.arms.as_slice()) } else { None }).expect("a plan")
}

pub fn trials(events: &[Event]) -> Vec<&TrialFinished> {
    events.iter().filter_map(|event| if let Event::TrialFinished(trial) = event { Some(trial) } else { None }).collect()
}

pub fn doubts(events: &[Event]) -> Vec<&Doubt> {
    events.iter().filter_map(|event| if let Event::Doubt(doubt) = event { Some(doubt) } else { None }).collect()
}

/// The last summary of every arm.
pub fn summaries(events: &[Event]) -> BTreeMap<usize, &ArmSummary> {
    events.iter().filter_map(|event| if let Event::ArmSummary(summary) = event { Some((summary.arm, summary)) } else { None }).collect()
}

/// The laws every stream keeps, however the run went. `hello` is not looked for.
pub fn assert_laws(events: &[Event]) {
    let last = events.last().expect("events");
    assert!(matches!(last, Event::Finished(_) | Event::Failed(_)), "the last event is {last:?}");
    let mut open = None;
    let mut seen = BTreeSet::new();
    let mut arms = 0;
    let mut counted = 0;
    let mut max_trials = 0;
    for (index, event) in events.iter().enumerate() {
        match event {
            Event::Plan(plan) => {
                assert!(plan.arms.len() >= arms, "arms are only added");
                assert!(plan.current < plan.arms.len());
                (arms, max_trials) = (plan.arms.len(), plan.max_trials);
            }
            Event::TrialStarted(started) => {
                assert_eq!(open, None, "trials do not overlap");
                assert!(seen.insert(started.trial), "trial {} twice", started.trial);
                assert_eq!(started.trial as usize, seen.len() - 1, "trials are numbered in order");
                assert!(started.arm < arms, "the arm was announced");
                open = Some(started.trial);
            }
            Event::Sample(sample) => assert_eq!(open, Some(sample.trial), "a sample belongs to the running trial"),
            Event::TrialFinished(finished) => {
                assert_eq!(open, Some(finished.trial), "a trial ends once, after its start");
                counted += u32::from(finished.status == TrialStatus::Ok && !matches!(finished.phase, Phase::Warmup | Phase::Lines));
                open = None;
            }
            Event::Progress(progress) => {
                assert!(progress.done <= progress.expected, "{progress:?}");
                assert!(progress.remaining_s >= 0.0 && progress.remaining_s.is_finite(), "{progress:?}");
            }
            Event::ArmSummary(summary) => {
                assert_eq!(summary.runs as usize, summary.scores_ns.len());
                assert!(summary.min_ns <= summary.median_ns && summary.median_ns <= summary.max_ns, "{summary:?}");
            }
            Event::Verdict(verdict) => {
                assert!(verdict.best < arms && verdict.tied.iter().all(|&arm| arm < arms && arm != verdict.best));
                assert_eq!(verdict.outcome == Outcome::Faster, verdict.best != verdict.current, "{verdict:?}");
                assert!(verdict.sentence.ends_with('.'), "{}", verdict.sentence);
            }
            Event::Finished(_) | Event::Failed(_) => assert_eq!(index, events.len() - 1, "nothing follows the last event"),
            Event::Hello(_) => assert_eq!(index, 0),
            Event::Lines(_) | Event::Doubt(_) | Event::Environment(_) | Event::Observed(_) | Event::Front(_) => {}
        }
    }
    assert_eq!(open, None, "every trial ended");
    assert!(seen.len() as u32 <= max_trials || arms == 0, "{} trials, announced at most {max_trials}", seen.len());
    if let Event::Finished(finished) = last {
        assert_eq!(finished.counted_trials, counted, "the counted trials are those that ended well");
    }
}

/// Kinds of scaling laws met in practice.
pub const KINDS: [&str; 8] = ["amdahl", "small", "bandwidth", "numa", "chunks", "hybrid", "quota", "flat"];

/// A random law of a kind on a machine with `cores` physical cores and two threads each, and the counts
/// that its topology suggests.
pub fn curve(kind: &str, cores: u32, random: &mut Random) -> (SimulatedWorkload, Vec<u32>) {
    let c = f64::from(cores);
    let logical = 2 * cores;
    let nodes = if cores <= 24 { 1 } else { 2 };
    let mut t1 = 10f64.powf(random.between(-2.0, -0.3)) * 20.0;
    let mut serial = random.between(0.02, 0.15);
    let mut regions = random.between(1_000.0, 6_000.0);
    let mut smt = random.between(-0.05, 0.30);
    let mut bandwidth = f64::INFINITY;
    let mut node_size = cores / nodes;
    let (mut remote, mut chunks, mut quota) = (1.0, None, None);
    let mut fast: Option<(u32, f64)> = None;
    match kind {
        "small" => (t1, regions, serial) = (10f64.powf(random.between(-3.3, -2.5)) * 200.0, random.between(8_000.0, 24_000.0), random.between(0.1, 0.35)),
        "bandwidth" => (bandwidth, serial, smt) = (random.between(0.12, 0.5) * c, random.between(0.01, 0.05), random.between(-0.1, 0.02)),
        "numa" => (node_size, remote) = ((cores / 2).max(1), random.between(1.25, 1.9)),
        "chunks" => chunks = Some([8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0][(random.uniform() * 7.0) as usize]),
        "hybrid" => fast = Some(((cores / 2).max(2), random.between(0.45, 0.7))),
        "quota" => quota = Some((c * random.between(0.12, 0.6)).round().max(1.0)),
        "flat" => serial = random.between(0.75, 0.95),
        _ => {}
    }
    let seconds = |n: u32| {
        let threads = f64::from(n);
        let mut each = if n > cores { f64::midpoint(1.0, smt) } else { 1.0 };
        if let Some((count, speed)) = fast {
            each = if n > cores { speed * 0.9 } else if n > count { speed } else { 1.0 };
        }
        let mut parallel = 1.0 / (threads * each);
        if let Some(chunks) = chunks {
            parallel = (chunks / threads).ceil() / chunks / each;
        }
        if bandwidth.is_finite() {
            parallel = (parallel.powi(4) + bandwidth.powi(-4)).powf(0.25) * (1.0 + 0.15 * (threads - bandwidth).max(0.0) / c);
        }
        if n > node_size {
            parallel *= remote;
        }
        let barriers = regions * (1.5e-6 * (threads + 1.0).log2() + 2.5e-7 * threads);
        let mut time = t1 * (serial + (1.0 - serial) * parallel) + barriers;
        if let Some(quota) = quota {
            time *= (threads / quota).max(1.0).powf(1.15);
        }
        time
    };
    let law = SimulatedWorkload { seconds_by_threads: (1..=logical).map(|n| (n, seconds(n))).collect(), ..law(&[]) };
    let mut counts: BTreeSet<u32> = BTreeSet::from([1, cores, logical, node_size, (cores / 2).max(1), (node_size / 2).max(1)]);
    counts.extend(std::iter::successors(Some(1), |&n| Some(n * 2)).take_while(|&n| n <= cores));
    counts.extend(fast.map(|(count, _)| count));
    counts.extend(quota.map(|quota| quota as u32));
    (law, counts.into_iter().collect())
}
