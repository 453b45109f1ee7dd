//! What remains after a commit: processes of services that the new release no longer has, and Deployments at 0 that no
//! promotion needs any more. Both are fenced like everything else: a promotion that starts meanwhile wins.

use std::time::Duration;

use slipway_domain::promotion::Environment;
use slipway_domain::time::Time;

use super::Worker;
use super::records::RecordsError;
use crate::ports::{ClusterError, Namespace, Removal, Write};

/// Looks that a clean-up takes at the most; what is left then is left to the sweep.
const LOOKS: u32 = 3;
/// Longer than any credential of a worker lives: no sleeper can want the object any more.
pub(crate) const COLLECTED_AFTER: Duration = Duration::from_mins(20);

/// Why a clean-up was not finished. It is taken up again by the sweep.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CleanupError {
    #[error(transparent)]
    Records(#[from] RecordsError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("processes of older releases are still asked for")]
    Unfinished,
}

/// Stops what the active release does not have, then clears the mark. Does nothing while a promotion runs: that one
/// counts what it finds.
pub async fn clean_up(worker: Worker<'_>, namespace: &Namespace) -> Result<(), CleanupError> {
    for _ in 0..LOOKS {
        let environment = worker.records.environment(namespace).await?;
        if !environment.cleanup_pending || environment.promotion.is_some() {
            return Ok(());
        }
        let seen = worker.cluster.observe(namespace).await?;
        let left: Vec<_> = seen
            .deployments
            .iter()
            .filter(|deployment| {
                environment.active.as_ref() != Some(&deployment.key.release) && deployment.replicas > 0
            })
            .collect();
        if left.is_empty() {
            worker.records.cleaned(namespace, &environment, worker.clock.now()).await?;
            return Ok(());
        }
        for deployment in left {
            let write = Write {
                key: deployment.key.clone(),
                uid: deployment.uid.clone(),
                resource_version: deployment.resource_version.clone(),
                epoch: environment.epoch,
                turn: 0,
                replicas: Some(0),
            };
            worker.cluster.write(namespace, &write).await?;
        }
    }
    Err(CleanupError::Unfinished)
}

/// Removes Deployments at 0 of releases that are not active, some time after the last promotion ended. Returns how many.
///
/// Whether any promotion began since `environment` was read is asked after the look at the cluster: one that begins
/// later still stamps every object first, and the removal of an object that was stamped since the look is refused.
pub async fn collect(
    worker: Worker<'_>,
    namespace: &Namespace,
    environment: &Environment,
    last_ended_at: Time,
    now: Time,
) -> Result<u32, CleanupError> {
    if environment.promotion.is_some() || now.since(last_ended_at) < COLLECTED_AFTER {
        return Ok(0);
    }
    let seen = worker.cluster.observe(namespace).await?;
    let unchanged = worker.records.environment(namespace).await?;
    if unchanged.promotion.is_some() || unchanged.epoch != environment.epoch {
        return Ok(0);
    }
    let mut removed = 0;
    for deployment in seen.deployments {
        let needed = environment.active.as_ref() == Some(&deployment.key.release);
        if needed || deployment.replicas > 0 || !deployment.processes.is_empty() {
            continue;
        }
        let removal = Removal::Deployment {
            key: deployment.key,
            uid: deployment.uid,
            resource_version: deployment.resource_version,
        };
        match worker.cluster.remove(namespace, &removal).await {
            Ok(()) => removed += 1,
            Err(ClusterError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(removed)
}
