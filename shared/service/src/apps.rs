//! Apps: create, list, read.

use std::collections::BTreeMap;

use slipway_domain::app::App;
use slipway_domain::error::{Error, Result};
use slipway_domain::name::{AppName, ClusterName, EnvironmentName};
use slipway_domain::promotion::{Environment, Epoch, Status};
use slipway_domain::time::Time;
use slipway_store::Scoped;
use slipway_store::error::{StoreError, Subject};

use crate::caller::{Caller, Right};
use crate::request::{Idempotency, Page, Paged, Posted, stored_id};
use crate::slipway::{Slipway, find_app};

/// An app with its environments, `production` first.
#[derive(Clone, Debug)]
pub struct AppView {
    pub app: App,
    pub environments: Vec<Environment>,
}

impl Slipway {
    /// Makes an app with the environment `production`, in the cluster that is named, else in the tenant's only one. Right:
    /// administer. Errors: `app_exists` (409), `cluster_unknown`, `cluster_required`, `clusters_not_taken` (422).
    pub async fn create_app(
        &self,
        caller: &Caller,
        name: &AppName,
        cluster: Option<&ClusterName>,
        idempotency: Option<&Idempotency>,
    ) -> Result<Posted<AppView>> {
        caller.needs(Right::Administer)?;
        let store = self.of(caller);
        let attempt = Box::pin(async {
            let change = self.change_once(caller, "app.create", idempotency, 201, name);
            let app = App {
                name: name.clone(),
                created_at: change.now,
                created_by: caller.actor().to_owned(),
                release_count: 0,
            };
            let cluster = self.choose_cluster(&store, cluster).await?;
            let environment =
                Environment { cluster, ..new_environment(name, EnvironmentName::production(), change.now) };
            match store.create_app(&change, &app, &environment).await {
                Ok(()) => Ok(name.clone()),
                Err(StoreError::Exists(Subject::App)) => {
                    Err(Error::conflict("app_exists", format!("there is an app {name} already, choose another name"))
                        .field("/name", "is taken"))
                }
                Err(error) => Err(error.into()),
            }
        });
        let made = self.once(caller, idempotency, attempt, stored_id).await?;
        Ok(made.with(view(&store, find_app(&store, &made.value).await?).await?))
    }

    /// All apps of the tenant by name. Right: read.
    pub async fn apps(&self, caller: &Caller, page: &Page) -> Result<Paged<AppView>> {
        caller.needs(Right::Read)?;
        let store = self.of(caller);
        let listed = store.apps(&page.stored()).await?;
        let mut items = Vec::with_capacity(listed.items.len());
        for app in listed.items {
            items.push(view(&store, app).await?);
        }
        Ok(Paged { items, next: listed.next })
    }

    /// Right: read. Errors: `app_not_found` (404).
    pub async fn app(&self, caller: &Caller, app: &AppName) -> Result<AppView> {
        caller.needs(Right::Read)?;
        let store = self.of(caller);
        view(&store, find_app(&store, app).await?).await
    }
}

async fn view(store: &Scoped, app: App) -> Result<AppView> {
    let environments = in_order(store.environments(&app.name).await?);
    Ok(AppView { app, environments })
}

/// `production` first, then by name.
pub(crate) fn in_order(mut environments: Vec<Environment>) -> Vec<Environment> {
    let production = EnvironmentName::production();
    environments.sort_by(|a, b| (a.name != production).cmp(&(b.name != production)).then(a.name.cmp(&b.name)));
    environments
}

/// An environment in which nothing ran yet.
pub(crate) fn new_environment(app: &AppName, name: EnvironmentName, now: Time) -> Environment {
    Environment {
        app: app.clone(),
        name,
        cluster: None,
        status: Status::Creating,
        active: None,
        newest: None,
        promotion: None,
        epoch: Epoch::default(),
        formation: BTreeMap::new(),
        cleanup_pending: false,
        created_at: now,
        version: 1,
    }
}
