//! The ports of a cluster, over whichever cluster the environment is in.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use slipway_domain::cluster::Cluster as Connection;
use slipway_domain::id::RunId;
use slipway_domain::name::ServiceName;
use slipway_rollout::observation::Observation;
use slipway_store::Store;
use slipway_store::error::StoreError;

use super::{Clusters, Reached};
use crate::ports::{
    Access, Clock, Cluster, ClusterError, LogLine, LogQuery, Namespace, NewDeployment, NewRun, Processes, Removal,
    RunLog, RunState, Write,
};

/// Looks up the environment's cluster and passes everything on to it. Nothing is remembered from call to call: another
/// function may have moved the environment since.
pub struct ByEnvironment {
    store: Store,
    clusters: Arc<dyn Clusters>,
    clock: Arc<dyn Clock>,
}

impl ByEnvironment {
    pub fn new(store: Store, clusters: Arc<dyn Clusters>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clusters, clock }
    }

    async fn reach(&self, namespace: &Namespace) -> Result<Reached, ClusterError> {
        let connection = self.look_up(namespace).await?;
        self.clusters.reach(&namespace.tenant, &connection).await
    }

    async fn look_up(&self, namespace: &Namespace) -> Result<Connection, ClusterError> {
        let Namespace { tenant, app, environment: name } = namespace;
        let store = self.store.scoped(tenant.clone());
        let away = |error: StoreError| ClusterError::Unreachable(error.to_string());
        let environment = store.environment(app, name).await.map_err(away)?;
        let Some(cluster) = environment.and_then(|environment| environment.cluster) else {
            let text = format!("{name} of {app} is in no cluster yet: connect one, and move it there");
            return Err(ClusterError::Refused(text));
        };
        let Some(connection) = store.cluster(&cluster).await.map_err(away)? else {
            let text = format!("the cluster {cluster} was removed: connect it again under this name");
            return Err(ClusterError::Refused(text));
        };
        if connection.connected_at.is_none() {
            let text = format!("the cluster {cluster} is not connected yet: slipway clusters connect {cluster}");
            return Err(ClusterError::Refused(text));
        }
        Ok(connection)
    }
}

#[async_trait]
impl Cluster for ByEnvironment {
    async fn observe(&self, namespace: &Namespace) -> Result<Observation, ClusterError> {
        self.reach(namespace).await?.cluster.observe(namespace).await
    }

    async fn create(&self, namespace: &Namespace, deployment: &NewDeployment) -> Result<(), ClusterError> {
        self.reach(namespace).await?.cluster.create(namespace, deployment).await
    }

    async fn write(&self, namespace: &Namespace, write: &Write) -> Result<(), ClusterError> {
        self.reach(namespace).await?.cluster.write(namespace, write).await
    }

    async fn remove(&self, namespace: &Namespace, removal: &Removal) -> Result<(), ClusterError> {
        self.reach(namespace).await?.cluster.remove(namespace, removal).await
    }

    async fn changed(&self, namespace: &Namespace, seen: &Observation, limit: Duration) {
        match self.reach(namespace).await {
            Ok(reached) => reached.cluster.changed(namespace, seen, limit).await,
            Err(_) => self.clock.sleep(limit.min(Duration::from_secs(1))).await,
        }
    }

    async fn tail(&self, namespace: &Namespace, process: &str, lines: usize) -> Result<Vec<String>, ClusterError> {
        self.reach(namespace).await?.cluster.tail(namespace, process, lines).await
    }

    async fn events(&self, namespace: &Namespace, process: &str) -> Result<Vec<String>, ClusterError> {
        self.reach(namespace).await?.cluster.events(namespace, process).await
    }
}

#[async_trait]
impl Processes for ByEnvironment {
    async fn start(&self, namespace: &Namespace, run: &NewRun) -> Result<(), ClusterError> {
        self.reach(namespace).await?.processes.start(namespace, run).await
    }

    async fn run(&self, namespace: &Namespace, run: &RunId) -> Result<RunState, ClusterError> {
        self.reach(namespace).await?.processes.run(namespace, run).await
    }

    async fn run_log(&self, namespace: &Namespace, run: &RunId, after: u64) -> Result<RunLog, ClusterError> {
        self.reach(namespace).await?.processes.run_log(namespace, run, after).await
    }

    async fn logs(&self, namespace: &Namespace, query: &LogQuery) -> Result<Vec<LogLine>, ClusterError> {
        self.reach(namespace).await?.processes.logs(namespace, query).await
    }

    async fn address(&self, namespace: &Namespace, service: &ServiceName) -> Result<Option<String>, ClusterError> {
        self.reach(namespace).await?.processes.address(namespace, service).await
    }

    async fn collect_runs(&self, namespace: &Namespace, over: &[RunId]) -> Result<Vec<RunId>, ClusterError> {
        self.reach(namespace).await?.processes.collect_runs(namespace, over).await
    }
}

#[async_trait]
impl Access for ByEnvironment {
    fn manifest(&self, namespace: &Namespace) -> Option<String> {
        Some(self.clusters.manifest(namespace))
    }

    async fn missing(&self, namespace: &Namespace) -> Result<Vec<String>, ClusterError> {
        self.reach(namespace).await?.access.missing(namespace).await
    }
}
