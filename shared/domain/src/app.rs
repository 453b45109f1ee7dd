//! An app: a name that holds builds, releases and environments.

use serde::{Deserialize, Serialize};

use crate::name::AppName;
use crate::time::Time;

/// An app of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    pub name: AppName,
    pub created_at: Time,
    pub created_by: String,
    /// How many releases it ever had; the newest bears this number.
    pub release_count: u64,
}
