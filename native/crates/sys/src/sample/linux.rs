use super::*;
#[derive(Debug)] pub(super) struct TreeSampler(());
#[derive(Debug)] pub(super) struct Throttle(());
impl TreeSampler {
    pub(super) fn new(_: u32, _: bool) -> Self { todo!() }
    pub(super) fn sample(&mut self) -> TreeSample { todo!() }
    pub(super) fn mean_foreign_cpus(&self) -> Option<f64> { todo!() }
}
impl Throttle { pub(super) fn find() -> Option<Self> { None } pub(super) fn throttled_ns(&self) -> Option<u64> { None } }
pub(super) fn cpu_pressure() -> Option<Duration> { None }
pub(super) fn missing() -> Vec<String> { vec![] }
