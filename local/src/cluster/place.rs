//! Where the cluster keeps what, below the server's data folder.

use std::io;
use std::path::{Path, PathBuf};

use slipway_domain::id::RunId;
use slipway_domain::release::ImageDigest;

use crate::disk;
use crate::supervisor::spec::Folder;

/// The data folder.
#[derive(Clone, Debug)]
pub struct Place(PathBuf);

impl Place {
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self(data.into())
    }

    /// Makes the folders.
    pub fn prepare(&self) -> io::Result<()> {
        for dir in [self.cluster(), self.templates(), self.processes(), self.runs(), self.router()] {
            disk::private_dir(&dir)?;
        }
        Ok(())
    }

    fn cluster(&self) -> PathBuf {
        self.0.join("cluster")
    }

    fn templates(&self) -> PathBuf {
        self.cluster().join("templates")
    }

    /// Held by the one server that works on this folder.
    pub fn lock(&self) -> PathBuf {
        self.cluster().join("lock")
    }

    pub fn state(&self) -> PathBuf {
        self.cluster().join("cluster.json")
    }

    pub fn template(&self, row: &str) -> PathBuf {
        self.templates().join(format!("{row}.json"))
    }

    pub fn processes(&self) -> PathBuf {
        self.cluster().join("processes")
    }

    pub fn process(&self, name: &str) -> Folder {
        Folder::new(self.processes().join(name))
    }

    pub fn runs(&self) -> PathBuf {
        self.cluster().join("runs")
    }

    pub fn run(&self, run: &RunId) -> Folder {
        Folder::new(self.runs().join(run.as_str()))
    }

    pub fn router(&self) -> PathBuf {
        self.0.join("router")
    }

    pub fn image(&self, image: &ImageDigest) -> PathBuf {
        self.0.join("images").join(format!("sha256-{}", image.hex()))
    }

    /// Every folder of a process below this one, also of those that have ended.
    pub fn folders(dir: &Path) -> io::Result<Vec<Folder>> {
        match std::fs::read_dir(dir) {
            Ok(entries) => entries.map(|entry| Ok(Folder::new(entry?.path()))).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}
