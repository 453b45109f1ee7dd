//! The cluster as the server holds it.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use slipway_domain::promotion::DeploymentKey;
use slipway_rollout::fence::{Stamp, admits};
use slipway_rollout::observation::Observation;
use slipway_service::ports::{ClusterError, Namespace, NewDeployment, Removal, Write};
use tokio::task::{AbortHandle, JoinError, spawn_blocking};

use super::act::unique;
use super::core::{Core, Shared, lock};
use super::place::Place;
use super::reconcile::Limits;
use super::state::{Row, State, name};
use super::template::Stored;
use super::wake::Wake;
use super::{observe, refresh};
use crate::disk::{self, Lock, now};
use crate::router::client::Client;

/// How long a server that is just ending may hold the folder.
const TAKE_OVER: Duration = Duration::from_secs(5);

/// What a cluster is made with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The server's data folder.
    pub data: PathBuf,
    /// This program, from which keepers and the router are started.
    pub helper: PathBuf,
    /// Search path of the commands of services.
    pub path: String,
    /// At most this long a stopping process is given to finish its requests before it gets SIGTERM.
    pub pause: Duration,
    /// At most so many processes run.
    pub processes: usize,
}

impl Config {
    /// 5 seconds of pause, 500 processes, the search path of this program.
    pub fn new(data: impl Into<PathBuf>, helper: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            helper: helper.into(),
            path: std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".to_owned()),
            pause: Duration::from_secs(5),
            processes: 500,
        }
    }
}

/// Processes of this machine as a cluster. Dropping it ends the reconciler and nothing else.
pub struct LocalCluster {
    pub(super) shared: Arc<Shared>,
    tasks: Vec<AbortHandle>,
}

impl Drop for LocalCluster {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        // A pass may be at work on a thread of its own; from here on the folder is the next server's.
        lock(&self.shared).folder = None;
    }
}

impl LocalCluster {
    /// Takes over the folder: its rows, its processes, its router. Fails when another server has it.
    pub async fn open(config: Config) -> io::Result<Arc<Self>> {
        let place = Place::new(&config.data);
        place.prepare()?;
        let folder = take(&place).await?;
        let mut state: State = disk::read_json(&place.state())?.unwrap_or_default();
        for process in &mut state.processes {
            // The server before may have written it down and then not have said it to the keeper.
            process.terminated_at = None;
        }
        let router = Client::new(place.router(), &config.helper);
        let view = router.ensure().await?;
        let wake = Wake::new()?;
        for process in &state.processes {
            let folder = place.process(&process.name);
            if folder.path().is_dir() {
                wake.watch_folder(folder.path())?;
            }
        }
        let shared = Arc::new(Shared {
            place,
            helper: config.helper,
            path: config.path,
            limits: Limits { pause: config.pause, processes: config.processes },
            wake,
            core: Mutex::new(Core { folder: Some(folder), state, view, ..Core::default() }),
        });
        let tasks = refresh::start(&shared, &router);
        Ok(Arc::new(Self { shared, tasks }))
    }

    /// Works on the core where blocking does no harm.
    pub(super) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared, &mut Core) -> Result<T, ClusterError> + Send + 'static,
    ) -> Result<T, ClusterError> {
        let shared = Arc::clone(&self.shared);
        let done = spawn_blocking(move || work(&shared, &mut lock(&shared))).await;
        done.map_err(|error: JoinError| ClusterError::Unreachable(error.to_string()))?
    }

    /// Works on files only, without the core.
    pub(super) async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> io::Result<T> + Send + 'static,
    ) -> Result<T, ClusterError> {
        let shared = Arc::clone(&self.shared);
        let done = spawn_blocking(move || work(&shared)).await;
        done.map_err(|error: JoinError| ClusterError::Unreachable(error.to_string()))?.map_err(unreachable)
    }

    pub(super) async fn look(&self, namespace: &Namespace) -> Result<Observation, ClusterError> {
        let namespace = name(namespace);
        self.with(move |shared, core| observe::observe(shared, core, &namespace, now()).map_err(unreachable)).await
    }

    pub(super) async fn add(&self, namespace: &Namespace, new: &NewDeployment) -> Result<(), ClusterError> {
        let namespace = name(namespace);
        let (key, epoch) = (new.key.clone(), new.epoch);
        let template = Stored::new(&new.template);
        self.with(move |shared, core| {
            if core.state.row(&namespace, &key).is_some() {
                return Ok(());
            }
            let uid = unique();
            let digest = template.write(&shared.place.template(&uid)).map_err(unreachable)?;
            core.change(&shared.place, |state| {
                let version = state.next_version();
                let (image, served) = (template.image.clone(), template.port_count() > 0);
                let row =
                    Row { namespace, key, uid, version, epoch, turn: 0, replicas: 0, image, served, template: digest };
                state.rows.push(row);
            })
            .map_err(unreachable)?;
            shared.wake.changed();
            Ok(())
        })
        .await
    }

    pub(super) async fn set(&self, namespace: &Namespace, write: &Write) -> Result<(), ClusterError> {
        let namespace = name(namespace);
        let write = write.clone();
        self.with(move |shared, core| {
            let index = admitted(core, &namespace, &write.key, |row, version| {
                let observed = Stamp { uid: &write.uid, resource_version: &write.resource_version, epoch: write.epoch };
                admits(Stamp { uid: &row.uid, resource_version: version, epoch: row.epoch }, observed)
            })?;
            let index = index.ok_or(ClusterError::Conflict)?;
            core.change(&shared.place, |state| {
                let version = state.next_version();
                let row = &mut state.rows[index];
                row.version = version;
                row.epoch = write.epoch;
                row.turn = write.turn;
                row.replicas = write.replicas.unwrap_or(row.replicas);
            })
            .map_err(unreachable)?;
            shared.wake.changed();
            Ok(())
        })
        .await
    }

    pub(super) async fn delete(&self, namespace: &Namespace, removal: &Removal) -> Result<(), ClusterError> {
        let namespace = name(namespace);
        let removal = removal.clone();
        self.with(move |shared, core| {
            match removal {
                Removal::Deployment { key, uid, resource_version } => {
                    let same = |row: &Row, version: &str| row.uid == uid && version == resource_version;
                    let Some(index) = admitted(core, &namespace, &key, same)? else { return Ok(()) };
                    core.change(&shared.place, |state| {
                        state.rows.remove(index);
                    })
                    .map_err(unreachable)?;
                    match std::fs::remove_file(shared.place.template(&uid)) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unreachable(error)),
                        _ => {}
                    }
                }
                Removal::Process { name, uid } => core
                    .change(&shared.place, |state| {
                        let process = state.process_mut(&uid);
                        if let Some(process) = process.filter(|one| one.namespace == namespace && one.name == name) {
                            process.stopping_since.get_or_insert(now());
                        }
                    })
                    .map_err(unreachable)?,
            }
            shared.wake.changed();
            Ok(())
        })
        .await
    }
}

/// The place of a row, if the write may land on it. None: there is no such row.
fn admitted(
    core: &Core,
    namespace: &str,
    key: &DeploymentKey,
    may: impl FnOnce(&Row, &str) -> bool,
) -> Result<Option<usize>, ClusterError> {
    let Some(index) = core.state.row(namespace, key) else { return Ok(None) };
    let row = &core.state.rows[index];
    if may(row, &row.version.to_string()) { Ok(Some(index)) } else { Err(ClusterError::Conflict) }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
pub(super) fn unreachable(error: io::Error) -> ClusterError {
    ClusterError::Unreachable(error.to_string())
}

async fn take(place: &Place) -> io::Result<Lock> {
    let deadline = Instant::now() + TAKE_OVER;
    loop {
        match Lock::take(&place.lock())? {
            Some(lock) => return Ok(lock),
            None if Instant::now() >= deadline => {
                let text = "another server works on this data folder: stop it, or choose another folder";
                return Err(io::Error::new(io::ErrorKind::WouldBlock, text));
            }
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
