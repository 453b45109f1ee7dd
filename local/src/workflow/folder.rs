//! The folder of executions: one JSON file each, replaced as a whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::RwLock;

use super::execution::Execution;
use crate::disk;

const SUFFIX: &str = "json";
const UNFINISHED: &str = "unfinished";

#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Held for reading by each write, so that the end of all of them can be awaited.
    writes: Arc<RwLock<()>>,
}

impl Folder {
    /// Opens or makes the folder and removes what an earlier program did not finish writing.
    pub fn open(path: &Path) -> io::Result<Self> {
        disk::private_dir(path)?;
        for file in files(path, UNFINISHED)? {
            fs::remove_file(file)?;
        }
        Ok(Self { path: path.to_owned(), writes: Arc::default() })
    }

    /// All executions in the folder.
    pub fn load(&self) -> io::Result<Vec<Execution>> {
        files(&self.path, SUFFIX)?.iter().map(|file| read(file)).collect()
    }

    /// Stores the execution: after this returns it is found again, whatever happens to the machine.
    pub async fn save(&self, execution: &Execution) -> io::Result<()> {
        let json = serde_json::to_vec_pretty(execution)?;
        let target = self.file(&execution.name);
        let guard = Arc::clone(&self.writes).read_owned().await;
        let written = tokio::task::spawn_blocking(move || {
            let _guard = guard;
            replace(&target, &json)
        });
        written.await.map_err(io::Error::other)?
    }

    pub fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.file(name))
    }

    /// Waits until no write is under way.
    pub async fn quiet(&self) {
        let _none = self.writes.write().await;
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.{SUFFIX}"))
    }
}

fn files(folder: &Path, suffix: &str) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    paths.filter(|path| path.as_ref().map_or(true, |path| path.extension().is_some_and(|one| one == suffix))).collect()
}

fn read(file: &Path) -> io::Result<Execution> {
    serde_json::from_slice(&fs::read(file)?).map_err(|error| {
        let message = format!("read the execution {}: {error}; move the file away to start without it", file.display());
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

/// Writes beside the target, makes it durable, and takes the target's name: a reader sees the old or the new file.
fn replace(target: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = target.with_extension(UNFINISHED);
    let mut file = disk::private_file(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&unfinished, target)?;
    match target.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
