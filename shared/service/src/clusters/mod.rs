//! A tenant's clusters: make one known, connect it, forget it; and which one an environment is in.
//!
//! ```text
//! create: external id, role to apply ──► connect: all checks at once, each time ──► environments may name it
//! ```

mod by_environment;
mod port;

use slipway_domain::cluster::role::{ExternalId, RoleArn};
use slipway_domain::cluster::{Cluster, EksPlace};
use slipway_domain::error::{Error, Kind, Result};
use slipway_domain::name::{AppName, ClusterName, EnvironmentName};
use slipway_domain::promotion::Environment;
use slipway_store::Scoped;
use slipway_store::error::{StoreError, Subject};
use slipway_store::records::Page;

pub use by_environment::ByEnvironment;
pub use port::{Clusters, NotConnected, Reached, Setup};

use crate::caller::{Caller, Right};
use crate::environments::EnvironmentView;
use crate::request::{Idempotency, Posted, stored_id};
use crate::slipway::{Slipway, find_environment, not_found};

/// A cluster, and what its owner has to know to let us in.
#[derive(Clone, Debug)]
pub struct ClusterView {
    pub cluster: Cluster,
    pub role: RoleArn,
    pub group: String,
    pub setup: Setup,
}

impl Slipway {
    /// Makes a cluster known, with a fresh external id. Nothing is asked of anybody yet. Right: administer. Errors:
    /// `cluster_exists` (409), `clusters_not_taken` (422).
    pub async fn create_cluster(
        &self,
        caller: &Caller,
        name: &ClusterName,
        place: &EksPlace,
        idempotency: Option<&Idempotency>,
    ) -> Result<Posted<ClusterView>> {
        caller.needs(Right::Administer)?;
        self.connecting()?;
        let attempt = Box::pin(async {
            let change = self.change_once(caller, "cluster.create", idempotency, 201, name);
            let cluster = Cluster {
                name: name.clone(),
                place: place.clone(),
                external_id: ExternalId::from_entropy([self.entropy.draw(), self.entropy.draw()]),
                created_at: change.now,
                created_by: caller.actor().to_owned(),
                connected_at: None,
                version: 1,
            };
            match self.of(caller).create_cluster(&change, &cluster).await {
                Ok(()) => Ok(name.clone()),
                Err(StoreError::Exists(Subject::Cluster)) => {
                    let message = format!("there is a cluster {name} already, choose another name");
                    Err(Error::conflict("cluster_exists", message).field("/name", "is taken"))
                }
                Err(error) => Err(error.into()),
            }
        });
        let made = self.once(caller, idempotency, attempt, stored_id).await?;
        Ok(made.with(self.cluster(caller, &made.value).await?))
    }

    /// By name. Right: read.
    pub async fn clusters(&self, caller: &Caller) -> Result<Vec<ClusterView>> {
        caller.needs(Right::Read)?;
        let Some(clusters) = &self.clusters else { return Ok(Vec::new()) };
        let known = self.of(caller).clusters().await?;
        Ok(known.into_iter().map(|cluster| view(clusters.as_ref(), caller, cluster)).collect())
    }

    /// Right: read. Errors: `cluster_not_found` (404).
    pub async fn cluster(&self, caller: &Caller, name: &ClusterName) -> Result<ClusterView> {
        caller.needs(Right::Read)?;
        let cluster = find_cluster(&self.of(caller), name).await?;
        let clusters = self.clusters.as_ref().ok_or_else(|| no_cluster(name))?;
        Ok(view(clusters.as_ref(), caller, cluster))
    }

    /// Checks everything that has to hold, and takes the cluster into use when it does; for one that is in use it is a
    /// check alone. Right: administer. Errors: `cluster_not_found` (404), `cluster_refused` (409, with what to mend),
    /// `cluster_unreachable` (503).
    pub async fn connect_cluster(&self, caller: &Caller, name: &ClusterName) -> Result<ClusterView> {
        caller.needs(Right::Administer)?;
        let store = self.of(caller);
        let cluster = find_cluster(&store, name).await?;
        let another = ExternalId::from_entropy([self.entropy.draw(), self.entropy.draw()]);
        self.connecting()?.check(caller.tenant(), &cluster, &another).await.map_err(not_connected)?;
        if cluster.connected_at.is_none() {
            let change = self.change(caller, "cluster.connect");
            let connected = Cluster { connected_at: Some(change.now), version: cluster.version + 1, ..cluster };
            match store.save_cluster(&change, &connected).await {
                // Somebody else connected it meanwhile.
                Ok(()) | Err(StoreError::Stale(Subject::Cluster)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.cluster(caller, name).await
    }

    /// Forgets a cluster that no environment is in. Right: administer. Errors: `cluster_not_found` (404), `cluster_in_use`
    /// (409, with the environments).
    pub async fn delete_cluster(&self, caller: &Caller, name: &ClusterName) -> Result<()> {
        caller.needs(Right::Administer)?;
        let store = self.of(caller);
        let cluster = find_cluster(&store, name).await?;
        let inside = environments_in(&store, name).await?;
        if !inside.is_empty() {
            let message = format!("the cluster {name} is that of {}: move or delete those first", inside.join(", "));
            return Err(Error::conflict("cluster_in_use", message).detail("environments", inside.join(", ")));
        }
        Ok(store.delete_cluster(&self.change(caller, "cluster.delete"), &cluster).await?)
    }

    /// Moves an environment in which nothing runs yet into a cluster. Right: administer. Errors: `app_not_found`,
    /// `environment_not_found` (404), `environment_in_use` (409), `stale_version` (412), `cluster_unknown`,
    /// `clusters_not_taken` (422).
    pub async fn move_environment(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        cluster: &ClusterName,
        if_match: Option<u64>,
    ) -> Result<EnvironmentView> {
        caller.needs(Right::Administer)?;
        let store = self.of(caller);
        let before = find_environment(&store, app, environment).await?;
        let cluster = self.choose_cluster(&store, Some(cluster)).await?;
        if before.cluster == cluster {
            self.let_pull(caller, app).await;
            return self.environment(caller, app, environment).await;
        }
        may_move(&before, if_match)?;
        let after = Environment { cluster, version: before.version + 1, ..before.clone() };
        let change = self.change(caller, "environment.move");
        match store.move_environment(&change, &after, before.version).await {
            Err(StoreError::Missing(Subject::Cluster)) => Err(unknown_cluster(after.cluster.as_ref())),
            done => Ok(done?),
        }?;
        self.let_pull(caller, app).await;
        self.environment(caller, app, environment).await
    }

    /// Where a new environment goes: into the cluster that is named, else into the tenant's only one. None: the
    /// installation has a cluster of its own, or the tenant none yet.
    pub(crate) async fn choose_cluster(
        &self,
        store: &Scoped,
        wanted: Option<&ClusterName>,
    ) -> Result<Option<ClusterName>> {
        if self.clusters.is_none() {
            return if wanted.is_none() {
                Ok(None)
            } else {
                Err(clusters_not_taken().field("/cluster", "is not taken"))
            };
        }
        if let Some(name) = wanted {
            let known = store.cluster(name).await?;
            return known.map(|cluster| Some(cluster.name)).ok_or_else(|| unknown_cluster(Some(name)));
        }
        let mut known = store.clusters().await?;
        match known.len() {
            0 | 1 => Ok(known.pop().map(|cluster| cluster.name)),
            _ => {
                let names = known.iter().map(|cluster| cluster.name.as_str()).collect::<Vec<_>>().join(", ");
                let message = format!("there are several clusters, name one of them: {names}");
                Err(Error::new(Kind::Unprocessable, "cluster_required", message).field("/cluster", "is missing"))
            }
        }
    }

    /// Lets the accounts of the clusters that the app's environments are in pull its images, and no others. Where that
    /// fails, most images can be pulled all the same, and one that cannot is told by the process that needs it.
    pub(crate) async fn let_pull(&self, caller: &Caller, app: &AppName) {
        if self.clusters.is_some()
            && let Err(error) = self.set_pullers(caller, app).await
        {
            let context = error.context.as_deref().unwrap_or_default();
            tracing::warn!(app.name = %app, error = %error, context, "who may pull the app's images could not be set");
        }
    }

    async fn set_pullers(&self, caller: &Caller, app: &AppName) -> Result<()> {
        let store = self.of(caller);
        let mut accounts = Vec::new();
        for name in store.environments(app).await?.into_iter().filter_map(|environment| environment.cluster) {
            let connected = store.cluster(&name).await?.filter(|cluster| cluster.connected_at.is_some());
            accounts.extend(connected.map(|cluster| cluster.place.account));
        }
        accounts.sort();
        accounts.dedup();
        self.intake.let_pull(caller.tenant(), app, accounts).await
    }

    fn connecting(&self) -> Result<&dyn Clusters> {
        self.clusters.as_deref().ok_or_else(clusters_not_taken)
    }
}

fn view(clusters: &dyn Clusters, caller: &Caller, cluster: Cluster) -> ClusterView {
    let tenant = caller.tenant();
    ClusterView {
        role: cluster.role(tenant),
        group: Cluster::group(tenant),
        setup: clusters.setup(tenant, &cluster),
        cluster,
    }
}

async fn find_cluster(store: &Scoped, name: &ClusterName) -> Result<Cluster> {
    store.cluster(name).await?.ok_or_else(|| no_cluster(name))
}

fn no_cluster(name: &ClusterName) -> Error {
    not_found("cluster_not_found", format!("the cluster {name}"))
}

/// Those of all apps, as `shop/production`.
async fn environments_in(store: &Scoped, name: &ClusterName) -> Result<Vec<String>> {
    let mut inside = Vec::new();
    let mut page = Page::first(Page::MAX_LIMIT);
    loop {
        let apps = store.apps(&page).await?;
        for app in &apps.items {
            let environments = store.environments(&app.name).await?;
            let own = environments.iter().filter(|environment| environment.cluster.as_ref() == Some(name));
            inside.extend(own.map(|environment| format!("{}/{}", app.name, environment.name)));
        }
        page.after = apps.next;
        if page.after.is_none() {
            return Ok(inside);
        }
    }
}

/// What was started in one cluster is not carried into another.
fn may_move(environment: &Environment, if_match: Option<u64>) -> Result<()> {
    let version = environment.version;
    if let Some(seen) = if_match.filter(|seen| *seen != version) {
        let message = format!("the environment is at version {version} by now and not {seen}: read it again");
        return Err(Error::new(Kind::Stale, "stale_version", message).field("If-Match", "is not the current version"));
    }
    if environment.active.is_some() || environment.promotion.is_some() {
        let message = format!(
            "{} runs in its cluster already: make another environment for the other cluster, and promote there",
            environment.name
        );
        return Err(Error::conflict("environment_in_use", message));
    }
    Ok(())
}

fn not_connected(error: NotConnected) -> Error {
    match error {
        NotConnected::Refused(words) => Error::conflict("cluster_refused", words),
        NotConnected::Away(words) => {
            let mut error = Error::new(Kind::Unavailable, "cluster_unreachable", words);
            error.retry_after_seconds = Some(5);
            error
        }
    }
}

fn unknown_cluster(name: Option<&ClusterName>) -> Error {
    let name = name.map_or("", ClusterName::as_str);
    let message = format!("there is no cluster {name}: slipway clusters lists those that there are");
    Error::new(Kind::Unprocessable, "cluster_unknown", message).field("/cluster", "is not one of yours")
}

fn clusters_not_taken() -> Error {
    let message = "this installation runs everything in a cluster of its own and connects no others";
    Error::new(Kind::Unprocessable, "clusters_not_taken", message)
}
