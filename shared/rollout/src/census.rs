//! The processes of one service, counted: what is new, old, healthy, free to go.

use slipway_domain::id::ReleaseId;
use slipway_domain::promotion::{Memory, ServicePlan};
use slipway_domain::time::Time;
use std::time::Duration;

use crate::classify::BLIP;
use crate::observation::{Deployment, Observation, Process, Readiness, Refusal, Stage, Visibility};

/// How long after its pause and grace a stopping process still counts.
const STOPPING_SLACK: Duration = Duration::from_secs(30);

/// Which release is being put in place, and how carefully.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// Towards `to`: bake, restarts and registration count.
    Forward,
    /// Back to `from`: bake 0, restarts ignored.
    Back,
}

/// One service in one observation, seen from the release that is being put in place.
#[derive(Clone, Debug)]
pub struct Census<'a> {
    pub plan: &'a ServicePlan,
    pub aim: Aim,
    pub target: Option<&'a Deployment>,
    /// All other Deployments of ours for the service: those of neither release first.
    pub others: Vec<&'a Deployment>,
    /// Every write to them has taken effect, or was refused for a reason.
    pub visible: bool,
    /// Processes asked for of the target.
    pub size: u32,
    /// Of the target, fit to serve.
    pub verified: u32,
    /// Of the target, not verified, but running before the promotion touched anything.
    pub initial_unverified: u32,
    /// Processes asked for of the others.
    pub old: u32,
    pub stopping: u32,
}

/// The slots of an old Deployment: processes that run, and those that should.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slots {
    pub ready: u32,
    /// Neither counted for the minimum nor free to go.
    pub blinking: u32,
    pub unhealthy: u32,
}

impl<'a> Census<'a> {
    /// Counts one service. `between` are the two releases of the promotion.
    pub fn take(
        plan: &'a ServicePlan,
        aim: Aim,
        target: &ReleaseId,
        between: &[&ReleaseId],
        seen: &'a Observation,
        memory: &Memory,
    ) -> Self {
        let ours = || seen.deployments.iter().filter(|deployment| deployment.key.service == plan.name);
        let target = ours().find(|deployment| &deployment.key.release == target);
        let mut others: Vec<&Deployment> =
            ours().filter(|deployment| target.is_none_or(|target| target.key != deployment.key)).collect();
        others.sort_by_key(|deployment| between.contains(&&deployment.key.release));
        let mut census = Self {
            plan,
            aim,
            target,
            visible: ours().all(|deployment| deployment.visibility != Visibility::Pending),
            size: target.map_or(0, |deployment| deployment.replicas),
            old: others.iter().map(|deployment| deployment.replicas).sum(),
            stopping: 0,
            verified: 0,
            initial_unverified: 0,
            others,
        };
        census.stopping = count(ours().flat_map(|deployment| &deployment.processes), |process| {
            census.still_stopping(process, seen.at)
        });
        for process in target.into_iter().flat_map(Deployment::live) {
            if census.is_verified(process, memory, seen.at) {
                census.verified += 1;
            } else if memory.processes.get(&process.uid).is_some_and(|known| known.initial) {
                census.initial_unverified += 1;
            }
        }
        census.verified = census.verified.min(census.size);
        census
    }

    fn still_stopping(&self, process: &Process, at: Time) -> bool {
        let limit = Duration::from_millis(self.plan.stopping_ms) + STOPPING_SLACK;
        process.stopping_since.is_some_and(|since| at.since(since) < limit)
    }

    /// Fit to serve: the target's own image, ready for the whole bake, at most one restart, behind the load balancer.
    pub fn is_verified(&self, process: &Process, memory: &Memory, at: Time) -> bool {
        let Readiness::Ready { since } = process.readiness else { return false };
        let first = memory.processes.get(&process.uid).map_or(process.restarts, |known| known.first_restarts);
        let steady = match self.aim {
            Aim::Back => true,
            Aim::Forward => {
                at.since(since) >= Duration::from_millis(self.plan.bake_ms)
                    && process.restarts.saturating_sub(first) <= 1
            }
        };
        process.is_live()
            && process.genuine
            && matches!(process.stage, Stage::Running { .. })
            && steady
            && (process.registered || !self.plan.ports)
    }

    /// Processes of the target that are on their way.
    pub fn in_flight(&self) -> u32 {
        self.size.saturating_sub(self.verified).saturating_sub(self.initial_unverified)
    }

    pub fn slots(&self, deployment: &Deployment, at: Time) -> Slots {
        let mut slots = Slots::default();
        for process in deployment.live() {
            match health(process, self.plan.ports, at) {
                Health::Ready => slots.ready += 1,
                Health::Blinking => slots.blinking += 1,
                Health::Unhealthy => slots.unhealthy += 1,
            }
        }
        // More processes than were asked for are about to go: the healthy ones are what remains.
        slots.ready = slots.ready.min(deployment.replicas);
        slots.blinking = slots.blinking.min(deployment.replicas - slots.ready);
        slots.unhealthy = deployment.replicas - slots.ready - slots.blinking;
        slots
    }

    /// Ready processes of the others.
    pub fn ready_old(&self, at: Time) -> u32 {
        self.others.iter().map(|deployment| self.slots(deployment, at).ready).sum()
    }

    /// None of the others is asked for, and none runs; stopping ones are not waited for.
    pub fn others_gone(&self) -> bool {
        self.others.iter().all(|deployment| deployment.replicas == 0 && deployment.live().next().is_none())
    }

    /// Why the cluster does not create what was asked for of the target.
    pub fn refusal(&self) -> Option<&'a Refusal> {
        match self.target.map(|deployment| &deployment.visibility) {
            Some(Visibility::Refused(refusal)) => Some(refusal),
            _ => None,
        }
    }

    /// A process of the target waits for a node.
    pub fn is_unscheduled(&self) -> bool {
        self.target
            .into_iter()
            .flat_map(Deployment::live)
            .any(|process| matches!(process.stage, Stage::Unscheduled(Some(_))))
    }
}

enum Health {
    Ready,
    Blinking,
    Unhealthy,
}

/// The health of a process that is to go. A short loss of readiness, by a database's hiccup say, must not let us remove
/// the fleet; a process that never was ready, or crashes, is no loss.
fn health(process: &Process, ports: bool, at: Time) -> Health {
    match (&process.stage, process.readiness) {
        (Stage::Running { .. }, Readiness::Ready { .. }) if process.registered || !ports => Health::Ready,
        (Stage::Running { .. }, Readiness::Ready { .. }) => Health::Blinking,
        (Stage::Waiting { reason, .. }, _) if reason == "CrashLoopBackOff" => Health::Unhealthy,
        (_, Readiness::Lost { since }) if at.since(since) < BLIP => Health::Blinking,
        _ => Health::Unhealthy,
    }
}

pub(crate) fn count<'p>(processes: impl Iterator<Item = &'p Process>, test: impl Fn(&Process) -> bool) -> u32 {
    u32::try_from(processes.filter(|process| test(process)).count()).unwrap_or(u32::MAX)
}

/// `percent` of `count`, rounded up: what must stay healthy.
pub fn share(count: u32, percent: u32) -> u32 {
    u32::try_from((u64::from(count) * u64::from(percent)).div_ceil(100)).unwrap_or(u32::MAX)
}
