//! Files that outlive the program: private folders, atomic replacement, and locks that end with their holder.
//!
//! Never writes a file that others than the owner can read.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde::de::DeserializeOwned;
use slipway_domain::time::Time;

/// The one clock of this machine.
pub fn now() -> Time {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_millis(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

/// Makes a folder, and those above it, that only the owner can enter.
pub fn private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Opens a new or emptied file that only the owner can read.
pub fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Opens a file, new or not, that only the owner can read, to write at its end.
pub fn private_log(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// Replaces a file in one step: a reader sees the old or the new text, never a part.
pub fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let (draft, _) = draft(path, text)?;
    fs::rename(draft, path)
}

/// The same, and it is on the disk when this returns.
pub fn replace_durably(path: &Path, text: &[u8]) -> io::Result<()> {
    let (draft, file) = draft(path, text)?;
    file.sync_all()?;
    fs::rename(draft, path)?;
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

fn draft(path: &Path, text: &[u8]) -> io::Result<(std::path::PathBuf, File)> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let draft = path.with_file_name(name);
    let mut file = private_file(&draft)?;
    file.write_all(text)?;
    Ok((draft, file))
}

/// Replaces a file by a value in JSON.
pub fn replace_json<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    replace(path, &serde_json::to_vec(value)?)
}

/// The same, and it is on the disk when this returns.
pub fn replace_json_durably<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    replace_durably(path, &serde_json::to_vec(value)?)
}

/// Reads a value in JSON; None when there is no such file.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Holds a file's lock until it is dropped or its process ends, however it ends.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "kept open: the lock ends with the file")] File);

impl Lock {
    /// Takes the lock, or answers None when somebody else holds it. Opening for writing makes the end of the holder
    /// visible to whoever watches the folder for closed files.
    pub fn take(path: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        Self::try_on(file)
    }

    /// Whether somebody holds the lock. Opens for reading only, which a watch for closed files does not report.
    pub fn is_held(path: &Path) -> io::Result<bool> {
        match File::open(path) {
            Ok(file) => Ok(Self::try_on(file)?.is_none()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn try_on(file: File) -> io::Result<Option<Self>> {
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_lock_is_seen_until_its_holder_lets_go() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        assert!(!Lock::is_held(&path).unwrap());
        let lock = Lock::take(&path).unwrap().unwrap();
        assert!(Lock::is_held(&path).unwrap());
        assert!(Lock::take(&path).unwrap().is_none());
        drop(lock);
        assert!(!Lock::is_held(&path).unwrap());
    }

    #[test]
    fn what_is_written_is_readable_by_the_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/file.json");
        private_dir(path.parent().unwrap()).unwrap();
        replace_json_durably(&path, &[1, 2, 3]).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(read_json::<Vec<u32>>(&path).unwrap(), Some(vec![1, 2, 3]));
        assert_eq!(read_json::<Vec<u32>>(&dir.path().join("none")).unwrap(), None);
    }
}
