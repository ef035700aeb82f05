//! The confirmation: fresh mirrored blocks of two arms, so that the winner's luck in the race does not count.

use threadgauge_protocol::Phase;

use crate::bench::{Bench, Cap, Score, Stop};
use crate::records::InBlock;
use crate::stats::{self, Interval};

/// Blocks below which nothing is said.
pub(crate) const FEWEST_BLOCKS: u32 = 3;
/// Blocks that may fail before the comparison is given up.
const FAILURES: u32 = 2;
/// Standard errors between the true gain and the threshold with which a gain is shown in 95 of 100 runs.
const CERTAINTY: f64 = 1.96 + 1.645;
/// The winner of a race was lucky, too: this share of its lead is planned with.
const TRUST: f64 = 0.7;

/// Deviation of single runs above which a machine is not quiet.
const SCATTERED: f64 = 0.01;

/// A comparison of two arms in ABBA blocks.
#[derive(Debug)]
pub(crate) struct Confirmation {
    current: usize,
    rival: usize,
    blocks: u32,
    phase: Phase,
    may_give_up: bool,
    of_work: bool,
    /// Logarithm of current over rival, one per pair of neighbouring runs, two per block.
    pub pairs: Vec<f64>,
}

impl Confirmation {
    /// Nothing is measured yet; `blocks` of it are wanted.
    pub fn new(current: usize, rival: usize, blocks: u32) -> Self {
        Self { current, rival, blocks, phase: Phase::Confirm, may_give_up: false, of_work: false, pairs: Vec::new() }
    }

    /// A comparison within another phase, which is given up once it is not likely to show a gain any more.
    /// (Giving up early never invents one.)
    pub fn hopefully(mut self, phase: Phase) -> Self {
        (self.phase, self.may_give_up) = (phase, true);
        self
    }

    /// Compares the work per second of all instances instead of the time of one piece.
    pub fn of_work(mut self) -> Self {
        self.of_work = true;
        self
    }

    /// What the pairs show.
    pub fn interval(&self) -> Option<Interval> {
        stats::signed_rank_interval(&self.pairs).or_else(|| stats::t_interval(&self.pairs))
    }

    /// Runs the blocks. How many follows from the plan and from the time both arms take together, never from
    /// what they show: else the interval would not hold.
    pub fn run(&mut self, bench: &mut Bench<'_, '_>) -> Result<(), Stop> {
        let mut failures = 0;
        for block in 0..self.blocks {
            let block_s = 2.0 * (bench.cost_s(self.current) + bench.cost_s(self.rival));
            if block >= FEWEST_BLOCKS && bench.spent_s() + block_s > bench.deadline_s {
                bench.missing_trials += 4 * (self.blocks - block);
                return Err(Stop::Budget);
            }
            let left = 2 * (self.blocks - block);
            bench.set_ahead(&[(self.current, left), (self.rival, left)], self.phase != Phase::Confirm);
            let (outer, inner) = if bench.random.coin() { (self.current, self.rival) } else { (self.rival, self.current) };
            let (mut current, mut rival) = (Vec::new(), Vec::new());
            for arm in [outer, inner, inner, outer] {
                match bench.measure(arm, self.phase, block, Cap::None)? {
                    Score::Counted(ns) => {
                        let work = bench.records.arms[arm].throughputs.last().filter(|_| self.of_work);
                        let log = work.map_or(ns.ln(), |rate| -rate.ln());
                        if arm == self.current { current.push(log) } else { rival.push(log) }
                    }
                    _ => break,
                }
            }
            if let ([a, b], [c, d]) = (current.as_slice(), rival.as_slice()) {
                // A B | B A: the first of both are neighbours, and so are the second.
                self.pairs.extend([a - c, b - d]);
                // The ratios shown for the arms rest on these blocks too.
                if !self.of_work {
                    for (arm, log) in [(self.current, f64::midpoint(*a, *b)), (self.rival, f64::midpoint(*c, *d))] {
                        bench.records.arms[arm].blocks.insert(bench.next_block, InBlock { log, capped: false });
                    }
                }
                bench.next_block += 1;
            } else {
                failures += 1;
                if failures > FAILURES {
                    return Ok(());
                }
            }
            bench.summarise(&[self.current, self.rival]);
            let middle = stats::median(&self.pairs).unwrap_or(0.0);
            if self.may_give_up && self.pairs.len() >= 4 && middle < (1.0 + bench.request.limits.claim_above).ln() {
                self.pairs.clear();
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Blocks with which the race lets expect a clear answer, between five eighths of what the request names and twice as many:
/// a large gain needs few, one near the threshold many.
pub(crate) fn blocks_needed(bench: &Bench<'_, '_>, current: usize, rival: usize) -> u32 {
    blocks_for(bench, bench.records.log_ratio(current, rival), bench.records.scatter(0).map(|scatter| scatter.deviation))
}

/// The same for a lead and a deviation of single runs, both of logarithms.
pub(crate) fn blocks_for(bench: &Bench<'_, '_>, lead: Option<f64>, deviation: Option<f64>) -> u32 {
    let limits = &bench.request.limits;
    let most = most_blocks(limits.confirm_blocks);
    deviation.zip(lead).map_or(limits.confirm_blocks, |(deviation, lead)| {
        let beyond = TRUST * lead - (1.0 + limits.claim_above).ln();
        let pairs = if beyond > 0.0 { 2.0 * (CERTAINTY * deviation / beyond).powi(2) } else { f64::INFINITY };
        // Where single runs scatter there are bursts of other load, too, which no estimate of the scatter foresees.
        let least = if deviation > SCATTERED { (limits.confirm_blocks * 5).div_ceil(4) } else { (limits.confirm_blocks * 5).div_ceil(8) };
        let fewest = least.max(FEWEST_BLOCKS).min(most);
        ((pairs / 2.0).ceil().min(1e6) as u32).clamp(fewest, most)
    })
}

/// The most blocks a confirmation may take.
pub(crate) fn most_blocks(confirm_blocks: u32) -> u32 {
    confirm_blocks.saturating_mul(2)
}
