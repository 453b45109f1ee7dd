//! A world of a hosted installation, whose clusters are connected by tenants.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use slipway_domain::cluster::role::ExternalId;
use slipway_domain::id::TenantId;
use slipway_domain::name::ClusterName;
use slipway_service::clusters::{ByEnvironment, Clusters, NotConnected, Reached, Setup};
use slipway_service::ports::{ClusterError, Namespace};

use crate::world::World;

/// All clusters are the world's one. Each check is given another external id to try.
pub struct MemoryClusters {
    reached: Reached,
    pub verdict: Mutex<std::result::Result<(), NotConnected>>,
    pub tried: Mutex<Vec<ExternalId>>,
    /// Which were reached.
    pub used: Mutex<BTreeSet<ClusterName>>,
}

type Connection = slipway_domain::cluster::Cluster;

#[async_trait]
impl Clusters for MemoryClusters {
    fn manifest(&self, namespace: &Namespace) -> String {
        format!("kind: Namespace # {namespace}\n")
    }

    fn setup(&self, tenant: &TenantId, cluster: &Connection) -> Setup {
        let text = format!("{} asks for {}", cluster.role(tenant), cluster.external_id);
        Setup { cloudformation: text.clone(), terraform: text }
    }

    async fn check(
        &self,
        _: &TenantId,
        cluster: &Connection,
        another: &ExternalId,
    ) -> std::result::Result<(), NotConnected> {
        assert_ne!(&cluster.external_id, another);
        self.tried.lock().unwrap().push(another.clone());
        self.verdict.lock().unwrap().clone()
    }

    async fn reach(&self, _: &TenantId, cluster: &Connection) -> std::result::Result<Reached, ClusterError> {
        self.used.lock().unwrap().insert(cluster.name.clone());
        Ok(self.reached.clone())
    }
}

/// A world whose clusters are connected by tenants.
pub async fn hosted() -> (World, Arc<MemoryClusters>) {
    let mut world = World::without_app().await;
    let clusters = Arc::new(MemoryClusters {
        reached: Reached {
            cluster: world.cluster.clone(),
            processes: world.processes.clone(),
            access: world.access.clone(),
        },
        verdict: Mutex::new(Ok(())),
        tried: Mutex::default(),
        used: Mutex::default(),
    });
    let slipway = &mut world.slipway;
    let looked_up = ByEnvironment::new(slipway.store.clone(), clusters.clone(), slipway.clock.clone());
    let looked_up = Arc::new(looked_up);
    slipway.cluster = looked_up.clone();
    slipway.processes = looked_up.clone();
    slipway.access = looked_up;
    slipway.clusters = Some(clusters.clone());
    (world, clusters)
}
