//! Rolling back by hand: a promotion of a fresh copy of a release that was good.

use slipway_domain::error::Result;
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::promotion::Promotion;
use slipway_domain::release::{Diff, ReleaseRef};

use crate::caller::Caller;
use crate::releases::ReleaseView;
use crate::request::{Idempotency, Posted};
use crate::slipway::Slipway;

/// How a rollback was asked for.
#[derive(Clone, Debug, Default)]
pub struct RollbackOptions {
    /// None: the last good release before the active one; while a promotion runs or when the environment is `failed`,
    /// the active one.
    pub release: Option<ReleaseRef>,
    /// At most 500 characters; kept.
    pub reason: Option<String>,
    pub if_match: Option<u64>,
}

/// A rollback that was started.
#[derive(Clone, Debug)]
pub struct RolledBack {
    pub promotion: Promotion,
    /// The fresh copy; `release.copied_from` names its original.
    pub release: ReleaseView,
    /// What it brings relative to the active release: which variables it reverts, by key.
    pub reverts: Option<Diff>,
}

impl Slipway {
    /// Right: deploy. Takes over from a running promotion. Errors: those of promoting, except `environment_busy` and
    /// `release_older`; `nothing_to_roll_back_to` (409).
    pub async fn roll_back(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        options: &RollbackOptions,
        idempotency: Option<&Idempotency>,
    ) -> Result<Posted<RolledBack>> {
        unimplemented!()
    }
}
