//! Control groups of this process, versions 1 and 2: where they are and what they allow.

use std::path::{Component, Path, PathBuf};

/// One directory of the hierarchy, from this process's own group up to what can be seen of the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) version: u8,
    pub(crate) directory: PathBuf,
}

impl Group {
    /// Quota in CPUs; `None` when this group has none.
    pub(crate) fn quota(&self) -> Option<f64> {
        let (quota, period) = if self.version == 2 {
            let text = std::fs::read_to_string(self.directory.join("cpu.max")).ok()?;
            let mut words = text.split_ascii_whitespace();
            (words.next()?.parse::<f64>().ok()?, words.next()?.parse::<f64>().ok()?)
        } else {
            let read = |name: &str| std::fs::read_to_string(self.directory.join(name)).ok()?.trim().parse::<f64>().ok();
            (read("cpu.cfs_quota_us")?, read("cpu.cfs_period_us")?)
        };
        (quota > 0.0 && period > 0.0).then_some(quota / period)
    }

    /// Time throttled since the group was made, nanoseconds.
    pub(crate) fn throttled_ns(&self) -> Option<u64> {
        let text = std::fs::read_to_string(self.directory.join("cpu.stat")).ok()?;
        text.lines().find_map(|line| match line.split_once(' ')? {
            ("throttled_usec", value) => Some(value.trim().parse::<u64>().ok()?.saturating_mul(1000)),
            ("throttled_time", value) => value.trim().parse().ok(),
            _ => None,
        })
    }

    /// Periods of the quota in which the group was stopped, and all periods, since it was made.
    pub(crate) fn periods(&self) -> Option<[u64; 2]> {
        let text = std::fs::read_to_string(self.directory.join("cpu.stat")).ok()?;
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
        Some([value("nr_throttled ")?, value("nr_periods ")?])
    }
}

/// All groups that can limit this process's CPU time. `root` is `/`, or a copy of another machine's files.
pub(crate) fn groups(root: &Path) -> Vec<Group> {
    groups_of(root, "self")
}

/// All groups that can limit a process's CPU time, as far as they can be seen from here.
pub(crate) fn groups_of(root: &Path, process: &str) -> Vec<Group> {
    let memberships = std::fs::read_to_string(root.join("proc").join(process).join("cgroup")).unwrap_or_default();
    let mounts = std::fs::read_to_string(root.join("proc/self/mountinfo")).unwrap_or_default();
    let mut found: Vec<Group> = Vec::new();
    for mount in mounts.lines().filter_map(parse_mount) {
        let membership = memberships.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            let fits = if mount.version == 2 {
                number == "0" && controllers.is_empty()
            } else {
                controllers.split(',').any(|c| c == "cpu")
            };
            fits.then_some(path)
        });
        let Some(membership) = membership else { continue };
        let top = root.join(mount.point.trim_start_matches('/'));
        let mut directory = top.join(below(membership, &mount.root));
        if !directory.is_dir() {
            directory.clone_from(&top);
        }
        loop {
            let group = Group { version: mount.version, directory: directory.clone() };
            if !found.contains(&group) {
                found.push(group);
            }
            if directory == top || !directory.pop() {
                break;
            }
        }
    }
    found
}

/// The smallest quota of all groups, in CPUs.
pub(crate) fn quota(root: &Path) -> Option<f64> {
    groups(root).iter().filter_map(Group::quota).min_by(f64::total_cmp)
}

struct Mount {
    version: u8,
    /// Which directory of the hierarchy is mounted.
    root: String,
    point: String,
}

fn parse_mount(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let mut right = right.split(' ');
    let version = match right.next()? {
        "cgroup2" => 2,
        "cgroup" if right.nth(1)?.split(',').any(|option| option == "cpu") => 1,
        _ => return None,
    };
    let mut left = left.split(' ').skip(3);
    Some(Mount { version, root: unescape(left.next()?), point: unescape(left.next()?) })
}

/// `mountinfo` writes blanks as three octal digits after a backslash.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| first == b'\\');
        let code = octal.and_then(|o| std::str::from_utf8(o).ok()).and_then(|o| u8::from_str_radix(o, 8).ok());
        if let Some(code) = code {
            bytes.push(code);
            rest = &after[3..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A membership's path relative to the mounted directory. A path outside it (another cgroup
/// namespace) is not visible: the mount point is the nearest ancestor then.
fn below(membership: &str, mounted: &str) -> PathBuf {
    let path = Path::new(membership);
    let outside = path.components().any(|c| c == Component::ParentDir);
    match path.strip_prefix(mounted) {
        Ok(relative) if !outside => relative.strip_prefix("/").unwrap_or(relative).to_path_buf(),
        _ => PathBuf::new(),
    }
}
