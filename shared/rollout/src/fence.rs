//! The fence: a worker that slept may wake up at any time and write what it once decided. Every object of ours bears
//! the epoch of the last promotion that touched it, every write is a compare-and-set, and the first act of a new epoch
//! is to stamp all of them.

use std::collections::BTreeSet;

use slipway_domain::promotion::{Cause, DeploymentKey, Epoch, Phase, Promotion};
use slipway_domain::time::Time;

use crate::decide::{Action, Decision, failure};
use crate::observation::{Deployment, Observation};

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
    let needed = needed(promotion);
    let missing: Vec<&DeploymentKey> = needed.iter().filter(|key| seen.deployment(key).is_none()).collect();
    let wrong: Vec<&Deployment> = seen
        .deployments
        .iter()
        .filter(|deployment| deployment.epoch != promotion.epoch || !deployment.intact)
        .collect();
    if missing.is_empty() && wrong.is_empty() {
        decision.memory.stamped = promotion.epoch;
        decision.memory.drifted = None;
        return true;
    }
    if let Some(object) = drifted(promotion, &needed, &missing, &wrong)
        && has_drifted_again(decision, &object)
        && promotion.phase != Phase::Restoring
    {
        let text = format!("{object} was changed by somebody else, and again after it was put right");
        decision.turn_back(promotion, failure(Cause::Drifted, text, now));
        return false;
    }
    decision.actions.extend(missing.into_iter().cloned().map(Action::Create));
    for deployment in wrong {
        decision.set(deployment, None);
    }
    false
}

/// What was changed by somebody else, and which change it is: the resourceVersion would not tell, since the cluster's own
/// reports about the object change it, too. Before everything was once seen stamped, a missing object or an older stamp is
/// no change; nor is one that a worker of an older epoch creates late, at 0.
fn drifted(
    promotion: &Promotion,
    needed: &BTreeSet<DeploymentKey>,
    missing: &[&DeploymentKey],
    wrong: &[&Deployment],
) -> Option<String> {
    let stamped = promotion.memory.stamped == promotion.epoch;
    if let (true, Some(key)) = (stamped, missing.first()) {
        return Some(format!("{key} (missing)"));
    }
    let ours = |deployment: &Deployment| needed.contains(&deployment.key) || deployment.replicas > 0;
    let object = wrong.iter().find(|deployment| !deployment.intact || (stamped && ours(deployment)))?;
    let Deployment { key, generation, resource_version, intact, .. } = object;
    // A stamp is no part of what is asked of the object: its generation does not tell.
    Some(if *intact { format!("{key} ({resource_version})") } else { format!("{key} (generation {generation})") })
}

/// Counts a sight of something that we did not write; true when it had been put right before. The same change seen
/// again is the same sight: our own write may have met a conflict, or is not visible yet. A further change before we saw
/// ours may have been that conflict: it is put right once more.
fn has_drifted_again(decision: &mut Decision, object: &str) -> bool {
    let memory = &mut decision.memory;
    if memory.drifted.as_deref() == Some(object) {
        return false;
    }
    let put_right = memory.drifted.replace(object.to_owned()).is_none();
    let sights = memory.counters.entry(Cause::Drifted).or_insert(0);
    *sights += 1;
    *sights > if put_right { 1 } else { 2 }
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
