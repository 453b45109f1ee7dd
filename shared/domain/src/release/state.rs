//! What a release is now. Derived, never stored: a release itself does not change.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::promotion::Outcome;

/// The state of a release in its environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseState {
    /// Never active, and no promotion of it has failed.
    Ready,
    /// Active now.
    Deployed,
    /// Was active once; or its last promotion was taken over by another one.
    Superseded,
    RolledBack,
    RollbackFailed,
    Failed,
    Cancelled,
}

impl ReleaseState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Deployed => "deployed",
            Self::Superseded => "superseded",
            Self::RolledBack => "rolled_back",
            Self::RollbackFailed => "rollback_failed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for ReleaseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is known of a release from its environment and its promotions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// It is the environment's active release.
    pub active: bool,
    /// Some promotion of it succeeded.
    pub was_active: bool,
    /// How its last promotion ended; none while it had none, or while the first one runs.
    pub last_outcome: Option<Outcome>,
}

/// The active release is deployed, whatever became of a later attempt at it. Of the others, a last promotion that did
/// not succeed says more than the history before it.
pub fn state(standing: Standing) -> ReleaseState {
    if standing.active {
        return ReleaseState::Deployed;
    }
    match standing.last_outcome {
        Some(Outcome::RolledBack) => ReleaseState::RolledBack,
        Some(Outcome::RollbackFailed) => ReleaseState::RollbackFailed,
        Some(Outcome::Failed) => ReleaseState::Failed,
        Some(Outcome::Cancelled) => ReleaseState::Cancelled,
        Some(Outcome::Superseded | Outcome::Succeeded | Outcome::Noop) => ReleaseState::Superseded,
        None if standing.was_active => ReleaseState::Superseded,
        None => ReleaseState::Ready,
    }
}
