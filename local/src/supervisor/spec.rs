//! The files by which a keeper is told what to run and tells what became of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use slipway_domain::promotion::Exit;
use slipway_domain::time::Time;

use crate::disk;

/// By its value in the environment a process's descendants are found, wherever they went. The only variable that a
/// keeper adds.
pub const UID_VARIABLE: &str = "SLIPWAY_UID";

/// What to do when the command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restart {
    /// A service: start it again, with a growing pause.
    Always,
    /// A one-off: its end is the end.
    Never,
}

/// `spec.json`: one process. Variables are in a file of their own that is gone as soon as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    pub name: String,
    /// Random: never that of another process.
    pub uid: String,
    /// The command, already split into arguments.
    pub command: Vec<String>,
    /// Has to succeed before the command is started.
    pub init: Option<Vec<String>>,
    /// The image tree: the working directory.
    pub image: PathBuf,
    pub grace_ms: u64,
    pub restart: Restart,
    /// After this time the process is stopped. None: never.
    pub time_limit_ms: Option<u64>,
    /// Labels that the keeper does not read: namespace, service, release.
    pub labels: Labels,
}

/// What a process belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    pub namespace: String,
    pub service: String,
    pub release: String,
}

/// What the command is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Stage {
    Waiting {
        reason: String,
        message: String,
    },
    Running {
        started_at: Time,
    },
    /// Ended, and not started again yet.
    Exited {
        exit: Exit,
    },
    /// Over for good; the keeper is about to end.
    Ended {
        exit: Exit,
        at: Time,
    },
}

/// `status.json`: written anew at every change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub keeper: Identity,
    /// Process group of the command or of the init container, while one runs.
    pub group: Option<i32>,
    pub stage: Stage,
    /// Since when the stage is this one.
    pub since: Time,
    /// When the command was started the last time.
    pub started_at: Option<Time>,
    /// How often the command was started again.
    pub restarts: u32,
    pub init_failures: u32,
    pub last_exit: Option<Exit>,
    /// Since when it is being stopped.
    pub stopping_since: Option<Time>,
    /// It is stopped because its time limit is over.
    pub timed_out: bool,
}

/// A process of the operating system: the number alone is used again sooner or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub pid: i32,
    /// Start time in clock ticks since the machine started.
    pub start_ticks: u64,
}

/// The folder of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Held by the keeper for as long as it lives.
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// The newer half of the log.
    pub fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    /// The older half of the log.
    pub fn old_log(&self) -> PathBuf {
        self.0.join("log.1")
    }

    /// Where the command may write.
    pub fn temporary(&self) -> PathBuf {
        self.0.join("tmp")
    }

    /// What the keeper itself has to say when it cannot start.
    pub fn complaints(&self) -> PathBuf {
        self.0.join("keeper.log")
    }

    /// Prepares the folder for a keeper: everything is there before it is started.
    pub fn prepare(&self, spec: &Spec, variables: &[(String, String)]) -> io::Result<()> {
        disk::private_dir(&self.temporary())?;
        disk::replace_json(&self.variables(), &variables)?;
        disk::replace_json(&self.0.join("spec.json"), spec)
    }

    pub fn spec(&self) -> io::Result<Option<Spec>> {
        disk::read_json(&self.0.join("spec.json"))
    }

    /// None until the keeper has begun.
    pub fn status(&self) -> io::Result<Option<Status>> {
        disk::read_json(&self.0.join("status.json"))
    }

    pub fn write_status(&self, status: &Status) -> io::Result<()> {
        disk::replace_json(&self.0.join("status.json"), status)
    }

    /// Reads the variables and removes their file. A keeper reads them once; nobody needs them again.
    pub fn take_variables(&self) -> io::Result<Vec<(String, String)>> {
        let variables = disk::read_json(&self.variables())?.unwrap_or_default();
        self.forget_variables()?;
        Ok(variables)
    }

    /// Removes the variables if they are still there.
    pub fn forget_variables(&self) -> io::Result<()> {
        match fs::remove_file(self.variables()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether the keeper lives.
    pub fn is_kept(&self) -> io::Result<bool> {
        disk::Lock::is_held(&self.lock())
    }

    /// Whether a keeper may begin here: none ever did, and none was given up.
    pub fn is_fresh(&self) -> io::Result<bool> {
        Ok(!self.0.join("closed").try_exists()? && self.status()?.is_none())
    }

    /// From now on no keeper begins here.
    pub fn close(&self) -> io::Result<()> {
        disk::private_file(&self.0.join("closed")).map(drop)
    }

    fn variables(&self) -> PathBuf {
        self.0.join("variables.json")
    }
}
