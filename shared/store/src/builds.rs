//! Builds: changed while they are open, sealed when they complete.

use slipway_domain::build::{Build, BuildStatus};
use slipway_domain::id::BuildId;
use slipway_domain::name::AppName;
use slipway_domain::time::Time;

use crate::error::{Result, StoreError};
use crate::records::{Change, Listed, Page};
use crate::releases::NewRelease;
use crate::store::Scoped;

/// The end of a build that made an image: the build as sealed, and its release.
#[derive(Clone, Debug)]
pub struct CompleteBuild {
    /// With status `complete`, image and manifest.
    pub build: Build,
    /// The status it was read with.
    pub expected: BuildStatus,
    pub release: NewRelease,
}

impl Scoped {
    /// `due_at` is when its time is over: until it ends it is listed as due then. `Exists(Build)`: draw another id.
    /// `Missing(App)`.
    pub async fn create_build(&self, change: &Change, build: &Build, due_at: Time) -> Result<()> {
        let _ = (change, build, due_at);
        Err(StoreError::Misuse(String::new()))
    }

    /// Sealed or open.
    pub async fn build(&self, app: &AppName, id: &BuildId) -> Result<Option<Build>> {
        let _ = (app, id);
        Err(StoreError::Misuse(String::new()))
    }

    /// Newest first.
    pub async fn builds(&self, app: &AppName, page: &Page) -> Result<Listed<Build>> {
        let _ = (app, page);
        Err(StoreError::Misuse(String::new()))
    }

    /// Moves an open build on: to `running`, `failed` or `cancelled`. `Stale(Build)` when its status is not `expected`,
    /// `Sealed(Build)` when it completed.
    pub async fn update_build(&self, change: &Change, build: &Build, expected: BuildStatus) -> Result<()> {
        let _ = (change, build, expected);
        Err(StoreError::Misuse(String::new()))
    }

    /// Seals the build and writes its release. `Sealed(Build)`, `Stale(Build)`, and what `create_release` refuses with.
    pub async fn complete_build(&self, change: &Change, complete: &CompleteBuild) -> Result<()> {
        let _ = (change, complete);
        Err(StoreError::Misuse(String::new()))
    }
}
