//! The decision while rolling and settling: what goes up, what goes down, and whether it is complete.

use std::time::Duration;

use slipway_domain::promotion::{Phase, Promotion};
use slipway_domain::time::Time;

use crate::census::{Aim, Census, count, share};
use crate::decide::{Action, Decision, censuses};
use crate::judge::Judge;
use crate::observation::{Deployment, Observation, Process, Refusal};
use crate::phase::Trigger;

/// Decides one look in `rolling` or `settling`; every object exists and bears the stamp.
pub(crate) fn decide(promotion: &Promotion, seen: &Observation, now: Time, decision: &mut Decision) {
    let services = censuses(promotion, Aim::Forward, seen, &decision.memory);
    decision.verified = services.iter().map(|census| census.verified).sum();
    let mut judge = Judge::of(promotion, seen, now);
    for census in &services {
        if let Some(doomed) = judge.service(census, decision) {
            decision.turn_back(promotion, doomed);
            return;
        }
    }
    if services.iter().all(is_complete) {
        complete(promotion, now, decision);
        return;
    }
    decision.memory.complete_since = None;
    if promotion.phase == Phase::Settling {
        decision.trigger = Some(Trigger::Uncompleted);
        return;
    }
    move_processes(promotion, &services, seen.at, decision);
}

/// Every process of the target is verified, and none of the service's others is left.
pub(crate) fn is_complete(census: &Census<'_>) -> bool {
    let wanted = census.plan.after.unwrap_or(0);
    census.visible && census.size == wanted && census.verified == wanted && census.others_gone()
}

/// From `rolling` to `settling`, and after one more bake to the commit.
fn complete(promotion: &Promotion, now: Time, decision: &mut Decision) {
    let bake = promotion.plan.services.iter().map(|service| service.bake_ms).max().unwrap_or(0);
    match (promotion.phase, promotion.memory.complete_since) {
        (Phase::Settling, Some(since)) if now.since(since) >= Duration::from_millis(bake) => {
            decision.trigger = Some(Trigger::Settled);
        }
        (Phase::Settling, Some(since)) => {
            let rest = Duration::from_millis(bake).saturating_sub(now.since(since));
            decision.wait = decision.wait.min(rest);
        }
        (Phase::Settling, None) => decision.memory.complete_since = Some(now),
        _ => {
            decision.memory.complete_since = Some(now);
            decision.trigger = Some(Trigger::Completed);
        }
    }
}

/// Ups within the batch that all services share, downs within what stays healthy. What goes down makes room at once: the
/// writes are carried out in this order, each only after the one before has landed.
fn move_processes(promotion: &Promotion, services: &[Census<'_>], at: Time, decision: &mut Decision) {
    let in_flight: u32 = services.iter().map(Census::in_flight).sum();
    let mut budget = promotion.plan.batch.saturating_sub(in_flight);
    for census in services.iter().filter(|census| census.visible) {
        let wanted = census.plan.after.unwrap_or(0);
        let missing = wanted.saturating_sub(census.size);
        let stopping = census.stopping + replaced(census, decision);
        let counted = if promotion.plan.strict { stopping } else { 0 };
        let by_bound = missing > 0 && budget > 0 && room(promotion, census, wanted, census.old + counted) == 0;
        let blocked = is_blocked(census, by_bound);
        let keep = if blocked { share(wanted, census.plan.minimum_percent) } else { wanted };
        let limit = promotion.plan.batch.saturating_sub(stopping);
        let left = go_down(census, wanted, keep, limit, at, decision);
        // With `strict` those that stop keep their place.
        let old = if promotion.plan.strict { census.old } else { left };
        let up = missing.min(budget).min(room(promotion, census, wanted, old + counted));
        budget -= up;
        if let (Some(target), true) = (census.target, up > 0) {
            decision.set(target, Some(target.replicas + up));
        }
    }
}

/// The next process of the target cannot come up beside the others: by the bound, by quota or by scheduling.
pub(crate) fn is_blocked(census: &Census<'_>, by_bound: bool) -> bool {
    by_bound || census.is_unscheduled() || matches!(census.refusal(), Some(Refusal::Quota(_)))
}

/// Processes that this very decision replaces: they are stopping by the time that its other acts take effect, and the
/// cluster puts others into their places.
fn replaced(census: &Census<'_>, decision: &Decision) -> u32 {
    let goes = |process: &Process| {
        decision.actions.iter().any(|action| matches!(action, Action::Replace { uid, .. } if *uid == process.uid))
    };
    count(census.target.into_iter().flat_map(Deployment::live), goes)
}

/// How many more processes the bound allows beside these `others`.
fn room(promotion: &Promotion, census: &Census<'_>, wanted: u32, others: u32) -> u32 {
    (wanted + promotion.plan.batch).saturating_sub(census.size + others)
}

/// Old processes, and new ones beyond the formation: the unhealthy first, which need no replacement; of the healthy,
/// what `keep` leaves over. One that lost its readiness just now is neither; on the way back it is free once the target
/// alone is enough. Returns how many of the old ones are left.
pub(crate) fn go_down(
    census: &Census<'_>,
    wanted: u32,
    keep: u32,
    limit: u32,
    at: Time,
    decision: &mut Decision,
) -> u32 {
    let mut limit = limit;
    let enough = census.aim == Aim::Back && census.verified >= keep;
    let mut spare = (census.verified + census.ready_old(at)).saturating_sub(keep);
    let mut counts: Vec<(&Deployment, u32)> = census.others.iter().map(|old| (*old, old.replicas)).collect();
    for (deployment, count) in &mut counts {
        let slots = census.slots(deployment, at);
        let free = (slots.unhealthy + if enough { slots.blinking } else { 0 }).min(limit);
        *count -= free;
        limit -= free;
    }
    for (deployment, count) in &mut counts {
        let free = census.slots(deployment, at).ready.min(limit).min(spare);
        *count -= free;
        limit -= free;
        spare -= free;
    }
    let left: u32 = counts.iter().map(|(_, count)| count).sum();
    for (deployment, count) in counts {
        decision.set(deployment, Some(count));
    }
    if let Some(target) = census.target.filter(|target| target.replicas > wanted) {
        let blinking = census.slots(target, at).blinking;
        let unhealthy = (target.replicas - census.verified).saturating_sub(blinking);
        let beyond = (target.replicas - wanted).min(limit).min(unhealthy + spare);
        decision.set(target, Some(target.replicas - beyond));
    }
    left
}
