//! The line cell: eight bytes of shared memory in which the probe says which line runs now.
//!
//! Layout of the file, for the probe: 64 bytes; bytes 0 to 7 are one native-endian `u64`,
//! written in one store: the line number (from 1) in the low 32 bits, the file's index in the high
//! 32 bits. The index is that of the file in the probe's `files` list, **from 1**; 0 in the whole
//! cell means that no measured line runs. A sampler outside reads it at any time.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Size of the file in bytes (one cache line, so that nothing else shares it).
pub const CELL_BYTES: u64 = 64;

/// What a line cell says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CurrentLine {
    /// Index of the file in the probe's `files` list, from 0.
    pub file: u32,
    /// Line number, from 1.
    pub line: u32,
}

/// The reader's side of a line cell. The file is removed when this is dropped.
#[derive(Debug)]
pub struct LineCell {
    path: PathBuf,
    map: memmap2::MmapMut,
}

impl LineCell {
    /// Makes a new cell in shared memory (`/dev/shm`, or the directory for temporary files).
    ///
    /// # Errors
    /// Those of making, sizing and mapping the file.
    pub fn create() -> io::Result<Self> {
        let shm = Path::new("/dev/shm");
        if let Ok(cell) = Self::create_in(shm) {
            return Ok(cell);
        }
        Self::create_in(&std::env::temp_dir())
    }

    /// Makes a new cell in `directory`.
    ///
    /// # Errors
    /// Those of making, sizing and mapping the file.
    pub fn create_in(directory: &Path) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let stamp = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        let name = format!("{}{stamp:x}-{}.cell", crate::leftovers::own_prefix(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = directory.join(name);
        let mut options = std::fs::OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        let mapped = file.set_len(CELL_BYTES).and_then(|()| {
            // SAFETY: the file is new, ours alone by mode 0600, and never truncated by the probe; all
            // accesses below are atomic, so a writer in another process is no data race for us.
            unsafe { memmap2::MmapMut::map_mut(&file) }
        });
        match mapped {
            Ok(map) => Ok(Self { path, map }),
            Err(error) => {
                let _ = std::fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// Where the cell is, for the probe.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The line that runs now; `None` when no measured line runs.
    pub fn read(&self) -> Option<CurrentLine> {
        // SAFETY: the map is 64 bytes, aligned to a page, and lives as long as `self`.
        #[expect(clippy::cast_ptr_alignment, reason = "a page is aligned to anything")]
        let cell = unsafe { AtomicU64::from_ptr(self.map.as_ptr().cast_mut().cast::<u64>()) };
        let value = cell.load(Ordering::Relaxed);
        let (file, line) = ((value >> 32) as u32, value as u32);
        (file > 0 && line > 0).then(|| CurrentLine { file: file - 1, line })
    }
}

impl Drop for LineCell {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
