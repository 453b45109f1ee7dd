//! Runs: a command in a fresh process of any release, promoted or not.

use std::time::Duration;

use slipway_domain::error::Result;
use slipway_domain::id::RunId;
use slipway_domain::name::{AppName, EnvironmentName, ServiceName};
use slipway_domain::release::ReleaseRef;
use slipway_domain::run::Run;

use crate::builds::LogPage;
use crate::caller::Caller;
use crate::request::{Idempotency, Posted};
use crate::slipway::Slipway;

/// The most that a run may ask for.
pub const RUN_LIMIT: Duration = Duration::from_secs(3600);
/// What it gets when it asks for nothing.
pub const RUN_DEFAULT: Duration = Duration::from_secs(600);

#[derive(Clone, Debug)]
pub struct NewRunRequest {
    pub service: ServiceName,
    /// argv: 1 to 64 words, 8 KiB together, without NUL.
    pub command: Vec<String>,
    /// None: the newest release of the environment; the answer says which.
    pub release: Option<ReleaseRef>,
    pub time_limit: Option<Duration>,
}

impl Slipway {
    /// Right: run. Errors: `release_not_found`, `environment_not_found` (404), `no_release`, `wrong_environment`,
    /// `image_missing` (409), `service_not_found`, `variables_missing`, `invalid_run` (422), `cluster_unreachable` (503).
    pub async fn create_run(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        new: &NewRunRequest,
        idempotency: Option<&Idempotency>,
    ) -> Result<Posted<Run>> {
        unimplemented!()
    }

    /// The run as it stands after asking the cluster; waits up to `wait` (≤ 25 s) for it to end. Right: read. Errors:
    /// `run_not_found` (404).
    pub async fn run(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        run: &RunId,
        wait: Duration,
    ) -> Result<Run> {
        unimplemented!()
    }

    /// Right: run. Lines after the first `after` ones; waits up to `wait` (≤ 25 s) while there are none and it goes on.
    pub async fn run_log(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        run: &RunId,
        after: u64,
        wait: Duration,
    ) -> Result<LogPage> {
        unimplemented!()
    }
}
