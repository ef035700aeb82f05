//! Whose turn it is to measure: one run at a time on a machine, or two runs would measure each other.
//!
//! A turn is a lock that the operating system keeps on open files and takes back when their process ends,
//! however it ends; so there is nothing to clean up after a crash. There are two files where there can be: one
//! in the user's runtime directory, which sandboxes with a `/tmp` of their own share, and one in `/tmp` for all
//! users of the machine. Both say who holds them, for those who wait.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Directory that holds the lock instead of the usual ones; for tests, and for those who share none.
pub const DIRECTORY_VARIABLE: &str = "THREADGAUGE_LOCK_DIR";
const NAME: &str = "threadgauge-run.lock";
/// Bytes of a lock file that are looked at.
const LONGEST: u64 = 512;
/// Characters of what is measured that are told.
const LONGEST_WHAT: usize = 80;

/// The files whose locks make a turn, in the order in which they are taken: the same for everyone, or two
/// runs could wait for each other.
#[derive(Debug, Clone)]
pub struct Turns {
    files: Vec<PathBuf>,
}

/// The right to measure; given back when dropped, or when the process ends.
#[derive(Debug)]
pub struct Turn {
    held: Vec<File>,
}

/// Who measures now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    /// Its process id, in its own namespace; `None` when it cannot be read.
    pub pid: Option<u32>,
    /// What it measures; empty when it cannot be read.
    pub what: String,
}

/// The outcome of asking for a turn.
#[derive(Debug)]
pub enum Asked {
    /// It is ours.
    Given(Turn),
    /// Somebody else measures.
    Busy(Holder),
    /// Whether somebody measures cannot be told; why, as a full sentence.
    Unknown(String),
}

impl Turns {
    /// The usual places of this machine.
    pub fn of_this_machine() -> Self {
        if let Some(directory) = std::env::var_os(DIRECTORY_VARIABLE).filter(|directory| !directory.is_empty()) {
            return Self::within(&[PathBuf::from(directory)]);
        }
        #[cfg(unix)]
        let shared = PathBuf::from("/tmp");
        #[cfg(not(unix))]
        let shared = std::env::temp_dir();
        let own = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|directory| directory.is_absolute() && directory.is_dir());
        Self::within(&own.into_iter().chain([shared]).collect::<Vec<_>>())
    }

    /// A lock file in each of `directories`.
    pub fn within(directories: &[PathBuf]) -> Self {
        Self { files: directories.iter().map(|directory| directory.join(NAME)).collect() }
    }

    /// Asks for a turn, without waiting. `what` is told to those who then wait.
    pub fn ask(&self, what: &str) -> Asked {
        let mut held = Vec::new();
        let mut problem = None;
        for path in &self.files {
            match lock(path) {
                Ok(Some(file)) => held.push(file),
                Ok(None) => return Asked::Busy(holder(path)),
                Err(error) => problem = Some(format!("{} could not be locked: {error}.", path.display())),
            }
        }
        if held.is_empty() {
            return Asked::Unknown(problem.unwrap_or_else(|| "There is no place for a lock.".into()));
        }
        for file in &mut held {
            // Whom to wait for is only a courtesy; the lock itself holds without it.
            let _ = file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0))).and_then(|_| writeln!(file, "{}\n{}", std::process::id(), shown(what)));
        }
        Asked::Given(Turn { held })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        for file in &self.held {
            let _ = file.set_len(0);
        }
    }
}

/// What a lock file says, made fit to be shown: other users may have written it.
fn holder(path: &Path) -> Holder {
    let mut bytes = Vec::new();
    let Ok(file) = open_to_read(path) else { return Holder::default() };
    if file.take(LONGEST).read_to_end(&mut bytes).is_err() {
        return Holder::default();
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines();
    let pid = lines.next().and_then(|line| line.trim().parse().ok());
    Holder { pid, what: shown(lines.next().unwrap_or("")) }
}

fn shown(what: &str) -> String {
    what.chars().filter(|character| !character.is_control()).take(LONGEST_WHAT).collect()
}

/// The locked file; `None` while somebody else holds it.
#[cfg(unix)]
fn lock(path: &Path) -> std::io::Result<Option<File>> {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};

    // Without `create` first: systems refuse to create what another user made in a shared directory.
    let mut options = File::options();
    options.read(true).write(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = match options.open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // Another user may just have made it, and then it may only be opened.
            let file = options.create(true).truncate(false).mode(0o666).open(path).or_else(|_| open_to_read(path))?;
            // Every user of the machine waits for the same lock, whatever this one's umask.
            let _ = file.set_permissions(std::fs::Permissions::from_mode(0o666));
            file
        }
        // A lock needs no right to write.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => open_to_read(path)?,
        opened => opened?,
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(std::io::Error::other("it is no ordinary file"));
    }
    // SAFETY: the descriptor is open for as long as `file` lives, and the call touches nothing else.
    if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } != 0 {
        let error = std::io::Error::last_os_error();
        return if error.kind() == std::io::ErrorKind::WouldBlock { Ok(None) } else { Err(error) };
    }
    // Whoever cleans up /tmp may have removed the name since: then nobody else would find this lock.
    let same = std::fs::symlink_metadata(path).is_ok_and(|named| named.ino() == metadata.ino() && named.dev() == metadata.dev());
    if same { Ok(Some(file)) } else { lock_again(path) }
}

#[cfg(unix)]
fn lock_again(path: &Path) -> std::io::Result<Option<File>> {
    std::thread::sleep(std::time::Duration::from_millis(1));
    // A name that changes all the time is treated as held: the next question comes soon.
    if path.symlink_metadata().is_ok() { Ok(None) } else { lock(path) }
}

#[cfg(unix)]
fn open_to_read(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

/// The locked file; `None` while somebody else holds it.
#[cfg(windows)]
fn lock(path: &Path) -> std::io::Result<Option<File>> {
    use std::os::windows::fs::OpenOptionsExt;
    const SHARE_READ: u32 = 1;
    const SHARING_VIOLATION: i32 = 32;
    match File::options().read(true).write(true).create(true).truncate(false).share_mode(SHARE_READ).open(path) {
        Err(error) if error.raw_os_error() == Some(SHARING_VIOLATION) => Ok(None),
        opened => opened.map(Some),
    }
}

#[cfg(windows)]
fn open_to_read(path: &Path) -> std::io::Result<File> {
    File::open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(asked: Asked) -> Turn {
        match asked {
            Asked::Given(turn) => turn,
            other => panic!("not given: {other:?}"),
        }
    }

    #[test]
    fn one_at_a_time_and_the_holder_is_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let turns = Turns::within(&[directory.path().into()]);
        let turn = given(turns.ask("serve\u{1b}[31m.py"));
        let Asked::Busy(holder) = turns.ask("other.py") else { panic!("two at once") };
        assert_eq!(holder, Holder { pid: Some(std::process::id()), what: "serve[31m.py".into() });
        drop(turn);
        given(turns.ask("other.py"));
    }

    #[test]
    fn either_place_is_enough_to_keep_others_out() {
        let (own, shared, elsewhere) = (tempfile::tempdir().expect("made"), tempfile::tempdir().expect("made"), tempfile::tempdir().expect("made"));
        let _turn = given(Turns::within(&[own.path().into(), shared.path().into()]).ask("a"));
        assert!(matches!(Turns::within(&[elsewhere.path().into(), shared.path().into()]).ask("b"), Asked::Busy(_)), "another user");
        assert!(matches!(Turns::within(&[own.path().into(), elsewhere.path().into()]).ask("c"), Asked::Busy(_)), "another /tmp");
        // What was taken on the way to a refusal is free again.
        given(Turns::within(&[elsewhere.path().into()]).ask("d"));
    }

    #[test]
    fn a_place_that_cannot_be_used_is_left_out_and_none_at_all_is_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let missing = directory.path().join("missing");
        let _turn = given(Turns::within(&[missing.clone(), directory.path().into()]).ask("a"));
        assert!(matches!(Turns::within(&[directory.path().into()]).ask("b"), Asked::Busy(_)));
        let Asked::Unknown(why) = Turns::within(&[missing]).ask("c") else { panic!("locked nothing") };
        assert!(why.contains("threadgauge-run.lock") && why.ends_with('.'), "{why}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_its_place_is_not_followed_and_rubbish_is_no_name() {
        let directory = tempfile::tempdir().expect("a directory");
        let victim = directory.path().join("victim");
        std::fs::write(&victim, "keep").expect("written");
        let place = directory.path().join("place");
        std::fs::create_dir(&place).expect("made");
        std::os::unix::fs::symlink(&victim, place.join(NAME)).expect("linked");
        assert!(matches!(Turns::within(&[place]).ask("a"), Asked::Unknown(_)));
        assert_eq!(std::fs::read_to_string(&victim).expect("there"), "keep");
        std::fs::write(directory.path().join(NAME), [0xff; 4096]).expect("written");
        assert_eq!(holder(&directory.path().join(NAME)).pid, None);
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_whose_name_was_removed_keeps_nobody_out() {
        let directory = tempfile::tempdir().expect("a directory");
        let turns = Turns::within(&[directory.path().into()]);
        let _lost = given(turns.ask("a"));
        std::fs::remove_file(directory.path().join(NAME)).expect("removed");
        given(turns.ask("b"));
    }
}
