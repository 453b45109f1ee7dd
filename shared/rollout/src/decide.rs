//! What to do next with a promotion, given what is recorded and what was seen.
//!
//! The order is the argument: requests and clocks first, for they need no observation; then what is unknown holds
//! everything; then the fence is put up (missing objects, stamps); only then is anything counted, and only on objects
//! whose last write is visible. So no count is ever based on something that an older worker may still change.

use std::collections::BTreeMap;
use std::time::Duration;

use slipway_domain::id::ReleaseId;
use slipway_domain::name::ServiceName;
use slipway_domain::promotion::{Cause, DeploymentKey, Failure, Memory, Phase, ProcessMemory, Promotion, SavedAction};
use slipway_domain::time::Time;

use crate::census::{Aim, Census};
use crate::observation::{Deployment, Observation, Readiness};
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

/// Decides. `now` is the promotion's clock; what processes did is judged by the observation's. Nothing is decided of a
/// promotion that has ended.
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
    if promotion.phase == Phase::Ended {
        return decision;
    }
    if let Some(broken) = by_request_or_clock(promotion, seen, mode, now) {
        decision.turn_back(promotion, broken);
        return decision;
    }
    decision.memory.waiting = None;
    match seen {
        Ok(seen) => look(promotion, seen, now, &mut decision),
        Err(Unseen::Unreachable(words) | Unseen::Unauthorized(words)) => {
            decision.memory.waiting = Some(failure(Cause::ClusterUnreachable, words.clone(), now));
        }
    }
    keep_waiting(promotion.memory.waiting.as_ref(), &mut decision);
    decision
}

/// Decides on what was seen.
fn look(promotion: &Promotion, seen: &Observation, now: Time, decision: &mut Decision) {
    first_look(promotion, seen, decision);
    watch::remember(promotion, seen, &mut decision.memory);
    story::tell(promotion, seen, &mut decision.memory, &mut decision.notes);
    if fence::put_up(promotion, seen, decision, now) {
        match promotion.phase {
            Phase::Preparing => {
                decision.trigger = Some(Trigger::Prepared);
                decision.notes.extend(seen.strangers.iter().map(story::stranger));
            }
            Phase::Rolling | Phase::Settling => forward::decide(promotion, seen, now, decision),
            Phase::Restoring => restore::decide(promotion, seen, now, decision),
            Phase::Ended => {}
        }
    }
    settle_saved(promotion, seen, decision);
    let due = watch::until_due(promotion, seen, &decision.memory, now);
    decision.wait = decision.wait.min(due).max(SHORTEST_WAIT);
}

/// The same wait keeps the time at which it began, so that waiting is no news.
fn keep_waiting(before: Option<&Failure>, decision: &mut Decision) {
    if let (Some(before), Some(waiting)) = (before, &mut decision.memory.waiting) {
        let began = Failure { at: before.at, ..waiting.clone() };
        if began == *before {
            *waiting = began;
        }
    }
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

    pub(crate) fn set(&mut self, deployment: &Deployment, replicas: Option<u32>) {
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
    Failure {
        cause,
        message: message.into(),
        service: None,
        process: None,
        exit: None,
        at,
        log: Vec::new(),
        events: Vec::new(),
    }
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
    if promotion.phase != Phase::Preparing {
        return;
    }
    decision.healthy_before.get_or_insert_with(|| ready_before(promotion, seen));
    if promotion.from.as_ref() == Some(&promotion.to) {
        let target = seen.deployments.iter().filter(|deployment| deployment.key.release == promotion.to);
        for process in target.flat_map(Deployment::live) {
            let known = decision
                .memory
                .processes
                .entry(process.uid.clone())
                .or_insert_with(|| ProcessMemory { first_restarts: process.restarts, ..ProcessMemory::default() });
            known.initial = true;
        }
    }
}

/// Ready processes of `from`, for each of its services.
fn ready_before(promotion: &Promotion, seen: &Observation) -> BTreeMap<ServiceName, u32> {
    let Some(from) = &promotion.from else { return BTreeMap::new() };
    let ready = |service: &ServiceName| {
        let key = DeploymentKey { service: service.clone(), release: from.clone() };
        let live = seen.deployment(&key).into_iter().flat_map(Deployment::live);
        let ready = live.filter(|process| matches!(process.readiness, Readiness::Ready { .. }));
        u32::try_from(ready.count()).unwrap_or(u32::MAX)
    };
    let services = promotion.plan.services.iter().filter(|service| service.before.is_some());
    services.map(|service| (service.name.clone(), ready(&service.name))).collect()
}

/// A saved action that the object does not show, and that is not decided again, may still be on its way from a worker
/// that sleeps: a write of our own makes it meet a conflict. Until then nothing ends and no count changes, for the
/// counts of this look may not be the ones that stand.
fn settle_saved(promotion: &Promotion, seen: &Observation, decision: &mut Decision) {
    if matches!(decision.trigger, Some(Trigger::Broken)) {
        return;
    }
    let stray: Vec<&Deployment> = promotion
        .actions
        .iter()
        .filter(|saved| !decision.repeats(saved))
        .filter_map(|saved| seen.deployment(&saved.deployment).filter(|deployment| is_open(saved, deployment)))
        .collect();
    if stray.is_empty() {
        return;
    }
    decision.trigger = None;
    decision.actions.retain(|action| matches!(action, Action::Create(_) | Action::Write { replicas: None, .. }));
    for deployment in stray {
        if !decision.writes(&deployment.key) {
            decision.set(deployment, None);
        }
    }
}

/// The object bears an older turn than that of the action: it may still land, or this look is older than one before
/// it. A write of our own settles both, for it lands or meets a conflict.
pub(crate) fn is_open(saved: &SavedAction, deployment: &Deployment) -> bool {
    deployment.turn < saved.turn && deployment.replicas != saved.replicas
}

impl Decision {
    /// The saved action is decided again, or its object is written anyhow. Another count is another action: if both
    /// are on their way, it is open which of them stands, and what else was decided counts on one.
    fn repeats(&self, saved: &SavedAction) -> bool {
        self.actions.iter().any(|action| match action {
            Action::Write { key, replicas, .. } => {
                *key == saved.deployment && replicas.is_none_or(|replicas| replicas == saved.replicas)
            }
            _ => false,
        })
    }

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
