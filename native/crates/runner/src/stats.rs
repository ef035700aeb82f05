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
    /// Size of the sample.
    pub n: usize,
}

impl Interval {
    /// True when the two-sided 99 % interval leaves out zero, on the side of the mean.
    pub fn excludes_zero_at_99(&self) -> bool {
        let half = (self.high - self.mean) / t_quantile_975(self.n.saturating_sub(1)) * t_quantile_995(self.n.saturating_sub(1));
        self.mean.abs() > half
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
    let half = t_quantile_975(n - 1) * (variance / n as f64).sqrt();
    Some(Interval { mean: centre, low: centre - half, high: centre + half, n })
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
    fn robust_summaries() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median_absolute_deviation(&[1.0, 2.0, 3.0, 100.0, 2.0]), Some(1.0));
        assert_eq!(mean(&[1.0, 2.0, 6.0]), Some(3.0));
    }
}
