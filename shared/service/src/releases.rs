//! Releases: list, read, compare, and make one from a build or from another release.

use slipway_domain::error::Result;
use slipway_domain::id::{BuildId, ReleaseId};
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::release::{Diff, Release, ReleaseRef, ReleaseState, Tag};

use crate::caller::Caller;
use crate::request::{Idempotency, Page, Paged, Posted};
use crate::slipway::Slipway;

/// A release and what became of it.
#[derive(Clone, Debug)]
pub struct ReleaseView {
    pub release: Release,
    /// Derived; a release itself never changes.
    pub state: ReleaseState,
    /// It is the active one of its environment now.
    pub active: bool,
    /// Copies that rollbacks and restarts made of it.
    pub copies: Vec<ReleaseId>,
}

/// What a new release forks from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BaseChoice {
    /// The environment's newest; the write is retried when another release came in between.
    #[default]
    Newest,
    Active,
    Release(ReleaseRef),
}

/// What a new release is made from.
#[derive(Clone, Debug)]
pub enum NewReleaseSource {
    /// The build with the variables of the base in this environment.
    Build { build: BuildId, base: BaseChoice },
    /// Another release's build and manifest, of any environment of the app, with the variables of the base.
    Release { release: ReleaseRef, base: BaseChoice },
    /// Another release exactly as it stands: `variables=copy`.
    Copy { release: ReleaseRef },
}

#[derive(Clone, Debug)]
pub struct NewRelease {
    pub source: NewReleaseSource,
    /// At most 500 characters.
    pub description: Option<String>,
    /// Unique in the app.
    pub tag: Option<Tag>,
}

/// What a release forked from, said where it could surprise.
#[derive(Clone, Debug)]
pub struct Base {
    pub release: ReleaseId,
    pub build: BuildId,
    /// False: it was never the active one, so whatever it brought ships with the new release.
    pub promoted: bool,
    /// How the base differs from the active release. None: it is the active one, or nothing is active.
    pub differs: Option<Diff>,
}

#[derive(Clone, Debug)]
pub struct CreatedRelease {
    pub release: ReleaseView,
    /// None: the first release of the environment, or a copy.
    pub base: Option<Base>,
}

/// Two releases compared: what `to` brings relative to `from`.
#[derive(Clone, Debug)]
pub struct ReleaseDiff {
    pub from: Release,
    pub to: Release,
    pub diff: Diff,
}

impl Slipway {
    /// Newest first, of one environment or of all. Right: read. Errors: `app_not_found`, `environment_not_found` (404).
    pub async fn releases(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: Option<&EnvironmentName>,
        page: &Page,
    ) -> Result<Paged<ReleaseView>> {
        unimplemented!()
    }

    /// By id, number or tag. Right: read. Errors: `app_not_found`, `release_not_found` (404).
    pub async fn release(&self, caller: &Caller, app: &AppName, release: &ReleaseRef) -> Result<ReleaseView> {
        unimplemented!()
    }

    /// Right: read. Errors: `app_not_found`, `release_not_found` (404).
    pub async fn diff_releases(
        &self,
        caller: &Caller,
        app: &AppName,
        from: &ReleaseRef,
        to: &ReleaseRef,
    ) -> Result<ReleaseDiff> {
        unimplemented!()
    }

    /// Right: deploy. Errors: `app_not_found`, `environment_not_found`, `build_not_found`, `release_not_found` (404),
    /// `build_incomplete`, `tag_taken`, `base_changed` (409), `invalid_release` (422).
    pub async fn create_release(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        new: &NewRelease,
        idempotency: Option<&Idempotency>,
    ) -> Result<Posted<CreatedRelease>> {
        unimplemented!()
    }
}
