//! What connecting and reaching a tenant's cluster needs of the world.

use std::sync::Arc;

use async_trait::async_trait;
use slipway_domain::cluster::Cluster as Connection;
use slipway_domain::cluster::role::ExternalId;
use slipway_domain::id::TenantId;

use crate::ports::{Access, Cluster, ClusterError, Namespace, Processes};

/// What the tenant applies in its own account so that we get in: the role, and its entry in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// A template for `CloudFormation`, as YAML.
    pub cloudformation: String,
    pub terraform: String,
}

/// Why a cluster is not connected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotConnected {
    /// Something has to be mended first: what, and by whom.
    #[error("{0}")]
    Refused(String),
    /// Somebody did not answer: try again.
    #[error("{0}")]
    Away(String),
}

/// A cluster that lets us in, as the use cases see it.
#[derive(Clone)]
pub struct Reached {
    pub cluster: Arc<dyn Cluster>,
    pub processes: Arc<dyn Processes>,
    pub access: Arc<dyn Access>,
}

/// The way into tenants' clusters.
#[async_trait]
pub trait Clusters: Send + Sync {
    /// What is applied in the cluster so that we have our rights in a namespace, as YAML. Needs no cluster that answers.
    fn manifest(&self, namespace: &Namespace) -> String;

    fn setup(&self, tenant: &TenantId, cluster: &Connection) -> Setup;

    /// Whether we are let in, and nobody else would be: the role refuses us without its external id and with `another`
    /// one, the cluster is the one that is named, its address may be dialled, and our rights there are not too wide.
    async fn check(&self, tenant: &TenantId, cluster: &Connection, another: &ExternalId) -> Result<(), NotConnected>;

    /// The cluster with credentials of its role.
    async fn reach(&self, tenant: &TenantId, cluster: &Connection) -> Result<Reached, ClusterError>;
}
