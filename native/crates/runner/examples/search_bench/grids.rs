//! Instances times threads on a machine whose truth is known: what presets, grids and the runner's search find.

use std::collections::{BTreeMap, BTreeSet};

use threadgauge_protocol::{Arm, BenchRequest, Envelope, Event, Front, GridRequest, Limits, LinesRequest, Mode, Outcome, Phase, PythonWorkload, Region, Verdict, Workload as Program};
use threadgauge_runner::random::Random;
use threadgauge_runner::workload::{Cancel, End, Live, Measured, RegionTime, TrialSpec, Workload};
use threadgauge_runner::{Emitter, Sink, run, stats};

const SIZES: [u32; 5] = [8, 16, 32, 64, 96];
/// Seconds to start the program and load the model, and to measure once it runs.
const LAUNCH_S: f64 = 3.0;
const WINDOW_S: f64 = 4.0;
/// Pieces of work a run measures at least.
const PIECES: f64 = 5.0;
/// Noise of one run and of the slow drift, as standard deviations of logarithms; the drift forgets itself in a minute.
const NOISE: f64 = 0.02;
const DRIFT: f64 = 0.03;
const MEMORY_S: f64 = 60.0;
/// The limit of latency, over the shortest time there is.
const LIMIT: f64 = 2.0;

/// Seconds of one piece of work with some instances of some threads on one machine.
struct Law {
    cores: u32,
    node: u32,
    nodes: u32,
    single: f64,
    serial: f64,
    regions: f64,
    memory: f64,
    bandwidth: f64,
    cache: f64,
    remote: f64,
    smt: f64,
    /// Every cell does the same work per second and takes the same time for it: nothing is to be found.
    flat: bool,
}

impl Law {
    fn new(cores: u32, random: &mut Random) -> Self {
        let nodes = if cores <= 24 { 1 } else { 2 };
        let c = f64::from(cores);
        Self {
            cores,
            node: cores / nodes,
            nodes,
            single: 10f64.powf(random.between(-2.0, -0.3)),
            serial: random.between(0.02, 0.4),
            regions: random.between(50.0, 300.0),
            memory: random.between(0.0, 0.9),
            bandwidth: random.between(0.2, 0.8) * c,
            cache: random.between(0.0, 0.35),
            remote: random.between(1.15, 1.7),
            smt: random.between(-0.05, 0.3),
            flat: false,
        }
    }

    fn logical(&self) -> u32 {
        2 * self.cores
    }

    fn latency(&self, instances: u32, threads: u32) -> f64 {
        if self.flat {
            return self.single * f64::from(instances);
        }
        let (m, n) = (f64::from(instances), f64::from(threads));
        let speed = if instances * threads <= self.cores { 1.0 } else { f64::midpoint(1.0, self.smt) };
        let mut parallel = (1.0 - self.serial) / n / speed;
        if threads > self.node && self.nodes > 1 {
            parallel *= self.remote;
        }
        let compute = self.single * (self.serial / speed + parallel) + self.regions * (1.5e-6 * (n + 1.0).log2() + 2.5e-7 * n);
        let memory = self.single * self.memory * m / self.bandwidth;
        (compute.powi(6) + memory.powi(6)).powf(1.0 / 6.0) * (1.0 + self.cache * (m - 1.0) / f64::from(self.cores))
    }

    fn rate(&self, cell: (u32, u32)) -> f64 {
        f64::from(cell.0) / self.latency(cell.0, cell.1)
    }

    fn cells(&self) -> Vec<(u32, u32)> {
        let logical = self.logical();
        (1..=logical).flat_map(|n| (1..=logical / n).map(move |m| (m, n))).collect()
    }

    /// Counts that the topology suggests.
    fn anchors(&self) -> BTreeSet<u32> {
        let powers = std::iter::successors(Some(1), |&n| Some(n * 2)).take_while(|&n| n <= self.cores);
        powers.chain([1, self.cores, self.node, (self.cores / 2).max(1)]).collect()
    }

    /// What a request proposes: the diagonal and the ladder.
    fn proposed(&self) -> BTreeSet<(u32, u32)> {
        let mut cells = BTreeSet::new();
        for n in self.anchors() {
            cells.extend([(self.cores / n, n), (1, n)]);
            if n <= self.node {
                cells.insert((self.logical() / n, n));
            }
        }
        cells
    }
}

/// Measures cells of one law and adds up what that takes.
struct Meter<'a> {
    law: &'a Law,
    random: Random,
    drift: f64,
    search_s: f64,
}

impl<'a> Meter<'a> {
    fn new(law: &'a Law, seed: u64) -> Self {
        Self { law, random: Random::new(seed), drift: 0.0, search_s: 0.0 }
    }

    fn cost(&self, cell: (u32, u32)) -> f64 {
        LAUNCH_S + WINDOW_S.max(PIECES * self.law.latency(cell.0, cell.1))
    }

    fn measure(&mut self, cell: (u32, u32)) -> f64 {
        let cost = self.cost(cell);
        self.search_s += cost;
        let keep = (-cost / MEMORY_S).exp();
        self.drift = keep * self.drift + (1.0 - keep * keep).sqrt() * DRIFT * self.random.normal();
        self.law.latency(cell.0, cell.1) * (NOISE * self.random.normal() + self.drift).exp()
    }
}

impl Workload for Meter<'_> {
    fn run(&mut self, spec: &TrialSpec<'_>, live: &mut dyn FnMut(Live), _: &Cancel) -> Measured {
        let cell = (spec.arm.instances.unwrap_or(1), spec.arm.threads.unwrap_or(1));
        let before = self.search_s;
        let latency = self.measure(cell);
        // The region stands for one piece of work, the wall time for the start and all the pieces of the run.
        let limit = spec.limit.as_secs_f64();
        let over = LAUNCH_S + latency > limit;
        let cost = if over { limit } else { self.cost(cell) };
        self.search_s = if spec.phase == Phase::Confirm { before } else { before + cost };
        live(Live::Started { pid: None, process_group: None });
        let mut measured = Measured::ended(if over { End::OverLimit } else { End::Exited(0) });
        measured.wall_ns = (cost * 1e9) as u64;
        measured.cpu_ns = measured.wall_ns;
        let ns = (latency * 1e9) as u64;
        measured.region = (!over).then_some(RegionTime { wall_ns: ns, cpu_ns: ns });
        measured.instances_ns = if over { Vec::new() } else { vec![ns; cell.0 as usize] };
        measured
    }
}

/// What a strategy recommends: for throughput, for latency, for throughput within the limit.
struct Found {
    throughput: (u32, u32),
    latency: (u32, u32),
    within: (u32, u32),
    seconds: f64,
}

fn most(cells: &[(u32, u32)], value: impl Fn(&(u32, u32)) -> f64) -> (u32, u32) {
    cells.iter().copied().max_by(|a, b| value(a).total_cmp(&value(b))).unwrap_or((1, 1))
}

/// Picks from measured latencies, as everybody does.
fn pick(known: &BTreeMap<(u32, u32), f64>, seconds: f64) -> Found {
    let cells: Vec<(u32, u32)> = known.keys().copied().collect();
    let shortest = known.values().copied().fold(f64::INFINITY, f64::min);
    let inside: Vec<(u32, u32)> = cells.iter().copied().filter(|cell| known[cell] <= LIMIT * shortest).collect();
    let rate = |cell: &(u32, u32)| f64::from(cell.0) / known[cell];
    Found { throughput: most(&cells, rate), latency: most(&cells, |cell| -known[cell]), within: most(&inside, rate), seconds }
}

/// The presets of `torch.backends.xeon.run_cpu`: a quarter of the cores as instances of four, or one instance a node.
fn presets(law: &Law) -> Found {
    let latency = ((law.cores / 4).max(1), 4.min(law.cores));
    let throughput = (law.nodes, law.node);
    let shortest = law.cells().iter().map(|cell| law.latency(cell.0, cell.1)).fold(f64::INFINITY, f64::min);
    let within = if law.latency(latency.0, latency.1) <= LIMIT * shortest { latency } else { throughput };
    Found { throughput, latency, within, seconds: 0.0 }
}

fn full_grid(law: &Law, seed: u64) -> Found {
    let mut meter = Meter::new(law, seed);
    let known = law.cells().into_iter().map(|cell| (cell, stats::median(&(0..3).map(|_| meter.measure(cell)).collect::<Vec<_>>()).unwrap_or(f64::NAN))).collect();
    pick(&known, meter.search_s)
}

fn hypertune(law: &Law, seed: u64) -> Found {
    let mut meter = Meter::new(law, seed);
    let known = law.cells().into_iter().take(100).map(|cell| (cell, meter.measure(cell))).collect();
    pick(&known, meter.search_s)
}

fn ours(law: &Law, seed: u64) -> Found {
    let (seen, seconds) = search(law, seed);
    let front = seen.front.expect("a front");
    let cell = |arm: Option<usize>| arm.map_or((1, 1), |arm| (seen.arms[arm].instances.unwrap_or(1), seen.arms[arm].threads.unwrap_or(1)));
    Found { throughput: cell(front.throughput), latency: cell(front.latency), within: cell(front.within_limit), seconds }
}

#[derive(Default)]
struct Seen {
    arms: Vec<Arm>,
    front: Option<Front>,
    verdict: Option<Verdict>,
}

impl Sink for Seen {
    fn take(&mut self, envelope: &Envelope) -> bool {
        match &envelope.event {
            Event::Plan(plan) => self.arms.clone_from(&plan.arms),
            Event::Front(front) => self.front = Some(front.clone()),
            Event::Verdict(verdict) => self.verdict = Some(verdict.clone()),
            _ => {}
        }
        true
    }
}

/// Runs the runner's own search; the first arm, one instance on all cores, is in force.
fn search(law: &Law, seed: u64) -> (Seen, f64) {
    let arm = |(instances, threads): (u32, u32)| Arm { label: format!("{instances} x {threads}"), threads: Some(threads), instances: Some(instances), ..Default::default() };
    let mut cells: Vec<(u32, u32)> = vec![(1, law.cores)];
    cells.extend(law.proposed().into_iter().filter(|&cell| cell != (1, law.cores)));
    let request = BenchRequest {
        workload: Program { argv: vec!["simulated".into()], cwd: "/".into(), python: Some(PythonWorkload { script_index: 1, region: Region::AfterImports, ..Default::default() }), ..Default::default() },
        arms: cells.into_iter().map(arm).collect(),
        mode: Mode::Grid,
        limits: Limits { budget_s: 1e9, trial_s: 1e9, ..Limits::default() },
        lines: LinesRequest { enabled: false, arms: Vec::new() },
        grid: Some(GridRequest { blocks: 4, ..Default::default() }),
        seed,
        ..Default::default()
    };
    let mut meter = Meter::new(law, seed ^ 0x9d);
    let cancel = Cancel::default();
    let mut seen = Seen::default();
    run(&request, &mut meter, &mut Emitter::new(&mut seen, cancel.clone()), &cancel, &[]);
    (seen, meter.search_s)
}

/// Prints regret and cost of every strategy by size, and what is claimed where there is nothing to claim.
pub fn print(seeds: u64) {
    type Strategy = fn(&Law, u64) -> Found;
    let strategies: [(&str, Strategy); 5] = [
        ("presets of run_cpu", |law, _| presets(law)),
        ("1 x physical cores", |law, _| Found { throughput: (1, law.cores), latency: (1, law.cores), within: (1, law.cores), seconds: 0.0 }),
        ("full grid, 3 runs one after the other", full_grid),
        ("grid, at most 100 runs (hypertune)", hypertune),
        ("ThreadGauge (diagonal, ladder, bisection)", ours),
    ];
    println!("\n## Instances x threads (noise {:.0} % a run, drift {:.0} %)\n", NOISE * 100.0, DRIFT * 100.0);
    println!("Regret of the work per second, of the latency, and of the work per second within twice the shortest latency (all of it when the limit is missed by more than 2 %).\n");
    println!("| cores (cells) | strategy | throughput | latency | within the limit (p95) | limit missed | cost vs full grid | minutes |\n|---|---|---:|---:|---:|---:|---:|---:|");
    for cores in SIZES {
        let problems = if cores < 64 { seeds * 2 } else { seeds.div_ceil(2) };
        for (name, strategy) in strategies {
            let (mut throughput, mut latency, mut within, mut missed, mut cost, mut minutes) = (Vec::new(), Vec::new(), Vec::new(), 0, Vec::new(), Vec::new());
            for seed in 0..problems {
                let law = Law::new(cores, &mut Random::new(seed * 1_000 + u64::from(cores)));
                let cells = law.cells();
                let shortest = cells.iter().map(|cell| law.latency(cell.0, cell.1)).fold(f64::INFINITY, f64::min);
                let limit = LIMIT * shortest;
                let best = cells.iter().map(|&cell| law.rate(cell)).fold(0.0, f64::max);
                let best_within = cells.iter().filter(|cell| law.latency(cell.0, cell.1) <= limit).map(|&cell| law.rate(cell)).fold(0.0, f64::max);
                let whole: f64 = 3.0 * cells.iter().map(|&cell| LAUNCH_S + WINDOW_S.max(PIECES * law.latency(cell.0, cell.1))).sum::<f64>();
                let found = strategy(&law, seed ^ (u64::from(cores) << 20));
                throughput.push(1.0 - law.rate(found.throughput) / best);
                latency.push(law.latency(found.latency.0, found.latency.1) / shortest - 1.0);
                let over = law.latency(found.within.0, found.within.1) > limit * 1.02;
                missed += usize::from(over);
                within.push(if over { 1.0 } else { 1.0 - law.rate(found.within) / best_within });
                cost.push(found.seconds / whole);
                minutes.push(found.seconds / 60.0);
            }
            let mean = |values: &[f64]| stats::mean(values).unwrap_or(f64::NAN) * 100.0;
            println!(
                "| {cores} ({}) | {name} | {:.1} % | {:.1} % | {:.1} % ({:.1} %) | {missed} of {problems} | {:.1} % | {:.1} |",
                Law::new(cores, &mut Random::new(0)).cells().len(),
                mean(&throughput),
                mean(&latency),
                mean(&within),
                crate::quantile(&within, 0.95) * 100.0,
                stats::median(&cost).unwrap_or(f64::NAN) * 100.0,
                stats::median(&minutes).unwrap_or(f64::NAN),
            );
        }
    }
    println!("\n## False claims of the grid: every pair does the same work per second\n\n| cores | claims above 2 % |\n|---|---:|");
    for cores in [8, 32] {
        let trials = seeds * 10;
        let claimed = (0..trials)
            .filter(|&seed| {
                let law = Law { flat: true, ..Law::new(cores, &mut Random::new(seed)) };
                let (seen, _) = search(&law, seed ^ 0xf1a7);
                seen.verdict.is_some_and(|verdict| verdict.outcome == Outcome::Faster)
            })
            .count();
        println!("| {cores} | {claimed} of {trials} |");
    }
}
