//! The laws of the stream hold for every request, seed and moment of a cancel.

mod common;

use common::*;
use threadgauge_protocol::*;
use threadgauge_runner::random::Random;
use threadgauge_runner::workload::{Cancel, Pause};
use threadgauge_runner::{Emitter, Simulated, Sink, run_with_pauses};

/// A random request, sensible or odd.
fn any_request(seed: u64) -> BenchRequest {
    let mut random = Random::new(seed);
    let kind = KINDS[(random.uniform() * 8.0) as usize];
    let cores = [1, 2, 4, 16][(random.uniform() * 4.0) as usize];
    let (mut law, counts) = curve(kind, cores, &mut random);
    (law.noise, law.outliers, law.drift, law.foreign) = (random.between(0.0, 0.2), random.between(0.0, 0.3), random.between(0.0, 0.1), random.between(0.0, 0.5));
    let current = counts[(random.uniform() * counts.len() as f64) as usize];
    let mut request = search(law, &counts, current, seed);
    if random.coin() {
        request.arms[0].threads = None;
    }
    if request.arms.len() < 2 || random.uniform() < 0.2 {
        request.arms = vec![arm(1), arm(2)];
        request.current = usize::from(random.coin());
        request.mode = if random.coin() { Mode::Verify } else { Mode::Search };
    }
    request.limits.budget_s = 10f64.powf(random.between(-1.0, 4.0));
    request.limits.trial_s = 10f64.powf(random.between(0.0, 3.0));
    request.limits.max_blocks = 1 + (random.uniform() * 8.0) as u32;
    request.limits.confirm_blocks = 1 + (random.uniform() * 8.0) as u32;
    request
}

#[test]
fn every_stream_keeps_the_laws() {
    for seed in 0..600 {
        let request = any_request(seed);
        let events = simulate(&request);
        assert_laws(&events);
        assert!(matches!(events[0], Event::Plan(_)));
        let failed = matches!(events.last(), Some(Event::Failed(_)));
        assert_eq!(events.iter().filter(|event| matches!(event, Event::Verdict(_))).count(), usize::from(!failed), "seed {seed}");
    }
}

#[test]
fn a_cancel_at_any_event_ends_the_stream_at_once_and_keeps_what_was_measured() {
    for seed in 0..12 {
        let request = any_request(seed);
        let whole = simulate(&request).len();
        for after in 1..whole.min(160) {
            let events = simulate_until(&request, Some(after));
            assert_laws(&events);
            let rest = &events[after..];
            let more = rest.iter().filter(|event| matches!(event, Event::TrialStarted(_))).count();
            assert!(more <= 1, "seed {seed}, cancelled after {after}: {more} more trials");
            assert!(matches!(events.last(), Some(Event::Finished(finished)) if finished.cancelled) || matches!(events.last(), Some(Event::Failed(_))), "seed {seed}: {:?}", events.last());
            let counted = trials(&events).iter().any(|trial| trial.status == TrialStatus::Ok && trial.phase != Phase::Warmup);
            if counted {
                assert!(events.iter().any(|event| matches!(event, Event::Verdict(_))), "seed {seed}, cancelled after {after}: a partial verdict");
                assert!(!summaries(&events).is_empty());
            }
        }
    }
}

/// Pauses a run at one event and lets it go on from another thread.
struct Pauser {
    events: Vec<Event>,
    after: usize,
    pause: Pause,
}

impl Sink for Pauser {
    fn take(&mut self, envelope: &Envelope) -> bool {
        self.events.push(envelope.event.clone());
        if self.events.len() == self.after {
            self.pause.set(true);
            let pause = self.pause.clone();
            std::thread::spawn(move || {
                std::thread::sleep(std::time::Duration::from_millis(5));
                pause.set(false);
            });
        }
        true
    }
}

#[test]
fn a_pause_changes_nothing_of_what_is_measured() {
    for seed in 0..6 {
        let request = any_request(seed);
        let whole = simulate(&request);
        for after in (1..whole.len()).step_by(7).take(12) {
            let pause = Pause::default();
            let cancel = Cancel::default();
            let mut pauser = Pauser { events: Vec::new(), after, pause: pause.clone() };
            let mut workload = Simulated::new(request.workload.simulated.clone().expect("a law"), request.seed);
            run_with_pauses(&request, &mut workload, &mut Emitter::new(&mut pauser, cancel.clone()), &cancel, &pause, &[]);
            assert_laws(&pauser.events);
            // Only trials and what follows from them: times left, and the order of blocks by what they cost, are estimates.
            let trials = |events: &[Event]| trials(events).into_iter().map(|trial| (trial.arm, trial.phase, trial.status, trial.wall_ns)).collect::<Vec<_>>();
            assert_eq!(trials(&pauser.events), trials(&whole), "seed {seed}, paused after {after}");
        }
    }
}
