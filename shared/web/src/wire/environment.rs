//! Environments: where an app runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use slipway_domain::promotion::{self, Status};
use slipway_service::access::AccessView;
use slipway_service::environments::EnvironmentView;
use utoipa::ToSchema;

use super::promotion::Promotion;
use super::release::ReleaseSummary;
use super::{Timestamp, mirror};
use crate::extract::body::Body;

mirror! {
    /// What an environment is doing. `failed`: a roll-back did not restore the old release.
    EnvironmentStatus of Status { Creating, Running, Updating, Rollback, Failed, Deleting }
}

/// A new environment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEnvironment {
    /// Unique in the app: lower-case letters, digits and single hyphens, at most 20 characters.
    #[schema(min_length = 1, max_length = 20, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    pub name: String,
    /// Name of the cluster that it is in; the tenant's only one, unless given.
    #[schema(max_length = 30)]
    pub cluster: Option<String>,
}

impl Body for NewEnvironment {}

/// What an environment runs, by ids.
#[derive(Serialize, ToSchema)]
pub struct Environment {
    pub app: String,
    pub name: String,
    /// Name of the cluster that it is in. Null: that of the installation, or none yet.
    pub cluster: Option<String>,
    pub status: EnvironmentStatus,
    /// Id of the last good release; moves only when a promotion succeeded.
    pub active: Option<String>,
    /// Id of the release that new ones fork from.
    pub newest: Option<String>,
    /// Id of the promotion that is running.
    pub promotion: Option<String>,
    /// Processes per service.
    pub formation: BTreeMap<String, u32>,
    pub created_at: Timestamp,
    /// Grows with every change; in quotes it is the `ETag`.
    pub version: u64,
}

impl From<&promotion::Environment> for Environment {
    fn from(environment: &promotion::Environment) -> Self {
        let formation = environment.formation.iter().map(|(service, count)| (service.to_string(), *count));
        Self {
            app: environment.app.to_string(),
            name: environment.name.to_string(),
            cluster: environment.cluster.as_ref().map(ToString::to_string),
            status: environment.status.into(),
            active: environment.active.as_ref().map(ToString::to_string),
            newest: environment.newest.as_ref().map(ToString::to_string),
            promotion: environment.promotion.as_ref().map(ToString::to_string),
            formation: formation.collect(),
            created_at: environment.created_at.into(),
            version: environment.version,
        }
    }
}

/// Where the load balancer serves a service.
#[derive(Serialize, ToSchema)]
pub struct Address {
    pub service: String,
    /// `http://127.0.0.1:8080`
    pub url: String,
}

/// What an environment runs, in full.
#[derive(Serialize, ToSchema)]
pub struct EnvironmentDetail {
    #[serde(flatten)]
    pub environment: Environment,
    pub active_release: Option<ReleaseSummary>,
    pub newest_release: Option<ReleaseSummary>,
    pub running_promotion: Option<Promotion>,
    /// Services with ports that can be reached now.
    pub addresses: Vec<Address>,
}

impl From<&EnvironmentView> for EnvironmentDetail {
    fn from(view: &EnvironmentView) -> Self {
        let addresses = view.addresses.iter();
        Self {
            environment: (&view.environment).into(),
            active_release: view.active.as_ref().map(ReleaseSummary::from),
            newest_release: view.newest.as_ref().map(ReleaseSummary::from),
            running_promotion: view.promotion.as_ref().map(Promotion::from),
            addresses: addresses.map(|at| Address { service: at.service.to_string(), url: at.url.clone() }).collect(),
        }
    }
}

/// Another formation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewScale {
    /// Processes per service; services that are not named stay as they are.
    pub services: BTreeMap<String, u32>,
    /// Kept with the promotion.
    #[schema(max_length = 500)]
    pub reason: Option<String>,
}

impl Body for NewScale {}

/// What came of scaling.
#[derive(Serialize, ToSchema)]
pub struct Scaled {
    /// False: the formation was so already, and nothing was started.
    pub changed: bool,
    /// The promotion that changes the formation, and turns back to the old one when it fails.
    pub promotion: Option<Promotion>,
}

/// The rights that Slipway needs in the cluster of an environment.
#[derive(Serialize, ToSchema)]
pub struct ClusterAccess {
    /// Namespace, role and binding as YAML, for `kubectl apply`. Null: the processes run where nothing has to be granted.
    pub manifest: Option<String>,
    /// What is missing of it now, each as verbs and a resource: `create, delete pods`. Null: the cluster did not answer.
    pub missing: Option<Vec<String>>,
}

impl From<AccessView> for ClusterAccess {
    fn from(view: AccessView) -> Self {
        Self { manifest: view.manifest, missing: view.missing }
    }
}
