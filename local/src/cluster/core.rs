//! The cluster's memory: the state that is on the disk, and what only this server knows.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::process::Child;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::place::Place;
use super::reconcile::{Fact, Limits};
use super::state::{Process, State};
use super::wake::Wake;
use crate::disk::{self, Lock};
use crate::router::table::View;

/// How long a keeper may take from its start until it holds its lock.
const KEEPER_START: Duration = Duration::from_secs(10);

/// Shared by the port and the reconciler.
pub struct Shared {
    pub place: Place,
    pub helper: std::path::PathBuf,
    /// Search path of commands.
    pub path: String,
    pub limits: Limits,
    pub wake: Wake,
    /// One lock for everything: an observation is one consistent look.
    pub core: Mutex<Core>,
}

/// What is behind the lock.
#[derive(Default)]
pub struct Core {
    /// On the folder. None: this server gave it up, and changes nothing any more.
    pub folder: Option<Lock>,
    pub state: State,
    /// By row: the version that the reconciler has carried out.
    pub seen: BTreeMap<String, u64>,
    /// By row: why its missing processes are not created.
    pub refused: BTreeMap<String, Refused>,
    /// By process: why it is not started yet.
    pub held: BTreeMap<String, String>,
    pub launched: BTreeMap<String, Instant>,
    /// Keepers that this server started, to be collected when they end.
    pub keepers: Vec<Child>,
    /// Rows whose template is not the one that was written.
    pub altered: BTreeSet<String>,
    pub view: View,
}

/// Why a process cannot be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    Quota(String),
    Other(String),
}

impl Core {
    /// Changes the state, on the disk first.
    pub fn change(&mut self, place: &Place, change: impl FnOnce(&mut State)) -> io::Result<()> {
        if self.folder.is_none() {
            return Err(io::Error::other("this server has ended"));
        }
        let mut next = self.state.clone();
        change(&mut next);
        if next != self.state {
            disk::replace_json_durably(&place.state(), &next)?;
            self.state = next;
        }
        Ok(())
    }

    /// Looks at one process.
    pub fn fact(&self, place: &Place, process: &Process) -> io::Result<Fact> {
        let folder = place.process(&process.name);
        // In this order: a keeper writes its status after it took the lock, and a last one before it lets go.
        let kept = folder.is_kept()?;
        let status = folder.status()?;
        let launched = self.launched.get(&process.uid);
        Ok(Fact {
            kept,
            starting: status.is_none() && launched.is_some_and(|at| at.elapsed() < KEEPER_START),
            status,
            target: self.view.targets.get(&process.uid).cloned(),
        })
    }
}

/// The core, whose holders never panic.
pub fn lock(shared: &Shared) -> std::sync::MutexGuard<'_, Core> {
    shared.core.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
