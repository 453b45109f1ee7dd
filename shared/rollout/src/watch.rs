//! What is remembered of processes from look to look, and when a clock of theirs is due.

use std::collections::BTreeMap;
use std::time::Duration;

use slipway_domain::promotion::{Memory, Promotion, ServicePlan};
use slipway_domain::time::Time;

use crate::classify::BLIP;
use crate::decide::WINDOW;
use crate::observation::{Observation, Process, Readiness, Stage};

/// A moment after a clock is due is early enough.
const MOMENT: Duration = Duration::from_millis(5);
/// What of a cluster's second may have passed before it told the time, when that is a whole number of seconds. The rest
/// of it is left to a pause before the next look, should our clocks not agree to a hair.
const TOLD_LATE: Duration = Duration::from_millis(900);

/// Takes over what is new of each process, and forgets those that are gone.
pub(crate) fn remember(promotion: &Promotion, seen: &Observation, memory: &mut Memory) {
    let mut processes = BTreeMap::new();
    for deployment in &seen.deployments {
        let bake = promotion.plan.service(&deployment.key.service).map_or(0, |service| service.bake_ms);
        for process in &deployment.processes {
            let mut known = memory.processes.remove(&process.uid).unwrap_or_else(|| {
                // A process of the target starts at 0; what ran before keeps the count it is found with.
                let new = deployment.key.release == promotion.to && memory.stamped == promotion.epoch;
                slipway_domain::promotion::ProcessMemory {
                    first_restarts: if new { 0 } else { process.restarts },
                    ..Default::default()
                }
            });
            note_readiness(&mut known, process, Duration::from_millis(bake));
            processes.insert(process.uid.clone(), known);
        }
    }
    memory.processes = processes;
}

fn note_readiness(known: &mut slipway_domain::promotion::ProcessMemory, process: &Process, bake: Duration) {
    let (now, lost_at) = match process.readiness {
        Readiness::Never => (None, None),
        Readiness::Ready { since } => (Some(since), Some(since)),
        Readiness::Lost { since } => (None, Some(since)),
    };
    if let (Some(before), Some(lost_at)) = (known.ready_since, lost_at)
        && now != Some(before)
        && lost_at.since(before) < bake
    {
        known.lost += 1;
    }
    known.ready_since = now;
}

/// How long until a clock of a process may change the decision, if nothing else happens.
pub(crate) fn until_due(promotion: &Promotion, seen: &Observation, memory: &Memory, now: Time) -> Duration {
    let mut wait = WINDOW;
    for deployment in &seen.deployments {
        let Some(plan) = promotion.plan.service(&deployment.key.service) else { continue };
        for process in &deployment.processes {
            for due in clocks(process, plan).into_iter().flatten() {
                if due > seen.at {
                    let left = due.since(seen.at) + MOMENT;
                    wait = wait.min(left.saturating_sub(told_late(seen.at, now)));
                }
            }
        }
    }
    let bake = promotion.plan.services.iter().map(|service| service.bake_ms).max().unwrap_or(0);
    if let Some(since) = memory.complete_since {
        wait = wait.min(since.plus(Duration::from_millis(bake)).since(now));
    }
    wait
}

/// How much later than it says the cluster answered, by our own clock. It times the next look and judges nothing: a look
/// that comes too early is taken again, and one by clocks that differ comes no later than by the cluster's alone.
fn told_late(at: Time, now: Time) -> Duration {
    now.since(at).min(TOLD_LATE)
}

/// The moments at which this process may become verified, late or gone.
fn clocks(process: &Process, plan: &ServicePlan) -> [Option<Time>; 4] {
    let ms = Duration::from_millis;
    let slack = Duration::from_secs(1);
    let ready = match process.readiness {
        Readiness::Ready { since } => [since.plus(ms(plan.bake_ms)), since.plus(ms(plan.registration_ms))].map(Some),
        Readiness::Lost { since } => [Some(since.plus(BLIP)), None],
        Readiness::Never => [None, None],
    };
    let boot = match (&process.stage, process.readiness) {
        (_, Readiness::Ready { .. }) => None,
        (Stage::Running { started_at }, _) => Some(started_at.plus(ms(plan.health_timeout_ms) + slack)),
        _ => None,
    };
    let gone = process.stopping_since.map(|since| since.plus(ms(plan.stopping_ms) + BLIP));
    [ready[0], ready[1], boot, gone]
}
