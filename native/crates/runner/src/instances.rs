//! Several copies of a program at the same time: where each runs, and what they come to together.

use std::path::PathBuf;

use threadgauge_protocol::Arm;
use threadgauge_sys::process::{self, Instance};

use crate::probe;
use crate::workload::{End, Measured, RegionTime};

/// Copies of the program an arm asks for.
pub(crate) fn count(arm: &Arm) -> usize {
    arm.instances.unwrap_or(1).max(1) as usize
}

/// Where each copy runs; empty for a single one that is bound to nothing.
pub(crate) fn placed(arm: &Arm) -> Vec<Instance> {
    let count = count(arm);
    if count == 1 && arm.cpus.is_empty() && arm.memory_nodes.is_empty() {
        return Vec::new();
    }
    let nodes = if arm.memory_nodes.is_empty() || !process::can_bind_memory() { Vec::new() } else { node_numbers() };
    (0..count)
        .map(|index| Instance {
            cpus: arm.cpus.get(index).cloned().unwrap_or_default(),
            memory_node: arm.memory_nodes.get(index).and_then(|&place| nodes.get(place as usize).copied()),
            ..Instance::default()
        })
        .collect()
}

#[cfg(target_os = "linux")]
fn node_numbers() -> Vec<u32> {
    threadgauge_sys::topology::node_numbers(std::path::Path::new("/"))
}

#[cfg(not(target_os = "linux"))]
fn node_numbers() -> Vec<u32> {
    Vec::new()
}

/// Notes how long each of several copies ran.
pub(crate) fn note_walls(measured: &mut Measured, walls: Vec<u64>) {
    let longest = walls.iter().max().copied().unwrap_or(0);
    // They are started one right after the other.
    measured.together = walls.iter().min().filter(|_| longest > 0).map(|&shortest| shortest as f64 / longest as f64);
    measured.instances_ns = walls;
}

/// Joins what the probes of the other copies report to what that of the first one did: the region is the mean of
/// theirs with the CPU time of all, and missing when one is missing.
pub(crate) fn join(measured: &mut Measured, others: &[PathBuf]) {
    let mut parts = vec![(measured.region, measured.region_span)];
    for report in others {
        let mut part = Measured::ended(End::Exited(0));
        probe::read(report, &mut part);
        if part.region.is_none() && measured.region_reason.is_none() {
            measured.region_reason.clone_from(&part.region_reason);
        }
        measured.probe_error = measured.probe_error.take().or(part.probe_error);
        parts.push((part.region, part.region_span));
    }
    let regions: Option<Vec<RegionTime>> = parts.iter().map(|(region, _)| *region).collect();
    measured.region = regions.as_ref().map(|regions| RegionTime {
        wall_ns: regions.iter().map(|region| region.wall_ns).sum::<u64>() / regions.len() as u64,
        cpu_ns: regions.iter().map(|region| region.cpu_ns).sum(),
    });
    if let Some(regions) = regions {
        measured.instances_ns = regions.iter().map(|region| region.wall_ns).collect();
    }
    let spans: Option<Vec<(u64, u64)>> = parts.iter().map(|(_, span)| *span).collect();
    if let Some(spans) = spans {
        measured.together = together(&spans).or(measured.together);
    }
}

/// Share of the time from the first start to the last end in which all were at work.
fn together(spans: &[(u64, u64)]) -> Option<f64> {
    let first = spans.iter().map(|&(start, _)| start).min()?;
    let last = spans.iter().map(|&(_, end)| end).max()?;
    let all = spans.iter().map(|&(_, end)| end).min()?.saturating_sub(spans.iter().map(|&(start, _)| start).max()?);
    (last > first).then(|| all as f64 / (last - first) as f64)
}

/// Pieces of work per second of all copies together: each does one in its time. Only times in which all work
/// are worth counting; [`Measured::together`] tells how far that holds.
pub(crate) fn throughput(instances_ns: &[u64]) -> Option<f64> {
    (!instances_ns.is_empty() && instances_ns.iter().all(|&ns| ns > 0)).then(|| instances_ns.iter().map(|&ns| 1e9 / ns as f64).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_together_is_that_in_which_all_work() {
        assert_eq!(together(&[(0, 100), (0, 100)]), Some(1.0));
        assert_eq!(together(&[(0, 80), (20, 100)]), Some(0.6));
        assert_eq!(together(&[(0, 10), (20, 100)]), Some(0.0));
    }

    #[test]
    fn throughput_adds_up() {
        assert_eq!(throughput(&[500_000_000, 250_000_000]), Some(6.0));
        assert_eq!(throughput(&[]), None);
        assert_eq!(throughput(&[0]), None);
    }

    #[test]
    fn a_single_copy_without_a_place_is_started_as_ever() {
        assert!(placed(&Arm::default()).is_empty());
        let two = Arm { instances: Some(2), cpus: vec![vec![0], vec![1]], ..Default::default() };
        assert_eq!(placed(&two).iter().map(|instance| instance.cpus.clone()).collect::<Vec<_>>(), [vec![0], vec![1]]);
        assert_eq!(placed(&Arm { cpus: vec![vec![3]], ..Default::default() }).len(), 1);
    }
}
