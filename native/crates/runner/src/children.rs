//! What the child processes of a Python program measured of their lines: read while they may be long gone,
//! added to what the main process reported.
//!
//! Each child leaves two files beside the report: `REPORT.PID.files` (JSON: the files by index, and how many
//! children it started itself) and `REPORT.PID.lines` (rows of eight native-endian `u64`: file index from 1 in
//! the high half and line in the low half, hits, wall, process CPU, thread CPU, first execution, time in
//! `await`, threads). A child that is killed leaves what it had written until then.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::workload::{Measured, ProbedFile, ProbedLine};

/// Numbers per row.
const COLUMNS: usize = 8;
/// Largest file of rows that is read.
const LARGEST: u64 = 64 * 1024 * 1024;

/// What a child says of itself.
#[derive(Debug, Deserialize)]
struct Child {
    version: u32,
    #[serde(default)]
    files: Vec<NamedFile>,
    #[serde(default)]
    started: u32,
    /// It was forked, and so not told to measure by anyone.
    #[serde(default)]
    forked: bool,
}

#[derive(Debug, Deserialize)]
struct NamedFile {
    path: String,
    sha256: String,
}

/// Adds what the children of the process that reported at `out` left. `started` is how many of them were told to measure.
pub(crate) fn add(out: &Path, started: u32, measured: &mut Measured) {
    let (mut told, mut answered) = (started, 0);
    for names in beside(out, ".files") {
        let Some(child) = load(&names) else { continue };
        told += child.started;
        answered += u32::from(!child.forked);
        let rows = std::fs::metadata(names.with_extension("lines")).ok().filter(|data| data.len() <= LARGEST).and_then(|_| std::fs::read(names.with_extension("lines")).ok());
        for (index, file) in lines(&rows.unwrap_or_default()) {
            if let Some(name) = child.files.get(index) {
                add_file(measured, name, &file);
            }
        }
    }
    measured.silent_children += told.saturating_sub(answered);
}

/// Removes what children left beside `out`.
pub(crate) fn remove(out: &Path) {
    for end in [".files", ".lines", ".part"] {
        for path in beside(out, end) {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The files `OUT.….END`, in the order of their names.
fn beside(out: &Path, end: &str) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (out.parent(), out.file_name().and_then(|name| name.to_str())) else { return Vec::new() };
    let prefix = format!("{name}.");
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix) && name.ends_with(end)))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

fn load(names: &Path) -> Option<Child> {
    let child: Child = serde_json::from_slice(&std::fs::read(names).ok()?).ok()?;
    (child.version == 1).then_some(child)
}

/// The rows by index of their file; several statements of one line are one.
fn lines(bytes: &[u8]) -> BTreeMap<usize, BTreeMap<u32, ProbedLine>> {
    let mut files: BTreeMap<usize, BTreeMap<u32, ProbedLine>> = BTreeMap::new();
    for row in bytes.chunks_exact(COLUMNS * 8) {
        let mut numbers = [0_u64; COLUMNS];
        for (number, bytes) in numbers.iter_mut().zip(row.chunks_exact(8)) {
            *number = u64::from_ne_bytes(bytes.try_into().unwrap_or_default());
        }
        let [at, hits, wall_ns, cpu_ns, thread_cpu_ns, first_ns, awaited_ns, threads] = numbers;
        let (file, line) = ((at >> 32) as usize, at as u32);
        if file == 0 || line == 0 || hits == 0 {
            continue;
        }
        let sum = files.entry(file - 1).or_default().entry(line).or_insert(ProbedLine { line, processes: 1, ..Default::default() });
        sum.hits = sum.hits.max(hits);
        sum.wall_ns += wall_ns;
        sum.first_ns += first_ns;
        sum.cpu_ns = add_some(sum.cpu_ns, Some(cpu_ns).filter(|&ns| ns > 0));
        sum.thread_cpu_ns = add_some(sum.thread_cpu_ns, Some(thread_cpu_ns).filter(|&ns| ns > 0));
        sum.awaited_ns = add_some(sum.awaited_ns, Some(awaited_ns).filter(|&ns| ns > 0));
        sum.threads = sum.threads.max(u32::try_from(threads).ok().filter(|&threads| threads > 1));
    }
    files
}

fn add_some(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other),
    }
}

fn add_file(measured: &mut Measured, name: &NamedFile, lines: &BTreeMap<u32, ProbedLine>) {
    let place = measured.files.iter().position(|file| file.path == name.path).unwrap_or_else(|| {
        measured.files.push(ProbedFile { path: name.path.clone(), sha256: name.sha256.clone(), lines: Vec::new(), hot: Vec::new() });
        measured.files.len() - 1
    });
    let file = &mut measured.files[place];
    // Numbers of another version of the file do not belong to these.
    if file.sha256 != name.sha256 {
        return;
    }
    for (number, line) in lines {
        match file.lines.binary_search_by_key(number, |old| old.line) {
            Ok(at) => file.lines[at] = together(&file.lines[at], line),
            Err(at) => file.lines.insert(at, *line),
        }
    }
}

/// One line in two processes: sums; the first execution is that of the process that came first.
fn together(one: &ProbedLine, other: &ProbedLine) -> ProbedLine {
    ProbedLine {
        line: one.line,
        hits: one.hits + other.hits,
        wall_ns: one.wall_ns + other.wall_ns,
        cpu_ns: add_some(one.cpu_ns, other.cpu_ns),
        thread_cpu_ns: add_some(one.thread_cpu_ns, other.thread_cpu_ns),
        first_ns: if one.first_ns == 0 { other.first_ns } else { one.first_ns },
        awaited_ns: add_some(one.awaited_ns, other.awaited_ns),
        threads: one.threads.max(other.threads),
        processes: one.processes + other.processes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::End;

    fn row(file: u64, line: u64, rest: [u64; 7]) -> Vec<u8> {
        std::iter::once((file << 32) | line).chain(rest).flat_map(u64::to_ne_bytes).collect()
    }

    fn child(out: &Path, pid: u32, about: &str, rows: &[Vec<u8>]) {
        std::fs::write(format!("{}.{pid}.files", out.display()), about).expect("written");
        std::fs::write(format!("{}.{pid}.lines", out.display()), rows.concat()).expect("written");
    }

    fn measured() -> Measured {
        let mut measured = Measured::ended(End::Exited(0));
        let line = ProbedLine { line: 7, hits: 1, wall_ns: 100, first_ns: 100, processes: 1, ..Default::default() };
        measured.files = vec![ProbedFile { path: "/w/a.py".into(), sha256: "s".into(), lines: vec![line], hot: Vec::new() }];
        measured
    }

    #[test]
    fn children_add_to_the_main_process_and_to_each_other() {
        let directory = tempfile::tempdir().expect("a directory");
        let out = directory.path().join("trial-1.json");
        let files = r#"{"version":1,"files":[{"path":"/w/b.py","sha256":"b"},{"path":"/w/a.py","sha256":"s"}],"started":1,"error":null}"#;
        child(&out, 10, files, &[row(2, 7, [4, 400, 800, 390, 50, 0, 1]), row(1, 3, [1, 5, 0, 0, 5, 4, 1])]);
        child(&out, 11, files, &[row(2, 7, [2, 200, 400, 190, 60, 0, 3]), row(2, 9, [0, 0, 0, 0, 0, 0, 0])]);
        // Another trial's child, a torn row, and a child with another version of the file.
        child(&directory.path().join("trial-11.json"), 12, files, &[row(2, 7, [9, 9, 9, 9, 9, 9, 9])]);
        child(&out, 13, r#"{"version":1,"files":[{"path":"/w/a.py","sha256":"changed"}],"forked":true}"#, &[row(1, 7, [9, 9, 9, 9, 9, 9, 9]), vec![1; 20]]);
        let mut measured = measured();
        add(&out, 3, &mut measured);
        let [first, second] = measured.files.as_slice() else { panic!("{:?}", measured.files) };
        assert_eq!(first.lines, [ProbedLine { line: 7, hits: 7, wall_ns: 700, cpu_ns: Some(1200), thread_cpu_ns: Some(580), first_ns: 100, awaited_ns: None, threads: Some(3), processes: 3 }]);
        assert_eq!((second.path.as_str(), second.lines[0].line, second.lines[0].awaited_ns), ("/w/b.py", 3, Some(4)));
        // Three were started by the main process and one by each child; two of them answered.
        assert_eq!(measured.silent_children, 3);
        remove(&out);
        let left: Vec<_> = std::fs::read_dir(directory.path()).expect("listed").map(|entry| entry.expect("an entry").file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }

    #[test]
    fn nothing_beside_the_report_changes_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut seen = measured();
        add(&directory.path().join("trial-1.json"), 2, &mut seen);
        assert_eq!((seen.files.clone(), seen.silent_children), (measured().files, 2));
        std::fs::write(directory.path().join("trial-1.json.5.files"), "{").expect("written");
        add(&directory.path().join("trial-1.json"), 0, &mut seen);
        assert_eq!(seen.files, measured().files);
    }
}
