//! The anchored paired race: every block measures every survivor once, so that what slows a whole block cancels.

use threadgauge_protocol::Phase;

use crate::bench::{Bench, Cap, Score, Stop};
use crate::records::InBlock;
use crate::stats;

/// An arm slower than the leader by this factor, in every block so far, leaves after the first or second.
pub(crate) const GAP: f64 = 1.25;
/// A single run that is slower by this factor than the counts on both sides let expect may be an accident.
const OUT_OF_LINE: f64 = 1.15;
/// Differences below this are never a reason to drop an arm.
const SMALLEST: f64 = 0.005;
/// An arm leaves when keeping it would save less than this on average, as a fraction of the time.
const DROP_LOSS: f64 = 0.002;
/// The race ends when another block would save less than this on average.
const STOP_LOSS: f64 = 0.004;
/// Blocks before the interval of a single pair of arms means anything.
const MIN_BLOCKS: u32 = 3;

/// Races `arms`; notes the leader in `bench.best` and drops the slower ones.
pub(crate) fn race(bench: &mut Bench<'_, '_>, arms: &[usize], phase: Phase) -> Result<(), Stop> {
    let since = bench.next_block;
    // A refinement races what won so far, the first, against newcomers.
    let incumbent = arms.first().copied().filter(|_| phase == Phase::Refine);
    let mut alive = arms.to_vec();
    let mut order = alive.clone();
    let most = bench.request.limits.max_blocks;
    let exhaustive = bench.request.limits.exhaustive && phase == Phase::Race;
    for block in 1..=most {
        bench.random.take_turns(block, &alive, &mut order);
        let number = bench.next_block;
        bench.next_block += 1;
        let stage: Vec<(usize, u32)> = alive.iter().map(|&arm| (arm, MIN_BLOCKS.min(most).saturating_sub(block - 1).max(1))).collect();
        bench.set_ahead(&stage, true);
        for &arm in &order {
            let mut ran = run_in_block(bench, arm, phase, number);
            if matches!(ran, Err(Stop::Budget)) && phase == Phase::Race && bench.needs_no_confirmation() {
                ran = run_in_block(bench, arm, phase, number);
            }
            ran?;
        }
        alive.retain(|&arm| !bench.records.arms[arm].dropped);
        let Some(leader) = bench.records.leader(&alive, since) else { break };
        bench.best = Some(leader);
        if !exhaustive {
            drop_slower(bench, &mut alive, leader, incumbent, since, block);
        }
        bench.summarise(arms);
        if alive.len() < 2 || (!exhaustive && all_within(bench, &alive, leader, since)) {
            break;
        }
    }
    Ok(())
}

/// Runs `arm` once in a block, a second time when it failed, and notes its score. An arm that keeps failing leaves.
pub(crate) fn run_in_block(bench: &mut Bench<'_, '_>, arm: usize, phase: Phase, block: u32) -> Result<(), Stop> {
    for attempt in 0..2 {
        let cap = if bench.request.limits.exhaustive && phase == Phase::Race { Cap::None } else { Cap::Race };
        match bench.measure(arm, phase, block, cap)? {
            score @ (Score::Counted(ns) | Score::Capped(ns)) => {
                let capped = matches!(score, Score::Capped(_));
                bench.records.arms[arm].blocks.insert(block, InBlock { log: ns.ln(), capped });
                return Ok(());
            }
            Score::Failed if attempt == 0 && bench.records.arms[arm].failures < 2 => {}
            Score::Failed | Score::TimedOut => bench.records.arms[arm].dropped = true,
        }
        if bench.records.arms[arm].dropped {
            break;
        }
    }
    Ok(())
}

fn drop_slower(bench: &mut Bench<'_, '_>, alive: &mut Vec<usize>, leader: usize, incumbent: Option<usize>, since: u32, block: u32) {
    let gap = |bench: &Bench<'_, '_>, arm: usize| stats::mean(&bench.records.paired(arm, leader, since)).unwrap_or(0.0);
    let before = alive.clone();
    let claim = bench.request.limits.claim_above;
    let scatter = bench.records.scatter(0);
    alive.retain(|&arm| {
        if arm == leader {
            return true;
        }
        let differences = bench.records.paired(arm, leader, since);
        let mean = stats::mean(&differences).unwrap_or(0.0);
        // Blocks that contradict each other (the machine changed its speed within one) are no gap.
        let agree = differences.iter().all(|&difference| difference > 0.0);
        let far = mean > GAP.ln() && agree && (block > 1 || !looks_accidental(bench, &before, arm, leader, since));
        let slower = block >= MIN_BLOCKS && stats::t_interval(&differences).is_some_and(|interval| interval.n >= MIN_BLOCKS as usize && interval.low > 0.0 && interval.mean > SMALLEST);
        // One run may be an accident, and what won the race has more to show than one.
        let enough = differences.len() >= 2 || (differences.len() == 1 && Some(arm) != incumbent);
        let shared = enough && agree && scatter.is_some_and(|scatter| mean > claim / 2.0 && scatter.expected_loss(mean, differences.len()) < DROP_LOSS);
        !(far || slower || shared)
    });
    // The last rival stays until the answer rests on enough repetitions.
    if alive.len() == 1 && leader == bench.request.current && block < MIN_BLOCKS {
        let capped = |arm: usize| bench.records.arms[arm].scores.is_empty();
        let distance = |arm: usize| counts_apart(bench, arm, leader);
        // Gaps of stopped runs are bounds that say nothing about their order; the nearest count is likely the next.
        let nearer = |&a: &usize, &b: &usize| capped(a).cmp(&capped(b)).then(if capped(a) { distance(a).total_cmp(&distance(b)) } else { gap(bench, a).total_cmp(&gap(bench, b)) });
        alive.extend(before.iter().copied().filter(|&arm| arm != leader).min_by(nearer));
    }
    for arm in before {
        if !alive.contains(&arm) {
            bench.records.arms[arm].dropped = true;
        }
    }
}

/// How far two arms are apart in threads, as the size of a logarithm; infinite when one has no count.
fn counts_apart(bench: &Bench<'_, '_>, one: usize, other: usize) -> f64 {
    let count = |arm: usize| bench.records.arms[arm].arm.threads.map(f64::from);
    count(one).zip(count(other)).map_or(f64::INFINITY, |(one, other)| (one / other).ln().abs())
}

/// After one block a single slow run may be an accident: it is, to all appearance, when the counts next to
/// it are fine, or when it is slower than both let expect. Such an arm gets a second look.
fn looks_accidental(bench: &Bench<'_, '_>, alive: &[usize], arm: usize, leader: usize, since: u32) -> bool {
    let Some(threads) = bench.records.arms[arm].arm.threads else { return true };
    let counts = |other: &usize| bench.records.arms[*other].arm.threads.map(|count| (count, *other));
    let below = alive.iter().filter_map(counts).filter(|&(count, _)| count < threads).max();
    let above = alive.iter().filter_map(counts).filter(|&(count, _)| count > threads).min();
    let gap = |other: usize| if other == leader { Some(0.0) } else { stats::mean(&bench.records.paired(other, leader, since)) };
    let gaps: Vec<f64> = [below, above].into_iter().flatten().filter_map(|(_, other)| gap(other)).collect();
    let between = stats::mean(&gaps).filter(|_| gaps.len() == 2).zip(gap(arm));
    gaps.iter().all(|&gap| gap <= GAP.ln()) || between.is_some_and(|(expected, own)| own > expected + OUT_OF_LINE.ln())
}

/// Every survivor is within the claim threshold of the leader, or so close that nothing is gained by knowing better.
fn all_within(bench: &Bench<'_, '_>, alive: &[usize], leader: usize, since: u32) -> bool {
    let scatter = bench.records.scatter(0);
    alive.iter().filter(|&&arm| arm != leader).all(|&arm| {
        let differences = bench.records.paired(arm, leader, since);
        let loss = scatter.zip(stats::mean(&differences)).map(|(scatter, mean)| scatter.expected_loss(mean, differences.len()));
        loss.is_some_and(|loss| loss <= STOP_LOSS)
            || (differences.len() >= MIN_BLOCKS as usize && stats::t_interval(&differences).is_some_and(|interval| interval.high <= bench.request.limits.claim_above))
    })
}

/// The choice of the race: the fewest threads among the survivors within half the threshold of the leader.
pub(crate) fn winner(bench: &Bench<'_, '_>) -> Option<usize> {
    let leader = bench.best?;
    let current = bench.request.current;
    let near = |arm: usize| bench.records.log_ratio(arm, leader).is_some_and(|ratio| ratio <= bench.request.limits.claim_above / 2.0);
    (0..bench.records.arms.len())
        .filter(|&arm| arm == leader || (!bench.records.arms[arm].dropped && near(arm)))
        .min_by_key(|&arm| (bench.records.arms[arm].arm.threads.unwrap_or(u32::MAX), arm != current, arm != leader, arm))
}

