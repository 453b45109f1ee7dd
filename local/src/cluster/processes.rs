//! The ports of the service layer, over this machine.

use std::time::Duration;

use async_trait::async_trait;
use slipway_domain::id::RunId;
use slipway_domain::name::ServiceName;
use slipway_rollout::observation::Observation;
use slipway_service::ports::{
    Cluster, ClusterError, LogLine, LogQuery, Namespace, NewDeployment, NewRun, Processes, Removal, RunLog, RunState,
    Write,
};

use super::core::lock;
use super::local::{LocalCluster, unreachable};
use super::runs;
use super::state::{name, service_id};
use crate::supervisor::journal::Journal;

#[async_trait]
impl Cluster for LocalCluster {
    async fn observe(&self, namespace: &Namespace) -> Result<Observation, ClusterError> {
        self.look(namespace).await
    }

    async fn create(&self, namespace: &Namespace, deployment: &NewDeployment) -> Result<(), ClusterError> {
        self.add(namespace, deployment).await
    }

    async fn write(&self, namespace: &Namespace, write: &Write) -> Result<(), ClusterError> {
        self.set(namespace, write).await
    }

    async fn remove(&self, namespace: &Namespace, removal: &Removal) -> Result<(), ClusterError> {
        self.delete(namespace, removal).await
    }

    async fn changed(&self, namespace: &Namespace, seen: &Observation, limit: Duration) {
        let mut generation = self.shared.wake.subscribe();
        let waited = async {
            loop {
                // Marked before the look: what happens during it wakes the next wait.
                generation.mark_unchanged();
                match self.look(namespace).await {
                    Ok(now) if now.deployments == seen.deployments => {}
                    _ => return,
                }
                if generation.changed().await.is_err() {
                    return;
                }
            }
        };
        // Whether something changed or the time is over, the caller looks again.
        let _ = tokio::time::timeout(limit, waited).await;
    }

    async fn tail(&self, namespace: &Namespace, process: &str, lines: usize) -> Result<Vec<String>, ClusterError> {
        let (namespace, process) = (name(namespace), process.to_owned());
        self.apart(move |shared| {
            let found = runs::folders(shared, &namespace)?.into_iter().find(|(_, spec)| spec.name == process);
            found.map_or(Ok(Vec::new()), |(folder, _)| Ok(Journal::read(&folder)?.tail(lines)))
        })
        .await
    }
}

#[async_trait]
impl Processes for LocalCluster {
    async fn start(&self, namespace: &Namespace, run: &NewRun) -> Result<(), ClusterError> {
        let (namespace, run) = (name(namespace), run.clone());
        if !self.shared.place.image(&run.template.image).is_dir() {
            return Err(ClusterError::Refused(format!("image {} not found on this machine", run.template.image)));
        }
        self.with(move |shared, core| runs::start(shared, core, &namespace, &run).map_err(unreachable)).await
    }

    async fn run(&self, namespace: &Namespace, run: &RunId) -> Result<RunState, ClusterError> {
        let (namespace, run) = (name(namespace), run.clone());
        self.apart(move |shared| runs::state(shared, &namespace, &run)).await
    }

    async fn run_log(&self, namespace: &Namespace, run: &RunId, after: u64) -> Result<RunLog, ClusterError> {
        let (namespace, run) = (name(namespace), run.clone());
        self.apart(move |shared| runs::log(shared, &namespace, &run, after)).await
    }

    async fn logs(&self, namespace: &Namespace, query: &LogQuery) -> Result<Vec<LogLine>, ClusterError> {
        let (namespace, query) = (name(namespace), query.clone());
        self.apart(move |shared| runs::logs(shared, &namespace, &query)).await
    }

    async fn address(&self, namespace: &Namespace, service: &ServiceName) -> Result<Option<String>, ClusterError> {
        let id = service_id(&name(namespace), service);
        let port = lock(&self.shared).view.ports.get(&id).cloned();
        Ok(port.and_then(Result::ok).map(|port| format!("http://127.0.0.1:{port}")))
    }

    /// Folders of runs are removed when there are many of them.
    async fn collect_runs(&self, _: &Namespace, _: &[RunId]) -> Result<Vec<RunId>, ClusterError> {
        Ok(Vec::new())
    }
}
