//! The decision while restoring: the same counting with the old release as the target, in a hurry.

use slipway_domain::promotion::Promotion;
use slipway_domain::time::Time;

use crate::census::{Aim, Census, share};
use crate::decide::{Decision, censuses};
use crate::forward::{go_down, is_blocked};
use crate::judge::Judge;
use crate::observation::{Deployment, Observation};
use crate::phase::Trigger;

/// Decides one look in `restoring`; every object exists and bears the stamp.
pub(crate) fn decide(promotion: &Promotion, seen: &Observation, now: Time, decision: &mut Decision) {
    let services = censuses(promotion, Aim::Back, seen, &decision.memory);
    decision.verified = services.iter().map(|census| census.verified).sum();
    let judge = Judge::of(promotion, seen, now);
    for census in &services {
        judge.record(census, decision);
    }
    let foreign: Vec<&Deployment> =
        seen.deployments.iter().filter(|deployment| !is_covered(&services, deployment)).collect();
    let empty = foreign.iter().all(|deployment| deployment.replicas == 0 && deployment.live().next().is_none());
    if empty && services.iter().all(|census| is_complete(promotion, census)) {
        decision.trigger = Some(if promotion.from.is_some() { Trigger::Restored } else { Trigger::Emptied });
        return;
    }
    for deployment in foreign {
        decision.set(deployment, Some(0));
    }
    for census in services.iter().filter(|census| census.visible) {
        let wanted = census.plan.before.unwrap_or(0);
        let missing = wanted.saturating_sub(census.size);
        let room = (wanted + promotion.plan.batch).saturating_sub(census.size + census.old);
        let up = missing.min(room);
        if let (Some(target), true) = (census.target, up > 0) {
            decision.set(target, Some(target.replicas + up));
        }
        let blocked = is_blocked(census, missing > 0 && room == 0);
        let minimum = if blocked { share(wanted, census.plan.minimum_percent) } else { wanted };
        let keep = minimum.min(healthy_before(promotion, census));
        go_down(census, wanted, keep, u32::MAX, seen.at, decision);
    }
}

fn is_covered(services: &[Census<'_>], deployment: &Deployment) -> bool {
    services.iter().any(|census| census.plan.name == deployment.key.service)
}

/// As many as were healthy before are so again. More cannot be asked of a release that was limping when it began.
fn is_complete(promotion: &Promotion, census: &Census<'_>) -> bool {
    let wanted = census.plan.before.unwrap_or(0);
    census.visible
        && census.size == wanted
        && census.others_gone()
        && census.verified >= wanted.min(healthy_before(promotion, census))
}

fn healthy_before(promotion: &Promotion, census: &Census<'_>) -> u32 {
    let known = promotion.healthy_before.as_ref().and_then(|healthy| healthy.get(&census.plan.name));
    known.copied().unwrap_or(census.plan.before.unwrap_or(0))
}
