//! macOS and Windows: what the standard library tells, and nothing else.

use threadgauge_protocol::Machine;

pub(super) fn machine() -> Machine {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    Machine {
        os: Some(os.to_owned()),
        arch: Some(std::env::consts::ARCH.to_owned()),
        logical_cores: std::thread::available_parallelism().ok().and_then(|n| u32::try_from(n.get()).ok()),
        ..Machine::default()
    }
}

pub(super) fn missing() -> Vec<String> {
    vec![
        "On this platform physical cores, SMT siblings, sockets, NUMA nodes and kinds of cores are not measured.".to_owned(),
        "On this platform the processor's name, CPU quotas and the affinity mask are not measured.".to_owned(),
    ]
}
