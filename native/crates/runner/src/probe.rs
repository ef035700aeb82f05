//! How a probe is put in front of a script, and how its report is read. The probes of Python and Node.js report alike.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use threadgauge_protocol::{Arm, NodeWorkload, PythonWorkload, Selection};

use crate::children;
use crate::observe::Libraries;
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

/// What the probe of Node.js is told, in the same variable.
#[derive(Debug, Serialize)]
struct NodeInstructions<'a> {
    mode: &'static str,
    out: &'a Path,
    roots: &'a [String],
    ort_intra_op_threads: Option<u32>,
    pinned_env: Option<&'a BTreeMap<String, Option<String>>>,
    cell: Option<&'a Path>,
    barrier: Option<&'a Barrier>,
    cpu_lines: Option<&'a Lines>,
    skipped_lines: Option<&'a Lines>,
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
    /// Children that were told to measure their lines.
    #[serde(default)]
    children: u32,
    error: Option<String>,
    #[serde(default, alias = "runtime")]
    python: Option<String>,
    #[serde(default, alias = "versions")]
    libraries: BTreeMap<String, String>,
    #[serde(default)]
    parallel_info: Option<String>,
    #[serde(default)]
    inter_op_threads: Option<u32>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names of the report")]
struct ReportedRegion {
    start_ns: u64,
    end_ns: u64,
    cpu_start_ns: u64,
    cpu_end_ns: u64,
}

/// Line, hits, wall, process CPU, thread CPU, first execution; then, where known, the part that was awaited, and the threads that reached it.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Vec<Option<u64>>")]
struct ReportedLine(ProbedLine);

impl TryFrom<Vec<Option<u64>>> for ReportedLine {
    type Error = String;

    fn try_from(row: Vec<Option<u64>>) -> Result<Self, String> {
        let at = |index: usize| row.get(index).copied().flatten();
        let needed = |index: usize| at(index).ok_or_else(|| format!("a line lacks its value {index}"));
        Ok(Self(ProbedLine {
            line: u32::try_from(needed(0)?).map_err(|_| "a line number is too large".to_owned())?,
            hits: needed(1)?,
            wall_ns: needed(2)?,
            cpu_ns: at(3),
            thread_cpu_ns: at(4),
            first_ns: needed(5)?,
            awaited_ns: at(6),
            threads: at(7).and_then(|threads| u32::try_from(threads).ok()),
            processes: 1,
        }))
    }
}

#[derive(Debug, Deserialize)]
struct ReportedFile {
    path: String,
    sha256: String,
    lines: Vec<ReportedLine>,
    /// Lines too short and too frequent to be timed; the next run leaves them alone.
    #[serde(default)]
    hot: Vec<u32>,
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
    let Some((name, cpu_lines, _)) = orders(mode) else { return };
    let selection = match mode {
        ProbeMode::Selected(how) => python.selection.as_ref().map(|selection| SelectionOrder { selection, how: how.as_ref() }),
        _ => None,
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

/// Puts the probe of Node.js into a command line and an environment. `ProbeMode::Off` changes nothing.
pub(crate) fn inject_node(node: &NodeWorkload, mode: &ProbeMode, arm: &Arm, shared: Shared<'_>, argv: &mut Vec<String>, env: &mut BTreeMap<String, String>) {
    let Some((name, cpu_lines, skipped_lines)) = orders(mode) else { return };
    let at = node.script_index.min(argv.len());
    argv.splice(at..at, ["--require".to_owned(), node.probe_file.clone()]);
    let Shared { out, cell, barrier } = shared;
    let instructions = NodeInstructions {
        mode: name,
        out,
        roots: &node.roots,
        ort_intra_op_threads: arm.ort_intra_op_threads,
        pinned_env: arm.pin_env.then_some(&arm.env),
        cell,
        barrier,
        cpu_lines,
        skipped_lines,
    };
    env.insert(VARIABLE.into(), serde_json::to_string(&instructions).unwrap_or_default());
}

type Lines = BTreeMap<String, Vec<u32>>;

/// Name of a mode, the lines with clocks, and the lines left out; `None` when there is no probe.
fn orders(mode: &ProbeMode) -> Option<(&'static str, Option<&Lines>, Option<&Lines>)> {
    match mode {
        ProbeMode::Off => None,
        ProbeMode::Region | ProbeMode::Selected(_) => Some(("region", None, None)),
        ProbeMode::Wall(skipped) => Some(("wall", None, Some(skipped).filter(|lines| !lines.is_empty()))),
        ProbeMode::Cpu(lines) => Some(("cpu", Some(lines), None)),
    }
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
    measured.libraries = Some(Libraries {
        runtime: report.python,
        versions: report.libraries,
        parallel_info: report.parallel_info,
        inter_op: report.inter_op_threads,
    });
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
            lines: file.lines.into_iter().map(|line| line.0).collect(),
            hot: file.hot,
        })
        .collect();
    children::add(out, report.children, measured);
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
        inject(&python(), &ProbeMode::Wall(BTreeMap::new()), &arm(false), Shared { out: Path::new("/tmp/o.json"), cell: Some(Path::new("/dev/shm/c")), barrier: None }, &mut argv, &mut env);
        assert_eq!(argv, ["python3", "-u", "-m", "threadgauge_probe", "run.py", "--n", "3"]);
        assert_eq!(env["PYTHONPATH"], "/p:/old");
        let told: serde_json::Value = serde_json::from_str(&env["THREADGAUGE_PROBE"]).expect("JSON");
        assert_eq!(
            told,
            serde_json::json!({"mode": "wall", "out": "/tmp/o.json", "roots": ["/w"], "torch_num_threads": 2, "torch_num_interop_threads": null, "flush_denormal": null, "pinned_env": null, "cell": "/dev/shm/c", "barrier": null, "cpu_lines": null, "old_pythonpath": "/old"})
        );
    }

    #[test]
    fn the_probe_of_node_goes_between_options_and_script() {
        let node = NodeWorkload { script_index: 2, probe_file: "/p/probe.cjs".into(), roots: vec!["/w".into()], ..Default::default() };
        let mut argv: Vec<String> = ["node", "--expose-gc", "app.mjs", "--n", "3"].map(str::to_owned).to_vec();
        let mut env = BTreeMap::new();
        let arm = Arm { ort_intra_op_threads: Some(2), ..arm(false) };
        let skipped = BTreeMap::from([("/w/a.mjs".to_owned(), vec![7])]);
        inject_node(&node, &ProbeMode::Wall(skipped), &arm, Shared { out: Path::new("/tmp/o.json"), cell: None, barrier: None }, &mut argv, &mut env);
        assert_eq!(argv, ["node", "--expose-gc", "--require", "/p/probe.cjs", "app.mjs", "--n", "3"]);
        let told: serde_json::Value = serde_json::from_str(&env["THREADGAUGE_PROBE"]).expect("JSON");
        assert_eq!(
            told,
            serde_json::json!({"mode": "wall", "out": "/tmp/o.json", "roots": ["/w"], "ort_intra_op_threads": 2, "pinned_env": null, "cell": null, "barrier": null, "cpu_lines": null, "skipped_lines": {"/w/a.mjs": [7]}})
        );
    }

    #[test]
    fn rows_have_six_values_or_more() {
        let row = |text: &str| serde_json::from_str::<ReportedLine>(text).map(|line| line.0);
        let line = ProbedLine { line: 3, hits: 2, wall_ns: 10, cpu_ns: None, thread_cpu_ns: Some(4), first_ns: 6, awaited_ns: None, threads: None, processes: 1 };
        assert_eq!(row("[3,2,10,null,4,6]").expect("a row"), line);
        assert_eq!(row("[3,2,10,null,4,6,5]").expect("a row"), ProbedLine { awaited_ns: Some(5), ..line });
        assert!(row("[3,2]").is_err());
        assert!(row("[99999999999,2,10,null,4,6]").is_err());
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
