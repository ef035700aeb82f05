//! Linux: `sysfs`, `/proc/cpuinfo`, the affinity mask and control groups.

use crate::cgroup;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use threadgauge_protocol::{CoreKind, Machine};

/// Cores whose capacity is within this share of the fastest of their kind are of that kind: the
/// kernel's figures differ a little between equal cores with different top frequencies.
const SAME_KIND: f64 = 0.9;

pub(super) fn machine() -> Machine {
    machine_at(Path::new("/"), affinity().as_deref())
}

/// The machine whose files lie below `root` (`/`, or a copy of another machine's `/sys` and
/// `/proc`), used under the affinity mask `mask`.
pub fn machine_at(root: &Path, mask: Option<&[u32]>) -> Machine {
    let info = cpuinfo(root);
    let online = online(root, &info);
    let cores = online.as_ref().map(|online| online.iter().map(|&cpu| Cpu::read(root, cpu, online, &info)).collect::<Vec<_>>());
    let siblings = cores.as_deref().and_then(siblings);
    let sockets = cores.as_deref().and_then(|cores| {
        let packages: Option<BTreeSet<u32>> = cores.iter().map(|c| c.package).collect();
        packages.map(|p| p.len() as u32)
    });
    let nodes = online.as_ref().and_then(|online| nodes(root, online));
    let affinity = match (&online, mask) {
        (Some(online), Some(mask)) => {
            let allowed: Vec<u32> = mask.iter().copied().filter(|cpu| online.contains(cpu)).collect::<BTreeSet<_>>().into_iter().collect();
            (!allowed.is_empty() && allowed.len() < online.len()).then_some(allowed)
        }
        _ => None,
    };
    Machine {
        os: Some("linux".to_owned()),
        arch: Some(std::env::consts::ARCH.to_owned()),
        sockets,
        physical_cores: siblings.as_ref().map(|s| s.len() as u32),
        logical_cores: online.as_ref().map(|o| o.len() as u32),
        numa_nodes: nodes.as_ref().map(|n| n.len() as u32),
        cpu_quota: cgroup::quota(root),
        affinity,
        siblings,
        nodes,
        core_kinds: online.as_ref().and_then(|online| core_kinds(root, online)),
        model: info.iter().find_map(|i| i.model.clone()),
    }
}

/// What `sysfs` says about one CPU.
struct Cpu {
    number: u32,
    siblings: Option<Vec<u32>>,
    package: Option<u32>,
    core: Option<(u32, u32)>,
}

impl Cpu {
    fn read(root: &Path, number: u32, online: &BTreeSet<u32>, info: &[Info]) -> Self {
        let directory = root.join(format!("sys/devices/system/cpu/cpu{number}/topology"));
        let text = |name: &str| std::fs::read_to_string(directory.join(name)).ok();
        // An unknown package is -1 there, which does not parse.
        let number_of = |name: &str| text(name)?.trim().parse::<u32>().ok();
        let of_info = info.iter().find(|i| i.cpu == number);
        let package = number_of("physical_package_id").or(of_info.and_then(|i| i.package));
        let core = number_of("core_id").or(of_info.and_then(|i| i.core));
        // The list names the CPUs that share a core, and may still name one that is offline. Core
        // ids are only unique within a package and have gaps, so they come second.
        let siblings = text("core_cpus_list").or_else(|| text("thread_siblings_list")).and_then(|t| parse_cpu_list(&t));
        let siblings = siblings.map(|list| list.into_iter().filter(|cpu| online.contains(cpu)).collect::<Vec<_>>()).filter(|list| list.contains(&number));
        Self { number, siblings, package, core: package.zip(core) }
    }
}

fn siblings(cpus: &[Cpu]) -> Option<Vec<Vec<u32>>> {
    let groups: BTreeSet<Vec<u32>> = if cpus.iter().all(|c| c.siblings.is_some()) {
        cpus.iter().filter_map(|c| c.siblings.clone()).collect()
    } else {
        let mut by_core: BTreeMap<(u32, u32), Vec<u32>> = BTreeMap::new();
        for cpu in cpus {
            by_core.entry(cpu.core?).or_default().push(cpu.number);
        }
        by_core.into_values().collect()
    };
    // Lists that overlap or leave a CPU out are no partition; nothing can be said then.
    let total: usize = groups.iter().map(Vec::len).sum();
    let distinct: BTreeSet<u32> = groups.iter().flatten().copied().collect();
    (total == cpus.len() && distinct.len() == cpus.len() && !groups.is_empty()).then(|| groups.into_iter().collect())
}

fn online(root: &Path, info: &[Info]) -> Option<BTreeSet<u32>> {
    let listed = std::fs::read_to_string(root.join("sys/devices/system/cpu/online")).ok().and_then(|t| parse_cpu_list(&t));
    let set: BTreeSet<u32> = match listed {
        Some(list) => list.into_iter().collect(),
        None => info.iter().map(|i| i.cpu).collect(),
    };
    (!set.is_empty()).then_some(set)
}

/// Numbers of the NUMA nodes that have CPUs, in the order of `Machine::nodes`: they may have gaps.
pub fn node_numbers(root: &Path) -> Vec<u32> {
    let info = cpuinfo(root);
    online(root, &info).and_then(|online| numbered_nodes(root, &online)).map_or_else(Vec::new, |nodes| nodes.into_keys().collect())
}

/// NUMA nodes that have CPUs online; nodes that are only memory are no place to run.
fn nodes(root: &Path, online: &BTreeSet<u32>) -> Option<Vec<Vec<u32>>> {
    numbered_nodes(root, online).map(|nodes| nodes.into_values().collect())
}

fn numbered_nodes(root: &Path, online: &BTreeSet<u32>) -> Option<BTreeMap<u32, Vec<u32>>> {
    let mut found: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in std::fs::read_dir(root.join("sys/devices/system/node")).ok()?.flatten() {
        let name = entry.file_name();
        let Some(number) = name.to_str().and_then(|n| n.strip_prefix("node")).and_then(|n| n.parse::<u32>().ok()) else { continue };
        let cpus = parse_cpu_list(&std::fs::read_to_string(entry.path().join("cpulist")).ok()?)?;
        let cpus: Vec<u32> = cpus.into_iter().filter(|cpu| online.contains(cpu)).collect();
        if !cpus.is_empty() {
            found.insert(number, cpus);
        }
    }
    (!found.is_empty()).then_some(found)
}

fn core_kinds(root: &Path, online: &BTreeSet<u32>) -> Option<Vec<CoreKind>> {
    // Intel hybrids: one event source per kind names its CPUs.
    let pmu = |name: &str| -> Option<Vec<u32>> {
        let list = parse_cpu_list(&std::fs::read_to_string(root.join(format!("sys/devices/{name}/cpus"))).ok()?)?;
        let list: Vec<u32> = list.into_iter().filter(|cpu| online.contains(cpu)).collect();
        (!list.is_empty()).then_some(list)
    };
    let mut kinds: Vec<Vec<u32>> = ["cpu_core", "cpu_atom", "cpu_lowpower"].iter().filter_map(|name| pmu(name)).collect();
    if kinds.len() < 2 {
        // Arm: relative capacities.
        let mut capacities = Vec::new();
        for &cpu in online {
            let file = root.join(format!("sys/devices/system/cpu/cpu{cpu}/cpu_capacity"));
            capacities.push((std::fs::read_to_string(file).ok()?.trim().parse::<f64>().ok()?, cpu));
        }
        capacities.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        kinds.clear();
        let mut fastest = f64::INFINITY;
        for (capacity, cpu) in capacities {
            if kinds.is_empty() || capacity < fastest * SAME_KIND {
                kinds.push(Vec::new());
                fastest = capacity;
            }
            kinds.last_mut()?.push(cpu);
        }
    }
    if kinds.len() < 2 {
        return None;
    }
    let last = kinds.len() - 1;
    let named = kinds.into_iter().enumerate().map(|(index, mut cpus)| {
        cpus.sort_unstable();
        let name = match index {
            0 => "P".to_owned(),
            i if i == last => "E".to_owned(),
            1 if last == 2 => "M".to_owned(),
            i => format!("M{i}"),
        };
        CoreKind { name, cpus }
    });
    Some(named.collect())
}

/// One processor of `/proc/cpuinfo`.
struct Info {
    cpu: u32,
    package: Option<u32>,
    core: Option<u32>,
    model: Option<String>,
}

fn cpuinfo(root: &Path) -> Vec<Info> {
    let text = std::fs::read_to_string(root.join("proc/cpuinfo")).unwrap_or_default();
    let mut found: Vec<Info> = Vec::new();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let (key, value) = (key.trim(), value.trim());
        if key == "processor" {
            // Old Arm kernels write a name there as well.
            if let Ok(cpu) = value.parse() {
                found.push(Info { cpu, package: None, core: None, model: None });
            }
            continue;
        }
        let Some(last) = found.last_mut() else { continue };
        match key {
            "physical id" => last.package = value.parse().ok(),
            "core id" => last.core = value.parse().ok(),
            "model name" | "Model" | "cpu model" if !value.is_empty() => last.model = Some(value.to_owned()),
            _ => {}
        }
    }
    found
}

/// `0-3,8,10-11` as numbers, sorted; `None` when it is something else.
pub fn parse_cpu_list(text: &str) -> Option<Vec<u32>> {
    let mut cpus = BTreeSet::new();
    for part in text.trim().split(',').filter(|p| !p.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.trim().parse::<u32>().ok()?, last.trim().parse::<u32>().ok()?);
        // No machine has more; a broken file must not fill the memory.
        if last < first || last - first > 65_536 {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus.into_iter().collect())
}

/// The CPUs this process may run on.
fn affinity() -> Option<Vec<u32>> {
    affinity_of(0)
}

/// The CPUs that the main thread of a process may run on; 0 is this process.
pub(crate) fn affinity_of(pid: u32) -> Option<Vec<u32>> {
    // The C library's set ends at 1024 CPUs; the system call takes any size.
    let mut words = vec![0_u64; 1024];
    // SAFETY: pointer and length are those of the vector; the kernel writes at most that many bytes.
    let written = unsafe { libc::syscall(libc::SYS_sched_getaffinity, pid as libc::pid_t, size_of_val(words.as_slice()), words.as_mut_ptr()) };
    if written <= 0 {
        return None;
    }
    let bits = words.iter().enumerate().flat_map(|(index, &word)| (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| index as u32 * 64 + bit));
    Some(bits.collect())
}

pub(super) fn missing() -> Vec<String> {
    let mut sentences = Vec::new();
    let machine = machine();
    if machine.siblings.is_none() {
        sentences.push("This system does not tell which logical CPUs share a physical core.".to_owned());
    }
    if machine.nodes.is_none() {
        sentences.push("This system does not tell which CPUs belong to which NUMA node.".to_owned());
    }
    sentences
}
