//! Further settings (wait policy, binding, allocator …) in a second, small race round the winner only; what
//! helps is combined.
//!
//! Many factors are many chances to be lucky. So a setting joins the answer only when fresh mirrored blocks,
//! in which it meets the answer so far, show a gain beyond the threshold; and what comes of it is confirmed
//! against the setting in force on fresh blocks once more, like any other answer.

use std::collections::{BTreeMap, BTreeSet};

use threadgauge_protocol::{Arm, BenchRequest, Phase, Variation};

use crate::bench::{Bench, Stop};
use crate::confirm::{Confirmation, FEWEST_BLOCKS};
use crate::race::run_in_block;
use crate::records::ArmRecord;
use crate::stats::{self, Interval};

/// Blocks of the race round the winner at most.
const MOST_BLOCKS: u32 = 4;
/// Blocks before a machine of unknown noise may rule a setting out.
const BLIND_BLOCKS: u32 = 3;
/// A setting leaves when what it may still promise beyond the threshold is less than this on average.
const HOPE: f64 = 0.004;
/// Two runs that differ by this factor contradict each other.
const GAP: f64 = 1.25;
/// Deviation of single runs above which a machine is not quiet.
const SCATTERED: f64 = 0.01;
/// Mirrored blocks in which a promising setting meets the answer so far, at most.
const MOST_TEST_BLOCKS: u32 = 10;
/// The fewest on a machine that is not quiet, where one pair in ten is an accident.
const SCATTERED_TEST_BLOCKS: u32 = 8;
/// Standard errors between the expected gain and the threshold with which a test is planned.
const CERTAINTY: f64 = 1.96 + 1.28;
/// A promising setting was lucky, too: this share of its lead is planned with.
const TRUST: f64 = 0.7;

/// True when the probe is what puts the setting into force.
pub(crate) fn needs_probe(variation: &Variation) -> bool {
    variation.torch_num_interop_threads.is_some() || variation.flush_denormal.is_some()
}

/// Trials this may take at the most.
pub(crate) fn most_trials(request: &BenchRequest) -> u32 {
    if request.variations.is_empty() {
        return 0;
    }
    let factors: BTreeSet<&str> = request.variations.iter().map(|variation| variation.factor.as_str()).collect();
    (1 + request.variations.len() as u32).saturating_mul(MOST_BLOCKS).saturating_add((factors.len() as u32).saturating_mul(4 * MOST_TEST_BLOCKS))
}

/// One setting on top of the winner.
#[derive(Debug, Clone, Copy)]
struct Trial {
    /// Index in the request.
    variation: usize,
    /// Index of the arm.
    arm: usize,
}

/// The race round the winner.
#[derive(Debug)]
pub(crate) struct Further {
    /// The winner of the race over counts.
    winner: usize,
    /// The winner with everything that helped.
    pub best: usize,
    trials: Vec<Trial>,
    /// Settings that helped, and what their own test showed.
    helped: Vec<(usize, Interval)>,
    complete: bool,
}

impl Further {
    /// Adds an arm for every setting that may act on top of `winner`.
    pub fn new(bench: &mut Bench<'_, '_>, winner: usize) -> Self {
        let mut trials = Vec::new();
        for (index, variation) in bench.request.variations.iter().enumerate() {
            let base = &bench.records.arms[winner].arm;
            if !may_act(bench, base, variation) {
                continue;
            }
            let arm = combined(base, variation);
            trials.push(Trial { variation: index, arm: bench.records.arms.len() });
            bench.records.arms.push(ArmRecord::new(arm));
        }
        Self { winner, best: winner, trials, helped: Vec::new(), complete: false }
    }

    /// True when something on top of the winner was shown to help.
    pub fn helped(&self) -> bool {
        !self.helped.is_empty()
    }

    /// Races the settings, then tests the promising one of every factor, the most promising first.
    pub fn run(&mut self, bench: &mut Bench<'_, '_>) -> Result<(), Stop> {
        if self.trials.is_empty() {
            return Ok(());
        }
        bench.announce();
        bench.summarise_all();
        let since = bench.next_block;
        let ended = self.screen(bench, since).and_then(|()| self.combine(bench, since));
        // What did not make it into the answer is out of the run: nothing waits for more of it.
        let kept = self.best;
        for record in bench.records.arms.iter_mut().enumerate().filter(|(arm, _)| *arm != kept && self.is_ours(*arm)).map(|(_, record)| record) {
            record.dropped = true;
        }
        bench.best = Some(self.best);
        let arms: Vec<usize> = (0..bench.records.arms.len()).filter(|&arm| arm == self.winner || self.is_ours(arm)).collect();
        bench.summarise(&arms);
        self.complete = ended.is_ok();
        ended
    }

    /// One or two sentences about what came of it; `None` when there is nothing to say.
    pub fn sentence(&self, bench: &Bench<'_, '_>) -> Option<String> {
        let settings = &bench.request.variations;
        if !self.helped.is_empty() {
            let told = self.helped.iter().map(|(variation, interval)| {
                format!("{} makes it {:.2} times faster (95 % confidence interval {:.2} to {:.2})", settings[*variation].label, interval.mean.exp(), interval.low.exp(), interval.high.exp())
            });
            return Some(format!("Beside the number of threads, {}.", told.collect::<Vec<_>>().join(", and ")));
        }
        let percent = (bench.request.limits.claim_above * 1000.0).round() / 10.0;
        match self.trials.len() {
            0 => None,
            _ if !self.complete => None,
            1 => Some(format!("{} beside it did not make it faster by more than {percent} %.", settings[self.trials[0].variation].label)),
            n => Some(format!("None of {n} further settings beside it made it faster by more than {percent} %.")),
        }
    }

    fn is_ours(&self, arm: usize) -> bool {
        self.trials.first().is_some_and(|first| arm >= first.arm)
    }

    /// Every block runs the winner and every setting that may still gain something.
    fn screen(&self, bench: &mut Bench<'_, '_>, since: u32) -> Result<(), Stop> {
        let mut alive: Vec<usize> = self.trials.iter().map(|trial| trial.arm).collect();
        let mut order = Vec::new();
        bench.best = Some(self.winner);
        for block in 1..=MOST_BLOCKS {
            let racing: Vec<usize> = alive.iter().copied().chain([self.winner]).collect();
            bench.random.take_turns(block, &racing, &mut order);
            let number = bench.next_block;
            bench.next_block += 1;
            let left = MOST_BLOCKS - block + 1;
            let stage: Vec<(usize, u32)> = racing.iter().map(|&arm| (arm, left.min(2))).collect();
            bench.set_ahead(&stage, true);
            for &arm in &order {
                run_in_block(bench, arm, Phase::Vary, number)?;
            }
            alive.retain(|&arm| !bench.records.arms[arm].dropped && may_gain(bench, self.winner, arm, since, block));
            for trial in &self.trials {
                bench.records.arms[trial.arm].dropped = !alive.contains(&trial.arm);
            }
            bench.summarise(&order);
            if alive.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Tests the best setting of every factor on top of what has helped so far.
    fn combine(&mut self, bench: &mut Bench<'_, '_>, since: u32) -> Result<(), Stop> {
        let claim = bench.request.limits.claim_above;
        let mut by_factor: BTreeMap<&str, (f64, Trial)> = BTreeMap::new();
        for &trial in self.trials.iter().filter(|trial| !bench.records.arms[trial.arm].dropped) {
            let Some(gain) = gain_of(&bench.records.paired(self.winner, trial.arm, since)).filter(|&gain| gain > (1.0 + claim).ln()) else { continue };
            let best = by_factor.entry(bench.request.variations[trial.variation].factor.as_str()).or_insert((gain, trial));
            if gain > best.0 {
                *best = (gain, trial);
            }
        }
        let mut promising: Vec<(f64, Trial)> = by_factor.into_values().collect();
        promising.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.arm.cmp(&b.1.arm)));
        for (gain, trial) in promising {
            let base = self.best;
            let rival = if base == self.winner {
                trial.arm
            } else {
                let arm = combined(&bench.records.arms[base].arm, &bench.request.variations[trial.variation]);
                bench.records.arms.push(ArmRecord::new(arm));
                bench.announce();
                bench.summarise_all();
                bench.records.arms.len() - 1
            };
            let mut test = Confirmation::new(base, rival, test_blocks(bench, gain)).hopefully(Phase::Vary);
            test.run(bench)?;
            // The answer as a whole must still pass the sterner confirmation.
            if let Some(interval) = test.interval().filter(|interval| interval.low > (1.0 + claim).ln()) {
                self.helped.push((trial.variation, interval));
                self.best = rival;
                bench.best = Some(rival);
            } else {
                bench.records.arms[rival].dropped = true;
            }
        }
        Ok(())
    }
}

/// True while something beyond the threshold is to be hoped of a setting. On a machine that is not quiet a single
/// run may be an accident, and so may be one of two that contradict each other.
fn may_gain(bench: &Bench<'_, '_>, winner: usize, arm: usize, since: u32, block: u32) -> bool {
    let gains = bench.records.paired(winner, arm, since);
    let Some(gain) = gain_of(&gains) else { return block < BLIND_BLOCKS };
    let threshold = (1.0 + bench.request.limits.claim_above).ln();
    match bench.records.usual_scatter(0) {
        Some(scatter) if gains.len() == 1 && scatter.deviation > SCATTERED => true,
        Some(scatter) => scatter.expected_loss(threshold - gain, gains.len()) > HOPE || (gain > threshold && scatter.deviation <= 0.0),
        None => block < BLIND_BLOCKS || gain > threshold,
    }
}

/// What a setting seems to gain, not led astray by one accident.
fn gain_of(gains: &[f64]) -> Option<f64> {
    match gains {
        [one, other] if (one - other).abs() > GAP.ln() => Some(one.max(*other)),
        _ => stats::median(gains),
    }
}

/// Mirrored blocks that a gain of this size needs to show.
fn test_blocks(bench: &Bench<'_, '_>, gain: f64) -> u32 {
    let beyond = TRUST * gain - (1.0 + bench.request.limits.claim_above).ln();
    let Some(scatter) = bench.records.usual_scatter(0).filter(|_| beyond > 0.0) else { return MOST_TEST_BLOCKS };
    let pairs = 2.0 * (CERTAINTY * scatter.deviation / beyond).powi(2);
    let fewest = if scatter.deviation > SCATTERED { SCATTERED_TEST_BLOCKS } else { FEWEST_BLOCKS + 1 };
    ((pairs / 2.0).ceil().min(1e6) as u32).clamp(fewest, MOST_TEST_BLOCKS)
}

/// False when the setting cannot make a difference to `base`: it is in force already, or the counts do not fit.
fn may_act(bench: &Bench<'_, '_>, base: &Arm, variation: &Variation) -> bool {
    if let Some(threads) = base.threads
        && (variation.least_threads.is_some_and(|least| threads < least) || variation.most_threads.is_some_and(|most| threads > most))
    {
        return false;
    }
    if needs_probe(variation) && bench.probe_fails {
        return false;
    }
    let outer = &bench.request.workload.env;
    let in_force = variation.env.iter().all(|(name, value)| base.env.get(name).cloned().unwrap_or_else(|| outer.get(name).cloned()) == *value);
    let beyond = variation.torch_num_interop_threads.is_some_and(|count| base.torch_num_interop_threads != Some(count))
        || variation.flush_denormal.is_some_and(|flush| base.flush_denormal != Some(flush))
        || !variation.arguments.is_empty()
        || !variation.cpus.is_empty();
    !in_force || beyond
}

/// `base` with one more setting.
pub(crate) fn combined(base: &Arm, variation: &Variation) -> Arm {
    let mut arm = base.clone();
    arm.label = format!("{}, {}", base.label, variation.label);
    arm.reason.clone_from(&variation.reason);
    arm.env.extend(variation.env.iter().map(|(name, value)| (name.clone(), value.clone())));
    arm.torch_num_interop_threads = variation.torch_num_interop_threads.or(arm.torch_num_interop_threads);
    arm.flush_denormal = variation.flush_denormal.or(arm.flush_denormal);
    arm.arguments.extend(variation.arguments.iter().cloned());
    if !variation.cpus.is_empty() {
        arm.cpus = vec![variation.cpus.clone()];
    }
    arm
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_added_to_what_the_winner_sets() {
        let base = Arm { label: "OMP_NUM_THREADS=2".into(), threads: Some(2), env: BTreeMap::from([("OMP_NUM_THREADS".into(), Some("2".into()))]), ..Default::default() };
        let passive = Variation { factor: "wait policy".into(), label: "OMP_WAIT_POLICY=passive".into(), env: BTreeMap::from([("OMP_WAIT_POLICY".into(), Some("passive".into()))]), ..Default::default() };
        let mask = Variation { factor: "binding".into(), label: "on CPUs 0,2".into(), cpus: vec![0, 2], arguments: vec!["--bound".into()], ..Default::default() };
        let both = combined(&combined(&base, &passive), &mask);
        assert_eq!(both.label, "OMP_NUM_THREADS=2, OMP_WAIT_POLICY=passive, on CPUs 0,2");
        assert_eq!((both.env.len(), both.threads, both.cpus, both.arguments), (2, Some(2), vec![vec![0, 2]], vec!["--bound".to_owned()]));
    }
}
