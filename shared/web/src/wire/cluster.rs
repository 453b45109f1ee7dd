//! Clusters, and tenants of a hosted installation.

use serde::{Deserialize, Serialize};
use slipway_service::clusters::ClusterView;
use slipway_service::tenants::NewTenant as Made;
use utoipa::ToSchema;

use super::Timestamp;
use crate::extract::body::Body;

/// An EKS cluster that is to be connected.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCluster {
    /// What it is called here, unique in the tenant: lower-case letters, digits and single hyphens, at most 30 characters.
    #[schema(min_length = 1, max_length = 30, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    pub name: String,
    /// The AWS region that it is in: `eu-central-1`.
    #[schema(min_length = 1, max_length = 32)]
    pub region: String,
    /// The AWS account that it is in: 12 digits.
    #[schema(pattern = "^[0-9]{12}$")]
    pub account: String,
    /// What EKS calls it.
    #[schema(min_length = 1, max_length = 100, pattern = "^[0-9A-Za-z][A-Za-z0-9_-]*$")]
    pub eks_name: String,
}

impl Body for NewCluster {}

/// How far a cluster is.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClusterStatus {
    /// Its owner has not let us in yet, or nobody has asked us to look.
    Pending,
    Connected,
}

/// An EKS cluster of the tenant's.
#[derive(Serialize, ToSchema)]
pub struct Cluster {
    pub name: String,
    pub status: ClusterStatus,
    pub region: String,
    pub account: String,
    pub eks_name: String,
    /// The role in that account that Slipway takes on. Its name cannot be chosen.
    pub role: String,
    /// What the role has to ask for: made for this cluster alone.
    pub external_id: String,
    /// The Kubernetes group that the role is put into, and that rights are granted to.
    pub group: String,
    pub created_at: Timestamp,
    pub created_by: String,
    pub connected_at: Option<Timestamp>,
}

impl From<&ClusterView> for Cluster {
    fn from(view: &ClusterView) -> Self {
        let cluster = &view.cluster;
        let connected = cluster.connected_at.is_some();
        Self {
            name: cluster.name.to_string(),
            status: if connected { ClusterStatus::Connected } else { ClusterStatus::Pending },
            region: cluster.place.region.to_string(),
            account: cluster.place.account.to_string(),
            eks_name: cluster.place.name.to_string(),
            role: view.role.to_string(),
            external_id: cluster.external_id.to_string(),
            group: view.group.clone(),
            created_at: cluster.created_at.into(),
            created_by: cluster.created_by.clone(),
            connected_at: cluster.connected_at.map(Timestamp::from),
        }
    }
}

/// What its owner applies to let Slipway in: the role, its trust, and its entry in the cluster. One of the two is enough.
#[derive(Serialize, ToSchema)]
pub struct ClusterSetup {
    /// A `CloudFormation` template.
    pub cloudformation: String,
    /// A Terraform file.
    pub terraform: String,
}

/// A cluster with what lets Slipway in.
#[derive(Serialize, ToSchema)]
pub struct ClusterDetail {
    #[serde(flatten)]
    pub cluster: Cluster,
    pub setup: ClusterSetup,
}

impl From<&ClusterView> for ClusterDetail {
    fn from(view: &ClusterView) -> Self {
        let setup = view.setup.clone();
        let setup = ClusterSetup { cloudformation: setup.cloudformation, terraform: setup.terraform };
        Self { cluster: Cluster::from(view), setup }
    }
}

/// Where an environment is to run.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPlace {
    /// Name of one of the tenant's clusters.
    #[schema(min_length = 1, max_length = 30, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    pub cluster: String,
}

impl Body for NewPlace {}

/// A customer of the installation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTenant {
    /// Shown to people; need not be unique.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
}

impl Body for NewTenant {}

/// A tenant, and its first owner's token, which is shown this once.
#[derive(Serialize, ToSchema)]
pub struct Tenant {
    pub id: String,
    pub name: String,
    pub created_at: Timestamp,
    /// Of the role `owner`. A repeat with the same key answers with another one.
    pub token: String,
}

impl From<&Made> for Tenant {
    fn from(made: &Made) -> Self {
        Self {
            id: made.tenant.id.to_string(),
            name: made.tenant.name.clone(),
            created_at: made.tenant.created_at.into(),
            token: made.token.reveal().to_owned(),
        }
    }
}
