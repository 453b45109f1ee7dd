//! Environments: create, list, and what is running there.

use slipway_domain::error::{Error, Result};
use slipway_domain::id::ReleaseId;
use slipway_domain::name::{AppName, ClusterName, EnvironmentName, ServiceName};
use slipway_domain::promotion::{Environment, Promotion};
use slipway_domain::release::{Release, ReleaseRef};
use slipway_store::Scoped;
use slipway_store::error::{StoreError, Subject};

use crate::apps::{in_order, new_environment};
use crate::caller::{Caller, Right};
use crate::ports::Namespace;
use crate::releases::{ReleaseView, standing_of};
use crate::request::{Idempotency, Posted, stored_id};
use crate::slipway::{Slipway, find_app, find_environment, namespace};

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
    /// Right: administer. Errors: `app_not_found` (404), `environment_exists` (409), `cluster_unknown`,
    /// `cluster_required`, `clusters_not_taken` (422).
    pub async fn create_environment(
        &self,
        caller: &Caller,
        app: &AppName,
        name: &EnvironmentName,
        cluster: Option<&ClusterName>,
        idempotency: Option<&Idempotency>,
    ) -> Result<Posted<EnvironmentView>> {
        caller.needs(Right::Administer)?;
        let store = self.of(caller);
        find_app(&store, app).await?;
        let attempt = Box::pin(async {
            let change = self.change_once(caller, "environment.create", idempotency, 201, name);
            let cluster = self.choose_cluster(&store, cluster).await?;
            let environment = Environment { cluster, ..new_environment(app, name.clone(), change.now) };
            match store.create_environment(&change, &environment).await {
                Ok(()) => Ok(name.clone()),
                Err(StoreError::Exists(Subject::Environment)) => {
                    let message = format!("{app} has an environment {name} already, choose another name");
                    Err(Error::conflict("environment_exists", message).field("/name", "is taken"))
                }
                Err(error) => Err(error.into()),
            }
        });
        let made = self.once(caller, idempotency, attempt, stored_id).await?;
        Ok(made.with(self.environment(caller, app, &made.value).await?))
    }

    /// The environments of an app, `production` first, then by name. Right: read. Errors: `app_not_found` (404).
    pub async fn environments(&self, caller: &Caller, app: &AppName) -> Result<Vec<Environment>> {
        caller.needs(Right::Read)?;
        let store = self.of(caller);
        find_app(&store, app).await?;
        Ok(in_order(store.environments(app).await?))
    }

    /// Right: read. Errors: `app_not_found`, `environment_not_found` (404).
    pub async fn environment(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
    ) -> Result<EnvironmentView> {
        caller.needs(Right::Read)?;
        let store = self.of(caller);
        let environment = find_environment(&store, app, environment).await?;
        let active = shown(&store, &environment, environment.active.as_ref()).await?;
        let newest = if environment.newest == environment.active {
            active.clone()
        } else {
            shown(&store, &environment, environment.newest.as_ref()).await?
        };
        let promotion = match &environment.promotion {
            Some(id) => store.promotion(app, id).await?,
            None => None,
        };
        let place = namespace(caller, app, &environment.name);
        let addresses = match &active {
            Some(active) => self.addresses(&place, &active.release).await,
            None => Vec::new(),
        };
        Ok(EnvironmentView { environment, active, newest, promotion, addresses })
    }

    /// Reads go on when the cluster is away, without what only it knows.
    async fn addresses(&self, namespace: &Namespace, release: &Release) -> Vec<Address> {
        let mut addresses = Vec::new();
        for service in release.manifest.services.iter().filter(|service| !service.ports.is_empty()) {
            match self.processes.address(namespace, &service.name).await {
                Ok(Some(url)) => addresses.push(Address { service: service.name.clone(), url }),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(app.name = %namespace.app, error = %error, "addresses could not be read");
                    break;
                }
            }
        }
        addresses
    }
}

async fn shown(store: &Scoped, environment: &Environment, id: Option<&ReleaseId>) -> Result<Option<ReleaseView>> {
    let Some(id) = id else { return Ok(None) };
    let release = store.release(&environment.app, &ReleaseRef::Id(id.clone())).await?;
    let release = release.ok_or_else(|| Error::internal(format!("the release {id} of an environment is gone")))?;
    let history = store.history(&environment.app, &environment.name, std::slice::from_ref(id)).await?;
    Ok(Some(standing_of(environment, release, history.get(id))))
}
