//! What is known of every arm: scores, paired blocks, and what happened beside them.

use std::collections::BTreeMap;

use threadgauge_protocol::{Arm, ArmSummary};

use crate::observe::Collected;
use crate::stats;
use crate::two_way::{self, TwoWay};

/// The score of an arm in one block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InBlock {
    /// Logarithm of the nanoseconds.
    pub log: f64,
    /// It was stopped at the cap: the true value is larger.
    pub capped: bool,
}

/// A capped run is evidence only when it is slower than the other by this much even at the cap.
const EVIDENT: f64 = 1.25;

/// A residual is far when it is so many usual ones.
const FAR: f64 = 3.0;
/// Standard deviation over median absolute deviation of a normal distribution.
const NORMAL_MAD: f64 = 1.4826;
/// Times that far residuals are pulled in.
const CLIPPINGS: usize = 3;

/// Everything measured of one arm.
#[derive(Debug, Clone)]
pub struct ArmRecord {
    /// The setting.
    pub arm: Arm,
    /// Counted scores in the order measured, nanoseconds, with the number of the trial.
    pub scores: Vec<(u32, f64)>,
    /// What it scored in each block of race and refinement.
    pub blocks: BTreeMap<u32, InBlock>,
    /// CPU over wall of the region, per counted trial.
    pub busy: Vec<f64>,
    /// Run-queue delay over wall, per counted trial.
    pub waiting: Vec<f64>,
    /// Share of wall time throttled, per counted trial.
    pub throttled: Vec<f64>,
    /// Pieces of work per second of all instances, per counted trial; only when the arm is about instances.
    pub throughputs: Vec<f64>,
    /// Share of the time in which all instances worked, per counted trial.
    pub together: Vec<f64>,
    /// The first execution of the selected code, per counted trial.
    pub cold: Vec<f64>,
    /// The 95th percentile of its executions, per counted trial.
    pub p95: Vec<f64>,
    /// Its executions behind all scores.
    pub calls: u64,
    /// How much longer its last executions took than those in the middle, as a fraction, per counted trial.
    pub trends: Vec<f64>,
    /// Hashes of stdout, per counted trial.
    pub outputs: Vec<u64>,
    /// What the library reported last.
    pub observed: Option<u32>,
    /// Most threads alive.
    pub peak_threads: u32,
    /// Runs that failed or timed out.
    pub failures: u32,
    /// True when a run was stopped at the cap: the true time is longer than noted.
    pub capped: bool,
    /// The race dropped it.
    pub dropped: bool,
    /// Real seconds of a trial, for the estimate of what is left.
    pub cost_s: Vec<f64>,
    /// What was seen of its processes.
    pub watched: Collected,
}

impl ArmRecord {
    /// Nothing is known yet.
    pub fn new(arm: Arm) -> Self {
        Self {
            arm,
            scores: Vec::new(),
            blocks: BTreeMap::new(),
            busy: Vec::new(),
            waiting: Vec::new(),
            throttled: Vec::new(),
            throughputs: Vec::new(),
            together: Vec::new(),
            cold: Vec::new(),
            p95: Vec::new(),
            calls: 0,
            trends: Vec::new(),
            outputs: Vec::new(),
            observed: None,
            peak_threads: 0,
            failures: 0,
            capped: false,
            dropped: false,
            cost_s: Vec::new(),
            watched: Collected::default(),
        }
    }

    /// The scores alone.
    pub fn values(&self) -> Vec<f64> {
        self.scores.iter().map(|&(_, score)| score).collect()
    }
}

/// The noise of single scores, as a standard deviation of their logarithm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scatter {
    /// The standard deviation.
    pub deviation: f64,
    /// What it rests on.
    pub degrees: usize,
}

impl Scatter {
    /// What is lost on average by taking the leader although an arm that was slower by `mean` over `pairs`
    /// paired differences may in truth be faster.
    pub fn expected_loss(&self, mean: f64, pairs: usize) -> f64 {
        let deviation = self.deviation * (2.0 / pairs.max(1) as f64).sqrt();
        if deviation <= 0.0 {
            return 0.0;
        }
        let z = mean / deviation;
        let density = (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt();
        deviation * (density - z * stats::normal_above(z))
    }
}

/// Everything measured.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// By index of the arm.
    pub arms: Vec<ArmRecord>,
}

impl Records {
    /// Paired differences of the logarithms, `a` minus `b`, over the blocks both ran in from `since` on.
    /// Two capped runs say nothing about each other, and a capped one says something about a complete one
    /// only when it is evidently slower: the machine may have slowed down since the cap was set.
    pub fn paired(&self, a: usize, b: usize, since: u32) -> Vec<f64> {
        let other = &self.arms[b].blocks;
        let difference = |(block, mine): (&u32, &InBlock)| {
            let reference = other.get(block)?;
            let difference = mine.log - reference.log;
            let evident = match (mine.capped, reference.capped) {
                (false, false) => true,
                (true, false) => difference >= EVIDENT.ln(),
                (false, true) => difference <= -EVIDENT.ln(),
                (true, true) => false,
            };
            evident.then_some(difference)
        };
        self.arms[a].blocks.range(since..).filter_map(difference).collect()
    }

    /// Logarithm of time of `arm` over time of `reference`: from common blocks, else by way of the arm
    /// that shares the most blocks with both.
    pub fn log_ratio(&self, arm: usize, reference: usize) -> Option<f64> {
        if arm == reference {
            return Some(0.0);
        }
        if let Some(direct) = stats::mean(&self.paired(arm, reference, 0)) {
            return Some(direct);
        }
        let shared = |pivot: usize| self.paired(arm, pivot, 0).len().min(self.paired(pivot, reference, 0).len());
        let pivot = (0..self.arms.len()).max_by_key(|&pivot| (shared(pivot), std::cmp::Reverse(pivot)))?;
        Some(stats::mean(&self.paired(arm, pivot, 0))? + stats::mean(&self.paired(pivot, reference, 0))?)
    }

    /// The arm with the smallest time among `candidates`, by block means from `since` on.
    pub fn leader(&self, candidates: &[usize], since: u32) -> Option<usize> {
        // Everyone against everyone on their common blocks: an arm that missed a noisy block gains nothing by it.
        let advantage = |arm: usize| {
            candidates.iter().filter(|&&other| other != arm).filter_map(|&other| stats::mean(&self.paired(arm, other, since))).sum::<f64>()
        };
        candidates
            .iter()
            .copied()
            .filter(|&arm| self.arms[arm].blocks.range(since..).next().is_some())
            .min_by(|&a, &b| advantage(a).total_cmp(&advantage(b)).then(a.cmp(&b)))
    }

    /// How far a single score is off once its arm and its block are known, from all scores since `since`:
    /// arms share their evidence, so that two blocks of many arms tell what five of two would. `None`
    /// below four degrees of freedom.
    pub fn scatter(&self, since: u32) -> Option<Scatter> {
        two_way::fit(&self.scores_since(since)).scatter
    }

    /// The same without the few runs that were far slower than all others let expect.
    pub fn usual_scatter(&self, since: u32) -> Option<Scatter> {
        let mut scores = self.scores_since(since);
        for _ in 0..CLIPPINGS {
            let TwoWay { residuals, scatter, .. } = two_way::fit(&scores);
            scatter?;
            let most = FAR * NORMAL_MAD * stats::median(&residuals.iter().map(|residual| residual.abs()).collect::<Vec<_>>())?;
            for (score, residual) in scores.iter_mut().zip(&residuals).filter(|(_, residual)| residual.abs() > most) {
                score.2 -= residual - residual.signum() * most;
            }
        }
        two_way::fit(&scores).scatter
    }

    /// Arm, block and logarithm of all complete scores.
    fn scores_since(&self, since: u32) -> Vec<(usize, u32, f64)> {
        (self.arms.iter().enumerate())
            .flat_map(|(arm, record)| record.blocks.range(since..).filter(|(_, score)| !score.capped).map(move |(&block, score)| (arm, block, score.log)))
            .collect()
    }

    /// The event that says what is known of `arm`; `None` before its first run.
    pub fn summary(&self, arm: usize, best: Option<usize>) -> Option<ArmSummary> {
        let record = &self.arms[arm];
        let scores = record.values();
        if scores.is_empty() && record.failures == 0 && !record.capped {
            return None;
        }
        let rounded = |value: Option<f64>| value.map_or(0, |value| value.round() as u64);
        Some(ArmSummary {
            arm,
            runs: scores.len() as u32,
            median_ns: rounded(stats::median(&scores)),
            mean_ns: rounded(stats::mean(&scores)),
            mad_ns: rounded(stats::median_absolute_deviation(&scores)),
            min_ns: rounded(scores.iter().copied().reduce(f64::min)),
            max_ns: rounded(scores.iter().copied().reduce(f64::max)),
            scores_ns: scores.iter().map(|score| score.round() as u64).collect(),
            busy_cores: stats::mean(&record.busy),
            waiting_threads: stats::mean(&record.waiting),
            peak_threads: record.peak_threads,
            ratio_to_best: best.and_then(|best| self.log_ratio(arm, best)).map(f64::exp),
            ratio_is_lower_bound: best != Some(arm) && record.blocks.values().any(|score| score.capped),
            dropped: record.dropped,
            failures: record.failures,
            throughput_per_s: stats::median(&record.throughputs),
            median_interval_ns: stats::median_interval(&scores).map(|interval| interval.map(|value| value.round() as u64)),
            cold_median_ns: stats::median(&record.cold).map(|value| value.round() as u64),
            p95_median_ns: stats::median(&record.p95).map(|value| value.round() as u64),
            calls: (record.calls > 0).then_some(record.calls),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(blocks: &[&[(u32, f64)]]) -> Records {
        let arm = |label: &str| Arm { label: label.into(), threads: None, env: BTreeMap::new(), torch_num_threads: None, pin_env: false, reason: String::new(), ..Default::default() };
        Records {
            arms: blocks
                .iter()
                .enumerate()
                .map(|(index, logs)| {
                    let mut record = ArmRecord::new(arm(&index.to_string()));
                    record.blocks.extend(logs.iter().map(|&(block, log)| (block, InBlock { log, capped: false })));
                    record
                })
                .collect(),
        }
    }

    #[test]
    fn pairs_only_common_blocks() {
        let known = records(&[&[(0, 1.0), (1, 2.0), (3, 5.0)], &[(1, 1.5), (2, 9.0), (3, 4.0)]]);
        assert_eq!(known.paired(0, 1, 0), vec![0.5, 1.0]);
        assert_eq!(known.paired(0, 1, 2), vec![1.0]);
    }

    #[test]
    fn capped_runs_are_evidence_only_where_they_are_evidently_slower() {
        let mut known = records(&[&[(0, 1.0), (1, 1.0), (2, 1.0)], &[(0, 1.4), (1, 0.9), (2, 1.4)]]);
        for capped in known.arms[1].blocks.values_mut() {
            capped.capped = true;
        }
        assert_eq!(known.paired(1, 0, 0).len(), 2, "block 1 was slow for everyone");
        known.arms[0].blocks.get_mut(&2).expect("there").capped = true;
        assert_eq!(known.paired(1, 0, 0).len(), 1, "both were capped");
        assert_eq!(known.paired(0, 1, 0).len(), 1);
    }

    #[test]
    fn ratio_goes_by_way_of_a_common_arm() {
        let known = records(&[&[(0, 3.0)], &[(0, 2.0), (1, 2.5)], &[(1, 2.0)]]);
        assert_eq!(known.log_ratio(0, 2), Some(1.5));
        assert_eq!(records(&[&[(0, 1.0)], &[(1, 1.0)]]).log_ratio(0, 1), None);
    }

    #[test]
    fn a_missed_noisy_block_is_no_advantage() {
        // Arm 1 is slower by 0.1 wherever both ran, but missed the block in which everything was slow.
        let known = records(&[&[(0, 0.0), (1, 1.0)], &[(0, 0.1)]]);
        assert_eq!(known.leader(&[0, 1], 0), Some(0));
    }
}
