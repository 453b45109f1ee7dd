//! Builds: create, upload, complete, follow, cancel.
//!
//! ```text
//! create ──► created ──upload arrived, complete──► running ──► complete (sealed, with its release)
//!               └──────complete with an image that was pushed─►    │  failed, cancelled
//! ```
//!
//! A build is advanced by whoever looks at it, and by the sweep.

mod advance;
mod complete;
pub mod intake;

use std::time::Duration;

use slipway_domain::build::{Build, BuildStatus, Commit, Upload as Archive, default_description};
use slipway_domain::error::{Error, Result};
use slipway_domain::id::{BuildId, ReleaseId};
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::release::ImageDigest;
use slipway_store::error::{StoreError, Subject};

use self::intake::Push;
use crate::caller::{Caller, Right};
use crate::draft::{ATTEMPTS, lost_a_race, too_busy};
use crate::ports::{Expected, LogLine, Upload};
use crate::request::{Idempotency, MAX_TEXT, Page, Paged, Posted, check_text, stored_id};
use crate::slipway::{Slipway, find_app, find_build, find_environment};

/// How long a build may take unless it asks for less, and the most it may ask for.
pub const BUILD_LIMIT: Duration = Duration::from_hours(1);

/// Where the image of a build comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Built here, from the archive that will be uploaded.
    Archive(Archive),
    /// Built elsewhere: the answer says where to push it, the completion names its digest.
    External,
    /// In the app's repository already: the completion names its digest.
    Existing,
}

/// What a new build is made of.
#[derive(Clone, Debug)]
pub struct NewBuild {
    pub source: Source,
    /// The environment that its release is made in.
    pub environment: EnvironmentName,
    pub commit: Option<Commit>,
    /// At most 500 characters. None: `build <short commit> <subject>`.
    pub description: Option<String>,
    /// Path of the manifest inside the archive, if it is none of the well-known names.
    pub manifest: Option<String>,
    /// At most [`BUILD_LIMIT`].
    pub time_limit: Option<Duration>,
}

/// How a build is to be completed.
#[derive(Clone, Debug)]
pub enum Completion {
    /// Build the archive that was uploaded.
    Uploaded,
    /// Take this image of the registry.
    Image {
        image: ImageDigest,
        /// The manifest's file name and text. None: that of the newest complete build with the same image.
        manifest: Option<ManifestText>,
    },
}

/// A manifest as it was written.
#[derive(Clone, Debug)]
pub struct ManifestText {
    /// Decides the syntax: `slipway.yml`, `convox.yml`, `docker-compose.yml`.
    pub file: String,
    pub text: String,
}

/// A build and the release that its completion made.
#[derive(Clone, Debug)]
pub struct BuildView {
    pub build: Build,
    pub release: Option<ReleaseId>,
}

/// A build that was created, and where its archive or its image goes.
#[derive(Clone, Debug)]
pub struct CreatedBuild {
    pub build: BuildView,
    /// A fresh one on every replay. None when the build is not made from an upload.
    pub upload: Option<Upload>,
    /// With a fresh login on every replay. None when the image is not made elsewhere, or is taken already.
    pub push: Option<Push>,
}

/// A part of a log.
#[derive(Clone, Debug)]
pub struct LogPage {
    pub lines: Vec<LogLine>,
    /// Ask for what comes after this.
    pub next: u64,
    /// Nothing will be added any more.
    pub finished: bool,
}

/// The largest archive, in bytes.
pub const MAX_ARCHIVE: u64 = 2 * 1024 * 1024 * 1024;
const MAX_PATH: usize = 1024;

impl From<Build> for BuildView {
    fn from(build: Build) -> Self {
        Self { release: build.release.clone(), build }
    }
}

impl Slipway {
    /// Right: deploy. Errors: `app_not_found`, `environment_not_found` (404), `invalid_build`,
    /// `source_builds_not_taken`, `external_builds_not_taken` (422, fields).
    pub async fn create_build(
        &self,
        caller: &Caller,
        app: &AppName,
        new: &NewBuild,
        idempotency: Option<&Idempotency>,
    ) -> Result<Posted<CreatedBuild>> {
        caller.needs(Right::Deploy)?;
        check(new)?;
        self.intake.takes(&new.source)?;
        let store = self.of(caller);
        find_environment(&store, app, &new.environment).await?;
        let attempt = Box::pin(self.write_build(caller, app, new, idempotency));
        let made = self.once(caller, idempotency, attempt, stored_id::<BuildId>).await?;
        let build = find_build(&store, app, &made.value).await?;
        let open = build.status == BuildStatus::Created;
        let upload = match &build.upload {
            Some(archive) if open => {
                let expected = Expected { size: archive.size_bytes, sha256: archive.sha256.clone() };
                Some(self.objects.upload(&build.id, &expected).await?)
            }
            _ => None,
        };
        let push = match new.source {
            Source::External if open => Some(self.intake.push(caller.tenant(), app).await?),
            _ => None,
        };
        Ok(made.with(CreatedBuild { build: build.into(), upload, push }))
    }

    async fn write_build(
        &self,
        caller: &Caller,
        app: &AppName,
        new: &NewBuild,
        idempotency: Option<&Idempotency>,
    ) -> Result<BuildId> {
        let store = self.of(caller);
        let limit = new.time_limit.unwrap_or(BUILD_LIMIT);
        for _ in 0..ATTEMPTS {
            let id = BuildId::from_entropy(self.entropy.draw());
            let change = self.change_once(caller, "build.create", idempotency, 201, &id);
            let build = Build {
                id: id.clone(),
                app: app.clone(),
                environment: new.environment.clone(),
                status: BuildStatus::Created,
                description: new.description.clone().unwrap_or_else(|| default_description(new.commit.as_ref())),
                commit: new.commit.clone(),
                image: None,
                manifest: None,
                warnings: Vec::new(),
                created_at: change.now,
                started_at: None,
                ended_at: None,
                created_by: caller.actor().to_owned(),
                failure: None,
                upload: match &new.source {
                    Source::Archive(archive) => Some(archive.clone()),
                    Source::External | Source::Existing => None,
                },
                manifest_path: new.manifest.clone(),
                time_limit_seconds: limit.as_secs(),
                release: None,
            };
            match store.create_build(&change, &build, change.now.plus(limit)).await {
                Ok(()) => return Ok(id),
                Err(error) if lost_a_race(&error) => self.pause().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(too_busy())
    }

    /// The build as it stands after asking the builder; waits up to `wait` (≤ 25 s) for it to end. Right: read. Errors:
    /// `app_not_found`, `build_not_found` (404).
    pub async fn build(&self, caller: &Caller, app: &AppName, build: &BuildId, wait: Duration) -> Result<BuildView> {
        caller.needs(Right::Read)?;
        let store = self.of(caller);
        let store = &store;
        let look = || async move {
            let build = self.advance_build(store, caller.tenant(), find_build(store, app, build).await?).await?;
            Ok(build.status.ended().then_some(build))
        };
        let build = match self.wait_for(wait, look).await? {
            Some(build) => build,
            None => find_build(store, app, build).await?,
        };
        Ok(build.into())
    }

    /// Newest first. Right: read. Errors: `app_not_found` (404).
    pub async fn builds(&self, caller: &Caller, app: &AppName, page: &Page) -> Result<Paged<BuildView>> {
        caller.needs(Right::Read)?;
        let store = self.of(caller);
        find_app(&store, app).await?;
        Ok(Paged::from_listed(store.builds(app, &page.stored()).await?, BuildView::from))
    }

    /// Lines after the first `after` ones; waits up to `wait` (≤ 25 s) while there are none and the build goes on.
    /// Right: read. Errors: `app_not_found`, `build_not_found` (404).
    pub async fn build_log(
        &self,
        caller: &Caller,
        app: &AppName,
        build: &BuildId,
        after: u64,
        wait: Duration,
    ) -> Result<LogPage> {
        caller.needs(Right::Read)?;
        let store = self.of(caller);
        let store = &store;
        let look = || async move {
            // The state first: what was written before the end is then in the log.
            let build = self.advance_build(store, caller.tenant(), find_build(store, app, build).await?).await?;
            let finished = build.status.ended();
            let lines = self.builder.log(&build.id, after).await?;
            Ok((finished || !lines.is_empty()).then(|| LogPage::new(lines, after, finished)))
        };
        Ok(self.wait_for(wait, look).await?.unwrap_or_else(|| LogPage::new(Vec::new(), after, false)))
    }

    /// Cancelling twice is harmless. Right: deploy. Errors: `app_not_found`, `build_not_found` (404), `build_ended`
    /// (409).
    pub async fn cancel_build(&self, caller: &Caller, app: &AppName, build: &BuildId) -> Result<BuildView> {
        caller.needs(Right::Deploy)?;
        let store = self.of(caller);
        for _ in 0..ATTEMPTS {
            let build = find_build(&store, app, build).await?;
            match build.status {
                BuildStatus::Cancelled => return Ok(build.into()),
                BuildStatus::Complete | BuildStatus::Failed => return Err(build_ended(&build)),
                BuildStatus::Created | BuildStatus::Running => {}
            }
            let change = self.change(caller, "build.cancel");
            let expected = build.status;
            let cancelled = Build { status: BuildStatus::Cancelled, ended_at: Some(change.now), ..build };
            match store.update_build(&change, &cancelled, expected).await {
                Ok(()) => {
                    if let Err(error) = self.builder.cancel(&cancelled.id).await {
                        tracing::warn!(build.id = %cancelled.id, error = %error, "a cancelled build could not be stopped");
                    }
                    return Ok(cancelled.into());
                }
                Err(StoreError::Stale(Subject::Build) | StoreError::Sealed(_) | StoreError::Conflict) => {
                    self.pause().await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(too_busy())
    }
}

impl LogPage {
    pub(crate) fn new(lines: Vec<LogLine>, after: u64, finished: bool) -> Self {
        let next = after + u64::try_from(lines.len()).unwrap_or(u64::MAX);
        Self { lines, next, finished }
    }
}

fn build_ended(build: &Build) -> Error {
    let message = format!("the build {} is {} and will not change: create another", build.id, build.status);
    Error::conflict("build_ended", message).detail("status", build.status)
}

fn check(new: &NewBuild) -> Result<()> {
    let code = "invalid_build";
    check_text(code, "/description", new.description.as_deref(), MAX_TEXT)?;
    check_text(code, "/manifest", new.manifest.as_deref(), MAX_PATH)?;
    if let Some(path) = &new.manifest {
        let outside = path.is_empty() || path.starts_with('/') || path.split('/').any(|part| part == "..");
        if outside {
            return Err(Error::invalid(
                code,
                "/manifest",
                "must be a path inside the archive, such as deploy/slipway.yml",
            ));
        }
    }
    if let Source::Archive(archive) = &new.source {
        check_archive(archive)?;
    }
    let limit = new.time_limit.unwrap_or(BUILD_LIMIT);
    if limit < Duration::from_secs(1) || limit > BUILD_LIMIT {
        let message = format!("must be 1 to {} seconds", BUILD_LIMIT.as_secs());
        return Err(Error::invalid(code, "/time_limit_seconds", message));
    }
    Ok(())
}

fn check_archive(archive: &Archive) -> Result<()> {
    let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if archive.size_bytes == 0 || archive.size_bytes > MAX_ARCHIVE {
        let message = format!("must be 1 to {MAX_ARCHIVE} bytes: leave out what the build does not need");
        return Err(Error::invalid("invalid_build", "/source/size_bytes", message));
    }
    if archive.sha256.len() != 64 || !archive.sha256.bytes().all(hex) {
        let message = "must be the SHA-256 of the archive as 64 lower-case hexadecimal digits";
        return Err(Error::invalid("invalid_build", "/source/sha256", message));
    }
    Ok(())
}
