//! Unpacks an archive from somebody else, and refuses whatever would leave the tree or fill the disk.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use tar::{Archive, Entry, EntryType};

/// What an archive may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of all files together, unpacked.
    pub bytes: u64,
    pub entries: usize,
    /// Unpacked bytes per packed byte.
    pub ratio: u64,
    /// Below this many unpacked bytes the ratio says nothing.
    pub ratio_floor: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 2 * 1024 * 1024 * 1024, entries: 100_000, ratio: 100, ratio_floor: 10 * 1024 * 1024 }
    }
}

/// Why an archive is not taken. Names the entry as it stands in the archive.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("the archive is no gzipped tar file: {0}")]
    Unreadable(io::Error),
    #[error("{entry}: a path in an archive must be relative and without '..'")]
    Path { entry: String },
    #[error("{entry}: the link points out of the archive, to {target}")]
    Link { entry: String, target: String },
    #[error("{entry}: lies behind a link")]
    BehindLink { entry: String },
    #[error("{entry}: only files, folders and links can be built, not a {kind}")]
    Kind { entry: String, kind: &'static str },
    #[error("{entry}: is in the archive twice")]
    Twice { entry: String },
    #[error("the archive holds more than {0} entries")]
    Entries(usize),
    #[error("the archive unpacks to more than {0} bytes")]
    Bytes(u64),
    #[error("the archive unpacks to more than {0} times its size")]
    Ratio(u64),
    #[error("unpack {entry}: {source}")]
    Disk { entry: String, source: io::Error },
}

/// Unpacks a `.tgz` into an empty folder. On a refusal the folder holds a part, and is the caller's to remove.
pub fn unpack(archive: impl Read, into: &Path, limits: Limits) -> Result<(), Refused> {
    let packed = Arc::new(AtomicU64::new(0));
    let counted = Counted { inner: archive, bytes: Arc::clone(&packed) };
    let mut archive = Archive::new(MultiGzDecoder::new(counted));
    let mut unpacking = Unpacking { root: into, limits, packed, bytes: 0, entries: 0, files: BTreeSet::new() };
    for entry in archive.entries().map_err(Refused::Unreadable)? {
        unpacking.take(entry.map_err(Refused::Unreadable)?)?;
    }
    Ok(())
}

struct Unpacking<'a> {
    root: &'a Path,
    limits: Limits,
    packed: Arc<AtomicU64>,
    bytes: u64,
    entries: usize,
    /// Files and links; a folder may be named more than once.
    files: BTreeSet<PathBuf>,
}

impl Unpacking<'_> {
    fn take<R: Read>(&mut self, mut entry: Entry<'_, R>) -> Result<(), Refused> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(Refused::Entries(self.limits.entries));
        }
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader) {
            return Ok(());
        }
        let raw = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let path = inside(Path::new(&*path_of(&entry)?)).ok_or_else(|| Refused::Path { entry: raw.clone() })?;
        self.check_parents(&path, &raw)?;
        let disk = |source| Refused::Disk { entry: raw.clone(), source };
        let target = self.root.join(&path);
        match kind {
            EntryType::Directory => fs::create_dir_all(&target).map_err(disk),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                self.first(&path, &raw)?;
                make_parent(&target).map_err(disk)?;
                self.write_file(&mut entry, &target, &raw)
            }
            EntryType::Symlink | EntryType::Link => {
                self.first(&path, &raw)?;
                make_parent(&target).map_err(disk)?;
                self.link(&entry, kind, &path, &target, &raw)
            }
            EntryType::Char | EntryType::Block => Err(Refused::Kind { entry: raw, kind: "device" }),
            EntryType::Fifo => Err(Refused::Kind { entry: raw, kind: "named pipe" }),
            _ => Err(Refused::Kind { entry: raw, kind: "special entry" }),
        }
    }

    fn first(&mut self, path: &Path, raw: &str) -> Result<(), Refused> {
        if path.as_os_str().is_empty() || !self.files.insert(path.to_owned()) || self.root.join(path).exists() {
            return Err(Refused::Twice { entry: raw.to_owned() });
        }
        Ok(())
    }

    /// Whatever lies above an entry has to be a real folder: a link there would carry the entry elsewhere.
    fn check_parents(&self, path: &Path, raw: &str) -> Result<(), Refused> {
        for parent in path.ancestors().skip(1) {
            if self.files.contains(parent) {
                return Err(Refused::BehindLink { entry: raw.to_owned() });
            }
        }
        Ok(())
    }

    fn write_file<R: Read>(&mut self, entry: &mut Entry<'_, R>, target: &Path, raw: &str) -> Result<(), Refused> {
        let disk = |source| Refused::Disk { entry: raw.to_owned(), source };
        // Of the mode only "executable" is kept: no setuid bits, nothing that others may write.
        let executable = entry.header().mode().is_ok_and(|mode| mode & 0o100 != 0);
        let mode = if executable { 0o755 } else { 0o644 };
        let mut file = File::options().write(true).create_new(true).mode(mode).open(target).map_err(disk)?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = entry.read(&mut buffer).map_err(Refused::Unreadable)?;
            if read == 0 {
                return Ok(());
            }
            self.count(read)?;
            io::Write::write_all(&mut file, &buffer[..read]).map_err(disk)?;
        }
    }

    fn count(&mut self, bytes: usize) -> Result<(), Refused> {
        self.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
        if self.bytes > self.limits.bytes {
            return Err(Refused::Bytes(self.limits.bytes));
        }
        let packed = self.packed.load(Ordering::Relaxed).max(1);
        if self.bytes > self.limits.ratio_floor && self.bytes / packed > self.limits.ratio {
            return Err(Refused::Ratio(self.limits.ratio));
        }
        Ok(())
    }

    /// A symbolic link has to stay inside wherever it is followed from; a hard link becomes a copy of what it names.
    fn link<R: Read>(
        &mut self,
        entry: &Entry<'_, R>,
        kind: EntryType,
        path: &Path,
        target: &Path,
        raw: &str,
    ) -> Result<(), Refused> {
        let disk = |source| Refused::Disk { entry: raw.to_owned(), source };
        let to = entry.link_name().map_err(Refused::Unreadable)?.unwrap_or_default().into_owned();
        let out = || Refused::Link { entry: raw.to_owned(), target: to.display().to_string() };
        if kind == EntryType::Symlink {
            resolve(path.parent().unwrap_or(Path::new("")), &to).ok_or_else(out)?;
            return symlink(&to, target).map_err(disk);
        }
        let source = inside(&to).ok_or_else(out)?;
        let source = self.root.join(source);
        let metadata = fs::symlink_metadata(&source).map_err(|_| out())?;
        if !metadata.is_file() {
            return Err(out());
        }
        self.count(usize::try_from(metadata.len()).unwrap_or(usize::MAX))?;
        fs::copy(&source, target).map(|_| ()).map_err(disk)
    }
}

fn path_of<R: Read>(entry: &Entry<'_, R>) -> Result<String, Refused> {
    let path = entry.path().map_err(Refused::Unreadable)?;
    path.to_str().map(str::to_owned).ok_or_else(|| Refused::Path { entry: path.display().to_string() })
}

fn make_parent(target: &Path) -> io::Result<()> {
    target.parent().map_or(Ok(()), fs::create_dir_all)
}

/// The path without `.`; None when it is absolute, has `..` or a NUL, or a part too long for a disk.
fn inside(path: &Path) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) if part.len() <= 255 && !part.as_encoded_bytes().contains(&0) => clean.push(part),
            _ => return None,
        }
    }
    Some(clean)
}

/// Where a link in `folder` leads, by its words alone; None when that is outside.
fn resolve(folder: &Path, to: &Path) -> Option<PathBuf> {
    let mut path = folder.to_owned();
    for component in to.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => path.push(part),
            Component::ParentDir => {
                if !path.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

/// Counts what was read of the packed archive.
struct Counted<R> {
    inner: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes.fetch_add(u64::try_from(read).unwrap_or(0), Ordering::Relaxed);
        Ok(read)
    }
}
