//! What arms and blocks each add to a score, when not every arm is in every block.

use std::collections::BTreeMap;

use crate::records::Scatter;

/// Rounds in which the means of arms and blocks are taken in turn; they have settled long before.
const ROUNDS: usize = 20;
/// Degrees of freedom below which nothing is said about the scatter.
const FEWEST_DEGREES: usize = 4;

/// Scores taken apart.
#[derive(Debug, Clone)]
pub(crate) struct TwoWay {
    /// The mean of every arm, with what its blocks have in common taken off.
    pub arms: BTreeMap<usize, f64>,
    /// What is left of every score, in their order.
    pub residuals: Vec<f64>,
    /// How much that is; `None` below four degrees of freedom.
    pub scatter: Option<Scatter>,
}

/// Takes scores (arm, block, logarithm) apart.
pub(crate) fn fit(scores: &[(usize, u32, f64)]) -> TwoWay {
    let mut arms: BTreeMap<usize, f64> = scores.iter().map(|&(arm, ..)| (arm, 0.0)).collect();
    let mut blocks: BTreeMap<u32, f64> = scores.iter().map(|&(_, block, _)| (block, 0.0)).collect();
    for _ in 0..ROUNDS {
        mean_by(&mut arms, scores.iter().map(|&(arm, block, log)| (arm, log - blocks[&block])));
        mean_by(&mut blocks, scores.iter().map(|&(arm, block, log)| (block, log - arms[&arm])));
        // The level of the whole stays with the arms.
        let level = blocks.values().sum::<f64>() / blocks.len().max(1) as f64;
        for effect in blocks.values_mut() {
            *effect -= level;
        }
        for effect in arms.values_mut() {
            *effect += level;
        }
    }
    let residuals: Vec<f64> = scores.iter().map(|&(arm, block, log)| log - arms[&arm] - blocks[&block]).collect();
    let squares: f64 = residuals.iter().map(|residual| residual.powi(2)).sum();
    let degrees = (scores.len() + 1).checked_sub(arms.len() + blocks.len()).filter(|&degrees| degrees >= FEWEST_DEGREES);
    let scatter = degrees.map(|degrees| Scatter { deviation: (squares / degrees as f64).sqrt(), degrees });
    TwoWay { arms, residuals, scatter }
}

/// Replaces each effect by the mean of what is left for it.
fn mean_by<K: Ord + Copy>(effects: &mut BTreeMap<K, f64>, rests: impl Iterator<Item = (K, f64)>) {
    let mut sums: BTreeMap<K, (f64, f64)> = BTreeMap::new();
    for (key, rest) in rests {
        let sum = sums.entry(key).or_default();
        *sum = (sum.0 + rest, sum.1 + 1.0);
    }
    effects.extend(sums.into_iter().map(|(key, (sum, count))| (key, sum / count)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_slowed_a_block_is_no_property_of_the_arms_in_it() {
        // Arm 1 is slower by 0.1; block 1, in which only arms 1 and 2 ran, was slow for all.
        let TwoWay { arms, .. } = fit(&[(0, 0, 1.0), (1, 0, 1.1), (2, 0, 1.0), (1, 1, 1.6), (2, 1, 1.5)]);
        assert!((arms[&1] - arms[&0] - 0.1).abs() < 1e-6 && (arms[&2] - arms[&0]).abs() < 1e-6, "{arms:?}");
    }
}
