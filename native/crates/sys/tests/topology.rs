//! Machines of many shapes, as trees of the files that describe them.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::path::Path;
use tempfile::TempDir;
use threadgauge_sys::topology::{machine, machine_at, parse_cpu_list};

/// A copy of another machine's `/sys` and `/proc`.
struct Fixture(TempDir);

impl Fixture {
    fn new(online: &str) -> Self {
        Self(tempfile::tempdir().unwrap()).file("sys/devices/system/cpu/online", online)
    }

    fn file(self, path: &str, text: &str) -> Self {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("{text}\n")).unwrap();
        self
    }

    /// CPU, package, core id, siblings.
    fn cpu(self, cpu: u32, package: i32, core: u32, siblings: &str) -> Self {
        let base = format!("sys/devices/system/cpu/cpu{cpu}/topology");
        self.file(&format!("{base}/physical_package_id"), &package.to_string())
            .file(&format!("{base}/core_id"), &core.to_string())
            .file(&format!("{base}/thread_siblings_list"), siblings)
    }

    fn node(self, node: u32, cpus: &str) -> Self {
        self.file(&format!("sys/devices/system/node/node{node}/cpulist"), cpus)
    }

    fn cgroup(self, memberships: &str, mounts: &str) -> Self {
        self.file("proc/self/cgroup", memberships).file("proc/self/mountinfo", mounts)
    }

    fn root(&self) -> &Path {
        self.0.path()
    }
}

const V2: &str = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
const V1: &str = "33 32 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n34 32 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct";

#[test]
fn two_cores_without_smt() {
    let fixture = Fixture::new("0-1").cpu(0, 0, 0, "0").cpu(1, 0, 1, "1").node(0, "0-1").file("proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU @ 2.1GHz\n\nprocessor\t: 1\nmodel name\t: Some CPU @ 2.1GHz\n");
    let machine = machine_at(fixture.root(), Some(&[0, 1]));
    assert_eq!((machine.logical_cores, machine.physical_cores, machine.sockets, machine.numa_nodes), (Some(2), Some(2), Some(1), Some(1)));
    assert_eq!(machine.siblings, Some(vec![vec![0], vec![1]]));
    assert_eq!((machine.affinity, machine.cpu_quota, machine.core_kinds), (None, None, None));
    assert_eq!(machine.model.as_deref(), Some("Some CPU @ 2.1GHz"));
    assert_eq!(machine.os.as_deref(), Some("linux"));
}

#[test]
fn siblings_next_to_each_other_as_in_clouds() {
    let mut fixture = Fixture::new("0-7").node(0, "0-7");
    for cpu in 0..8 {
        let first = cpu / 2 * 2;
        fixture = fixture.cpu(cpu, 0, cpu / 2, &format!("{first}-{}", first + 1));
    }
    let machine = machine_at(fixture.root(), None);
    assert_eq!((machine.logical_cores, machine.physical_cores), (Some(8), Some(4)));
    assert_eq!(machine.siblings, Some(vec![vec![0, 1], vec![2, 3], vec![4, 5], vec![6, 7]]));
}

#[test]
fn gaps_in_core_ids_do_not_matter() {
    let fixture = Fixture::new("0-3").cpu(0, 0, 0, "0").cpu(1, 0, 1, "1").cpu(2, 0, 4, "2").cpu(3, 0, 5, "3");
    let machine = machine_at(fixture.root(), None);
    assert_eq!(machine.siblings, Some(vec![vec![0], vec![1], vec![2], vec![3]]));
    assert_eq!(machine.physical_cores, Some(4));
}

#[test]
fn ninety_six_cores_on_two_sockets_with_smt_far_apart() {
    let mut fixture = Fixture::new("0-191").node(0, "0-47,96-143").node(1, "48-95,144-191");
    for cpu in 0..192_u32 {
        let core = cpu % 96;
        // Core ids start again on the second socket.
        fixture = fixture.cpu(cpu, i32::from(core >= 48), core % 48, &format!("{core},{}", core + 96));
    }
    let machine = machine_at(fixture.root(), None);
    assert_eq!((machine.logical_cores, machine.physical_cores, machine.sockets, machine.numa_nodes), (Some(192), Some(96), Some(2), Some(2)));
    assert_eq!(machine.siblings.unwrap()[47], vec![47, 143]);
    let nodes = machine.nodes.unwrap();
    assert_eq!((nodes[0].len(), nodes[1].first(), nodes[1].last()), (96, Some(&48), Some(&191)));
}

#[test]
fn core_ids_serve_where_sibling_lists_are_missing() {
    let mut fixture = Fixture::new("0-3");
    for (cpu, package, core) in [(0, 0, 0), (1, 1, 0), (2, 0, 0), (3, 1, 0)] {
        let base = format!("sys/devices/system/cpu/cpu{cpu}/topology");
        fixture = fixture.file(&format!("{base}/physical_package_id"), &package.to_string()).file(&format!("{base}/core_id"), &core.to_string());
    }
    let machine = machine_at(fixture.root(), None);
    assert_eq!(machine.siblings, Some(vec![vec![0, 2], vec![1, 3]]));
    assert_eq!(machine.sockets, Some(2));
}

#[test]
fn asymmetric_nodes_and_nodes_of_memory_only() {
    let mut fixture = Fixture::new("0-7").node(0, "0-5").node(1, "6-7").node(2, "").node(10, "");
    for cpu in 0..8 {
        fixture = fixture.cpu(cpu, 0, cpu, &cpu.to_string());
    }
    let machine = machine_at(fixture.root(), None);
    assert_eq!((machine.physical_cores, machine.numa_nodes), (Some(8), Some(2)));
    assert_eq!(machine.nodes, Some(vec![vec![0, 1, 2, 3, 4, 5], vec![6, 7]]));
}

#[test]
fn intel_hybrid_cores() {
    let mut fixture = Fixture::new("0-7").file("sys/devices/cpu_core/cpus", "0-3").file("sys/devices/cpu_atom/cpus", "4-7");
    for (cpu, siblings) in [(0, "0-1"), (1, "0-1"), (2, "2-3"), (3, "2-3"), (4, "4"), (5, "5"), (6, "6"), (7, "7")] {
        fixture = fixture.cpu(cpu, 0, cpu * 4, siblings);
    }
    let machine = machine_at(fixture.root(), None);
    assert_eq!(machine.physical_cores, Some(6));
    let kinds: Vec<(String, Vec<u32>)> = machine.core_kinds.unwrap().into_iter().map(|k| (k.name, k.cpus)).collect();
    assert_eq!(kinds, vec![("P".to_owned(), vec![0, 1, 2, 3]), ("E".to_owned(), vec![4, 5, 6, 7])]);
}

#[test]
fn arm_kinds_come_from_capacities() {
    let mut fixture = Fixture::new("0-7");
    for (cpu, capacity) in [(0, 250), (1, 250), (2, 250), (3, 250), (4, 760), (5, 760), (6, 760), (7, 1024)] {
        fixture = fixture.cpu(cpu, 0, cpu, &cpu.to_string()).file(&format!("sys/devices/system/cpu/cpu{cpu}/cpu_capacity"), &capacity.to_string());
    }
    let kinds: Vec<(String, Vec<u32>)> = machine_at(fixture.root(), None).core_kinds.unwrap().into_iter().map(|k| (k.name, k.cpus)).collect();
    assert_eq!(kinds, vec![("P".to_owned(), vec![7]), ("M".to_owned(), vec![4, 5, 6]), ("E".to_owned(), vec![0, 1, 2, 3])]);

    let mut same = Fixture::new("0-1");
    for (cpu, capacity) in [(0, 1024), (1, 1010)] {
        same = same.cpu(cpu, 0, cpu, &cpu.to_string()).file(&format!("sys/devices/system/cpu/cpu{cpu}/cpu_capacity"), &capacity.to_string());
    }
    assert_eq!(machine_at(same.root(), None).core_kinds, None, "a favoured core is not another kind");
}

#[test]
fn offline_cpus_do_not_count() {
    // SMT switched off at run time: the lists still name the siblings.
    let fixture = Fixture::new("0,2").cpu(0, 0, 0, "0-1").cpu(2, 0, 1, "2-3").node(0, "0-3").file("sys/devices/cpu_core/cpus", "0-3").file("sys/devices/cpu_atom/cpus", "4-7");
    let machine = machine_at(fixture.root(), Some(&[0, 2]));
    assert_eq!((machine.logical_cores, machine.physical_cores), (Some(2), Some(2)));
    assert_eq!(machine.siblings, Some(vec![vec![0], vec![2]]));
    assert_eq!(machine.nodes, Some(vec![vec![0, 2]]));
    assert_eq!((machine.affinity, machine.core_kinds), (None, None), "no kind of core is left but one");
}

#[test]
fn an_inherited_mask_is_reported() {
    let mut fixture = Fixture::new("0-3");
    for cpu in 0..4 {
        fixture = fixture.cpu(cpu, 0, cpu, &cpu.to_string());
    }
    assert_eq!(machine_at(fixture.root(), Some(&[1])).affinity, Some(vec![1]));
    assert_eq!(machine_at(fixture.root(), Some(&[3, 1, 99])).affinity, Some(vec![1, 3]));
    assert_eq!(machine_at(fixture.root(), Some(&[0, 1, 2, 3])).affinity, None);
}

#[test]
fn quota_of_version_2_is_the_smallest_of_all_ancestors() {
    let fixture = Fixture::new("0-7")
        .cgroup("0::/kubepods.slice/pod1/container", V2)
        .file("sys/fs/cgroup/kubepods.slice/cpu.max", "800000 100000")
        .file("sys/fs/cgroup/kubepods.slice/pod1/cpu.max", "150000 100000")
        .file("sys/fs/cgroup/kubepods.slice/pod1/container/cpu.max", "max 100000");
    assert_eq!(machine_at(fixture.root(), None).cpu_quota, Some(1.5));
    let none = Fixture::new("0-7").cgroup("0::/a", V2).file("sys/fs/cgroup/a/cpu.max", "max 100000");
    assert_eq!(machine_at(none.root(), None).cpu_quota, None);
}

#[test]
fn quota_of_version_1_is_the_smallest_of_all_ancestors() {
    let base = "sys/fs/cgroup/cpu,cpuacct/docker";
    let fixture = Fixture::new("0-7")
        .cgroup("9:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc/job\n0::/", V1)
        .file(&format!("{base}/cpu.cfs_quota_us"), "400000")
        .file(&format!("{base}/cpu.cfs_period_us"), "100000")
        .file(&format!("{base}/abc/cpu.cfs_quota_us"), "125000")
        .file(&format!("{base}/abc/cpu.cfs_period_us"), "50000")
        .file(&format!("{base}/abc/job/cpu.cfs_quota_us"), "-1")
        .file(&format!("{base}/abc/job/cpu.cfs_period_us"), "100000");
    assert_eq!(machine_at(fixture.root(), None).cpu_quota, Some(2.5));
}

#[test]
fn quota_is_found_in_containers_that_mount_only_their_own_group() {
    // Version 1 without a cgroup namespace: the path names the host's, the mount is a part of it.
    let mounted = "34 32 0:30 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cpu rw,cpu";
    let fixture = Fixture::new("0-7")
        .cgroup("4:cpu:/docker/abc", mounted)
        .file("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000")
        .file("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
    assert_eq!(machine_at(fixture.root(), None).cpu_quota, Some(0.5));
    // Version 2 in a namespace, and a process outside of what is mounted.
    for membership in ["0::/", "0::/../../other", "0::/not/there"] {
        let fixture = Fixture::new("0-7").cgroup(membership, V2).file("sys/fs/cgroup/cpu.max", "300000 100000");
        assert_eq!(machine_at(fixture.root(), None).cpu_quota, Some(3.0), "{membership}");
    }
    // Both versions at once, and a mount point with a blank.
    let fixture = Fixture::new("0-7")
        .cgroup("4:cpu:/x\n0::/y", "30 1 0:1 / /cg\\040one rw - cgroup none rw,cpu\n31 1 0:2 / /cg2 rw - cgroup2 none rw")
        .file("cg one/x/cpu.cfs_quota_us", "200000")
        .file("cg one/x/cpu.cfs_period_us", "100000")
        .file("cg2/y/cpu.max", "600000 200000");
    assert_eq!(machine_at(fixture.root(), None).cpu_quota, Some(2.0));
}

#[test]
fn what_cannot_be_told_is_null() {
    let empty = Fixture(tempfile::tempdir().unwrap());
    let unknown = machine_at(empty.root(), Some(&[0]));
    assert_eq!((unknown.logical_cores, unknown.physical_cores, unknown.sockets, unknown.numa_nodes), (None, None, None, None));
    assert_eq!((unknown.cpu_quota, unknown.affinity, unknown.siblings, unknown.model), (None, None, None, None));
    // Only /proc/cpuinfo, as in some sandboxes.
    let only_info = Fixture(tempfile::tempdir().unwrap()).file("proc/cpuinfo", "processor : 0\nphysical id : 0\ncore id : 0\n\nprocessor : 1\nphysical id : 0\ncore id : 0\n");
    let machine = machine_at(only_info.root(), None);
    assert_eq!((machine.logical_cores, machine.physical_cores, machine.sockets), (Some(2), Some(1), Some(1)));
    // A package of -1 (some Arm kernels), and sibling lists that contradict each other.
    let strange = Fixture::new("0-1").cpu(0, -1, 0, "0-1").cpu(1, -1, 0, "1");
    let machine = machine_at(strange.root(), None);
    assert_eq!((machine.sockets, machine.siblings, machine.logical_cores), (None, None, Some(2)));
    // Files of garbage.
    let garbage = Fixture::new("zero to three").cgroup(":::\n\n4", "x - cgroup2\n - ").file("proc/cpuinfo", "::::\nprocessor:\n");
    assert_eq!(machine_at(garbage.root(), None).logical_cores, None);
}

#[test]
fn cpu_lists() {
    assert_eq!(parse_cpu_list("0-2,5, 7-8\n"), Some(vec![0, 1, 2, 5, 7, 8]));
    assert_eq!(parse_cpu_list("\n"), Some(vec![]));
    for bad in ["3-1", "a", "1-", "-1", "0-4294967295"] {
        assert_eq!(parse_cpu_list(bad), None, "{bad}");
    }
}

#[test]
fn this_machine_is_consistent() {
    let machine = machine();
    let logical = machine.logical_cores.expect("Linux tells its CPUs");
    let counted = std::thread::available_parallelism().unwrap().get() as u32;
    assert!(logical >= counted);
    if let Some(siblings) = &machine.siblings {
        let all: BTreeSet<u32> = siblings.iter().flatten().copied().collect();
        assert_eq!(all.len() as u32, logical);
        assert_eq!(machine.physical_cores, Some(siblings.len() as u32));
    }
    assert!(machine.model.is_some() || std::env::consts::ARCH != "x86_64");
}

#[test]
fn a_mask_set_on_this_process_is_seen() {
    let online = machine().logical_cores.unwrap();
    if online < 2 {
        return;
    }
    // SAFETY: a zeroed set is valid; the mask of this one thread is restored below.
    unsafe {
        let mut old: libc::cpu_set_t = std::mem::zeroed();
        assert_eq!(libc::sched_getaffinity(0, size_of_val(&old), &raw mut old), 0);
        let Some(first) = (0..1024).find(|&cpu| libc::CPU_ISSET(cpu, &old)) else { return };
        let mut one: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(first, &mut one);
        assert_eq!(libc::sched_setaffinity(0, size_of_val(&one), &raw const one), 0);
        let seen = machine().affinity;
        libc::sched_setaffinity(0, size_of_val(&old), &raw const old);
        assert_eq!(seen, Some(vec![first as u32]));
    }
}

#[test]
fn the_clock_is_known_where_the_system_tells() {
    use threadgauge_sys::clock::{ClockPolicy, mean_mhz, policy_at};
    let fixture = Fixture::new("0-1");
    assert_eq!((policy_at(fixture.root()), mean_mhz(fixture.root())), (ClockPolicy::default(), None));
    let fixture = fixture.file("proc/cpuinfo", "processor\t: 0\ncpu MHz\t\t: 2000.000\nprocessor\t: 1\ncpu MHz\t\t: 3000.500");
    assert_eq!(mean_mhz(fixture.root()), Some(2500.25));
    let governor = |fixture: Fixture, cpu: u32, name: &str| fixture.file(&format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor"), name);
    let fixture = governor(governor(fixture, 0, "powersave"), 1, "powersave").file("sys/devices/system/cpu/intel_pstate/no_turbo", "0");
    assert_eq!(policy_at(fixture.root()), ClockPolicy { governor: Some("powersave".into()), turbo: Some(true) });
    let fixture = governor(fixture, 1, "performance").file("sys/devices/system/cpu/intel_pstate/no_turbo", "1").file("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1200000");
    assert_eq!(policy_at(fixture.root()), ClockPolicy { governor: None, turbo: Some(false) });
    assert_eq!(mean_mhz(fixture.root()), Some(1200.0), "what the driver says comes before what the processor says of itself");
}
