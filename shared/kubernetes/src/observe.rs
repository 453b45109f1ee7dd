//! One look at a namespace: everything of ours is listed at once, and becomes an observation.

use async_trait::async_trait;
use kube::api::ListParams;
use slipway_rollout::observation::Observation;
use slipway_service::ports::{Cluster, ClusterError, Namespace, NewDeployment, Removal, Write};
use std::time::Duration;

use crate::act::refused;
use crate::client::KubernetesCluster;
use crate::names;
use crate::read::events::told;
use crate::read::{Listed, observation};
use crate::watch::Versions;

/// What the kubelet says of a check that failed. Other reasons are in the objects themselves.
const CHECKS: &str = "involvedObject.kind=Pod,reason=Unhealthy";

#[async_trait]
impl Cluster for KubernetesCluster {
    async fn observe(&self, namespace: &Namespace) -> Result<Observation, ClusterError> {
        let own = namespace.to_string();
        let ours = ListParams::default().labels(&names::selector(namespace));
        let checks = ListParams::default().fields(CHECKS);
        let told = self.watches.count(&own);
        // A ReplicaSet is read before its pods: what it says of a missing one is no newer than that it is missing.
        let listing = async {
            let (deployments, replica_sets) = tokio::try_join!(self.list(&own, &ours), self.list(&own, &ours))?;
            let rest = tokio::try_join!(self.list(&own, &ours), self.list(&own, &ours), self.list(&own, &checks))?;
            Ok::<_, kube::Error>((deployments, replica_sets, rest))
        };
        let listing = async { listing.await.map_err(refused) };
        let ((), (deployments, replica_sets, (pods, slices, events))) =
            tokio::try_join!(self.check_namespace(namespace), listing)?;
        let versions = Versions {
            deployments: deployments.version,
            replica_sets: replica_sets.version,
            pods: pods.version,
            slices: slices.version,
        };
        let seen = observation(&Listed {
            at: pods.at,
            deployments: deployments.items,
            replica_sets: replica_sets.items,
            pods: pods.items,
            slices: slices.items,
            events: events.items,
        });
        self.watches.looked(&self.client, namespace, &seen, told, versions);
        Ok(seen)
    }

    async fn create(&self, namespace: &Namespace, deployment: &NewDeployment) -> Result<(), ClusterError> {
        Box::pin(self.make(namespace, deployment)).await
    }

    async fn write(&self, namespace: &Namespace, write: &Write) -> Result<(), ClusterError> {
        self.set(namespace, write).await
    }

    async fn remove(&self, namespace: &Namespace, removal: &Removal) -> Result<(), ClusterError> {
        self.delete_seen(namespace, removal).await
    }

    async fn changed(&self, namespace: &Namespace, seen: &Observation, limit: Duration) {
        self.watches.changed(&namespace.to_string(), seen, limit).await;
    }

    async fn events(&self, namespace: &Namespace, process: &str) -> Result<Vec<String>, ClusterError> {
        let about = ListParams::default().fields(&format!("involvedObject.kind=Pod,involvedObject.name={process}"));
        let listed = self.list(&namespace.to_string(), &about).await.map_err(refused)?;
        Ok(told(&listed.items))
    }

    async fn tail(&self, namespace: &Namespace, process: &str, lines: usize) -> Result<Vec<String>, ClusterError> {
        self.last_lines(namespace, process, lines).await
    }
}
