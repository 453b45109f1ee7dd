//! Scale and restart: promotions of what is active.

use std::collections::BTreeMap;

use slipway_domain::error::Result;
use slipway_domain::name::{AppName, EnvironmentName, ServiceName};
use slipway_domain::promotion::{Environment, Promotion};

use crate::caller::Caller;
use crate::releases::ReleaseView;
use crate::request::{Idempotency, Posted};
use crate::slipway::Slipway;

/// How many processes of one service an environment may be asked to run.
pub const MAX_PROCESSES: u32 = 1000;

/// Another formation.
#[derive(Clone, Debug, Default)]
pub struct ScaleOptions {
    /// Processes per service, 0 to [`MAX_PROCESSES`]; services that are not named stay as they are.
    pub formation: BTreeMap<ServiceName, u32>,
    pub reason: Option<String>,
    pub if_match: Option<u64>,
}

/// What came of scaling.
#[derive(Clone, Debug)]
pub enum Scaled {
    /// The formation was so already.
    Unchanged(Environment),
    Started(Promotion),
}

/// A restart that was started.
#[derive(Clone, Debug)]
pub struct Restarted {
    pub promotion: Promotion,
    /// The fresh copy of the active release.
    pub release: ReleaseView,
}

/// How a restart was asked for.
#[derive(Clone, Debug, Default)]
pub struct RestartOptions {
    pub reason: Option<String>,
    pub if_match: Option<u64>,
}

impl Slipway {
    /// Right: deploy. Errors: `environment_busy`, `no_active_release` (409), `service_not_found`, `invalid_scale`,
    /// `formation_too_large` (422), `stale_version` (412), `cluster_unreachable` (503).
    pub async fn scale(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        options: &ScaleOptions,
        idempotency: Option<&Idempotency>,
    ) -> Result<Posted<Scaled>> {
        unimplemented!()
    }

    /// Right: deploy. Errors: those of promoting; `no_active_release` (409).
    pub async fn restart(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        options: &RestartOptions,
        idempotency: Option<&Idempotency>,
    ) -> Result<Posted<Restarted>> {
        unimplemented!()
    }
}
