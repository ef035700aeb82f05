//! Instances times threads: how long one piece of work takes against how much gets done.
//!
//! The request brings the diagonal (as many instances as fill the machine) and the ladder (one instance) of
//! every count worth trying. All take turns in mirrored blocks, those that are beaten in both leave, and a
//! bisection on the number of instances finds what still keeps to the limit of latency.

use std::collections::{BTreeMap, BTreeSet};

use threadgauge_protocol::{Arm, BenchRequest, Event, Front, FrontPoint, Outcome, Phase, Verdict};

use crate::bench::{Bench, Cap, Score, Stop};
use crate::confirm::{self, Confirmation, FEWEST_BLOCKS};
use crate::records::{ArmRecord, InBlock};
use crate::stats;
use crate::two_way::{self, TwoWay};
use crate::verdict::{self, Shown};

/// A cell leaves when another is better by this factor in both.
const DOMINATED: f64 = 1.15;
/// A run is stopped when another cell is better by this factor in both already.
const HOPELESS: f64 = 1.5;
/// Standard errors by which a cell must be worse in both to leave, or not to be on the front.
const BEYOND_NOISE: f64 = 1.96;
/// The limit of latency that is meant when none is given, over the shortest time.
const USUAL_LIMIT: f64 = 2.0;
/// Rounds of the bisection, and counts it follows in each.
const ROUNDS: u32 = 4;
const FOLLOWED: usize = 3;
/// Bisecting goes on where it promises this much more work within the limit.
const WORTHWHILE: f64 = 1.01;
/// Runs of the cells that the bisection tries, and of the pick in the end.
const FILL_RUNS: usize = 2;
/// What a cell at the limit may be over it: noise decides at the limit itself.
const AT_LIMIT: f64 = 1.0;

/// Trials a grid may take at the most, its confirmation left out.
pub(crate) fn most_trials(request: &BenchRequest) -> u32 {
    let Some(grid) = &request.grid else { return 0 };
    let cells = request.arms.len() as u32;
    let fill = if grid.exhaustive { 0 } else { ROUNDS * (FOLLOWED as u32 + 1) * FILL_RUNS as u32 + grid.blocks * (FOLLOWED as u32 + 1) };
    cells.saturating_mul(grid.blocks).saturating_add(fill)
}

/// A cell as it is known so far.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cell {
    instances: u32,
    threads: u32,
    /// Logarithm of the seconds of one piece of work.
    latency: f64,
    /// Logarithm of the pieces per second.
    throughput: f64,
    runs: usize,
}

/// All cells with at least one complete run.
#[derive(Debug, Clone, Default)]
struct Known {
    cells: BTreeMap<usize, Cell>,
    /// Standard deviation of the logarithm of one run, of both figures, and what it rests on.
    deviation: Option<(f64, usize)>,
}

/// The three answers, by index of the arm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Picks {
    latency: Option<usize>,
    throughput: Option<usize>,
    within: Option<usize>,
}

/// The search over a grid.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    /// Logarithm of the pieces per second by block, by arm.
    rates: BTreeMap<usize, BTreeMap<u32, f64>>,
}

impl Grid {
    /// Searches, tells the front, and compares the most work within the limit with what is in force.
    pub fn run(&mut self, bench: &mut Bench<'_, '_>, shares: [f64; 2]) -> (Option<Verdict>, Result<(), Stop>) {
        let budget = bench.request.limits.budget_s;
        let current = bench.request.current;
        bench.deadline_s = budget * shares[0];
        let mut ended = self.search(bench);
        if matches!(ended, Err(Stop::Failed(_) | Stop::Cancelled)) {
            let known = self.known(bench);
            Self::tell(bench, &known);
            return (None, ended);
        }
        let known = self.known(bench);
        let picks = picks(bench, &known);
        Self::tell(bench, &known);
        let Some(pick) = picks.within.or(picks.throughput) else { return (None, ended) };
        bench.best = Some(pick);
        let mut pairs = 0;
        let mut interval = None;
        if pick != current {
            bench.deadline_s = budget * shares[1];
            let lead = known.cells.get(&pick).zip(known.cells.get(&current)).map(|(a, b)| a.throughput - b.throughput);
            let mut confirmation = Confirmation::new(current, pick, confirm::blocks_for(bench, lead, known.deviation.map(|(deviation, _)| deviation))).of_work();
            let confirmed = confirmation.run(bench);
            pairs = confirmation.pairs.len() as u32;
            interval = confirmation.interval().filter(|_| pairs >= 2 * FEWEST_BLOCKS);
            if confirmed.is_err() {
                ended = confirmed;
            }
        }
        let told = sentence(bench, &known, picks);
        let label = |arm: usize| bench.records.arms[arm].arm.label.as_str();
        let claim = bench.request.limits.claim_above;
        let figures = interval.map(|interval| {
            format!(
                "{} does {:.2} times the work of {}, in force (95 % confidence interval {:.2} to {:.2}, {pairs} paired repetitions).",
                label(pick),
                interval.mean.exp(),
                label(current),
                interval.low.exp(),
                interval.high.exp()
            )
        });
        let (outcome, best, more) = match interval.map(|interval| verdict::read(&interval, claim)) {
            _ if pick == current => (Outcome::CurrentIsBest, current, format!("{}, in force, does the most work within the limit.", label(current))),
            None => (Outcome::Inconclusive, current, format!("The comparison of {} with {} was not finished.", label(pick), label(current))),
            Some(Shown::Faster) => (Outcome::Faster, pick, figures.unwrap_or_default()),
            Some(Shown::Slower) => (Outcome::CurrentIsBest, current, figures.unwrap_or_default()),
            Some(Shown::Same) => (Outcome::NoDifference, current, format!("{} does no more work than {}, in force, beyond {} %.", label(pick), label(current), verdict::percent(claim))),
            Some(Shown::Unclear) => (Outcome::Inconclusive, current, format!("The measurements scatter too much to tell {} from {}, in force.", label(pick), label(current))),
        };
        let verdict = Verdict {
            outcome,
            best,
            current,
            speedup: interval.map(|interval| interval.mean.exp()),
            interval: interval.map(|interval| [interval.low.exp(), interval.high.exp()]),
            pairs,
            tied: Vec::new(),
            sentence: format!("{told} {more}"),
        };
        (Some(verdict), ended)
    }

    fn search(&mut self, bench: &mut Bench<'_, '_>) -> Result<(), Stop> {
        let grid = bench.request.grid.clone().unwrap_or_default();
        let blocks = grid.blocks.max(1);
        let mut alive: Vec<usize> = (0..bench.records.arms.len()).collect();
        let mut order = alive.clone();
        for block in 1..=blocks {
            bench.random.take_turns(block, &alive, &mut order);
            let left = blocks - block + 1;
            let stage: Vec<(usize, u32)> = alive.iter().map(|&arm| (arm, if block == 1 { left.min(2) } else { left })).collect();
            self.block(bench, &order, &stage, !grid.exhaustive)?;
            alive.retain(|&arm| !bench.records.arms[arm].dropped);
            let known = self.known(bench);
            if !grid.exhaustive {
                alive.retain(|arm| !known.is_beaten(*arm, block));
            }
            for arm in &order {
                bench.records.arms[*arm].dropped = !alive.contains(arm);
            }
            let picks = picks(bench, &known);
            bench.best = picks.within.or(picks.throughput);
            bench.summarise(&order);
            Self::tell(bench, &known);
        }
        if grid.exhaustive { Ok(()) } else { self.bisect(bench, blocks as usize) }
    }

    /// Runs every arm of `order` once.
    fn block(&mut self, bench: &mut Bench<'_, '_>, order: &[usize], stage: &[(usize, u32)], may_stop: bool) -> Result<(), Stop> {
        let number = bench.next_block;
        bench.next_block += 1;
        bench.set_ahead(stage, true);
        for &arm in order {
            let mut attempts = 0;
            loop {
                attempts += 1;
                let cap = if may_stop { self.cap(bench, arm) } else { Cap::None };
                match bench.measure(arm, Phase::Grid, number, cap)? {
                    Score::Counted(ns) => {
                        bench.records.arms[arm].blocks.insert(number, InBlock { log: ns.ln(), capped: false });
                        if let Some(rate) = bench.records.arms[arm].throughputs.last() {
                            self.rates.entry(arm).or_default().insert(number, rate.ln());
                        }
                    }
                    Score::Failed if attempts < 2 => continue,
                    Score::Failed | Score::TimedOut | Score::Capped(_) => bench.records.arms[arm].dropped = true,
                }
                break;
            }
        }
        Ok(())
    }

    /// The time after which another cell is far better in both: a longer run has nothing to show.
    fn cap(&self, bench: &Bench<'_, '_>, arm: usize) -> Cap {
        let instances = f64::from(instances(&bench.records.arms[arm].arm));
        let seconds = self.rates.iter().filter(|&(&other, _)| other != arm).filter_map(|(&other, rates)| {
            let latency = stats::median(&bench.records.arms[other].values())? / 1e9;
            let rate = stats::median(&rates.values().copied().collect::<Vec<_>>())?.exp();
            Some(HOPELESS * latency.max(instances / rate))
        });
        seconds.reduce(f64::min).map_or(Cap::None, Cap::At)
    }

    /// Tries numbers of instances between those that keep to the limit and those that do not, where that
    /// promises more work, and then makes sure of the best.
    fn bisect(&mut self, bench: &mut Bench<'_, '_>, blocks: usize) -> Result<(), Stop> {
        for _ in 0..ROUNDS {
            let known = self.known(bench);
            let Some(limit) = limit(bench, &known) else { return Ok(()) };
            let wanted = known.promising(limit);
            if wanted.is_empty() {
                break;
            }
            let reference = picks(bench, &known).within;
            let mut arms: Vec<usize> = wanted.into_iter().map(|(instances, threads)| add_cell(bench, instances, threads)).collect();
            bench.announce();
            bench.summarise_all();
            arms.extend(reference);
            for _ in 0..FILL_RUNS / 2 {
                self.mirrored(bench, &arms)?;
            }
            let known = self.known(bench);
            bench.best = picks(bench, &known).within.or(bench.best);
            bench.summarise(&arms);
            Self::tell(bench, &known);
        }
        // Cells near the best have been measured less often than the diagonal, and luck decides among the few.
        loop {
            let known = self.known(bench);
            let Some(limit) = limit(bench, &known) else { return Ok(()) };
            let thin = known.thin(limit, blocks);
            if thin.is_empty() {
                return Ok(());
            }
            self.mirrored(bench, &thin)?;
            let known = self.known(bench);
            bench.best = picks(bench, &known).within.or(bench.best);
            bench.summarise(&thin);
            Self::tell(bench, &known);
        }
    }

    /// Two blocks, one the mirror of the other.
    fn mirrored(&mut self, bench: &mut Bench<'_, '_>, arms: &[usize]) -> Result<(), Stop> {
        let mut order = arms.to_vec();
        bench.random.shuffle(&mut order);
        for left in [2, 1] {
            let stage: Vec<(usize, u32)> = order.iter().map(|&arm| (arm, left)).collect();
            self.block(bench, &order, &stage, false)?;
            order.reverse();
        }
        Ok(())
    }

    /// What all complete runs say, with what slowed down whole blocks taken off.
    fn known(&self, bench: &Bench<'_, '_>) -> Known {
        let arms = &bench.records.arms;
        let latencies: Vec<(usize, u32, f64)> =
            self.rates.iter().flat_map(|(&arm, rates)| rates.keys().filter_map(move |block| Some((arm, *block, arms[arm].blocks.get(block)?.log - 1e9_f64.ln())))).collect();
        let rates: Vec<(usize, u32, f64)> = self.rates.iter().flat_map(|(&arm, rates)| rates.iter().map(move |(&block, &rate)| (arm, block, rate))).collect();
        let TwoWay { arms: latency, scatter: one, .. } = two_way::fit(&latencies);
        let TwoWay { arms: throughput, scatter: other, .. } = two_way::fit(&rates);
        let cells = latency
            .iter()
            .filter_map(|(&arm, &latency)| {
                let cell = Cell { instances: instances(&arms[arm].arm), threads: arms[arm].arm.threads.unwrap_or(0), latency, throughput: *throughput.get(&arm)?, runs: self.rates[&arm].len() };
                Some((arm, cell))
            })
            .collect();
        let deviation = one.zip(other).map(|(a, b)| (a.deviation.max(b.deviation), a.degrees));
        Known { cells, deviation }
    }

    fn tell(bench: &mut Bench<'_, '_>, known: &Known) {
        if known.cells.is_empty() {
            return;
        }
        let picks = picks(bench, known);
        let half = |runs: usize| known.deviation.map(|(deviation, degrees)| stats::t_quantile_975(degrees) * deviation / (runs as f64).sqrt());
        let points = known
            .cells
            .iter()
            .map(|(&arm, cell)| FrontPoint {
                arm,
                instances: cell.instances,
                threads: cell.threads,
                latency_ns: (cell.latency.exp() * 1e9).round() as u64,
                latency_interval_ns: half(cell.runs).map(|half| [-half, half].map(|half| ((cell.latency + half).exp() * 1e9).round() as u64)),
                throughput_per_s: cell.throughput.exp(),
                throughput_interval_per_s: half(cell.runs).map(|half| [-half, half].map(|half| (cell.throughput + half).exp())),
                runs: cell.runs as u32,
                on_front: !known.cells.keys().any(|&other| known.beats(other, arm)),
            })
            .collect();
        let limit_ns = limit(bench, known).map(|limit| (limit.exp() * 1e9).round() as u64);
        bench.out.emit(Event::Front(Front { points, latency: picks.latency, throughput: picks.throughput, within_limit: picks.within, limit_ns }));
    }
}

impl Known {
    /// Standard error of the difference of two cells.
    fn error(&self, a: &Cell, b: &Cell) -> Option<f64> {
        self.deviation.map(|(deviation, _)| deviation * (1.0 / a.runs as f64 + 1.0 / b.runs as f64).sqrt())
    }

    /// `other` is better than `arm` in both, beyond noise.
    fn beats(&self, other: usize, arm: usize) -> bool {
        let (Some(better), Some(worse)) = (self.cells.get(&other), self.cells.get(&arm)) else { return false };
        let beyond = self.error(better, worse).map_or(DOMINATED.ln(), |error| BEYOND_NOISE * error);
        other != arm && worse.latency - better.latency > beyond && better.throughput - worse.throughput > beyond
    }

    /// A cell that need not be measured again: clearly beaten in both.
    fn is_beaten(&self, arm: usize, block: u32) -> bool {
        let Some(worse) = self.cells.get(&arm) else { return true };
        let far = |better: &Cell| worse.latency - better.latency > DOMINATED.ln() && better.throughput - worse.throughput > DOMINATED.ln();
        self.cells.iter().any(|(&other, better)| far(better) || (block > 1 && self.beats(other, arm)))
    }

    /// True when the cell keeps to the limit as far as can be told.
    fn keeps(&self, cell: &Cell, limit: f64) -> bool {
        let doubt = self.deviation.map_or(0.0, |(deviation, _)| AT_LIMIT * deviation / (cell.runs as f64).sqrt());
        cell.latency <= limit - doubt.min(0.02)
    }

    /// Cells worth trying for more work within the limit, the most promising first: for a count of threads, the
    /// number of instances at which the limit is reached.
    fn promising(&self, limit: f64) -> Vec<(u32, u32)> {
        let counts: BTreeSet<u32> = self.cells.values().map(|cell| cell.threads).collect();
        let best = self.cells.values().filter(|cell| self.keeps(cell, limit)).map(|cell| cell.throughput).fold(f64::NEG_INFINITY, f64::max);
        let mut found: Vec<(f64, u32, u32)> = Vec::new();
        for threads in counts {
            let own: Vec<&Cell> = self.cells.values().filter(|cell| cell.threads == threads).collect();
            let Some(inside) = own.iter().filter(|cell| self.keeps(cell, limit)).max_by_key(|cell| cell.instances) else { continue };
            let Some(outside) = own.iter().filter(|cell| cell.instances > inside.instances).min_by_key(|cell| cell.instances) else { continue };
            if outside.instances - inside.instances < 2 {
                continue;
            }
            // Times grow slowly at first and then in proportion: between the two they lie below the straight line.
            let (low, high) = (inside.latency.exp(), outside.latency.exp().max(limit.exp() * 1.001));
            let share = ((limit.exp() - low) / (high - low)).clamp(0.0, 1.0);
            let at = f64::from(inside.instances) + share * f64::from(outside.instances - inside.instances);
            let optimistic = f64::from(outside.instances - 1).ln() - limit;
            let expected = at.ln() - limit;
            let instances = ((at + 1e-6).floor() as u32).clamp(inside.instances + 1, outside.instances - 1);
            if optimistic > best + WORTHWHILE.ln() {
                found.push((expected, instances, threads));
            }
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        let most = found.first().map_or(0.0, |first| first.0);
        found.into_iter().filter(|(expected, ..)| *expected > most - 0.2).take(FOLLOWED).map(|(_, instances, threads)| (instances, threads)).collect()
    }

    /// The cells that may be the most work within the limit and have fewer runs than the diagonal.
    fn thin(&self, limit: f64, blocks: usize) -> Vec<usize> {
        let inside: Vec<(usize, &Cell)> = self.cells.iter().filter(|(_, cell)| cell.latency <= limit + 0.02).map(|(&arm, cell)| (arm, cell)).collect();
        let best = inside.iter().filter(|(_, cell)| self.keeps(cell, limit)).map(|(_, cell)| cell.throughput).fold(f64::NEG_INFINITY, f64::max);
        let mut near: Vec<(usize, &Cell)> = inside.into_iter().filter(|(_, cell)| cell.throughput > best - 0.03).collect();
        near.sort_by(|a, b| b.1.throughput.total_cmp(&a.1.throughput));
        near.truncate(FOLLOWED + 1);
        if near.iter().any(|(_, cell)| cell.runs < blocks) { near.into_iter().map(|(arm, _)| arm).collect() } else { Vec::new() }
    }
}

/// The logarithm of the longest acceptable time in seconds.
fn limit(bench: &Bench<'_, '_>, known: &Known) -> Option<f64> {
    let given = bench.request.grid.as_ref().and_then(|grid| grid.latency_limit_s);
    given.map(f64::ln).or_else(|| known.cells.values().map(|cell| cell.latency).reduce(f64::min).map(|shortest| shortest + USUAL_LIMIT.ln()))
}

/// The three answers. Within noise of the best latency, the fewest CPUs; within noise of the most work, the shortest time.
fn picks(bench: &Bench<'_, '_>, known: &Known) -> Picks {
    let near = (1.0 + bench.request.limits.claim_above / 2.0).ln();
    let shortest = known.cells.values().map(|cell| cell.latency).reduce(f64::min);
    let latency = shortest.and_then(|shortest| {
        let close = known.cells.iter().filter(|(_, cell)| cell.latency <= shortest + near);
        close.min_by_key(|(arm, cell)| (cell.instances * cell.threads, **arm)).map(|(&arm, _)| arm)
    });
    let most_work = |cells: &mut dyn Iterator<Item = (usize, Cell)>| -> Option<usize> {
        let cells: Vec<(usize, Cell)> = cells.collect();
        let most = cells.iter().map(|(_, cell)| cell.throughput).reduce(f64::max)?;
        cells.iter().filter(|(_, cell)| cell.throughput >= most - near / 2.0).min_by(|a, b| a.1.latency.total_cmp(&b.1.latency)).map(|&(arm, _)| arm)
    };
    let throughput = most_work(&mut known.cells.iter().map(|(&arm, &cell)| (arm, cell)));
    let within = limit(bench, known).and_then(|limit| most_work(&mut known.cells.iter().filter(|(_, cell)| known.keeps(cell, limit)).map(|(&arm, &cell)| (arm, cell))));
    Picks { latency, throughput, within }
}

/// The three answers in words.
fn sentence(bench: &Bench<'_, '_>, known: &Known, picks: Picks) -> String {
    let label = |arm: usize| bench.records.arms[arm].arm.label.as_str();
    let cell = |arm: Option<usize>| arm.and_then(|arm| Some((label(arm), known.cells.get(&arm)?)));
    let mut parts = Vec::new();
    if let Some((label, cell)) = cell(picks.latency) {
        parts.push(format!("The shortest time of one piece of work, {}, is that of {label}.", seconds(cell.latency.exp())));
    }
    if let Some((label, cell)) = cell(picks.throughput) {
        parts.push(format!("The most work, {} a second, is done by {label} ({} each).", rate(cell.throughput.exp()), seconds(cell.latency.exp())));
    }
    if let Some(limit) = limit(bench, known) {
        let limit = seconds(limit.exp());
        parts.push(match cell(picks.within) {
            Some((label, cell)) => format!("The most within {limit}, {} a second, is done by {label} ({} each).", rate(cell.throughput.exp()), seconds(cell.latency.exp())),
            None => format!("Nothing keeps within {limit}."),
        });
    }
    parts.join(" ")
}

fn seconds(value: f64) -> String {
    if value < 1e-3 {
        format!("{:.0} µs", value * 1e6)
    } else if value < 1.0 {
        format!("{:.1} ms", value * 1e3)
    } else {
        format!("{value:.2} s")
    }
}

fn rate(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

fn instances(arm: &Arm) -> u32 {
    arm.instances.unwrap_or(1).max(1)
}

/// Adds the cell to the arms: like the smallest one of the same count that has at least so many instances, of
/// whose places every so-manieth is taken, so that the instances stay spread over the nodes.
fn add_cell(bench: &mut Bench<'_, '_>, wanted: u32, threads: u32) -> usize {
    let arms = &bench.records.arms;
    let pattern = (0..arms.len()).filter(|&arm| arms[arm].arm.threads == Some(threads) && instances(&arms[arm].arm) >= wanted).min_by_key(|&arm| instances(&arms[arm].arm)).unwrap_or(bench.request.current);
    let mut arm = arms[pattern].arm.clone();
    let of = instances(&arm);
    let chosen = |index: u32| (u64::from(index) * u64::from(of) / u64::from(wanted)) as usize;
    arm.cpus = (0..wanted).filter_map(|index| arm.cpus.get(chosen(index)).cloned()).collect();
    arm.memory_nodes = (0..wanted).filter_map(|index| arm.memory_nodes.get(chosen(index)).copied()).collect();
    arm.instances = Some(wanted);
    arm.label = format!("{wanted} x {threads} thread{}", if threads == 1 { "" } else { "s" });
    arm.reason = "near the limit of latency".into();
    bench.records.arms.push(ArmRecord::new(arm));
    bench.records.arms.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(instances: u32, threads: u32, latency: f64, runs: usize) -> Cell {
        Cell { instances, threads, latency: latency.ln(), throughput: (f64::from(instances) / latency).ln(), runs }
    }

    #[test]
    fn a_cell_is_on_the_front_unless_another_is_better_in_both_beyond_noise() {
        let known = Known { cells: [(0, cell(1, 4, 1.0, 4)), (1, cell(4, 1, 2.5, 4)), (2, cell(1, 1, 2.4, 4)), (3, cell(1, 2, 1.01, 4))].into(), deviation: Some((0.02, 12)) };
        let beaten: Vec<usize> = (0..4).filter(|&arm| (0..4).any(|other| known.beats(other, arm))).collect();
        assert_eq!(beaten, [2], "1 x 2 is worse than 1 x 4 only within noise");
    }

    #[test]
    fn the_bisection_asks_for_the_count_at_which_the_limit_is_reached() {
        let known = Known { cells: [(0, cell(1, 2, 1.0, 4)), (1, cell(9, 2, 3.0, 4)), (2, cell(1, 4, 0.9, 4)), (3, cell(4, 4, 1.2, 4))].into(), deviation: Some((0.001, 12)) };
        assert_eq!(known.promising(2.0_f64.ln()), [(5, 2)], "half-way between 1 and 9");
        assert_eq!(known.promising(0.5_f64.ln()), [], "nothing keeps to it");
        assert_eq!(known.promising(5.0_f64.ln()), [], "everything does");
    }
}
