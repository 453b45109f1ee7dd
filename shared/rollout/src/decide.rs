//! What to do next with a promotion, given what is recorded and what was seen.
//!
//! The order is the argument: requests and clocks first, for they need no observation; then what is unknown holds
//! everything; then the fence is put up (missing objects, stamps); only then is anything counted, and only on objects
//! whose last write is visible. So no count is ever based on something that an older worker may still change.

use std::collections::BTreeMap;
use std::time::Duration;

use slipway_domain::id::ReleaseId;
use slipway_domain::name::ServiceName;
use slipway_domain::promotion::{Cause, DeploymentKey, Failure, Memory, Phase, Promotion};
use slipway_domain::time::Time;

use crate::census::{Aim, Census};
use crate::observation::{Observation, Readiness};
use crate::phase::Trigger;
use crate::story::Note;
use crate::{fence, forward, restore, story, watch};

/// The longest that a turn waits for a change before it looks again.
pub const WINDOW: Duration = Duration::from_secs(50);
/// The shortest: a clock that is due now must not spin.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);

/// Why nothing was seen of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// Holds everything; only the clocks run on.
    Unreachable(String),
    /// Our access was removed: nothing more can be done there.
    Unauthorized(String),
}

/// What the state machine asks of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Advance,
    /// The step kept failing, or its deadline passed: turn back.
    Restore,
}

/// Something to be carried out, after it was saved. Always "set to", never "add".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// With 0 replicas, stamped.
    Create(DeploymentKey),
    /// Stamps, and sets the count if one is given.
    Write { key: DeploymentKey, uid: String, resource_version: String, replicas: Option<u32> },
    /// The process is removed, and the cluster makes a fresh one.
    Replace { name: String, uid: String },
}

/// The result of one look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub trigger: Option<Trigger>,
    /// Why it turns back.
    pub failure: Option<Failure>,
    pub actions: Vec<Action>,
    pub memory: Memory,
    pub healthy_before: Option<BTreeMap<ServiceName, u32>>,
    pub notes: Vec<Note>,
    /// Processes of the release being put in place that are fit to serve.
    pub verified: u32,
    /// How long to wait for a change before the next look: until a clock of a process may be due.
    pub wait: Duration,
}

/// Decides. `now` is the promotion's clock; what processes did is judged by the observation's.
pub fn decide(promotion: &Promotion, seen: Result<&Observation, &Unseen>, mode: Mode, now: Time) -> Decision {
    let mut decision = Decision {
        trigger: None,
        failure: None,
        actions: Vec::new(),
        memory: promotion.memory.clone(),
        healthy_before: promotion.healthy_before.clone(),
        notes: Vec::new(),
        verified: 0,
        wait: until_clock(promotion, now),
    };
    if let Some(broken) = by_request_or_clock(promotion, seen, mode, now) {
        decision.turn_back(promotion, broken);
        return decision;
    }
    let seen = match seen {
        Ok(seen) => seen,
        Err(Unseen::Unreachable(words) | Unseen::Unauthorized(words)) => {
            decision.memory.waiting = Some(failure(Cause::ClusterUnreachable, words.clone(), now));
            return decision;
        }
    };
    first_look(promotion, seen, &mut decision);
    watch::remember(promotion, seen, &mut decision.memory);
    story::tell(promotion, seen, &mut decision.memory, &mut decision.notes);
    if fence::put_up(promotion, seen, &mut decision, now) {
        match promotion.phase {
            Phase::Preparing => decision.trigger = Some(Trigger::Prepared),
            Phase::Rolling | Phase::Settling => forward::decide(promotion, seen, now, &mut decision),
            Phase::Restoring => restore::decide(promotion, seen, &mut decision),
            Phase::Ended => {}
        }
        settle_saved(promotion, seen, &mut decision);
    }
    let due = watch::until_due(promotion, seen, &decision.memory, now);
    decision.wait = decision.wait.min(due).max(SHORTEST_WAIT);
    decision
}

impl Decision {
    /// Turns back, or ends restoring. Nothing else is done in the same step.
    pub(crate) fn turn_back(&mut self, promotion: &Promotion, failure: Failure) {
        self.actions.clear();
        self.trigger = Some(match promotion.phase {
            Phase::Restoring => Trigger::RestoringOver,
            _ => Trigger::Broken,
        });
        self.failure = Some(failure);
    }

    pub(crate) fn set(&mut self, deployment: &crate::observation::Deployment, replicas: Option<u32>) {
        if replicas == Some(deployment.replicas) {
            return;
        }
        self.actions.push(Action::Write {
            key: deployment.key.clone(),
            uid: deployment.uid.clone(),
            resource_version: deployment.resource_version.clone(),
            replicas,
        });
    }
}

pub(crate) fn failure(cause: Cause, message: impl Into<String>, at: Time) -> Failure {
    Failure { cause, message: message.into(), service: None, process: None, exit: None, at, log: Vec::new() }
}

/// What ends a phase without a look at the cluster's objects.
fn by_request_or_clock(
    promotion: &Promotion,
    seen: Result<&Observation, &Unseen>,
    mode: Mode,
    now: Time,
) -> Option<Failure> {
    let restoring = promotion.phase == Phase::Restoring;
    if let (false, Some(actor)) = (restoring, &promotion.cancel) {
        return Some(failure(Cause::Cancelled, format!("cancelled by {actor}"), now));
    }
    if let Err(Unseen::Unauthorized(words)) = seen {
        return Some(failure(Cause::ClusterUnauthorized, words.clone(), now));
    }
    if now >= deadline(promotion) {
        return Some(deadline_failure(promotion, now));
    }
    if mode == Mode::Restore && !restoring {
        return Some(failure(Cause::Internal, "the rollout step kept failing", now));
    }
    None
}

/// When the present phase has to be over.
pub fn deadline(promotion: &Promotion) -> Time {
    let plan = &promotion.plan;
    let (since, limit) = match promotion.phase {
        Phase::Preparing | Phase::Ended => (promotion.started_at, plan.preparing_ms),
        Phase::Rolling | Phase::Settling => (promotion.rolling_at.unwrap_or(promotion.started_at), plan.total_ms),
        Phase::Restoring => (promotion.restoring_at.unwrap_or(promotion.started_at), plan.restoring_ms),
    };
    since.plus(Duration::from_millis(limit))
}

/// A wait with a cause of its own gives the deadline its name.
fn deadline_failure(promotion: &Promotion, now: Time) -> Failure {
    match &promotion.memory.waiting {
        Some(waiting) => Failure { at: now, ..waiting.clone() },
        None => failure(Cause::Deadline, format!("not done in time, while {}", promotion.phase), now),
    }
}

fn until_clock(promotion: &Promotion, now: Time) -> Duration {
    deadline(promotion).since(now).clamp(SHORTEST_WAIT, WINDOW)
}

/// What is known only before anything moves: the healthy processes of the old release, and the ones that a promotion of
/// the active release finds running.
fn first_look(promotion: &Promotion, seen: &Observation, decision: &mut Decision) {
    if promotion.phase != Phase::Preparing || decision.healthy_before.is_some() {
        return;
    }
    let ready = |release: &ReleaseId, service: &ServiceName| {
        let key = DeploymentKey { service: service.clone(), release: release.clone() };
        let live = seen.deployment(&key).into_iter().flat_map(crate::observation::Deployment::live);
        let ready = live.filter(|process| matches!(process.readiness, Readiness::Ready { .. }));
        u32::try_from(ready.count()).unwrap_or(u32::MAX)
    };
    let services = promotion.plan.services.iter().filter(|service| service.before.is_some());
    decision.healthy_before = Some(
        services
            .filter_map(|service| Some((service.name.clone(), ready(promotion.from.as_ref()?, &service.name))))
            .collect(),
    );
    if promotion.from.as_ref() == Some(&promotion.to) {
        let target = seen.deployments.iter().filter(|deployment| deployment.key.release == promotion.to);
        for process in target.flat_map(crate::observation::Deployment::live) {
            decision.memory.processes.entry(process.uid.clone()).or_default().initial = true;
        }
    }
}

/// A saved action that the object does not show, and that is not decided again, may still be on its way from a worker
/// that sleeps: a write of our own makes it meet a conflict. Until then nothing ends.
fn settle_saved(promotion: &Promotion, seen: &Observation, decision: &mut Decision) {
    let stray: Vec<_> = promotion
        .actions
        .iter()
        .filter_map(|saved| {
            let deployment = seen.deployment(&saved.deployment)?;
            let open = deployment.resource_version == saved.resource_version && deployment.replicas != saved.replicas;
            open.then_some(deployment)
        })
        .filter(|deployment| !decision.writes(&deployment.key))
        .collect();
    if !stray.is_empty() && !matches!(decision.trigger, Some(Trigger::Broken)) {
        decision.trigger = None;
        for deployment in stray {
            decision.set(deployment, None);
        }
    }
}

impl Decision {
    pub(crate) fn writes(&self, key: &DeploymentKey) -> bool {
        self.actions.iter().any(|action| matches!(action, Action::Write { key: written, .. } if written == key))
    }
}

/// Whether the cluster runs exactly this release in this formation: what a promotion of the active release needs to be
/// a `noop`.
pub fn is_complete(promotion: &Promotion, seen: &Observation) -> bool {
    let mut memory = promotion.memory.clone();
    watch::remember(promotion, seen, &mut memory);
    let planned = |name: &ServiceName| promotion.plan.service(name).is_some_and(|service| service.after.is_some());
    seen.deployments
        .iter()
        .all(|deployment| deployment.intact && (planned(&deployment.key.service) || deployment.replicas == 0))
        && censuses(promotion, Aim::Forward, seen, &memory).iter().all(forward::is_complete)
}

/// One census per service that the release being put in place has, in the order of the plan.
pub(crate) fn censuses<'a>(
    promotion: &'a Promotion,
    aim: Aim,
    seen: &'a Observation,
    memory: &Memory,
) -> Vec<Census<'a>> {
    let target = match aim {
        Aim::Forward => Some(&promotion.to),
        Aim::Back => promotion.from.as_ref(),
    };
    let between: Vec<&ReleaseId> = promotion.from.iter().chain([&promotion.to]).collect();
    let has = |service: &&slipway_domain::promotion::ServicePlan| match aim {
        Aim::Forward => service.after.is_some(),
        Aim::Back => service.before.is_some(),
    };
    let Some(target) = target else { return Vec::new() };
    promotion
        .plan
        .services
        .iter()
        .filter(has)
        .map(|service| Census::take(service, aim, target, &between, seen, memory))
        .collect()
}
