//! Clusters and tenants.

use serde::Deserialize;

#[derive(Deserialize)]
pub struct Tenant {
    pub id: String,
    pub token: String,
}

#[derive(Deserialize)]
pub struct Cluster {
    pub name: String,
    pub status: String,
    pub region: String,
    pub account: String,
    pub eks_name: String,
    pub role: String,
    pub external_id: String,
    pub group: String,
    pub connected_at: Option<String>,
    pub setup: Option<ClusterSetup>,
}

/// What lets Slipway in.
#[derive(Deserialize)]
pub struct ClusterSetup {
    pub cloudformation: String,
    pub terraform: String,
}

#[derive(Deserialize)]
pub struct ClusterAccess {
    pub manifest: Option<String>,
    pub missing: Option<Vec<String>>,
}
