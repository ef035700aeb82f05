//! Robust summaries and t intervals of paired differences.

/// Middle value; the mean of the two middle ones for an even count. `None` when empty.
pub fn median(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    Some(if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) })
}

/// Median of the absolute distances from the median (not scaled to a standard deviation). `None` when empty.
pub fn median_absolute_deviation(values: &[f64]) -> Option<f64> {
    let centre = median(values)?;
    median(&values.iter().map(|value| (value - centre).abs()).collect::<Vec<_>>())
}

/// Arithmetic mean. `None` when empty.
pub fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() { None } else { Some(values.iter().sum::<f64>() / values.len() as f64) }
}

/// A mean with its 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The mean of the sample.
    pub mean: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Both ends of a wider interval, outside which the truth hardly ever lies: 99 % after Student, 99.8 % after
    /// Wilcoxon, whose 95 % interval is as narrow as the level allows.
    pub surely: (f64, f64),
    /// Size of the sample.
    pub n: usize,
}

impl Interval {
    /// True when even the wider interval leaves out zero.
    pub fn surely_not_zero(&self) -> bool {
        self.surely.0 > 0.0 || self.surely.1 < 0.0
    }
}

/// The two-sided 95 % t interval of the mean of `values`. `None` below two values, which have no spread.
pub fn t_interval(values: &[f64]) -> Option<Interval> {
    let n = values.len();
    if n < 2 {
        return None;
    }
    let centre = mean(values)?;
    let variance = values.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / (n - 1) as f64;
    let error = (variance / n as f64).sqrt();
    let (half, whole) = (t_quantile_975(n - 1) * error, t_quantile_995(n - 1) * error);
    Some(Interval { mean: centre, low: centre - half, high: centre + half, surely: (centre - whole, centre + whole), n })
}

/// Share of the standard normal distribution above `z` (Abramowitz and Stegun 26.2.17, off by less than 1e-7).
pub fn normal_above(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let tail = (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt() * t * (0.319_381_530 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    if z >= 0.0 { tail } else { 1.0 - tail }
}

/// The 97.5 % quantile of Student's t by degrees of freedom; infinite for none.
pub fn t_quantile_975(degrees: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788, 2.1604, 2.1448, 2.1314,
        2.1199, 2.1098, 2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
    ];
    quantile(&TABLE, 1.959_964, degrees)
}

/// The 99.5 % quantile of Student's t by degrees of freedom; infinite for none.
pub fn t_quantile_995(degrees: usize) -> f64 {
    const TABLE: [f64; 30] = [
        63.6567, 9.9248, 5.8409, 4.6041, 4.0321, 3.7074, 3.4995, 3.3554, 3.2498, 3.1693, 3.1058, 3.0545, 3.0123, 2.9768, 2.9467,
        2.9208, 2.8982, 2.8784, 2.8609, 2.8453, 2.8314, 2.8188, 2.8073, 2.7969, 2.7874, 2.7787, 2.7707, 2.7633, 2.7564, 2.7500,
    ];
    quantile(&TABLE, 2.575_829, degrees)
}

/// The published values up to 30 degrees of freedom; beyond, the Cornish-Fisher expansion round the
/// normal quantile `z`, which is exact to three digits there.
fn quantile(table: &[f64; 30], z: f64, degrees: usize) -> f64 {
    if degrees == 0 {
        return f64::INFINITY;
    }
    table.get(degrees - 1).copied().unwrap_or_else(|| {
        let v = degrees as f64;
        z + (z.powi(3) + z) / (4.0 * v) + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * v * v)
    })
}

/// The 95 % interval of the median, exact for any distribution: the values of the ranks between which it lies
/// with that probability. `None` below six values, of which no two are far enough apart.
pub fn median_interval(values: &[f64]) -> Option<[f64; 2]> {
    let n = values.len();
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    // The number of values below the median is binomial; its chances by logarithms, so that no power underflows.
    let mut log_chance = -(n as f64) * std::f64::consts::LN_2;
    let mut below = 0.0;
    let mut rank = 0;
    for k in 0..n / 2 {
        below += log_chance.exp();
        if below > 0.025 {
            break;
        }
        rank = k + 1;
        log_chance += ((n - k) as f64 / (k + 1) as f64).ln();
    }
    if rank == 0 { None } else { Some([sorted[rank - 1], sorted[n - rank]]) }
}

/// The smallest sample from which [`signed_rank_interval`] can tell anything at 99.8 %.
pub const FEWEST_RANKED: usize = 10;

/// The median of all pairwise means (Hodges and Lehmann) with the exact intervals of Wilcoxon's signed-rank
/// test: a burst of other load spoils few values and moves it little. `None` below [`FEWEST_RANKED`] values.
pub fn signed_rank_interval(values: &[f64]) -> Option<Interval> {
    let n = values.len();
    if n < FEWEST_RANKED {
        return None;
    }
    let mut means: Vec<f64> = (0..n).flat_map(|i| (i..n).map(move |j| (i, j))).map(|(i, j)| f64::midpoint(values[i], values[j])).collect();
    means.sort_by(f64::total_cmp);
    let ends = |beyond: f64| {
        let rank = lower_ranks(n, beyond);
        (means[rank], means[means.len() - 1 - rank])
    };
    let ((low, high), surely) = (ends(0.025), ends(0.001));
    Some(Interval { mean: median(&means)?, low, high, surely, n })
}

/// How many of the ordered pairwise means of `n` values lie outside on each side when at most the share
/// `beyond` of the signed-rank distribution may.
fn lower_ranks(n: usize, beyond: f64) -> usize {
    // Ways to reach each rank sum, as shares of all sign patterns.
    let most = n * (n + 1) / 2;
    let mut ways = vec![0.0; most + 1];
    ways[0] = 1.0;
    for rank in 1..=n {
        for sum in (0..=most).rev() {
            ways[sum] = f64::midpoint(ways[sum], if sum >= rank { ways[sum - rank] } else { 0.0 });
        }
    }
    let mut below = 0.0;
    ways.iter().take_while(|&&share| {
        below += share;
        below <= beyond
    }).count().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(actual: f64, expected: f64, tolerance: f64) {
        assert!((actual - expected).abs() <= tolerance, "{actual} is not {expected}");
    }

    #[test]
    fn quantiles_agree_with_published_values() {
        for (degrees, expected) in [(1, 12.7062), (2, 4.3027), (7, 2.3646), (30, 2.0423), (31, 2.0395), (40, 2.0211), (60, 2.0003), (120, 1.9799), (1_000, 1.9623)] {
            near(t_quantile_975(degrees), expected, 1e-4);
        }
        for (degrees, expected) in [(1, 63.6567), (7, 3.4995), (30, 2.7500), (31, 2.7440), (40, 2.7045), (60, 2.6603), (120, 2.6174)] {
            near(t_quantile_995(degrees), expected, 1e-3);
        }
        assert!(t_quantile_975(0).is_infinite());
    }

    #[test]
    fn quantiles_fall_with_the_degrees_of_freedom() {
        for degrees in 1..200 {
            assert!(t_quantile_975(degrees) > t_quantile_975(degrees + 1), "at {degrees}");
            assert!(t_quantile_995(degrees) > t_quantile_995(degrees + 1), "at {degrees}");
            assert!(t_quantile_995(degrees) > t_quantile_975(degrees));
        }
    }

    #[test]
    fn interval_of_a_textbook_sample() {
        // Mean 10, s = 1.5811, n = 5: 10 ± 2.7764 * 0.7071.
        let interval = t_interval(&[8.0, 9.0, 10.0, 11.0, 12.0]).expect("five values");
        near(interval.mean, 10.0, 1e-12);
        near(interval.low, 10.0 - 1.9632, 1e-3);
        near(interval.high, 10.0 + 1.9632, 1e-3);
        assert_eq!(t_interval(&[1.0]), None);
    }

    #[test]
    fn interval_covers_the_true_mean_in_95_of_100() {
        let mut rng = crate::random::Random::new(7);
        let covered = (0..4_000)
            .filter(|_| {
                let sample: Vec<f64> = (0..8).map(|_| rng.normal()).collect();
                let interval = t_interval(&sample).expect("eight values");
                interval.low <= 0.0 && interval.high >= 0.0
            })
            .count();
        assert!((3_740..=3_860).contains(&covered), "{covered} of 4000");
    }

    #[test]
    fn ranks_of_the_signed_rank_test_agree_with_published_tables() {
        // Critical values of Wilcoxon's test, two-sided 5 % and 1 %: the rank sum that still rejects.
        for (n, at_5, at_1, at_02) in [(10, 8, 3, 0), (12, 13, 7, 2), (16, 29, 19, 11), (20, 52, 37, 26), (25, 89, 68, 51)] {
            assert_eq!(lower_ranks(n, 0.025), at_5, "n = {n}");
            assert_eq!(lower_ranks(n, 0.005), at_1, "n = {n}");
            assert_eq!(lower_ranks(n, 0.001), at_02, "n = {n}");
        }
    }

    #[test]
    fn signed_rank_interval_covers_the_centre_and_shrugs_at_bursts() {
        let mut rng = crate::random::Random::new(11);
        let mut covered = 0;
        let (mut ranked, mut plain) = (0.0, 0.0);
        for _ in 0..4_000 {
            let burst = |rng: &mut crate::random::Random| if rng.uniform() < 0.1 { 8.0 * rng.normal() } else { 0.0 };
            let sample: Vec<f64> = (0..16).map(|_| rng.normal() + burst(&mut rng)).collect();
            let interval = signed_rank_interval(&sample).expect("sixteen values");
            covered += u32::from(interval.low <= 0.0 && interval.high >= 0.0);
            ranked += interval.high - interval.low;
            plain += t_interval(&sample).map_or(0.0, |interval| interval.high - interval.low);
            assert!(interval.surely.0 <= interval.low && interval.high <= interval.surely.1);
        }
        assert!((3_760..=3_880).contains(&covered), "{covered} of 4000");
        assert!(ranked < 0.8 * plain, "bursts widen it less: {ranked} and {plain}");
        assert_eq!(signed_rank_interval(&[1.0; 9]), None);
    }

    #[test]
    fn share_of_the_normal_distribution() {
        for (z, above) in [(0.0, 0.5), (1.0, 0.158_655), (1.959_964, 0.025), (-1.0, 0.841_345), (3.0, 0.001_350)] {
            near(normal_above(z), above, 1e-6);
        }
    }

    #[test]
    fn median_interval_has_the_published_ranks() {
        // Ranks of the 95 % interval of the median (Conover, table A3 with p = 1/2).
        for (n, rank) in [(6, 1), (8, 1), (9, 2), (12, 3), (15, 4), (20, 6), (30, 10), (50, 18)] {
            let values: Vec<f64> = (1..=n).rev().map(f64::from).collect();
            assert_eq!(median_interval(&values), Some([f64::from(rank), f64::from(n + 1 - rank)]), "n = {n}");
        }
        assert_eq!(median_interval(&[1.0; 5]), None);
        let many: Vec<f64> = (0..5_000).map(f64::from).collect();
        let [low, high] = median_interval(&many).expect("enough");
        near(high - low, 2.0 * 1.96 * 0.5 * 5_000_f64.sqrt(), 4.0);
    }

    #[test]
    fn robust_summaries() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median_absolute_deviation(&[1.0, 2.0, 3.0, 100.0, 2.0]), Some(1.0));
        assert_eq!(mean(&[1.0, 2.0, 6.0]), Some(3.0));
    }
}
