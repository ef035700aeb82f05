//! macOS and Windows: nothing is sampled.

use super::{TreeDetail, TreeSample};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct TreeSampler {
    begin: Instant,
}

impl TreeSampler {
    pub(super) fn new(_root: u32, _without_root: bool) -> Self {
        Self { begin: Instant::now() }
    }

    pub(super) fn sample(&mut self) -> TreeSample {
        TreeSample { at: self.begin.elapsed(), ..TreeSample::default() }
    }

    pub(super) fn detail_if_due(&mut self) -> Option<TreeDetail> {
        None
    }

    pub(super) fn mean_stolen_cpus(&self) -> Option<f64> {
        None
    }

    pub(super) fn memory_bytes(&self) -> Option<u64> {
        None
    }

    pub(super) fn mean_foreign_cpus(&self) -> Option<f64> {
        None
    }
}

#[derive(Debug)]
pub(super) struct Throttle(());

impl Throttle {
    pub(super) fn find() -> Option<Self> {
        None
    }

    pub(super) fn throttled_ns(&self) -> Option<u64> {
        None
    }

    pub(super) fn periods(&self) -> Option<[u64; 2]> {
        None
    }
}

pub(super) fn cpu_pressure() -> Option<Duration> {
    None
}

pub(super) fn missing() -> Vec<String> {
    vec![
        "On this platform the threads of the workload, its CPU time and the time its threads wait for a CPU are not sampled; these figures are 0 or empty.".to_owned(),
        "On this platform the names of the workload's threads, the libraries it loaded, and how often its threads move to another CPU are not read.".to_owned(),
        "On this platform the load of other processes is not measured, so nothing guards against it.".to_owned(),
    ]
}
