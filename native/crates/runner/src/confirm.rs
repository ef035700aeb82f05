//! The confirmation: fresh mirrored blocks of two arms, so that the winner's luck in the race does not count.

use threadgauge_protocol::Phase;

use crate::bench::{Bench, Cap, Score, Stop};
use crate::records::InBlock;

/// Blocks below which nothing is said.
pub(crate) const FEWEST_BLOCKS: u32 = 3;
/// Blocks that may fail before the comparison is given up.
const FAILURES: u32 = 2;

/// A comparison of two arms in ABBA blocks.
#[derive(Debug)]
pub(crate) struct Confirmation {
    current: usize,
    rival: usize,
    /// Logarithm of current over rival, one per block.
    pub differences: Vec<f64>,
}

impl Confirmation {
    /// Nothing is measured yet.
    pub fn new(current: usize, rival: usize) -> Self {
        Self { current, rival, differences: Vec::new() }
    }

    /// Runs the blocks. How many is decided before the first, never by what they show: else the interval
    /// would not hold.
    pub fn run(&mut self, bench: &mut Bench<'_, '_>) -> Result<(), Stop> {
        let wanted = bench.request.limits.confirm_blocks;
        let block_s = 2.0 * (bench.cost_s(self.current) + bench.cost_s(self.rival));
        let affordable = ((bench.deadline_s - bench.spent_s()) / block_s.max(1e-9)).floor().clamp(0.0, 1e6) as u32;
        let blocks = wanted.min(affordable.max(FEWEST_BLOCKS));
        let mut failures = 0;
        for block in 0..blocks {
            let left = 2 * (blocks - block);
            bench.set_ahead(&[(self.current, left), (self.rival, left)], false);
            let (outer, inner) = if bench.random.coin() { (self.current, self.rival) } else { (self.rival, self.current) };
            let (mut current, mut rival) = (Vec::new(), Vec::new());
            for arm in [outer, inner, inner, outer] {
                match bench.measure(arm, Phase::Confirm, block, Cap::None)? {
                    Score::Counted(ns) if arm == self.current => current.push(ns.ln()),
                    Score::Counted(ns) => rival.push(ns.ln()),
                    _ => break,
                }
            }
            if let ([a, b], [c, d]) = (current.as_slice(), rival.as_slice()) {
                let (current, rival) = (f64::midpoint(*a, *b), f64::midpoint(*c, *d));
                self.differences.push(current - rival);
                // The ratios shown for the arms rest on these blocks too.
                bench.records.arms[self.current].blocks.insert(bench.next_block, InBlock { log: current, capped: false });
                bench.records.arms[self.rival].blocks.insert(bench.next_block, InBlock { log: rival, capped: false });
                bench.next_block += 1;
            } else {
                failures += 1;
                if failures > FAILURES {
                    return Ok(());
                }
            }
            bench.summarise(&[self.current, self.rival]);
        }
        if blocks < wanted {
            bench.missing_trials += 4 * (wanted - blocks);
            return Err(Stop::Budget);
        }
        Ok(())
    }
}
