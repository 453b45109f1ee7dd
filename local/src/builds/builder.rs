//! Makes images: one build at a time, in the background, its state on the disk.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use slipway_domain::error::{Error, Result};
use slipway_domain::id::BuildId;
use slipway_domain::manifest::{self, Manifest};
use slipway_service::ports::{BuildOrder, BuildState, Builder, LogLine};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::command::{self, Surroundings};
use super::folder::{Folder, Log, Stored};
use super::registry::LocalRegistry;
use super::tree;
use super::unpack::{Limits, unpack};

/// Builds on this machine.
pub struct LocalBuilder {
    builds: PathBuf,
    registry: LocalRegistry,
    /// Builds take what the machine has: one after the other.
    turn: Arc<Semaphore>,
    running: Arc<Mutex<HashMap<BuildId, CancellationToken>>>,
}

impl LocalBuilder {
    /// Opens the builds in the server's folder. One that an earlier server did not finish has failed.
    pub fn open(data: &Path, registry: LocalRegistry) -> io::Result<Self> {
        let builds = data.join("builds");
        crate::disk::private_dir(&builds)?;
        for entry in fs::read_dir(&builds)? {
            let Ok(build) = entry?.file_name().to_string_lossy().parse::<BuildId>() else { continue };
            let folder = Folder::of(&builds, &build);
            if folder.state()? == Some(Stored::Running) {
                let reason = "the server stopped while it was building; start the build again".to_owned();
                folder.set_state(&Stored::Failed { reason })?;
                folder.tidy()?;
            }
        }
        Ok(Self { builds, registry, turn: Arc::new(Semaphore::new(1)), running: Arc::default() })
    }

    fn folder(&self, build: &BuildId) -> Folder {
        Folder::of(&self.builds, build)
    }
}

#[async_trait]
impl Builder for LocalBuilder {
    async fn start(&self, order: &BuildOrder) -> Result<()> {
        let folder = self.folder(&order.build);
        if folder.state().map_err(Error::unavailable)?.is_some() {
            return Ok(());
        }
        folder.make().and_then(|()| folder.set_state(&Stored::Running)).map_err(Error::unavailable)?;
        let cancelled = CancellationToken::new();
        lock(&self.running).insert(order.build.clone(), cancelled.clone());
        let work = Work { folder, registry: self.registry.clone(), order: order.clone(), cancelled };
        let (turn, running) = (Arc::clone(&self.turn), Arc::clone(&self.running));
        tokio::spawn(async move {
            let _turn = turn.acquire().await;
            let build = work.order.build.clone();
            work.finish().await;
            lock(&running).remove(&build);
        });
        Ok(())
    }

    async fn state(&self, build: &BuildId) -> Result<BuildState> {
        Ok(match self.folder(build).state().map_err(Error::unavailable)? {
            None => BuildState::Unknown,
            Some(Stored::Running) => BuildState::Running,
            Some(Stored::Failed { reason }) => BuildState::Failed { reason },
            Some(Stored::Done { image, manifest, warnings }) => BuildState::Done { image, manifest, warnings },
        })
    }

    async fn cancel(&self, build: &BuildId) -> Result<()> {
        if let Some(cancelled) = lock(&self.running).get(build) {
            cancelled.cancel();
        }
        Ok(())
    }

    async fn log(&self, build: &BuildId, after: u64) -> Result<Vec<LogLine>> {
        self.folder(build).lines(after).map_err(Error::unavailable)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One build.
struct Work {
    folder: Folder,
    registry: LocalRegistry,
    order: BuildOrder,
    cancelled: CancellationToken,
}

impl Work {
    async fn finish(self) {
        let stored = match self.folder.log() {
            Ok(log) => self.build(&log).await.unwrap_or_else(|reason| {
                log.say(&format!("build failed: {reason}"));
                Stored::Failed { reason }
            }),
            Err(error) => Stored::Failed { reason: format!("open the build's log: {error}") },
        };
        if let Err(error) = self.folder.tidy() {
            tracing::warn!(build.id = %self.order.build, error = %error, "a build's files could not be removed");
        }
        if let Err(error) = self.folder.set_state(&stored) {
            tracing::error!(build.id = %self.order.build, error = %error, "a build's end could not be stored");
        }
    }

    async fn build(&self, log: &Log) -> std::result::Result<Stored, String> {
        self.go_on()?;
        log.say("Unpacking source");
        let (archive, tree) = (self.folder.archive(), self.folder.tree());
        blocking({
            let tree = tree.clone();
            move || {
                let archive = File::open(&archive).map_err(|error| format!("open the archive: {error}"))?;
                crate::disk::private_dir(&tree).map_err(|error| format!("make a folder: {error}"))?;
                unpack(io::BufReader::new(archive), &tree, Limits::default()).map_err(|refused| refused.to_string())
            }
        })
        .await?;
        self.go_on()?;
        let (name, manifest) = read_manifest(&tree, self.order.manifest.as_deref())?;
        log.say(&format!("Reading {name}"));
        let warnings = of_this_machine(&manifest);
        if let Some(build) = &manifest.build {
            log.say(&format!("Running {}", build.command));
            let temporary = self.folder.temporary();
            let around = Surroundings {
                tree: &tree,
                temporary: &temporary,
                time_limit: self.order.time_limit,
                cancelled: &self.cancelled,
                log,
            };
            command::run(&build.command, &around).await?;
        }
        self.go_on()?;
        let (registry, order) = (self.registry.clone(), self.order.clone());
        let image = blocking(move || {
            let sealed = tree::digest(&tree).and_then(|image| {
                registry.push(&order.tenant, &order.app, &image, &tree)?;
                Ok(image)
            });
            sealed.map_err(|error| format!("keep the image: {error}"))
        })
        .await?;
        log.say(&format!("Image {image}"));
        Ok(Stored::Done { image, manifest, warnings })
    }

    fn go_on(&self) -> std::result::Result<(), String> {
        if self.cancelled.is_cancelled() { Err("cancelled".to_owned()) } else { Ok(()) }
    }
}

/// Runs what waits for the disk where it holds up nobody.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::result::Result<T, String> + Send + 'static,
) -> std::result::Result<T, String> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(format!("the build was interrupted: {error}")),
    }
}

/// What the manifest may expect elsewhere and does not get here.
fn of_this_machine(manifest: &Manifest) -> Vec<String> {
    let mut warnings = Vec::new();
    for service in &manifest.services {
        let name = &service.name;
        if let Some(image) = &service.image {
            warnings.push(format!(
                "services.{name}.image is not pulled on this machine: {image} has to run elsewhere, or from a command of \
                 the source"
            ));
        }
        if service.command.is_none() {
            warnings.push(format!(
                "services.{name} has no command, and no Dockerfile is read on this machine: set `command`, else it \
                 cannot be started"
            ));
        }
    }
    warnings
}

/// The named manifest, or the first of the well-known names at the top of the tree.
fn read_manifest(tree: &Path, wanted: Option<&str>) -> std::result::Result<(String, Manifest), String> {
    let names: Vec<&str> = wanted.map_or_else(|| manifest::FILE_NAMES.to_vec(), |name| vec![name]);
    for name in &names {
        let path = tree.join(name);
        // A link to a manifest is read as well: unpacking has made sure that it leads nowhere else.
        let inside = path.canonicalize().is_ok_and(|path| tree.canonicalize().is_ok_and(|tree| path.starts_with(tree)));
        if !inside {
            continue;
        }
        let size = fs::metadata(&path).map_err(|error| format!("read {name}: {error}"))?.len();
        if size > u64::try_from(manifest::MAX_BYTES).unwrap_or(u64::MAX) {
            return Err(format!("{name} is larger than {} bytes", manifest::MAX_BYTES));
        }
        let text = fs::read_to_string(&path).map_err(|error| format!("read {name}: {error}"))?;
        let manifest = manifest::parse(name, &text).map_err(|error| error.to_string())?;
        return Ok(((*name).to_owned(), manifest));
    }
    Err(format!("there is no manifest: add {} at the top of the source", names.join(" or ")))
}
