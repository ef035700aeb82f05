//! A synthetic workload: times follow a scaling law with noise, so that the search is tested exactly.

use std::time::{Duration, Instant};

use threadgauge_protocol::{Sample, SimulatedWorkload};

use crate::random::Random;
use crate::workload::{Cancel, End, Live, Measured, RegionTime, TrialSpec, Workload};

/// Correlation of the slow drift from one trial to the next.
const DRIFT_MEMORY: f64 = 0.9;

/// A workload that computes its times instead of taking them.
pub struct Simulated {
    law: SimulatedWorkload,
    random: Random,
    drift: f64,
}

impl Simulated {
    /// A workload after `law`; `seed` decides its noise.
    pub fn new(law: SimulatedWorkload, seed: u64) -> Self {
        Self { law, random: Random::new(seed ^ 0x5eed_0f57), drift: 0.0 }
    }

    /// Noise-free seconds at `threads`: geometric interpolation between the given counts, flat outside them.
    pub fn seconds(law: &SimulatedWorkload, threads: u32) -> f64 {
        let below = law.seconds_by_threads.range(..=threads).next_back();
        let above = law.seconds_by_threads.range(threads..).next();
        match (below, above) {
            (Some((&low, &at_low)), Some((&high, &at_high))) if low < high => {
                let share = (f64::from(threads) / f64::from(low)).ln() / (f64::from(high) / f64::from(low)).ln();
                (at_low.ln() + share * (at_high.ln() - at_low.ln())).exp()
            }
            (Some((_, &seconds)), _) | (None, Some((_, &seconds))) => seconds,
            (None, None) => 0.0,
        }
    }
}

impl Workload for Simulated {
    fn run(&mut self, spec: &TrialSpec<'_>, live: &mut dyn FnMut(Live), cancel: &Cancel) -> Measured {
        // An arm without a count stands for the default: every thread there is.
        let most = self.law.seconds_by_threads.keys().next_back().copied().unwrap_or(1);
        let threads = spec.arm.threads.unwrap_or(most);
        let innovation = (1.0 - DRIFT_MEMORY * DRIFT_MEMORY).sqrt() * self.law.drift * self.random.normal();
        self.drift = DRIFT_MEMORY * self.drift + innovation;
        let instances = spec.arm.instances.unwrap_or(1).max(1);
        // Instances that ask for more CPUs than there are get their share of the time.
        let crowding = self.law.shared_cpus.map_or(1.0, |cpus| f64::from(instances.saturating_mul(threads)) / f64::from(cpus.max(1))).max(1.0);
        let mut seconds = Self::seconds(&self.law, threads) * crowding * (self.drift + self.law.noise * self.random.normal()).exp();
        if self.random.uniform() < self.law.outliers {
            seconds *= self.random.between(1.1, 2.5);
        }
        let disturbed = self.random.uniform() < self.law.foreign;
        if disturbed {
            seconds *= self.random.between(1.1, 2.5);
        }
        live(Live::Started { pid: None, process_group: None });
        let over = seconds > spec.limit.as_secs_f64();
        let wall = if over { spec.limit.as_secs_f64() } else { seconds };
        let end = Instant::now() + Duration::from_secs_f64(self.law.real_seconds.clamp(0.0, 3_600.0));
        while Instant::now() < end && !cancel.is_set() {
            std::thread::sleep(Duration::from_millis(5).min(end - Instant::now().min(end)));
        }
        let wall_ns = (wall * 1e9) as u64;
        let cpu_ns = wall_ns * u64::from(threads) * u64::from(instances);
        let mut measured = Measured::ended(if cancel.is_set() {
            End::Cancelled
        } else if over {
            End::OverLimit
        } else {
            End::Exited(0)
        });
        if measured.end != End::Cancelled {
            live(Live::Sample(Sample {
                trial: spec.trial,
                at_ns: wall_ns,
                threads,
                runnable: threads,
                cpu_ns,
                run_delay_ns: Some(0),
                foreign_cpus: Some(if disturbed { 0.8 } else { 0.0 }),
            }));
        }
        measured.wall_ns = wall_ns;
        measured.cpu_ns = cpu_ns;
        measured.region = (measured.end == End::Exited(0)).then_some(RegionTime { wall_ns, cpu_ns });
        if spec.arm.instances.is_some() && measured.end == End::Exited(0) {
            measured.instances_ns = vec![wall_ns; instances as usize];
            measured.together = Some(1.0);
        }
        measured.peak_threads = threads * instances;
        measured.run_delay_ns = Some(0);
        measured.foreign_cpus = Some(if disturbed { 0.8 } else { 0.0 });
        measured
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn counts_in_between_are_interpolated_geometrically() {
        let law = SimulatedWorkload { seconds_by_threads: BTreeMap::from([(1, 8.0), (4, 2.0)]), noise: 0.0, outliers: 0.0, drift: 0.0, foreign: 0.0, real_seconds: 0.0, ..Default::default() };
        assert!((Simulated::seconds(&law, 2) - 4.0).abs() < 1e-9);
        assert!((Simulated::seconds(&law, 1) - 8.0).abs() < 1e-9);
        assert!((Simulated::seconds(&law, 9) - 2.0).abs() < 1e-9);
    }
}
