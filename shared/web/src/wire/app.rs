//! Apps, and who is asking.

use serde::{Deserialize, Serialize};
use slipway_service::apps::AppView;
use slipway_service::caller::{Caller, Right};
use slipway_store::records::Role;
use utoipa::ToSchema;

use super::environment::Environment;
use super::{Timestamp, mirror};
use crate::extract::body::Body;

/// A new app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApp {
    /// Unique in the tenant: lower-case letters, digits and single hyphens, at most 30 characters.
    #[schema(min_length = 1, max_length = 30, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    pub name: String,
    /// Name of the cluster that `production` is in; the tenant's only one, unless given.
    #[schema(max_length = 30)]
    pub cluster: Option<String>,
}

impl Body for NewApp {}

/// A name that holds builds, releases and environments.
#[derive(Serialize, ToSchema)]
pub struct App {
    pub name: String,
    pub created_at: Timestamp,
    pub created_by: String,
    /// How many releases it ever had; the newest bears this number.
    pub release_count: u64,
    /// `production` first, then by name.
    pub environments: Vec<Environment>,
}

impl From<&AppView> for App {
    fn from(view: &AppView) -> Self {
        let app = &view.app;
        Self {
            name: app.name.to_string(),
            created_at: app.created_at.into(),
            created_by: app.created_by.clone(),
            release_count: app.release_count,
            environments: view.environments.iter().map(Environment::from).collect(),
        }
    }
}

mirror! {
    /// What a token may do; each role may do what those before it may.
    RoleWord of Role { Viewer, Deployer, Owner }
}

mirror! {
    /// One right.
    RightWord of Right { Read, Deploy, Administer, Run, Reveal }
}

/// Whom the token belongs to, and what it may do.
#[derive(Serialize, ToSchema)]
pub struct Me {
    pub tenant: String,
    /// The name that histories show.
    pub actor: String,
    /// The id of the token, never the token.
    pub token: String,
    pub role: RoleWord,
    pub rights: Vec<RightWord>,
}

impl From<&Caller> for Me {
    fn from(caller: &Caller) -> Self {
        let rights = Right::ALL.into_iter().filter(|right| caller.may(*right));
        Self {
            tenant: caller.tenant().to_string(),
            actor: caller.actor().to_owned(),
            token: caller.credential().to_owned(),
            role: caller.role().into(),
            rights: rights.map(RightWord::from).collect(),
        }
    }
}
