//! The decision while rolling and settling: what goes up, what goes down, and whether it is complete.

use std::time::Duration;

use slipway_domain::promotion::{Cause, Failure, Phase, Promotion};
use slipway_domain::time::Time;

use crate::census::{Aim, Census, share};
use crate::classify::{Verdict, classify};
use crate::decide::{Action, Decision, censuses, failure};
use crate::observation::{Deployment, Observation, Process, Refusal, Stage};
use crate::phase::Trigger;

/// Decides one look in `rolling` or `settling`; every object exists and bears the stamp.
pub(crate) fn decide(promotion: &Promotion, seen: &Observation, now: Time, decision: &mut Decision) {
    let services = censuses(promotion, Aim::Forward, seen, &decision.memory);
    decision.verified = services.iter().map(|census| census.verified).sum();
    decision.memory.waiting = None;
    for census in &services {
        if let Some(doomed) = judge(promotion, census, seen.at, now, decision) {
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

/// Looks for a process of the target that is doomed; plans replacements; notes what is waited for.
fn judge(promotion: &Promotion, census: &Census<'_>, at: Time, now: Time, decision: &mut Decision) -> Option<Failure> {
    let about = |failure: Failure| Failure { service: Some(census.plan.name.clone()), ..failure };
    match census.refusal() {
        Some(Refusal::Admission(words)) => {
            return Some(about(failure(Cause::AdmissionDenied, format!("the cluster refused it: {words}"), now)));
        }
        Some(Refusal::Quota(words)) => decision.memory.waiting = Some(about(failure(Cause::Quota, words, now))),
        Some(Refusal::Other(words)) => decision.memory.waiting = Some(about(failure(Cause::ConfigError, words, now))),
        None => {}
    }
    for process in census.target.into_iter().flat_map(Deployment::live) {
        let known = decision.memory.processes.get(&process.uid).cloned().unwrap_or_default();
        if known.initial {
            continue;
        }
        let of = |cause, words: String| about(of_process(process, cause, words, now));
        match classify(process, census.plan, &known, at) {
            Verdict::Fine => {}
            Verdict::Waiting(cause, words) => decision.memory.waiting = Some(of(cause, words)),
            Verdict::Doomed(cause, words) => return Some(of(cause, words)),
            Verdict::SecondTime(cause, words) => {
                if seen_again(decision, cause) {
                    return Some(of(cause, words));
                }
                decision.memory.waiting = Some(of(cause, words));
            }
            Verdict::Replace(cause, words) => {
                if promotion.phase == Phase::Settling || seen_again(decision, cause) {
                    return Some(of(cause, words));
                }
                decision.actions.push(Action::Replace { name: process.name.clone(), uid: process.uid.clone() });
            }
        }
    }
    None
}

/// Counts a sight of this cause; true from the second on.
fn seen_again(decision: &mut Decision, cause: Cause) -> bool {
    let times = decision.memory.counters.entry(cause).or_insert(0);
    *times += 1;
    *times > 1
}

fn of_process(process: &Process, cause: Cause, words: String, now: Time) -> Failure {
    let exit = match &process.stage {
        Stage::Exited(exit) => Some(exit.clone()),
        _ => process.last_exit.clone(),
    };
    Failure { process: Some(process.name.clone()), exit, ..failure(cause, words, now) }
}

/// Ups within the batch that all services share, downs within what stays healthy.
fn move_processes(promotion: &Promotion, services: &[Census<'_>], at: Time, decision: &mut Decision) {
    let in_flight: u32 = services.iter().map(Census::in_flight).sum();
    let mut budget = promotion.plan.batch.saturating_sub(in_flight);
    for census in services.iter().filter(|census| census.visible) {
        let wanted = census.plan.after.unwrap_or(0);
        let missing = wanted.saturating_sub(census.size);
        let room = room(promotion, census, wanted);
        let up = missing.min(budget).min(room);
        let short = missing > 0 && budget > 0 && room == 0;
        let blocked = short || census.is_unscheduled() || matches!(census.refusal(), Some(Refusal::Quota(_)));
        budget -= up;
        if let (Some(target), true) = (census.target, up > 0) {
            decision.set(target, Some(target.replicas + up));
        }
        let keep = if blocked { share(wanted, census.plan.minimum_percent) } else { wanted };
        let limit = promotion.plan.batch.saturating_sub(census.stopping);
        go_down(census, wanted, keep, limit, at, decision);
    }
}

/// How many more processes the bound allows.
fn room(promotion: &Promotion, census: &Census<'_>, wanted: u32) -> u32 {
    let stopping = if promotion.plan.strict { census.stopping } else { 0 };
    (wanted + promotion.plan.batch).saturating_sub(census.size + census.old + stopping)
}

/// Old processes, and new ones beyond the formation: the unhealthy first, which need no replacement; of the healthy,
/// what `keep` leaves over.
pub(crate) fn go_down(census: &Census<'_>, wanted: u32, keep: u32, limit: u32, at: Time, decision: &mut Decision) {
    let mut limit = limit;
    let mut spare = (census.verified + census.ready_old(at)).saturating_sub(keep);
    let mut counts: Vec<(&Deployment, u32)> = census.others.iter().map(|old| (*old, old.replicas)).collect();
    for (deployment, count) in &mut counts {
        let free = census.slots(deployment, at).unhealthy.min(limit);
        *count -= free;
        limit -= free;
    }
    for (deployment, count) in &mut counts {
        let free = census.slots(deployment, at).ready.min(limit).min(spare);
        *count -= free;
        limit -= free;
        spare -= free;
    }
    for (deployment, count) in counts {
        decision.set(deployment, Some(count));
    }
    if let Some(target) = census.target.filter(|target| target.replicas > wanted) {
        let unverified = target.replicas - census.verified;
        let beyond = (target.replicas - wanted).min(limit).min(unverified + spare);
        decision.set(target, Some(target.replicas - beyond));
    }
}
