//! What a step needs of the records. The store provides it; a world of a simulation may provide it from memory.

use async_trait::async_trait;
use slipway_domain::id::ReleaseId;
use slipway_domain::name::ServiceName;
use slipway_domain::promotion::{Environment, Promotion};
use slipway_domain::time::Time;
use slipway_rollout::apply::Applied;

use crate::ports::{RolloutInput, Template};

/// Why the records did not do what a step asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    /// There is no such promotion, or its app was deleted: nothing to do.
    #[error("the promotion does not exist")]
    Gone,
    /// Somebody else wrote first: load again.
    #[error("the records were changed meanwhile")]
    Stale,
    /// Whether anything was written is not known.
    #[error("the records could not be reached: {0}")]
    Unavailable(String),
}

/// Consistent reads, and writes on condition that nothing was written since.
#[async_trait]
pub trait Records: Send + Sync {
    async fn load(&self, input: &RolloutInput) -> Result<(Environment, Promotion), RecordsError>;

    /// Writes promotion, environment and events in one transaction, on condition that both records are at the versions
    /// of `environment` and `promotion`, which were loaded.
    async fn save(
        &self,
        input: &RolloutInput,
        environment: &Environment,
        promotion: &Promotion,
        applied: &Applied,
    ) -> Result<(), RecordsError>;

    /// What a process of this service of this release is made of, with its variables.
    async fn template(
        &self,
        input: &RolloutInput,
        release: &ReleaseId,
        service: &ServiceName,
    ) -> Result<Template, RecordsError>;

    /// The environment alone.
    async fn environment(&self, namespace: &crate::ports::Namespace) -> Result<Environment, RecordsError>;

    /// Notes that nothing is left to clean up, on condition that the environment is as loaded.
    async fn cleaned(
        &self,
        namespace: &crate::ports::Namespace,
        environment: &Environment,
        now: Time,
    ) -> Result<(), RecordsError>;
}
