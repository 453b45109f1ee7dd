//! The fence: a worker that slept may wake up at any time and write what it once decided. Every object of ours bears
//! the epoch of the last promotion that touched it, every write is a compare-and-set, and the first act of a new epoch
//! is to stamp all of them.

use std::collections::BTreeSet;

use slipway_domain::promotion::{Cause, DeploymentKey, Epoch, Phase, Promotion};
use slipway_domain::time::Time;

use crate::decide::{Action, Decision, failure};
use crate::observation::Observation;

/// What a stored object bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp<'a> {
    pub uid: &'a str,
    pub resource_version: &'a str,
    pub epoch: Epoch,
}

/// Whether a write that was decided on `observed` may land on an object that bears `current`. The clusters of ours
/// ask this in the same transaction as the write; on Kubernetes the resourceVersion in the request does the same.
pub fn admits(current: Stamp<'_>, observed: Stamp<'_>) -> bool {
    current.uid == observed.uid
        && current.resource_version == observed.resource_version
        && current.epoch <= observed.epoch
}

/// Decides the creates and stamps that are missing. True when there are none: every object of both releases exists and
/// everything of ours bears this promotion's epoch.
pub(crate) fn put_up(promotion: &Promotion, seen: &Observation, decision: &mut Decision, now: Time) -> bool {
    let missing: Vec<DeploymentKey> =
        needed(promotion).into_iter().filter(|key| seen.deployment(key).is_none()).collect();
    let unstamped: Vec<_> = seen
        .deployments
        .iter()
        .filter(|deployment| deployment.epoch != promotion.epoch || !deployment.intact)
        .collect();
    if missing.is_empty() && unstamped.is_empty() {
        decision.memory.stamped = promotion.epoch;
        return true;
    }
    let intact = unstamped.iter().all(|deployment| deployment.intact);
    if (promotion.memory.stamped == promotion.epoch || !intact) && promotion.phase != Phase::Restoring {
        let object = match (missing.first(), unstamped.first()) {
            (Some(key), _) => format!("{key} (missing)"),
            (None, Some(deployment)) => format!("{} ({})", deployment.key, deployment.resource_version),
            (None, None) => String::new(),
        };
        if has_drifted_again(decision, &object) {
            let text = format!("{object} was changed by somebody else, and again after it was put right");
            decision.turn_back(promotion, failure(Cause::Drifted, text, now));
            return false;
        }
    }
    decision.actions.extend(missing.into_iter().map(Action::Create));
    for deployment in unstamped {
        decision.set(deployment, None);
    }
    false
}

/// Counts a sight of something that we did not write; true from the second object or version on. The same version seen
/// again is the same sight: our own write may not be visible yet.
fn has_drifted_again(decision: &mut Decision, object: &str) -> bool {
    if decision.memory.drifted.as_deref() == Some(object) {
        return false;
    }
    decision.memory.drifted = Some(object.to_owned());
    let sights = decision.memory.counters.entry(Cause::Drifted).or_insert(0);
    *sights += 1;
    *sights > 1
}

/// The Deployments that both releases have: the target's to be scaled, and the others so that a late create of an older
/// epoch finds the name taken.
fn needed(promotion: &Promotion) -> BTreeSet<DeploymentKey> {
    let mut keys = BTreeSet::new();
    for service in &promotion.plan.services {
        if service.after.is_some() {
            keys.insert(DeploymentKey { service: service.name.clone(), release: promotion.to.clone() });
        }
        if let (Some(_), Some(from)) = (service.before, &promotion.from) {
            keys.insert(DeploymentKey { service: service.name.clone(), release: from.clone() });
        }
    }
    keys
}
