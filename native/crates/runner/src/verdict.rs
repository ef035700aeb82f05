//! What may be said after a run, and the sentence that says it.

use threadgauge_protocol::{Mode, Outcome, Region, Verdict};

use crate::bench::Bench;
use crate::confirm::FEWEST_BLOCKS;
use crate::stats::{self, Interval};

/// An interval that reaches this far beyond the threshold (times it, or absolutely) says too little.
const WIDE: (f64, f64) = (5.0, 0.10);

/// Share of the machine's CPUs used by other programs above which nothing is recommended.
const CROWDED: f64 = 0.5;

/// What the run has to show.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// The winner of the race, or the other arm of a verification; none when it did not get that far.
    pub candidate: Option<usize>,
    /// The race already showed that the current arm is within the threshold of the winner.
    pub tied_in_race: bool,
    /// Logarithm of current over candidate from fresh blocks.
    pub interval: Option<Interval>,
    /// Pairs of neighbouring runs behind it, two to a block.
    pub pairs: u32,
    /// What the race round the winner came to, as a sentence.
    pub further: Option<String>,
    /// Something on top of the winner was shown to help.
    pub helped: bool,
}

/// The kinds of comparison an interval can settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The candidate is faster beyond the threshold.
    Faster,
    /// The candidate is slower beyond the threshold.
    Slower,
    /// No difference worth having either way.
    Same,
    /// The interval allows too much.
    Unclear,
}

/// Reads an interval of the logarithm of current over candidate. A difference must show in the 95 % interval
/// beyond the threshold, and in the 99 % interval at all: on a noisy machine the first alone would be wrong
/// once in a hundred runs.
pub(crate) fn read(interval: &Interval, claim_above: f64) -> Shown {
    let (low, high) = (interval.low.exp(), interval.high.exp());
    let wide = 1.0 + (WIDE.0 * claim_above).max(WIDE.1);
    if low > 1.0 + claim_above && interval.surely_not_zero() {
        Shown::Faster
    } else if high < 1.0 / (1.0 + claim_above) && interval.surely_not_zero() {
        Shown::Slower
    } else if high > wide || low < 1.0 / wide {
        Shown::Unclear
    } else {
        Shown::Same
    }
}

/// The verdict. What was measured while other programs used most of the machine is told, but recommends
/// nothing: with them gone the answer may be the opposite.
pub(crate) fn decide(bench: &Bench<'_, '_>, evidence: &Evidence) -> Verdict {
    let verdict = undisturbed(bench, evidence);
    finish(bench, evidence, verdict)
}

/// Adds what else there is to say, and takes back what a crowded machine does not allow to say.
pub(crate) fn finish(bench: &Bench<'_, '_>, evidence: &Evidence, mut verdict: Verdict) -> Verdict {
    // What helped the winner is no news when the winner itself is no gain.
    if let Some(further) = evidence.further.as_ref().filter(|_| !evidence.helped || verdict.outcome == Outcome::Faster) {
        verdict.sentence = format!("{} {further}", verdict.sentence);
    }
    let cpus = std::thread::available_parallelism().map_or(1.0, |cpus| cpus.get() as f64);
    match stats::mean(&bench.foreign_all) {
        Some(foreign) if foreign > CROWDED * cpus && verdict.outcome != Outcome::Inconclusive => Verdict {
            outcome: Outcome::Inconclusive,
            best: verdict.current,
            tied: Vec::new(),
            sentence: format!("Other programs used {foreign:.1} of {cpus} CPUs meanwhile, so measure again when the machine is quiet. Under that load: {}", verdict.sentence),
            ..verdict
        },
        _ => verdict,
    }
}

fn undisturbed(bench: &Bench<'_, '_>, evidence: &Evidence) -> Verdict {
    let current = bench.request.current;
    let claim = bench.request.limits.claim_above;
    let label = |arm: usize| bench.records.arms[arm].arm.label.as_str();
    let interval = evidence.interval.filter(|_| evidence.pairs >= 2 * FEWEST_BLOCKS);
    let speedup = interval.map(|interval| interval.mean.exp());
    let range = interval.map(|interval| [interval.low.exp(), interval.high.exp()]);
    let figures = |invert: bool| {
        interval.map_or(String::new(), |interval| {
            let (low, high) = if invert { (-interval.high, -interval.low) } else { (interval.low, interval.high) };
            format!("95 % confidence interval {:.2} to {:.2}, {} paired repetitions", low.exp(), high.exp(), evidence.pairs)
        })
    };
    let factor = |log: f64| format!("{:.2} times", log.exp());
    let per = per_unit(bench);
    let verdict = |outcome, best, sentence: String| Verdict { outcome, best, current, speedup, interval: range, pairs: evidence.pairs, tied: tied(bench, best), sentence };
    let inconclusive = |sentence: String| Verdict { tied: Vec::new(), ..verdict(Outcome::Inconclusive, current, sentence) };

    let Some(candidate) = evidence.candidate else {
        return inconclusive("Too little was measured to compare the settings.".into());
    };
    if bench.request.mode == Mode::Search && (candidate == current || evidence.tied_in_race) {
        if !compared_with_all(bench, candidate) {
            return inconclusive(format!("So far {} leads, but too little was measured to be sure.", label(candidate)));
        }
        return settled(bench, candidate, &figures(false), &verdict);
    }
    let Some(shown) = interval else {
        return inconclusive(format!("{} looked best so far, but the comparison with {} was not finished.", label(candidate), label(current)));
    };
    match read(&shown, claim) {
        Shown::Faster => verdict(Outcome::Faster, candidate, format!("{} is {} faster{per} than {} ({}).", label(candidate), factor(shown.mean), label(current), figures(false))),
        Shown::Slower if bench.request.mode == Mode::Verify => {
            verdict(Outcome::Slower, current, format!("{} is {} slower{per} than {} ({}).", label(candidate), factor(-shown.mean), label(current), figures(true)))
        }
        Shown::Unclear => inconclusive(format!(
            "The measurements scatter too much to tell {} from {} ({}). A quieter machine or more blocks would settle it.",
            label(candidate),
            label(current),
            figures(false)
        )),
        Shown::Same | Shown::Slower if bench.request.mode == Mode::Verify => verdict(
            Outcome::NoDifference,
            current,
            format!("No difference of more than {} % between {} and {} could be shown ({}).", percent(claim), label(candidate), label(current), figures(false)),
        ),
        Shown::Same | Shown::Slower => settled(bench, candidate, &figures(false), &verdict),
    }
}

/// The answers that leave the current setting in place. `proof` are the figures of the comparison with the candidate, empty when there was none.
fn settled(bench: &Bench<'_, '_>, candidate: usize, proof: &str, verdict: &dyn Fn(Outcome, usize, String) -> Verdict) -> Verdict {
    let current = bench.request.current;
    let label = |arm: usize| bench.records.arms[arm].arm.label.as_str();
    let claim = percent(bench.request.limits.claim_above);
    let per = per_unit(bench);
    let rivals: Vec<Option<f64>> = (0..bench.records.arms.len()).filter(|&arm| arm != current).map(|arm| bench.records.log_ratio(arm, current)).collect();
    if bench.records.arms[current].scores.is_empty() || rivals.iter().all(Option::is_none) {
        return Verdict { tied: Vec::new(), ..verdict(Outcome::Inconclusive, current, format!("Nothing could be compared with {}, the setting in force.", label(current))) };
    }
    // Who left the race while hardly slower was not worth another look, which is no difference.
    let threshold = (1.0 + bench.request.limits.claim_above).ln();
    let like_the_others = |arm: usize| !bench.records.arms[arm].dropped || bench.records.log_ratio(arm, current).is_some_and(|ratio| ratio.abs() <= threshold);
    let nobody_lost = (0..bench.records.arms.len()).all(|arm| bench.records.arms[arm].failures == 0 && like_the_others(arm));
    let proof = if proof.is_empty() { String::new() } else { format!(" ({proof})") };
    let thrift = if candidate == current { String::new() } else { format!(" {} does as well{proof}.", label(candidate)) };
    if nobody_lost {
        verdict(Outcome::NoDifference, current, format!("This machine shows no difference beyond {claim} %{per} between the settings.{thrift}"))
    } else if let (true, Some((next, ratio))) = (candidate == current, next_best(bench, current).filter(|&(_, ratio)| ratio > (1.0 + bench.request.limits.claim_above).ln())) {
        let bound = if bench.records.arms[next].scores.is_empty() { "at least " } else { "" };
        verdict(Outcome::CurrentIsBest, current, format!("{}, the setting in force, is the best: {}, the next, takes {bound}{:.2} times as long{per}.", label(current), label(next), ratio.exp()))
    } else {
        verdict(Outcome::CurrentIsBest, current, format!("{}, the setting in force, is the best or within {claim} % of it.{thrift}", label(current)))
    }
}

/// The fastest of the other arms with the logarithm of its time over that of `current`; `None` unless all that
/// did not fail have one.
fn next_best(bench: &Bench<'_, '_>, current: usize) -> Option<(usize, f64)> {
    let others = (0..bench.records.arms.len()).filter(|&arm| arm != current && (bench.records.arms[arm].failures == 0 || !bench.records.arms[arm].blocks.is_empty()));
    let ratios: Option<Vec<(usize, f64)>> = others.map(|arm| Some((arm, bench.records.log_ratio(arm, current)?))).collect();
    ratios?.into_iter().min_by(|a, b| a.1.total_cmp(&b.1))
}

/// `arm` was measured often enough, and so was every arm that the race did not drop.
fn compared_with_all(bench: &Bench<'_, '_>, arm: usize) -> bool {
    let fewest = FEWEST_BLOCKS as usize;
    let alone = bench.records.arms.iter().enumerate().all(|(other, record)| other == arm || record.dropped);
    (alone && !bench.records.arms[arm].scores.is_empty())
        || (bench.records.arms[arm].scores.len() >= fewest
            && bench.records.arms.iter().enumerate().filter(|&(other, record)| other != arm && !record.dropped).all(|(other, _)| {
                // Arms added by the refinement met the winner; the others met it in the race.
                bench.records.paired(other, arm, 0).len() >= fewest || bench.best.is_some_and(|best| bench.records.paired(other, best, 0).len() >= fewest)
            }))
}

/// ` per call`, where executions of selected code were measured.
fn per_unit(bench: &Bench<'_, '_>) -> String {
    if bench.scoring == Region::Selected { format!(" per {}", bench.unit()) } else { String::new() }
}

pub(crate) fn percent(fraction: f64) -> String {
    let value = (fraction * 1000.0).round() / 10.0;
    format!("{value}")
}

/// The arms within the threshold of `best`, by paired blocks.
fn tied(bench: &Bench<'_, '_>, best: usize) -> Vec<usize> {
    let reference = bench.best.unwrap_or(best);
    (0..bench.records.arms.len())
        .filter(|&arm| arm != best && !bench.records.arms[arm].dropped)
        .filter(|&arm| bench.records.log_ratio(arm, reference).is_some_and(|ratio| ratio <= bench.request.limits.claim_above))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(low: f64, high: f64) -> Interval {
        let (low, high) = (low.ln(), high.ln());
        let beyond = (high - low) / 2.0 * 0.48;
        Interval { mean: f64::midpoint(low, high), low, high, surely: (low - beyond, high + beyond), n: 8 }
    }

    #[test]
    fn a_gain_is_claimed_only_when_the_low_end_exceeds_the_threshold() {
        assert_eq!(read(&interval(1.021, 1.06), 0.02), Shown::Faster);
        assert_eq!(read(&interval(1.019, 1.09), 0.02), Shown::Same);
        assert_eq!(read(&interval(1.019, 1.3), 0.02), Shown::Unclear);
        assert_eq!(read(&interval(0.9, 0.97), 0.02), Shown::Slower);
        assert_eq!(read(&interval(0.96, 1.04), 0.02), Shown::Same);
        assert_eq!(read(&interval(1.03, 1.60), 0.02), Shown::Unclear, "the 99 % interval holds 1");
    }
}
