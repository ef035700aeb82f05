//! How the Python probe is put in front of a script, and how its report is read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use threadgauge_protocol::{Arm, PythonWorkload, Selection};

use crate::workload::{Executions, Measured, ProbeMode, ProbedFile, ProbedLine, RegionTime, Selected};

/// Largest report that is read; a report grows with the lines of the program, not with its run.
const LARGEST_REPORT: u64 = 64 * 1024 * 1024;

/// The variable that holds what the probe is told.
pub(crate) const VARIABLE: &str = "THREADGAUGE_PROBE";

/// What the probe is told, in [`VARIABLE`].
#[derive(Debug, Serialize)]
struct Instructions<'a> {
    mode: &'static str,
    out: &'a Path,
    roots: &'a [String],
    torch_num_threads: Option<u32>,
    torch_num_interop_threads: Option<u32>,
    flush_denormal: Option<bool>,
    pinned_env: Option<&'a BTreeMap<String, Option<String>>>,
    cell: Option<&'a Path>,
    barrier: Option<&'a Barrier>,
    cpu_lines: Option<&'a BTreeMap<String, Vec<u32>>>,
    old_pythonpath: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    selection: Option<SelectionOrder<'a>>,
}

/// The code to repeat.
#[derive(Debug, Serialize)]
struct SelectionOrder<'a> {
    #[serde(flatten)]
    selection: &'a Selection,
    how: Option<&'a Executions>,
}

/// Where the instances of one trial wait for each other before their regions begin: a file with one byte for
/// each, which is 1 once its instance has come, or will never come.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Barrier {
    /// The file.
    pub path: PathBuf,
    /// Place of this instance.
    pub index: usize,
    /// How many there are.
    pub count: usize,
}

/// What the probe reports.
#[derive(Debug, Deserialize)]
struct Report {
    version: u32,
    region: Option<ReportedRegion>,
    region_reason: Option<String>,
    observed_threads: Option<u32>,
    #[serde(default)]
    files: Vec<ReportedFile>,
    #[serde(default)]
    selection: Option<Selected>,
    error: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names of the report")]
struct ReportedRegion {
    start_ns: u64,
    end_ns: u64,
    cpu_start_ns: u64,
    cpu_end_ns: u64,
}

/// Line, hits, wall, process CPU, thread CPU, first execution.
type ReportedLine = (u32, u64, u64, Option<u64>, Option<u64>, u64);

#[derive(Debug, Deserialize)]
struct ReportedFile {
    path: String,
    sha256: String,
    lines: Vec<ReportedLine>,
}

/// Files that the probe shares with the runner.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shared<'a> {
    /// Where it writes its report.
    pub out: &'a Path,
    /// The line cell, while lines are timed.
    pub cell: Option<&'a Path>,
    /// Where several instances wait for each other.
    pub barrier: Option<&'a Barrier>,
}

/// Puts the probe into a command line and an environment. `ProbeMode::Off` changes nothing.
pub(crate) fn inject(
    python: &PythonWorkload,
    mode: &ProbeMode,
    arm: &Arm,
    shared: Shared<'_>,
    argv: &mut Vec<String>,
    env: &mut BTreeMap<String, String>,
) {
    let mut selection = None;
    let (name, cpu_lines) = match mode {
        ProbeMode::Off => return,
        ProbeMode::Region => ("region", None),
        ProbeMode::Selected(how) => {
            selection = python.selection.as_ref().map(|selection| SelectionOrder { selection, how: how.as_ref() });
            ("region", None)
        }
        ProbeMode::Wall => ("wall", None),
        ProbeMode::Cpu(lines) => ("cpu", Some(lines)),
    };
    let at = python.script_index.min(argv.len());
    argv.splice(at..at, ["-m".to_owned(), "threadgauge_probe".to_owned()]);
    let old_pythonpath = env.get("PYTHONPATH").cloned();
    let path = match old_pythonpath.as_deref() {
        Some(old) if !old.is_empty() => format!("{}{}{old}", python.probe_dir, if cfg!(windows) { ';' } else { ':' }),
        _ => python.probe_dir.clone(),
    };
    env.insert("PYTHONPATH".into(), path);
    let Shared { out, cell, barrier } = shared;
    let instructions = Instructions { mode: name, out, roots: &python.roots, torch_num_threads: arm.torch_num_threads, torch_num_interop_threads: arm.torch_num_interop_threads, flush_denormal: arm.flush_denormal, pinned_env: arm.pin_env.then_some(&arm.env), cell, barrier, cpu_lines, old_pythonpath, selection };
    env.insert(VARIABLE.into(), serde_json::to_string(&instructions).unwrap_or_default());
}

/// Reads the report at `out` into `measured`. A report that is missing or unreadable is said, not fatal.
/// Returns the paths in the order of the report, by which the line cell counts.
pub(crate) fn read(out: &Path, measured: &mut Measured) -> Vec<String> {
    let report = match load(out) {
        Ok(report) => report,
        Err(reason) => {
            measured.region_reason = Some(reason.clone());
            measured.probe_error = Some(reason);
            return Vec::new();
        }
    };
    measured.region = report
        .region
        .filter(|region| region.end_ns > region.start_ns)
        .map(|region| RegionTime { wall_ns: region.end_ns - region.start_ns, cpu_ns: region.cpu_end_ns.saturating_sub(region.cpu_start_ns) });
    measured.region_span = report.region.map(|region| (region.start_ns, region.end_ns));
    measured.region_reason = report.region_reason;
    if let Some(selected) = report.selection {
        measured.region = (selected.mean_ns > 0).then(|| RegionTime { wall_ns: selected.mean_ns, cpu_ns: selected.cpu_ns.unwrap_or(0) });
        measured.selected = Some(selected);
    }
    measured.observed_threads = report.observed_threads;
    measured.probe_error = report.error;
    let paths = report.files.iter().map(|file| file.path.clone()).collect();
    measured.files = report
        .files
        .into_iter()
        .map(|file| ProbedFile {
            path: file.path,
            sha256: file.sha256,
            lines: file
                .lines
                .into_iter()
                .map(|(line, hits, wall_ns, cpu_ns, thread_cpu_ns, first_ns)| ProbedLine { line, hits, wall_ns, cpu_ns, thread_cpu_ns, first_ns })
                .collect(),
        })
        .collect();
    paths
}

fn load(out: &Path) -> Result<Report, String> {
    let size = std::fs::metadata(out).map_err(|_| "The probe left no report; the program may have replaced or ended its process abruptly.".to_owned())?.len();
    if size > LARGEST_REPORT {
        return Err(format!("The report of the probe is too large ({size} bytes)."));
    }
    let text = std::fs::read(out).map_err(|error| format!("The report of the probe could not be read: {error}."))?;
    let report: Report = serde_json::from_slice(&text).map_err(|error| format!("The report of the probe could not be read: {error}."))?;
    if report.version == 1 { Ok(report) } else { Err(format!("The report of the probe has version {}; this runner reads version 1.", report.version)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::End;

    fn python() -> PythonWorkload {
        PythonWorkload { script_index: 2, probe_dir: "/p".into(), roots: vec!["/w".into()], region: threadgauge_protocol::Region::AfterImports, ..Default::default() }
    }

    fn arm(pin_env: bool) -> Arm {
        let env = BTreeMap::from([("OMP_NUM_THREADS".to_owned(), Some("2".to_owned())), ("MKL_NUM_THREADS".to_owned(), None)]);
        Arm { label: "2".into(), threads: Some(2), env, torch_num_threads: Some(2), pin_env, reason: "test".into(), ..Default::default() }
    }

    #[test]
    fn the_probe_goes_between_options_and_script() {
        let mut argv: Vec<String> = ["python3", "-u", "run.py", "--n", "3"].map(str::to_owned).to_vec();
        let mut env = BTreeMap::from([("PYTHONPATH".to_owned(), "/old".to_owned())]);
        inject(&python(), &ProbeMode::Wall, &arm(false), Shared { out: Path::new("/tmp/o.json"), cell: Some(Path::new("/dev/shm/c")), barrier: None }, &mut argv, &mut env);
        assert_eq!(argv, ["python3", "-u", "-m", "threadgauge_probe", "run.py", "--n", "3"]);
        assert_eq!(env["PYTHONPATH"], "/p:/old");
        let told: serde_json::Value = serde_json::from_str(&env["THREADGAUGE_PROBE"]).expect("JSON");
        assert_eq!(
            told,
            serde_json::json!({"mode": "wall", "out": "/tmp/o.json", "roots": ["/w"], "torch_num_threads": 2, "torch_num_interop_threads": null, "flush_denormal": null, "pinned_env": null, "cell": "/dev/shm/c", "barrier": null, "cpu_lines": null, "old_pythonpath": "/old"})
        );
    }

    #[test]
    fn variables_are_pinned_when_the_arm_says_so() {
        let (mut argv, mut env) = (vec!["python3".to_owned(), "a.py".to_owned()], BTreeMap::new());
        let python = PythonWorkload { script_index: 1, ..python() };
        inject(&python, &ProbeMode::Region, &arm(true), Shared { out: Path::new("/o"), cell: None, barrier: None }, &mut argv, &mut env);
        let told: serde_json::Value = serde_json::from_str(&env["THREADGAUGE_PROBE"]).expect("JSON");
        assert_eq!(told["pinned_env"], serde_json::json!({"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": null}));
    }

    #[test]
    fn off_changes_nothing() {
        let mut argv = vec!["python3".to_owned(), "a.py".to_owned()];
        let mut env = BTreeMap::new();
        inject(&python(), &ProbeMode::Off, &arm(true), Shared { out: Path::new("/o"), cell: None, barrier: None }, &mut argv, &mut env);
        assert_eq!((argv.len(), env.len()), (2, 0));
    }

    #[test]
    fn a_broken_report_is_a_sentence() {
        let dir = tempfile::tempdir().expect("a directory");
        for (text, part) in [("{", "could not be read"), (r#"{"version":9,"mode":"region","region":null,"region_reason":null,"observed_threads":null,"error":null}"#, "version 9")] {
            let out = dir.path().join("out.json");
            std::fs::write(&out, text).expect("written");
            let mut measured = Measured::ended(End::Exited(0));
            read(&out, &mut measured);
            assert!(measured.probe_error.expect("a reason").contains(part));
        }
    }
}
