//! Builds: create, upload, complete, follow, cancel.
//!
//! ```text
//! create ──► created ──upload arrived, complete──► running ──► complete (sealed, with its release)
//!               └──────complete with an image────────────────►    │  failed, cancelled
//! ```
//!
//! A build is advanced by whoever looks at it, and by the sweep.

use std::time::Duration;

use slipway_domain::build::{Build, Commit, Upload as Archive};
use slipway_domain::error::Result;
use slipway_domain::id::{BuildId, ReleaseId};
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::release::ImageDigest;

use crate::caller::Caller;
use crate::ports::{LogLine, Upload};
use crate::request::{Idempotency, Page, Paged, Posted};
use crate::slipway::Slipway;

/// How long a build may take unless it asks for less, and the most it may ask for.
pub const BUILD_LIMIT: Duration = Duration::from_secs(60 * 60);

/// What a new build is made of.
#[derive(Clone, Debug)]
pub struct NewBuild {
    /// The archive that will be uploaded. None: it will be completed with an image that the registry has.
    pub archive: Option<Archive>,
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

/// A build that was created, and where its archive goes.
#[derive(Clone, Debug)]
pub struct CreatedBuild {
    pub build: BuildView,
    /// A fresh one on every replay. None when the build is not made from an upload.
    pub upload: Option<Upload>,
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

impl Slipway {
    /// Right: deploy. Errors: `app_not_found`, `environment_not_found` (404), `invalid_build` (422, fields).
    pub async fn create_build(
        &self,
        caller: &Caller,
        app: &AppName,
        new: &NewBuild,
        idempotency: Option<&Idempotency>,
    ) -> Result<Posted<CreatedBuild>> {
        unimplemented!()
    }

    /// Starts the build of what was uploaded, or seals it with an image that exists. Repeating it is harmless. Right:
    /// deploy. Errors: `build_not_found` (404), `upload_missing`, `build_ended` (409), `image_missing`,
    /// `manifest_required`, `invalid_manifest` (422, with line and column).
    pub async fn complete_build(
        &self,
        caller: &Caller,
        app: &AppName,
        build: &BuildId,
        completion: &Completion,
    ) -> Result<BuildView> {
        unimplemented!()
    }

    /// The build as it stands after asking the builder; waits up to `wait` (≤ 25 s) for it to end. Right: read. Errors:
    /// `build_not_found` (404).
    pub async fn build(&self, caller: &Caller, app: &AppName, build: &BuildId, wait: Duration) -> Result<BuildView> {
        unimplemented!()
    }

    /// Newest first. Right: read. Errors: `app_not_found` (404).
    pub async fn builds(&self, caller: &Caller, app: &AppName, page: &Page) -> Result<Paged<BuildView>> {
        unimplemented!()
    }

    /// Lines after the first `after` ones; waits up to `wait` (≤ 25 s) while there are none and the build goes on.
    /// Right: read. Errors: `build_not_found` (404).
    pub async fn build_log(
        &self,
        caller: &Caller,
        app: &AppName,
        build: &BuildId,
        after: u64,
        wait: Duration,
    ) -> Result<LogPage> {
        unimplemented!()
    }

    /// Right: deploy. Errors: `build_not_found` (404), `build_ended` (409).
    pub async fn cancel_build(&self, caller: &Caller, app: &AppName, build: &BuildId) -> Result<BuildView> {
        unimplemented!()
    }
}
