//! The search and its verdicts on simulated workloads, whose truth is known.

mod common;

use common::*;
use threadgauge_protocol::*;
use threadgauge_runner::random::Random;
use threadgauge_runner::workload::{Cancel, End, Live, Measured, TrialSpec, Workload};
use threadgauge_runner::{Emitter, run};

const MACHINES: [(&str, f64, f64, f64); 3] = [("quiet", 0.005, 0.0, 0.003), ("cloud", 0.03, 0.05, 0.02), ("laptop", 0.03, 0.03, 0.08)];

fn noisy(mut law: SimulatedWorkload, (_, noise, outliers, drift): (&str, f64, f64, f64)) -> SimulatedWorkload {
    (law.noise, law.outliers, law.drift) = (noise, outliers, drift);
    law
}

#[test]
fn settings_that_do_not_differ_are_never_claimed_to() {
    for machine in MACHINES {
        for seed in 0..150 {
            let events = simulate(&search(noisy(law(&[(1, 2.0)]), machine), &[1, 2, 4, 8, 16, 32], 16, seed));
            assert_laws(&events);
            let verdict = verdict(&events);
            assert_ne!(verdict.outcome, Outcome::Faster, "{} seed {seed}: {verdict:?}", machine.0);
            assert_eq!(verdict.best, verdict.current);
        }
    }
}

#[test]
fn even_a_very_noisy_machine_hardly_ever_invents_a_gain() {
    let wrong = (0..400)
        .filter(|&seed| verdict(&simulate(&search(noisy(law(&[(1, 2.0)]), ("awful", 0.06, 0.08, 0.05)), &[1, 2, 4, 8, 16, 32], 16, seed))).outcome == Outcome::Faster)
        .count();
    assert!(wrong <= 4, "{wrong} of 400");
}

#[test]
fn settings_that_do_not_differ_on_a_quiet_machine_are_said_not_to() {
    let events = simulate(&search(noisy(law(&[(1, 2.0)]), MACHINES[0]), &[1, 2, 4, 8], 8, 3));
    assert_eq!(verdict(&events).outcome, Outcome::NoDifference, "{:?}", verdict(&events));
    assert!(verdict(&events).sentence.contains("no difference"));
}

#[test]
fn a_true_gain_is_found_and_its_interval_holds_it() {
    let truth = law(&[(1, 8.0), (2, 4.2), (4, 2.4), (8, 2.0), (16, 3.8), (32, 9.0)]);
    let (mut held, mut total) = (0, 0);
    for machine in &MACHINES[..2] {
        for seed in 0..60 {
            let events = simulate(&search(noisy(truth.clone(), *machine), &[1, 2, 4, 8, 16, 32], 16, seed));
            assert_laws(&events);
            let verdict = verdict(&events);
            assert_eq!(verdict.outcome, Outcome::Faster, "{} seed {seed}: {verdict:?}", machine.0);
            let best = arms(&events)[verdict.best].threads.expect("a count");
            assert!((5..=11).contains(&best), "{} seed {seed}: {best} threads", machine.0);
            assert!((10..=32).contains(&verdict.pairs), "{} pairs", verdict.pairs);
            let seconds = threadgauge_runner::Simulated::seconds(&truth, best);
            let [low, high] = verdict.interval.expect("an interval");
            held += u32::from((low..=high).contains(&(3.8 / seconds)));
            total += 1;
        }
    }
    assert!(held * 100 >= total * 88, "the interval held the truth in {held} of {total}");
}

#[test]
fn the_current_setting_is_kept_when_it_is_the_best() {
    let events = simulate(&search(noisy(law(&[(1, 8.0), (2, 4.2), (4, 2.4), (8, 4.0)]), MACHINES[0]), &[1, 2, 4, 8], 4, 1));
    let verdict = verdict(&events);
    assert_eq!((verdict.outcome, verdict.best), (Outcome::CurrentIsBest, 2), "{verdict:?}");
}

#[test]
fn fewest_threads_within_noise_win() {
    // 4, 8 and 16 threads are the same; 2 is slower; 32, in force, is much slower.
    let truth = law(&[(1, 8.0), (2, 4.0), (4, 2.0), (16, 2.0), (32, 4.0)]);
    let events = simulate(&search(noisy(truth, MACHINES[0]), &[1, 2, 4, 8, 16, 32], 32, 9));
    let verdict = verdict(&events);
    assert_eq!(arms(&events)[verdict.best].threads, Some(4), "{verdict:?}");
    let tied: Vec<u32> = verdict.tied.iter().filter_map(|&arm| arms(&events)[arm].threads).collect();
    assert!(tied.contains(&8) && tied.contains(&16), "{tied:?}");
}

#[test]
fn slow_settings_are_stopped_early_and_dropped() {
    let events = simulate(&search(noisy(law(&[(1, 40.0), (2, 20.0), (4, 10.0), (8, 5.0)]), MACHINES[0]), &[1, 2, 4, 8], 8, 4));
    let capped: Vec<_> = trials(&events).into_iter().filter(|trial| trial.status == TrialStatus::Capped).collect();
    assert!(!capped.is_empty());
    for trial in capped {
        assert!(trial.wall_ns < 9_000_000_000, "stopped after {} ns, the best takes 5 s", trial.wall_ns);
    }
    let summaries = summaries(&events);
    assert!(summaries[&0].dropped && summaries[&1].dropped && !summaries[&3].dropped);
    let race_of_single = trials(&events).iter().filter(|trial| trial.arm == 0 && trial.phase == Phase::Race).count();
    assert!(race_of_single <= 2, "the slowest ran {race_of_single} times");
    assert_eq!(summaries[&3].ratio_to_best, Some(1.0));
    assert!(summaries[&0].ratio_is_lower_bound && !summaries[&3].ratio_is_lower_bound);
    assert!(summaries[&0].ratio_to_best.expect("a ratio") > 1.4);
}

#[test]
fn counts_in_between_are_tried_when_the_best_lies_there() {
    let truth = law(&[(1, 10.0), (4, 3.0), (8, 1.6), (12, 1.2), (16, 1.7), (32, 4.0)]);
    let events = simulate(&search(noisy(truth, MACHINES[0]), &[1, 8, 16, 32], 32, 2));
    assert_laws(&events);
    let arms = arms(&events);
    assert!(arms.len() > 4, "arms were added");
    let best = &arms[verdict(&events).best];
    assert!((10..=13).contains(&best.threads.expect("a count")), "{best:?}");
    assert_eq!(best.env["OMP_NUM_THREADS"], best.threads.map(|count| count.to_string()));
    assert_eq!(best.label, format!("OMP_NUM_THREADS={}", best.threads.expect("a count")));
    assert!(trials(&events).iter().any(|trial| trial.phase == Phase::Refine));
}

#[test]
fn nothing_is_added_to_arms_that_are_not_counts() {
    let mut request = search(law(&[(1, 8.0), (8, 1.0), (32, 4.0)]), &[1, 8, 32], 32, 2);
    for arm in &mut request.arms {
        arm.env = [("OMP_WAIT_POLICY".to_owned(), Some("passive".to_owned()))].into();
    }
    assert_eq!(arms(&simulate(&request)).len(), 3);
}

#[test]
fn regret_is_small_on_the_laws_met_in_practice() {
    let mut regrets = Vec::new();
    let mut launches = Vec::new();
    for (index, kind) in KINDS.iter().enumerate() {
        for cores in [8, 32, 96] {
            for seed in 0..6 {
                let mut random = Random::new(u64::from(cores) * 1_000 + index as u64 * 100 + seed);
                let (truth, counts) = curve(kind, cores, &mut random);
                let events = simulate(&search(noisy(truth.clone(), ("cloud", 0.015, 0.02, 0.02)), &counts, cores, seed));
                assert_laws(&events);
                let best = arms(&events)[verdict(&events).best].threads.expect("a count");
                let optimum = truth.seconds_by_threads.values().copied().fold(f64::INFINITY, f64::min);
                regrets.push(truth.seconds_by_threads[&best] / optimum - 1.0);
                launches.push(trials(&events).len());
            }
        }
    }
    regrets.sort_by(f64::total_cmp);
    launches.sort_unstable();
    let mean = regrets.iter().sum::<f64>() / regrets.len() as f64;
    let p95 = regrets[regrets.len() * 95 / 100];
    println!("regret: mean {:.2} %, p95 {:.2} %, worst {:.2} %; launches: median {}, most {}", mean * 100.0, p95 * 100.0, regrets[regrets.len() - 1] * 100.0, launches[launches.len() / 2], launches[launches.len() - 1]);
    assert!(mean < 0.02, "mean regret {mean}");
    assert!(p95 < 0.08, "95th percentile of regret {p95}");
}

#[test]
fn disturbed_trials_are_repeated_and_told() {
    let mut truth = noisy(law(&[(1, 4.0), (2, 2.0), (4, 3.0)]), MACHINES[0]);
    truth.foreign = 0.15;
    let events = simulate(&search(truth, &[1, 2, 4], 4, 5));
    assert_laws(&events);
    let contaminated = trials(&events).iter().filter(|trial| trial.status == TrialStatus::Contaminated).count() as u32;
    assert!(contaminated > 0);
    assert!(doubts(&events).iter().any(|doubt| matches!(doubt, Doubt::ForeignLoad { contaminated: told, .. } if *told == contaminated)), "{:?}", doubts(&events));
    assert_eq!(arms(&events)[verdict(&events).best].threads, Some(2));
}

#[test]
fn a_load_that_stays_does_not_repeat_forever() {
    let mut truth = noisy(law(&[(1, 4.0), (2, 2.0)]), MACHINES[0]);
    truth.foreign = 0.6;
    let events = simulate(&search(truth, &[1, 2], 2, 6));
    assert_laws(&events);
    let contaminated = trials(&events).iter().filter(|trial| trial.status == TrialStatus::Contaminated).count();
    assert!(contaminated <= 8, "{contaminated} repetitions");
}

#[test]
fn a_spent_budget_ends_the_run_with_what_there_is() {
    let mut request = search(noisy(law(&[(1, 4.0), (2, 2.0), (4, 1.5)]), MACHINES[0]), &[1, 2, 4], 1, 5);
    request.limits.budget_s = 20.0;
    let events = simulate(&request);
    assert_laws(&events);
    assert!(matches!(events.last(), Some(Event::Finished(Finished { cancelled: false, .. }))));
    assert!(doubts(&events).iter().any(|doubt| matches!(doubt, Doubt::BudgetSpent { missing_trials } if *missing_trials > 0)), "{:?}", doubts(&events));
    let after_the_last: u32 = doubts(&events).iter().filter(|doubt| matches!(doubt, Doubt::BudgetSpent { .. })).count() as u32;
    assert_eq!(after_the_last, 1, "told once");
    let spent: u64 = trials(&events).iter().map(|trial| trial.wall_ns).sum();
    assert!(spent <= 20_000_000_000, "{spent} ns");
}

#[test]
fn a_workload_that_never_ends_is_told_so() {
    let mut request = search(law(&[(1, 1e5), (2, 1e5)]), &[1, 2], 1, 5);
    request.limits.trial_s = 10.0;
    let events = simulate(&request);
    assert_laws(&events);
    let Some(Event::Failed(failed)) = events.last() else { panic!("{:?}", events.last()) };
    assert_eq!(failed.code, FailureCode::WorkloadNeverEnds);
    assert!(failed.message.contains("10 s") && !failed.hint.is_empty());
}

#[test]
fn verify_tells_faster_slower_and_no_difference() {
    for (other, expected) in [(1.0, Outcome::Faster), (4.0, Outcome::Slower), (2.0, Outcome::NoDifference)] {
        let mut request = search(noisy(law(&[(4, 2.0), (8, other)]), MACHINES[0]), &[4, 8], 4, 1);
        request.mode = Mode::Verify;
        let events = simulate(&request);
        assert_laws(&events);
        let verdict = verdict(&events);
        assert_eq!(verdict.outcome, expected, "{verdict:?}");
        assert!((verdict.speedup.expect("a figure") - 2.0 / other).abs() < 0.05);
        assert_eq!(trials(&events).iter().filter(|trial| trial.phase == Phase::Confirm).count(), 32);
        assert!(!trials(&events).iter().any(|trial| trial.phase == Phase::Race));
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let request = |seed| search(noisy(law(&[(1, 4.0), (2, 2.0), (4, 3.0)]), MACHINES[1]), &[1, 2, 4], 1, seed);
    let order = |events: &[Event]| trials(events).iter().map(|trial| (trial.arm, trial.wall_ns)).collect::<Vec<_>>();
    assert_eq!(order(&simulate(&request(7))), order(&simulate(&request(7))));
    assert_ne!(order(&simulate(&request(7))), order(&simulate(&request(8))));
}

#[test]
fn the_confirmation_is_made_of_mirrored_blocks() {
    let events = simulate(&search(noisy(law(&[(1, 4.0), (2, 2.0)]), MACHINES[0]), &[1, 2], 1, 7));
    let confirm: Vec<usize> = trials(&events).iter().filter(|trial| trial.phase == Phase::Confirm).map(|trial| trial.arm).collect();
    assert_eq!(confirm.len(), 32);
    for block in confirm.chunks(4) {
        assert!(block == [0, 1, 1, 0] || block == [1, 0, 0, 1], "{block:?}");
    }
    assert!(confirm.chunks(4).any(|block| block[0] == 0) && confirm.chunks(4).any(|block| block[0] == 1));
}

/// A machine that becomes slower for good after some trials, without any foreign load to be seen.
struct SlowsDown {
    seconds: [f64; 2],
    foreign: Option<f64>,
    after: u32,
    factor: f64,
}

impl Workload for SlowsDown {
    fn run(&mut self, spec: &TrialSpec<'_>, live: &mut dyn FnMut(Live), _cancel: &Cancel) -> Measured {
        live(Live::Started { pid: None, process_group: None });
        let seconds = self.seconds[usize::from(spec.arm.threads == Some(2))] * if spec.trial >= self.after { self.factor } else { 1.0 } * (1.0 + 0.001 * f64::from(spec.trial % 3));
        let over = seconds > spec.limit.as_secs_f64();
        let mut measured = Measured::ended(if over { End::OverLimit } else { End::Exited(0) });
        measured.foreign_cpus = self.foreign;
        measured.wall_ns = (seconds.min(spec.limit.as_secs_f64()) * 1e9) as u64;
        measured
    }
}

fn on_a_machine_that_slows_down(seconds: [f64; 2], after: u32) -> Vec<Event> {
    on_a_machine(SlowsDown { seconds, foreign: None, after, factor: 4.0 })
}

fn on_a_machine(mut machine: SlowsDown) -> Vec<Event> {
    let after = machine.after;
    let request = search(law(&[(1, 1.0)]), &[1, 2], 1, u64::from(after));
    let cancel = Cancel::default();
    let mut recorder = Recorder::default();
    run(&request, &mut machine, &mut Emitter::new(&mut recorder, cancel.clone()), &cancel, &[]);
    assert_laws(&recorder.events);
    recorder.events
}

#[test]
fn a_machine_that_slows_down_for_good_is_no_evidence_of_equality() {
    for after in 1..12 {
        let events = on_a_machine_that_slows_down([3.0, 2.0], after);
        let verdict = verdict(&events);
        assert!(matches!(verdict.outcome, Outcome::Faster | Outcome::Inconclusive), "slower from trial {after} on: {verdict:?}");
        assert!(after > 3 || verdict.outcome == Outcome::Faster, "the race went on on the slower machine: {verdict:?}");
        let same = on_a_machine_that_slows_down([2.0, 2.0], after);
        assert!(matches!(common::verdict(&same).outcome, Outcome::NoDifference | Outcome::Inconclusive | Outcome::CurrentIsBest), "slower from trial {after} on: {:?}", common::verdict(&same));
    }
}

#[test]
fn nothing_is_recommended_while_others_use_most_of_the_machine() {
    let cpus = std::thread::available_parallelism().expect("a count").get() as f64;
    for (foreign, expected) in [(0.1, Outcome::Faster), (0.9, Outcome::Inconclusive)] {
        let events = on_a_machine(SlowsDown { seconds: [3.0, 2.0], foreign: Some(foreign * cpus), after: u32::MAX, factor: 1.0 });
        let verdict = verdict(&events);
        assert_eq!(verdict.outcome, expected, "{verdict:?}");
        assert!((verdict.speedup.expect("the figure stays") - 1.5).abs() < 0.01);
        assert_eq!(verdict.sentence.contains("quiet"), expected == Outcome::Inconclusive, "{}", verdict.sentence);
    }
}

#[test]
fn nothing_is_called_best_that_was_not_measured() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut truth = if random.coin() { law(&[(1, 4.0), (2, 2.0), (4, 1.9)]) } else { law(&[(1, 2.0), (2, 2.0), (4, 9.0)]) };
        (truth.noise, truth.outliers, truth.foreign) = (random.between(0.0, 0.5), random.between(0.0, 0.6), [0.5, 0.9, 1.0][(random.uniform() * 3.0) as usize]);
        let counts: &[u32] = if random.coin() { &[1, 2] } else { &[1, 2, 4] };
        let mut request = search(truth, counts, counts[(random.uniform() * counts.len() as f64) as usize], seed);
        request.limits.trial_s = random.between(1.0, 20.0);
        request.limits.budget_s = random.between(5.0, 200.0);
        let events = simulate(&request);
        assert_laws(&events);
        if matches!(events.last(), Some(Event::Failed(_))) {
            continue;
        }
        let (verdict, summaries) = (verdict(&events), summaries(&events));
        if verdict.outcome == Outcome::Inconclusive {
            assert_eq!(verdict.tied, Vec::<usize>::new(), "seed {seed}");
        } else {
            assert!(summaries[&verdict.best].runs > 0 && summaries[&verdict.current].runs > 0, "seed {seed}: {verdict:?}");
            assert!(summaries.iter().any(|(&arm, summary)| arm != verdict.best && summary.ratio_to_best.is_some()), "seed {seed}: {verdict:?} {summaries:?}");
        }
    }
}

#[test]
fn two_settings_are_both_measured_and_the_answer_says_by_how_much() {
    for seed in 0..20 {
        let events = simulate(&search(noisy(law(&[(1, 3.9), (2, 2.0)]), MACHINES[0]), &[1, 2], 2, seed));
        let (verdict, summaries) = (verdict(&events), summaries(&events));
        assert_eq!((verdict.outcome, verdict.best), (Outcome::CurrentIsBest, 1), "{verdict:?}");
        assert!(summaries[&1].runs >= 3, "{summaries:?}");
        assert!(summaries[&0].runs >= 1, "its true time is known: {summaries:?}");
        assert!(verdict.sentence.contains("is the best: OMP_NUM_THREADS=1, the next, takes"), "{}", verdict.sentence);
        assert!(!doubts(&events).iter().any(|doubt| matches!(doubt, Doubt::FewRuns { .. })), "{:?}", doubts(&events));
        assert!(trials(&events).len() <= 9, "{} runs", trials(&events).len());
    }
}

#[test]
fn a_hopeless_setting_is_stopped_even_among_few() {
    let events = simulate(&search(noisy(law(&[(1, 2.0), (2, 90.0)]), MACHINES[0]), &[1, 2], 1, 3));
    let summaries = summaries(&events);
    assert_eq!((summaries[&1].runs, summaries[&1].ratio_is_lower_bound), (0, true));
    assert!(verdict(&events).sentence.contains("takes at least"), "{}", verdict(&events).sentence);
    let spent: u64 = trials(&events).iter().filter(|trial| trial.arm == 1).map(|trial| trial.wall_ns).sum();
    assert!(spent < 20_000_000_000, "{spent} ns");
}

#[test]
fn a_count_that_the_unchanged_setting_stands_for_is_not_tried_again() {
    let truth = law(&[(1, 10.0), (3, 2.0), (9, 4.0)]);
    let mut request = search(noisy(truth, MACHINES[0]), &[1, 3, 9], 3, 2);
    request.arms[1].env.clear();
    request.arms[1].label = "default (3 threads)".into();
    let events = simulate(&request);
    let mut counts: Vec<u32> = arms(&events).iter().filter_map(|arm| arm.threads).collect();
    counts.sort_unstable();
    let all = counts.len();
    counts.dedup();
    assert_eq!(counts.len(), all, "{:?}", arms(&events));
}

#[test]
fn time_kept_for_a_confirmation_is_used_when_there_is_none() {
    // The setting in force leads all the time: nothing has to be confirmed.
    for seconds in [4.0, 7.0, 10.0] {
        let mut request = search(noisy(law(&[(1, seconds * 1.03), (2, seconds)]), MACHINES[0]), &[1, 2], 2, 3);
        request.limits.budget_s = 60.0;
        let events = simulate(&request);
        let spent: f64 = trials(&events).iter().map(|trial| trial.wall_ns as f64 / 1e9).sum();
        let told = doubts(&events).iter().any(|doubt| matches!(doubt, Doubt::BudgetSpent { .. }));
        assert!(spent <= 60.0, "{spent} s");
        assert!(!told || spent + 1.1 * seconds > 0.9 * 60.0, "stopped after {spent} s of 60 with runs of {seconds} s");
    }
}

#[test]
fn a_budget_is_used_up_before_it_is_said_to_be_spent() {
    for seed in 0..400 {
        let mut random = Random::new(seed);
        let seconds = random.between(1.0, 12.0);
        let truth = law(&[(1, seconds * random.between(0.7, 2.5)), (2, seconds), (4, seconds * random.between(0.7, 2.5))]);
        let mut request = search(noisy(truth, MACHINES[1]), &[1, 2, 4], 1 << (seed % 3), seed);
        request.limits.budget_s = 60.0;
        let events = simulate(&request);
        let spent: f64 = trials(&events).iter().map(|trial| trial.wall_ns as f64 / 1e9).sum();
        let longest = trials(&events).iter().map(|trial| trial.wall_ns as f64 / 1e9).fold(0.0, f64::max);
        assert!(spent <= 60.5, "{spent} s");
        if doubts(&events).iter().any(|doubt| matches!(doubt, Doubt::BudgetSpent { .. })) {
            // What is left does not hold a mirrored block.
            assert!(spent + 4.5 * longest > 0.9 * 60.0, "seed {seed}: stopped after {spent:.1} s of 60, the longest run took {longest:.1} s: {:?}", verdict(&events));
        }
    }
}

// ---- further settings round the winner

fn variation(factor: &str, label: &str) -> Variation {
    let (name, value) = label.split_once('=').expect("NAME=value");
    Variation { factor: factor.into(), label: label.into(), reason: "test".into(), env: [(name.to_owned(), Some(value.to_owned()))].into(), ..Default::default() }
}

/// A dozen settings of six factors, as a server proposes them.
fn a_dozen() -> Vec<Variation> {
    let settings = [
        ("wait policy", ["OMP_WAIT_POLICY=passive", "GOMP_SPINCOUNT=1000"]),
        ("binding", ["OMP_PROC_BIND=close", "OMP_PROC_BIND=spread"]),
        ("inter-op threads", ["INTEROP=1", "INTEROP=2"]),
        ("allocator", ["LD_PRELOAD=jemalloc", "LD_PRELOAD=tcmalloc"]),
        ("denormals", ["FLUSH=1", "FLUSH=2"]),
        ("primitive cache", ["ONEDNN_PRIMITIVE_CACHE_CAPACITY=0", "ONEDNN_PRIMITIVE_CACHE_CAPACITY=4096"]),
    ];
    settings.iter().flat_map(|(factor, labels)| labels.map(|label| variation(factor, label))).collect()
}

/// A law by threads on which some variables act: each multiplies the time.
struct Varied {
    law: threadgauge_runner::Simulated,
    factors: Vec<(&'static str, f64)>,
}

impl Workload for Varied {
    fn run(&mut self, spec: &TrialSpec<'_>, live: &mut dyn FnMut(Live), cancel: &Cancel) -> Measured {
        let factor: f64 = self.factors.iter().filter(|(label, _)| spec.arm.label.contains(label)).map(|&(_, factor)| factor).product();
        let limit = std::time::Duration::from_secs_f64((spec.limit.as_secs_f64() / factor).min(1e6));
        let mut measured = self.law.run(&TrialSpec { limit, probe: spec.probe.clone(), ..*spec }, live, cancel);
        measured.wall_ns = (measured.wall_ns as f64 * factor) as u64;
        measured
    }
}

fn vary(law: SimulatedWorkload, counts: &[u32], current: u32, factors: &[(&'static str, f64)], seed: u64) -> Vec<Event> {
    let mut request = search(law.clone(), counts, current, seed);
    request.variations = a_dozen();
    let cancel = Cancel::default();
    let mut recorder = Recorder::default();
    let mut workload = Varied { law: threadgauge_runner::Simulated::new(law, seed), factors: factors.to_vec() };
    run(&request, &mut workload, &mut Emitter::new(&mut recorder, cancel.clone()), &cancel, &[]);
    assert_laws(&recorder.events);
    recorder.events
}

#[test]
fn settings_without_effect_are_never_claimed_and_never_join_a_true_gain() {
    // Counts that differ: the gain is theirs alone. Counts that do not: there is none.
    for (true_gain, truth) in [(true, law(&[(1, 8.0), (2, 4.2), (4, 2.4), (8, 4.0)])), (false, law(&[(1, 2.0)]))] {
        for machine in MACHINES {
            let mut joined = 0;
            for seed in 0..40 {
                let events = vary(noisy(truth.clone(), machine), &[1, 2, 4, 8], 8, &[], seed);
                let verdict = verdict(&events);
                assert!(trials(&events).iter().any(|trial| trial.phase == Phase::Vary), "further settings were tried");
                if true_gain {
                    joined += u32::from(arms(&events)[verdict.best].label.contains(','));
                } else {
                    assert_ne!(verdict.outcome, Outcome::Faster, "{} seed {seed}: {verdict:?}", machine.0);
                }
            }
            assert!(joined == 0, "{}: settings without effect joined the answer in {joined} of 40", machine.0);
        }
    }
}

#[test]
fn what_helps_is_combined_and_confirmed_against_the_setting_in_force() {
    let truth = law(&[(1, 8.0), (2, 4.2), (4, 2.4), (8, 4.0)]);
    // On a noisy machine a burst of other load hides a gain now and then; it never invents one.
    for (machine, gains, enough) in [(MACHINES[0], (0.7, 0.85), 30), (MACHINES[1], (0.7, 0.85), 24), (MACHINES[1], (0.5, 0.6), 28)] {
        let helpful = [("passive", gains.0), ("tcmalloc", gains.1), ("spread", 1.4), ("jemalloc", 0.95)];
        let mut found = 0;
        for seed in 0..30 {
            let events = vary(noisy(truth.clone(), machine), &[1, 2, 4, 8], 8, &helpful, seed);
            let verdict = verdict(&events);
            let best = &arms(&events)[verdict.best];
            assert_eq!(verdict.outcome, Outcome::Faster, "{} seed {seed}: {verdict:?}", machine.0);
            let set: Vec<(&str, &str)> = best.env.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?))).collect();
            let confirmed: Vec<usize> = trials(&events).iter().filter(|trial| trial.phase == Phase::Confirm).map(|trial| trial.arm).collect();
            assert!(confirmed.iter().all(|&arm| arm == verdict.best || arm == verdict.current) && confirmed.len() >= 20);
            if set == [("LD_PRELOAD", "tcmalloc"), ("OMP_NUM_THREADS", "4"), ("OMP_WAIT_POLICY", "passive")] {
                found += 1;
                let truth = 4.0 / (2.4 * gains.0 * gains.1);
                assert!((verdict.speedup.expect("a figure") / truth - 1.0).abs() < 0.1, "{verdict:?}");
                assert!(verdict.sentence.contains("OMP_WAIT_POLICY=passive makes it "), "{}", verdict.sentence);
            }
        }
        println!("{}: both settings found in {found} of 30", machine.0);
        assert!(found >= enough, "{} {gains:?}: {found} of 30", machine.0);
    }
}

#[test]
fn a_setting_beside_the_one_in_force_is_found_too() {
    // The count in force is the best; only waiting differently helps.
    let events = vary(noisy(law(&[(1, 8.0), (2, 4.0), (4, 2.0)]), MACHINES[0]), &[1, 2, 4], 4, &[("passive", 0.5)], 3);
    let verdict = verdict(&events);
    assert_eq!((verdict.outcome, arms(&events)[verdict.best].label.as_str()), (Outcome::Faster, "OMP_NUM_THREADS=4, OMP_WAIT_POLICY=passive"), "{verdict:?}");
    assert!((verdict.speedup.expect("a figure") - 2.0).abs() < 0.05);
}

#[test]
fn few_runs_are_spent_on_settings_that_do_nothing() {
    let count = |machine| {
        let all: Vec<usize> = (0..16).map(|seed| trials(&vary(noisy(law(&[(1, 8.0), (2, 4.0), (4, 2.0)]), machine), &[1, 2, 4], 4, &[], seed)).iter().filter(|trial| trial.phase == Phase::Vary).count()).collect();
        all.iter().sum::<usize>() / all.len()
    };
    let (quiet, cloud) = (count(MACHINES[0]), count(MACHINES[1]));
    println!("runs for 12 settings without effect: {quiet} quiet, {cloud} cloud");
    assert!(quiet <= 30 && cloud <= 70, "{quiet} and {cloud}");
}

#[test]
fn settings_for_several_threads_are_not_tried_on_one() {
    let mut request = search(law(&[(1, 1.0), (2, 2.0), (4, 4.0)]), &[1, 2, 4], 4, 1);
    request.variations = vec![Variation { least_threads: Some(2), ..variation("wait policy", "OMP_WAIT_POLICY=passive") }];
    let events = simulate(&request);
    assert!(!trials(&events).iter().any(|trial| trial.phase == Phase::Vary));
    assert_eq!(arms(&events).len(), 3);
    request.variations[0].least_threads = None;
    request.workload.env.insert("OMP_WAIT_POLICY".into(), "passive".into());
    assert!(!trials(&simulate(&request)).iter().any(|trial| trial.phase == Phase::Vary), "it is in force already");
}

#[test]
fn an_exhaustive_race_runs_every_setting_in_every_block() {
    let mut request = search(noisy(law(&[(1, 40.0), (2, 20.0), (4, 10.0), (8, 5.0)]), MACHINES[0]), &[1, 2, 4, 8], 8, 4);
    request.limits.exhaustive = true;
    let events = simulate(&request);
    assert_laws(&events);
    for arm in 0..4 {
        assert_eq!(trials(&events).iter().filter(|trial| trial.arm == arm && trial.phase == Phase::Race && trial.status == TrialStatus::Ok).count(), 6);
    }
}

// ---- instances times threads

fn grid(law: SimulatedWorkload, cells: &[(u32, u32)], seed: u64) -> BenchRequest {
    let cell = |&(instances, threads): &(u32, u32)| Arm { label: format!("{instances} x {threads}"), threads: Some(threads), instances: Some(instances), cpus: (0..instances).map(|cpu| vec![cpu]).collect(), ..Default::default() };
    BenchRequest { arms: cells.iter().map(cell).collect(), current: 0, mode: Mode::Grid, grid: Some(GridRequest { blocks: 4, ..Default::default() }), ..search(law, &[1], 1, seed) }
}

fn front(events: &[Event]) -> &Front {
    events.iter().rev().find_map(|event| if let Event::Front(front) = event { Some(front) } else { None }).expect("a front")
}

/// Eight CPUs: one instance gains little beyond four threads, and beyond eight threads in all everyone waits.
fn eight_cpus(machine: (&str, f64, f64, f64)) -> SimulatedWorkload {
    let mut truth = noisy(law(&[(1, 0.8), (2, 0.45), (4, 0.3), (8, 0.28)]), machine);
    truth.shared_cpus = Some(8);
    truth
}

const EIGHT: [(u32, u32); 8] = [(1, 8), (1, 1), (8, 1), (16, 1), (1, 2), (4, 2), (1, 4), (2, 4)];

#[test]
fn a_grid_finds_the_three_answers_and_confirms_the_one_within_the_limit() {
    for seed in 0..20 {
        let events = simulate(&grid(eight_cpus(MACHINES[0]), &EIGHT, seed));
        assert_laws(&events);
        let (arms, front, verdict) = (arms(&events), front(&events), verdict(&events));
        let label = |arm: Option<usize>| arms[arm.expect("an answer")].label.as_str();
        assert_eq!(label(front.latency), "1 x 8");
        assert_eq!(label(front.throughput), "8 x 1", "ten a second");
        // Twice the shortest time is 0.56 s: a single thread takes 0.8 s, two threads 0.45 s.
        assert_eq!(label(front.within_limit), "4 x 2");
        assert_eq!((verdict.outcome, arms[verdict.best].label.as_str()), (Outcome::Faster, "4 x 2"), "{verdict:?}");
        let truth = (4.0 / 0.45) / (1.0 / 0.28);
        let [low, high] = verdict.interval.expect("an interval");
        assert!(low < truth * 1.01 && high > truth * 0.99 && (verdict.speedup.expect("a figure") / truth - 1.0).abs() < 0.02, "{verdict:?}");
        assert!(["shortest time", "most work", "most within", "times the work"].iter().all(|part| verdict.sentence.to_lowercase().contains(part)), "{}", verdict.sentence);
        let on_front: Vec<&str> = front.points.iter().filter(|point| point.on_front).map(|point| arms[point.arm].label.as_str()).collect();
        assert!(["1 x 8", "2 x 4", "4 x 2", "8 x 1"].iter().all(|label| on_front.contains(label)) && !on_front.contains(&"1 x 1"), "{on_front:?}");
        for point in &front.points {
            let [low, high] = point.throughput_interval_per_s.expect("an interval");
            assert!(low < point.throughput_per_s && point.throughput_per_s < high);
        }
    }
}

#[test]
fn the_number_of_instances_is_bisected_towards_the_limit() {
    let mut truth = eight_cpus(MACHINES[0]);
    truth.shared_cpus = Some(9);
    let mut request = grid(truth, &[(1, 8), (1, 2), (16, 2)], 3);
    request.grid = Some(GridRequest { latency_limit_s: Some(0.55), blocks: 4, ..Default::default() });
    let events = simulate(&request);
    assert_laws(&events);
    // Nine CPUs: four instances of two threads take 0.45 s, five 0.5 s and do more work, six 0.6 s.
    let best = &arms(&events)[front(&events).within_limit.expect("an answer")];
    assert_eq!((best.instances, best.threads), (Some(5), Some(2)), "{best:?}");
    assert_eq!(best.cpus, [0, 3, 6, 9, 12].map(|cpu| vec![cpu]), "spread over the places of the sixteen");
}

#[test]
fn a_grid_claims_nothing_where_there_is_nothing_to_gain() {
    for machine in MACHINES {
        for seed in 0..60 {
            // More instances take their share of one CPU: all cells do the same work per second.
            let mut truth = noisy(law(&[(1, 1.0)]), machine);
            truth.shared_cpus = Some(1);
            let events = simulate(&grid(truth, &[(1, 1), (2, 1), (4, 1), (8, 1)], seed));
            assert_laws(&events);
            assert_ne!(verdict(&events).outcome, Outcome::Faster, "{} seed {seed}: {:?}", machine.0, verdict(&events));
        }
    }
}

#[test]
fn an_exhaustive_grid_measures_every_pair_in_every_block_and_adds_none() {
    let mut request = grid(eight_cpus(MACHINES[0]), &EIGHT, 1);
    request.grid = Some(GridRequest { exhaustive: true, blocks: 3, ..Default::default() });
    let events = simulate(&request);
    assert_eq!(arms(&events).len(), EIGHT.len());
    assert!(front(&events).points.iter().all(|point| point.runs == 3), "{:?}", front(&events));
}

#[test]
fn a_grid_that_runs_out_of_time_tells_what_it_has() {
    for budget in [3.0, 6.0, 12.0, 25.0] {
        let mut request = grid(eight_cpus(MACHINES[1]), &EIGHT, 5);
        request.limits.budget_s = budget;
        let events = simulate(&request);
        assert_laws(&events);
        assert!(matches!(events.last(), Some(Event::Finished(_))), "{:?}", events.last());
        let spent: u64 = trials(&events).iter().map(|trial| trial.wall_ns).sum();
        assert!(spent as f64 <= budget * 1e9 * 1.01, "{spent} ns of {budget} s");
        assert!(events.iter().any(|event| matches!(event, Event::Verdict(_))), "a verdict at {budget} s");
    }
    for after in [5, 20, 60] {
        assert_laws(&simulate_until(&grid(eight_cpus(MACHINES[1]), &EIGHT, 5), Some(after)));
    }
}
