//! The product as one value: the store and the ports that all use cases share.

use std::sync::Arc;
use std::time::Duration;

use slipway_domain::app::App;
use slipway_domain::build::Build;
use slipway_domain::error::{Error, Kind, Result};
use slipway_domain::id::BuildId;
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::promotion::Environment;
use slipway_domain::release::{Release, ReleaseRef};
use slipway_store::{Scoped, Store};

use crate::builds::intake::Intake;
use crate::caller::Caller;
use crate::clusters::Clusters;
use crate::ports::{Access, Builder, Clock, Cluster, Entropy, Namespace, Objects, Processes, Registry, Workflows};
use crate::tenants::Operator;

/// Everything a use case may touch. Cloning is cheap.
#[derive(Clone)]
pub struct Slipway {
    pub store: Store,
    pub cluster: Arc<dyn Cluster>,
    pub processes: Arc<dyn Processes>,
    pub access: Arc<dyn Access>,
    /// How tenants' clusters are connected. None: the installation has a cluster of its own, and that one is all.
    pub clusters: Option<Arc<dyn Clusters>>,
    /// Who may make tenants. None: nobody.
    pub operator: Option<Operator>,
    pub workflows: Arc<dyn Workflows>,
    pub registry: Arc<dyn Registry>,
    pub objects: Arc<dyn Objects>,
    pub builder: Arc<dyn Builder>,
    /// Which builds are taken here.
    pub intake: Intake,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

/// The longest pause between two attempts at a write that others made first.
const LONGEST_PAUSE_MS: u128 = 25;

impl Slipway {
    /// Everything of the caller's tenant.
    pub(crate) fn of(&self, caller: &Caller) -> Scoped {
        self.store.scoped(caller.tenant().clone())
    }

    /// A short pause of random length, so that those who race for a record do not meet again.
    pub(crate) async fn pause(&self) {
        let millis = self.entropy.draw() % LONGEST_PAUSE_MS;
        self.clock.sleep(Duration::from_millis(u64::try_from(millis).unwrap_or(0))).await;
    }
}

/// Where an environment's objects live.
pub(crate) fn namespace(caller: &Caller, app: &AppName, environment: &EnvironmentName) -> Namespace {
    Namespace { tenant: caller.tenant().clone(), app: app.clone(), environment: environment.clone() }
}

/// `app_not_found` (404).
pub(crate) async fn find_app(store: &Scoped, app: &AppName) -> Result<App> {
    store.app(app).await?.ok_or_else(|| not_found("app_not_found", format!("the app {app}")))
}

/// `app_not_found` or `environment_not_found` (404).
pub(crate) async fn find_environment(store: &Scoped, app: &AppName, name: &EnvironmentName) -> Result<Environment> {
    if let Some(environment) = store.environment(app, name).await? {
        return Ok(environment);
    }
    find_app(store, app).await?;
    Err(not_found("environment_not_found", format!("the environment {name} of {app}")))
}

/// `app_not_found` or `build_not_found` (404).
pub(crate) async fn find_build(store: &Scoped, app: &AppName, id: &BuildId) -> Result<Build> {
    if let Some(build) = store.build(app, id).await? {
        return Ok(build);
    }
    find_app(store, app).await?;
    Err(not_found("build_not_found", format!("the build {id} of {app}")))
}

/// By id, number or tag. `app_not_found` or `release_not_found` (404).
pub(crate) async fn find_release(store: &Scoped, app: &AppName, reference: &ReleaseRef) -> Result<Release> {
    if let Some(release) = store.release(app, reference).await? {
        return Ok(release);
    }
    find_app(store, app).await?;
    Err(not_found("release_not_found", format!("the release {reference} of {app}")))
}

/// What is there must not be told from what is somebody else's: both give this.
pub(crate) fn not_found(code: &'static str, what: impl std::fmt::Display) -> Error {
    Error::new(Kind::NotFound, code, format!("{what} was not found: check the name, or list what is there"))
}
