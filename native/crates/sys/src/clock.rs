//! How fast the CPUs run and what decides it.

use std::collections::BTreeSet;
use std::path::Path;

/// What sets the clock of the CPUs; what cannot be told is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClockPolicy {
    /// Frequency governor, when all CPUs have the same.
    pub governor: Option<String>,
    /// True when the processor may raise its clock beyond the nominal one.
    pub turbo: Option<bool>,
}

/// What sets the clock of this machine.
pub fn policy() -> ClockPolicy {
    policy_at(Path::new("/"))
}

/// The same of the machine whose files lie below `root`.
pub fn policy_at(root: &Path) -> ClockPolicy {
    let cpus = root.join("sys/devices/system/cpu");
    let text = |path: &str| std::fs::read_to_string(cpus.join(path)).ok().map(|text| text.trim().to_owned());
    let governors: BTreeSet<String> = per_cpu(root, "cpufreq/scaling_governor").into_iter().collect();
    let turbo = match (text("intel_pstate/no_turbo").as_deref(), text("cpufreq/boost").as_deref()) {
        (Some("0"), _) | (None, Some("1")) => Some(true),
        (Some("1"), _) | (None, Some("0")) => Some(false),
        _ => None,
    };
    ClockPolicy { governor: if governors.len() == 1 { governors.into_iter().next() } else { None }, turbo }
}

/// Mean clock of all CPUs now, MHz, of the machine whose files lie below `root`. A virtual machine often shows the nominal clock always.
pub fn mean_mhz(root: &Path) -> Option<f64> {
    let kilohertz: Vec<f64> = per_cpu(root, "cpufreq/scaling_cur_freq").iter().filter_map(|text| text.parse().ok()).collect();
    let megahertz: Vec<f64> = if kilohertz.is_empty() {
        let info = std::fs::read_to_string(root.join("proc/cpuinfo")).ok()?;
        info.lines().filter_map(|line| line.strip_prefix("cpu MHz")?.split(':').nth(1)?.trim().parse().ok()).collect()
    } else {
        kilohertz.iter().map(|value| value / 1_000.0).collect()
    };
    (!megahertz.is_empty()).then(|| megahertz.iter().sum::<f64>() / megahertz.len() as f64)
}

/// One file of every CPU that has it.
fn per_cpu(root: &Path, file: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(root.join("sys/devices/system/cpu")) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_str().and_then(|name| name.strip_prefix("cpu")).is_some_and(|rest| rest.parse::<u32>().is_ok()))
        .filter_map(|entry| std::fs::read_to_string(entry.path().join(file)).ok())
        .map(|text| text.trim().to_owned())
        .collect()
}

/// The clock that Python's `time.perf_counter_ns` and Node's `process.hrtime` read; `None` where that is not known.
pub fn monotonic_ns() -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        crate::sample::linux::clock_ns(libc::CLOCK_MONOTONIC)
    }
    #[cfg(not(target_os = "linux"))]
    {
        None
    }
}

/// CPU time of the calling thread; `None` where that is not known.
pub fn thread_cpu() -> Option<std::time::Duration> {
    #[cfg(target_os = "linux")]
    {
        crate::sample::linux::clock_ns(libc::CLOCK_THREAD_CPUTIME_ID).map(std::time::Duration::from_nanos)
    }
    #[cfg(not(target_os = "linux"))]
    {
        None
    }
}

/// The operating system and its version: `Linux 6.18.1`.
pub fn system() -> Option<String> {
    #[cfg(unix)]
    {
        // SAFETY: the structure holds nothing but characters.
        let mut name: libc::utsname = unsafe { std::mem::zeroed() };
        // SAFETY: the pointer is to a local.
        if unsafe { libc::uname(&raw mut name) } != 0 {
            return None;
        }
        let text = |field: &[libc::c_char]| field.iter().take_while(|&&c| c != 0).map(|&c| char::from(c as u8)).collect::<String>();
        Some(format!("{} {}", text(&name.sysname), text(&name.release)))
    }
    #[cfg(not(unix))]
    {
        Some(std::env::consts::OS.to_owned())
    }
}
