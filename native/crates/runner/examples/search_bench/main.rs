//! How good the search is, on workloads whose truth is known: regret, cost and false claims, beside the
//! strategies of other tools. `npm run bench:search`.
//!
//! The laws and the noise are models, not measurements: they say how strategies compare, not what a machine does.

mod curves;
mod grids;
mod meter;
mod strategies;

use std::collections::BTreeMap;

use threadgauge_protocol::{Arm, BenchRequest, Envelope, Event, Limits, LinesRequest, Mode, Outcome, Phase, PythonWorkload, Region, Variation, Verdict, Workload};
use threadgauge_runner::random::Random;
use threadgauge_runner::workload::Cancel;
use threadgauge_runner::{Emitter, Sink, run, stats};

use curves::{KINDS, curve};
use meter::{MACHINES, Meter, Noise};
use strategies::STRATEGIES;

const OURS: &str = "ThreadGauge (anchored paired race, refined)";
const SIZES: [u32; 6] = [4, 8, 16, 32, 48, 96];

/// One problem solved by one strategy.
struct Solved {
    regret: f64,
    cost: f64,
    seconds: f64,
    launches: u32,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let seeds: u64 = words.iter().find_map(|word| word.parse().ok()).unwrap_or(24);
    if words.iter().any(|word| word == "--claims") {
        claims(seeds);
        return;
    }
    if words.iter().any(|word| word == "--grid") {
        grids::print(seeds);
        return;
    }
    println!("Simulated: {} problems per noise level ({} laws, {} sizes, {seeds} seeds). Regret: how much slower the chosen count is than the best.", KINDS.len() as u64 * SIZES.len() as u64 * seeds, KINDS.len(), SIZES.len());
    for noise in MACHINES {
        regrets(noise, seeds);
    }
    claims(seeds);
    power(seeds);
    grids::print(seeds);
}

fn regrets(noise: Noise, seeds: u64) {
    let mut table: BTreeMap<usize, Vec<Solved>> = BTreeMap::new();
    for cores in SIZES {
        for (index, kind) in KINDS.iter().enumerate() {
            for seed in 0..seeds {
                let problem = seed * 1_000 + u64::from(cores) * 10 + index as u64;
                let curve = curve(kind, cores, &mut Random::new(problem));
                let mut whole = None;
                for (row, &(_, strategy)) in STRATEGIES.iter().enumerate() {
                    let mut meter = Meter::new(&curve, noise, problem ^ ((row as u64 + 1) << 32));
                    let chosen = strategy(&mut meter);
                    let whole = *whole.get_or_insert(meter.search_s);
                    table.entry(row).or_default().push(Solved { regret: curve.regret(chosen), cost: meter.search_s / whole, seconds: meter.search_s, launches: meter.launches });
                }
                let mut meter = Meter::new(&curve, noise, problem ^ (99 << 32));
                let chosen = candidate(&mut meter, curve.cores, problem);
                let whole = whole.unwrap_or(f64::INFINITY);
                table.entry(STRATEGIES.len()).or_default().push(Solved { regret: curve.regret(chosen), cost: meter.search_s / whole, seconds: meter.search_s, launches: meter.launches });
            }
        }
    }
    println!("\n## Noise: {}\n\n| strategy | mean regret | p95 | within 2 % | cost vs every count | seconds | launches |\n|---|---:|---:|---:|---:|---:|---:|", noise.name);
    for (row, solved) in &table {
        let name = STRATEGIES.get(*row).map_or(OURS, |&(name, _)| name);
        let of = |value: fn(&Solved) -> f64| solved.iter().map(value).collect::<Vec<_>>();
        let middle = |value: fn(&Solved) -> f64| stats::median(&of(value)).unwrap_or(f64::NAN);
        let regret = of(|solved| solved.regret);
        println!(
            "| {name} | {:.2} % | {:.1} % | {:.0} % | {:.1} % | {:.0} | {:.0} |",
            stats::mean(&regret).unwrap_or(f64::NAN) * 100.0,
            quantile(&regret, 0.95) * 100.0,
            regret.iter().filter(|&&regret| regret <= 0.02).count() as f64 / regret.len() as f64 * 100.0,
            middle(|solved| solved.cost) * 100.0,
            middle(|solved| solved.seconds),
            middle(|solved| f64::from(solved.launches)),
        );
    }
}

/// What would be claimed where no count differs from another.
fn claims(seeds: u64) {
    println!("\n## False claims: every count takes the same time\n\n| procedure | noise | mean claim | claims above 2 % |\n|---|---|---:|---:|");
    let trials = seeds * 20;
    for noise in MACHINES {
        let problem = |seed: u64| curve("amdahl", 32, &mut Random::new(seed)).flattened();
        let sweeps: [(&str, usize); 2] = [("sweep, one run each", 1), ("sweep, 5 runs one after the other", 5)];
        for (name, runs) in sweeps {
            let claimed: Vec<f64> = (0..seeds * 5)
                .map(|seed| {
                    let curve = problem(seed);
                    let mut meter = Meter::new(&curve, noise, seed ^ 0xaa);
                    let scores: Vec<f64> = (1..=curve.logical()).map(|n| stats::median(&(0..runs).map(|_| meter.measure(n)).collect::<Vec<_>>()).unwrap_or(f64::NAN)).collect();
                    scores[curve.cores as usize - 1] / scores.iter().copied().fold(f64::INFINITY, f64::min) - 1.0
                })
                .collect();
            row(name, noise, &claimed);
        }
        let claimed: Vec<f64> = (0..trials)
            .map(|seed| {
                let curve = problem(seed);
                let mut meter = Meter::new(&curve, noise, seed ^ 0xbb);
                claim(&whole(&mut meter, &curve.anchors, curve.cores, seed))
            })
            .collect();
        row(OURS, noise, &claimed);
        let claimed: Vec<f64> = (0..trials)
            .map(|seed| {
                let curve = problem(seed);
                let mut meter = Meter::new(&curve, noise, seed ^ 0xdd);
                claim(&search_with(&mut meter, &curve.anchors, curve.cores, seed, idle_settings()).verdict.expect("a verdict"))
            })
            .collect();
        row("the same with 12 further settings of 6 factors, none of which acts", noise, &claimed);
    }
    joined(seeds);
}

/// How often settings that do nothing become part of an answer whose gain is that of the thread count.
fn joined(seeds: u64) {
    println!("\n## Settings that do nothing beside a count that does\n\n| noise | joined the answer | runs for 12 settings |\n|---|---:|---:|");
    for noise in MACHINES {
        let trials = seeds * 10;
        let mut runs = Vec::new();
        let joined = (0..trials)
            .filter(|&seed| {
                let mut curve = curve("amdahl", 32, &mut Random::new(seed)).flattened();
                for (index, seconds) in curve.seconds.iter_mut().enumerate() {
                    // 8 threads are the best, 32 are in force.
                    *seconds *= 1.0 + 0.25 * ((index + 1) as f64 / 8.0).log2().abs();
                }
                let mut meter = Meter::new(&curve, noise, seed ^ 0xee);
                let seen = search_with(&mut meter, &curve.anchors, curve.cores, seed, idle_settings());
                runs.push(f64::from(seen.vary));
                let verdict = seen.verdict.expect("a verdict");
                seen.arms[verdict.best].label.contains(',')
            })
            .count();
        println!("| {} | {joined} of {trials} | {:.0} |", noise.name, stats::mean(&runs).unwrap_or(f64::NAN));
    }
}

/// A dozen settings of six factors that change nothing.
fn idle_settings() -> Vec<Variation> {
    (0..12).map(|index| Variation { factor: format!("factor {}", index / 2), label: format!("SETTING={index}"), env: BTreeMap::from([("SETTING".into(), Some(index.to_string()))]), ..Default::default() }).collect()
}

fn row(name: &str, noise: Noise, claimed: &[f64]) {
    let above = claimed.iter().filter(|&&claim| claim > 0.02).count();
    println!("| {name} | {} | {:.1} % | {above} of {} |", noise.name, stats::mean(claimed).unwrap_or(f64::NAN) * 100.0, claimed.len());
}

/// How often a true gain of a given size over the setting in force is shown.
fn power(seeds: u64) {
    println!("\n## Power: the best count is this much faster than the setting in force\n\n| noise | 3 % | 5 % | 8 % | 12 % | 20 % | pairs of runs |\n|---|---:|---:|---:|---:|---:|---:|");
    for noise in MACHINES {
        let mut cells = Vec::new();
        let mut pairs = Vec::new();
        for gain in [0.03, 0.05, 0.08, 0.12, 0.20] {
            let trials = seeds * 10;
            let shown = (0..trials)
                .filter(|&seed| {
                    let mut curve = curve("amdahl", 4, &mut Random::new(seed)).flattened();
                    let fast = curve.seconds[3] / (1.0 + gain);
                    curve.seconds[3] = fast;
                    let mut meter = Meter::new(&curve, noise, seed ^ 0xcc);
                    let verdict = whole(&mut meter, &[4, 8], 8, seed);
                    pairs.push(f64::from(verdict.pairs));
                    verdict.outcome == Outcome::Faster
                })
                .count();
            cells.push(format!("{:.0} %", shown as f64 / trials as f64 * 100.0));
        }
        println!("| {} | {} | {:.0} |", noise.name, cells.join(" | "), stats::mean(&pairs).unwrap_or(f64::NAN));
    }
}

/// What a verdict claims to gain; nothing when it claims none.
fn claim(verdict: &Verdict) -> f64 {
    if verdict.outcome == Outcome::Faster { verdict.speedup.map_or(0.0, |speedup| speedup - 1.0) } else { 0.0 }
}

/// The count that the runner's search arrives at, before it is compared with the setting in force.
fn candidate(meter: &mut Meter<'_>, current: u32, seed: u64) -> u32 {
    let anchors = meter.curve.anchors.clone();
    let events = search(meter, &anchors, current, seed);
    let arms = events.arms;
    let verdict = events.verdict.expect("a verdict");
    // Where the setting in force stays, the race has found it to be within the threshold of the best.
    arms[events.best.unwrap_or(verdict.best)].threads.expect("a count")
}

fn whole(meter: &mut Meter<'_>, counts: &[u32], current: u32, seed: u64) -> Verdict {
    search(meter, counts, current, seed).verdict.expect("a verdict")
}

#[derive(Default)]
struct Seen {
    arms: Vec<Arm>,
    best: Option<usize>,
    vary: u32,
    verdict: Option<Verdict>,
}

impl Sink for Seen {
    fn take(&mut self, envelope: &Envelope) -> bool {
        match &envelope.event {
            Event::Plan(plan) => self.arms.clone_from(&plan.arms),
            Event::TrialStarted(trial) => self.vary += u32::from(trial.phase == Phase::Vary),
            Event::Progress(progress) => self.best = progress.best,
            Event::Verdict(verdict) => self.verdict = Some(verdict.clone()),
            _ => {}
        }
        true
    }
}

/// Runs the runner's own search on the meter.
fn search(meter: &mut Meter<'_>, counts: &[u32], current: u32, seed: u64) -> Seen {
    search_with(meter, counts, current, seed, Vec::new())
}

fn search_with(meter: &mut Meter<'_>, counts: &[u32], current: u32, seed: u64, variations: Vec<Variation>) -> Seen {
    let arms: Vec<Arm> = counts.iter().map(|&count| arm(count)).collect();
    let request = BenchRequest {
        // The scored region tells the time of an iteration; the rest of the wall time is what it costs.
        workload: Workload { argv: vec!["simulated".into()], cwd: "/".into(), env: BTreeMap::new(), python: Some(PythonWorkload { script_index: 1, probe_dir: String::new(), roots: Vec::new(), region: Region::AfterImports, ..Default::default() }), ..Default::default() },
        current: counts.iter().position(|&count| count == current).expect("the setting in force is among the counts"),
        arms,
        mode: Mode::Search,
        limits: Limits { budget_s: 1e9, trial_s: 1e9, ..Limits::default() },
        lines: LinesRequest { enabled: false, arms: Vec::new() },
        variations,
        seed,
        ..Default::default()
    };
    let cancel = Cancel::default();
    let mut seen = Seen::default();
    run(&request, meter, &mut Emitter::new(&mut seen, cancel.clone()), &cancel, &[]);
    seen
}

fn arm(count: u32) -> Arm {
    Arm { label: format!("OMP_NUM_THREADS={count}"), threads: Some(count), env: BTreeMap::from([("OMP_NUM_THREADS".into(), Some(count.to_string()))]), torch_num_threads: None, pin_env: false, reason: String::new(), ..Default::default() }
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() as f64 * share) as usize).min(sorted.len() - 1)]
}
