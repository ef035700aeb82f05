//! The machine as this process may use it: cores, SMT, NUMA, kinds of cores, mask, quota.

use threadgauge_protocol::Machine;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
use other as platform;

#[cfg(target_os = "linux")]
pub(crate) use linux::affinity_of;
#[cfg(target_os = "linux")]
pub use linux::{machine_at, node_numbers, parse_cpu_list};

/// This machine. What cannot be told is `None`.
pub fn machine() -> Machine {
    platform::machine()
}

/// What this platform cannot tell about the machine.
pub fn missing() -> Vec<String> {
    platform::missing()
}
