//! Seeded random numbers: the same seed gives the same order of trials.

/// A seeded generator.
pub struct Random(fastrand::Rng);

impl Random {
    /// A generator whose whole sequence follows from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.0.f64()
    }

    /// Uniform in [`low`, `high`).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.f64()
    }

    /// Standard normal (Box-Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.0.f64()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.0.f64()).cos()
    }

    /// Exponential with the given mean: the gaps of a Poisson process.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.0.f64()).ln()
    }

    /// True half of the time.
    pub fn coin(&mut self) -> bool {
        self.0.bool()
    }

    /// The order of the arms in a block, blocks counted from 1: every odd block draws a new one of `alive`, the
    /// even block after it mirrors it without those that left, so that a linear drift cancels over the pair.
    pub fn take_turns(&mut self, block: u32, alive: &[usize], order: &mut Vec<usize>) {
        if block % 2 == 1 {
            alive.clone_into(order);
            self.shuffle(order);
        } else {
            order.retain(|arm| alive.contains(arm));
            order.reverse();
        }
    }

    /// Puts `items` into random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        self.0.shuffle(items);
    }
}
