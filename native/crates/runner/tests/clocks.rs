//! Trials that the machine slept through do not count: real processes, and clocks of the test's own.
#![cfg(target_os = "linux")]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::{Recorder, arm};
use threadgauge_protocol::*;
use threadgauge_runner::workload::Cancel;
use threadgauge_runner::{Emitter, Processes, run};
use threadgauge_sys::jumps::Clocks;

threadgauge_sys::supervise_in_test_binary!();

/// Clocks that run evenly, except that each reading named in `jumps` comes that much (asleep, set) later.
fn clocks(jumps: &[(usize, f64, f64)]) -> Box<dyn FnMut() -> Clocks> {
    let jumps = jumps.to_vec();
    let (mut reading, mut awake, mut asleep, mut set) = (0, 1_000.0, 0.0, 0.0);
    Box::new(move || {
        for &(at, slept, changed) in &jumps {
            if at == reading {
                asleep += slept;
                set += changed;
            }
        }
        reading += 1;
        awake += 1.0;
        let seconds = Duration::from_secs_f64;
        Clocks { awake: seconds(awake), always: Some(seconds(awake + asleep)), day: seconds(1e9 + awake + asleep + set) }
    })
}

fn request(mode: Mode) -> BenchRequest {
    let env = BTreeMap::from([("PATH".to_owned(), std::env::var("PATH").expect("a PATH"))]);
    BenchRequest {
        workload: Workload { argv: vec!["sleep".into(), "0.02".into()], cwd: "/".into(), env, ..Default::default() },
        arms: vec![arm(1), arm(2)],
        mode,
        limits: Limits { trial_s: 20.0, budget_s: 60.0, max_blocks: 1, confirm_blocks: 1, ..Limits::default() },
        ..Default::default()
    }
}

fn events(jumps: &[(usize, f64, f64)]) -> Vec<Event> {
    let request = request(Mode::Verify);
    let mut recorder = Recorder::default();
    let cancel = Cancel::default();
    let mut workload = Processes::with_clocks(&request, clocks(jumps));
    run(&request, &mut workload, &mut Emitter::new(&mut recorder, cancel.clone()), &cancel, &[]);
    recorder.events
}

fn trials(events: &[Event]) -> Vec<(Phase, TrialStatus)> {
    events.iter().filter_map(|event| if let Event::TrialFinished(trial) = event { Some((trial.phase, trial.status)) } else { None }).collect()
}

fn jumps(events: &[Event]) -> Vec<f64> {
    events.iter().filter_map(|event| if let Event::Doubt(Doubt::ClockJumped { seconds }) = event { Some(*seconds) } else { None }).collect()
}

/// Trials that count, as the last event says.
fn counted(events: &[Event]) -> u32 {
    match events.last() {
        Some(Event::Finished(finished)) => finished.counted_trials,
        other => panic!("not finished: {other:?}"),
    }
}

#[test]
fn even_clocks_leave_every_trial_as_it_is() {
    let events = events(&[]);
    assert_eq!(jumps(&events), Vec::<f64>::new());
    assert_eq!(counted(&events), 4);
}

#[test]
fn a_trial_that_the_machine_slept_through_is_repeated_and_told() {
    // Two readings per trial: number 3 is at the end of the second trial, the first that counts.
    let events = events(&[(3, 3_600.0, 0.0)]);
    let jumps = jumps(&events);
    assert!(matches!(jumps.as_slice(), [seconds] if (seconds - 3_600.0).abs() < 1e-6), "{jumps:?}");
    let trials = trials(&events);
    assert_eq!(trials[1], (Phase::Confirm, TrialStatus::Contaminated), "{trials:?}");
    assert_eq!(counted(&events), 4, "{trials:?}");
}

#[test]
fn a_clock_that_is_set_spoils_a_trial_and_the_longest_jump_is_told_last() {
    let events = events(&[(3, 0.0, 5.0), (5, 0.0, -60.0), (9, 0.5, 0.0)]);
    let jumps: Vec<i64> = jumps(&events).into_iter().map(|seconds| (seconds * 10.0).round() as i64).collect();
    assert_eq!(jumps, [50, -600]);
    assert_eq!(trials(&events).iter().filter(|trial| trial.1 == TrialStatus::Contaminated).count(), 3);
    assert_eq!(counted(&events), 4);
}

#[test]
fn the_small_steps_that_keep_the_time_of_day_right_do_not_count() {
    assert_eq!(jumps(&events(&[(3, 0.0, 0.2), (5, 0.0, -0.2)])), Vec::<f64>::new());
}

#[test]
fn a_warm_up_that_the_machine_slept_through_is_done_again() {
    let events = events(&[(1, 100.0, 0.0)]);
    assert_eq!(trials(&events)[..2], [(Phase::Warmup, TrialStatus::Contaminated), (Phase::Warmup, TrialStatus::Ok)]);
}

#[test]
fn a_machine_whose_clock_never_stands_still_ends_the_run_with_what_it_has() {
    let always: Vec<(usize, f64, f64)> = (0..1_000).map(|reading| (reading, 10.0, 0.0)).collect();
    let events = events(&always);
    assert_eq!(counted(&events), 0);
    assert!(trials(&events).len() < 40, "{}", trials(&events).len());
    assert!(matches!(events.iter().find(|event| matches!(event, Event::Verdict(_))), Some(Event::Verdict(verdict)) if verdict.outcome == Outcome::Inconclusive));
}
