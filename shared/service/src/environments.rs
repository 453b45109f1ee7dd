//! Environments: create, list, and what is running there.

use slipway_domain::error::Result;
use slipway_domain::name::{AppName, EnvironmentName, ServiceName};
use slipway_domain::promotion::{Environment, Promotion};

use crate::caller::Caller;
use crate::releases::ReleaseView;
use crate::request::{Idempotency, Posted};
use crate::slipway::Slipway;

/// Where the load balancer serves a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub service: ServiceName,
    /// `http://127.0.0.1:8080`.
    pub url: String,
}

/// What an environment is running. `environment.version` is its `ETag`.
#[derive(Clone, Debug)]
pub struct EnvironmentView {
    pub environment: Environment,
    pub active: Option<ReleaseView>,
    pub newest: Option<ReleaseView>,
    /// The promotion that is running.
    pub promotion: Option<Promotion>,
    /// Services with ports of the active release that can be reached now. Empty when the cluster does not answer.
    pub addresses: Vec<Address>,
}

impl Slipway {
    /// Right: administer. Errors: `app_not_found` (404), `environment_exists` (409).
    pub async fn create_environment(
        &self,
        caller: &Caller,
        app: &AppName,
        name: &EnvironmentName,
        idempotency: Option<&Idempotency>,
    ) -> Result<Posted<EnvironmentView>> {
        unimplemented!()
    }

    /// The environments of an app, `production` first, then by name. Right: read. Errors: `app_not_found` (404).
    pub async fn environments(&self, caller: &Caller, app: &AppName) -> Result<Vec<Environment>> {
        unimplemented!()
    }

    /// Right: read. Errors: `app_not_found`, `environment_not_found` (404).
    pub async fn environment(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
    ) -> Result<EnvironmentView> {
        unimplemented!()
    }
}
