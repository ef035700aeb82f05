//! Names of the files that a run keeps for itself, and the removal of those whose run was killed.
//!
//! A name carries the process id of its runner and the id's namespace, because a directory for
//! temporary files may be shared with containers, where the same numbers mean other processes.

use std::path::{Path, PathBuf};

const PREFIX: &str = "threadgauge-";
/// Names looked at in one directory; a crowded one must not delay a run.
#[cfg(unix)]
const MOST_NAMES: usize = 100_000;

/// What the names of this process's own files begin with.
pub fn own_prefix() -> String {
    format!("{PREFIX}{}-{:x}-", std::process::id(), namespace())
}

/// The directories in which a run keeps files.
pub fn directories() -> Vec<PathBuf> {
    vec![std::env::temp_dir(), PathBuf::from("/dev/shm")]
}

/// Removes what runners of this user that live no more have left in `directory`; the number removed.
/// Anything else, and anything in doubt, stays.
#[cfg(unix)]
pub fn clear(directory: &Path) -> usize {
    use std::os::unix::fs::MetadataExt;

    // SAFETY: asks for a number and cannot fail.
    let user = unsafe { libc::geteuid() };
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    let stale = entries.take(MOST_NAMES).flatten().filter(|entry| {
        let Some(pid) = entry.file_name().to_str().and_then(runner_of) else { return false };
        is_dead(pid) && std::fs::symlink_metadata(entry.path()).is_ok_and(|metadata| metadata.uid() == user)
    });
    stale
        .filter(|entry| {
            let path = entry.path();
            match std::fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => std::fs::remove_dir_all(&path).is_ok(),
                Ok(metadata) if metadata.is_file() => std::fs::remove_file(&path).is_ok(),
                _ => false,
            }
        })
        .count()
}

/// Removes nothing: whose a file is cannot be told here.
#[cfg(not(unix))]
pub fn clear(_directory: &Path) -> usize {
    0
}

/// The process id in a name of ours, when its namespace is this one.
#[cfg(unix)]
fn runner_of(name: &str) -> Option<i32> {
    let mut parts = name.strip_prefix(PREFIX)?.splitn(3, '-');
    let pid = parts.next()?.parse().ok().filter(|&pid| pid > 0)?;
    let named = u64::from_str_radix(parts.next()?, 16).ok()?;
    (named == namespace() && parts.next().is_some()).then_some(pid)
}

#[cfg(unix)]
fn is_dead(pid: i32) -> bool {
    // SAFETY: signal 0 is never delivered; it only asks whether the process exists.
    unsafe { libc::kill(pid, 0) == -1 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH) }
}

/// The namespace that process ids of this process belong to; 0 where there are none.
fn namespace() -> u64 {
    #[cfg(target_os = "linux")]
    return std::fs::metadata("/proc/self/ns/pid").map_or(0, |metadata| std::os::unix::fs::MetadataExt::ino(&metadata));
    #[cfg(not(target_os = "linux"))]
    return 0;
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_what_dead_runners_left_is_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut ended = std::process::Command::new("true").spawn().expect("true runs");
        let dead = ended.id();
        ended.wait().expect("reaped");
        let here = namespace();
        let stale = [format!("threadgauge-{dead}-{here:x}-1-0.cell"), format!("threadgauge-{dead}-{here:x}-Ab12")];
        let kept = [
            format!("{}x", own_prefix()),
            format!("threadgauge-{dead}-{:x}-x", here + 1),
            format!("threadgauge-{dead}"),
            format!("threadgauge-{dead}-{here:x}"),
            format!("threadgauge-0-{here:x}-x"),
            format!("threadgauge--1-{here:x}-x"),
            format!("other-{dead}-{here:x}-x"),
        ];
        std::fs::write(directory.path().join(&stale[0]), "x").expect("written");
        std::fs::create_dir(directory.path().join(&stale[1])).expect("made");
        std::fs::write(directory.path().join(&stale[1]).join("trial-3.json"), "x").expect("written");
        for name in &kept {
            std::fs::write(directory.path().join(name), "x").expect("written");
        }
        let link = directory.path().join(format!("threadgauge-{dead}-{here:x}-link"));
        std::os::unix::fs::symlink(directory.path().join(&kept[0]), &link).expect("linked");
        assert_eq!(clear(directory.path()), 2);
        assert!(kept.iter().all(|name| directory.path().join(name).exists()));
        assert!(link.exists(), "a link is nothing we make");
        assert!(stale.iter().all(|name| !directory.path().join(name).exists()));
        assert_eq!(clear(&directory.path().join("missing")), 0);
    }
}
