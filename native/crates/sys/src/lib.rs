//! What the operating system knows: the machine, a process tree's life and end, what its threads do.
//!
//! The only crate of this workspace that contains `unsafe` code. Linux is measured in full; what
//! another platform cannot measure is `None` in the values and a sentence in [`missing`]: nothing is
//! ever made up.

pub mod cell;
#[cfg(target_os = "linux")]
mod cgroup;
pub mod clock;
pub mod inspect;
pub mod jumps;
pub mod leftovers;
#[cfg(target_os = "linux")]
mod pools;
pub mod process;
pub mod runtimes;
pub mod sample;
pub mod topology;
pub mod turn;

/// What this platform cannot measure, as full sentences for people; empty when nothing is missing.
pub fn missing() -> Vec<String> {
    let mut all = topology::missing();
    all.extend(process::missing());
    all.extend(sample::missing());
    all
}
