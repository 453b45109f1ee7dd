//! What a promotion will do, worked out before it starts: services, formation, batch, clocks, estimate.
//!
//! ```text
//! manifests of `from` and `to`, formation ──► services before and after ──► batch ──► Plan ──► estimate
//! ```
//!
//! A plan is fixed when its promotion starts. Whether the promotion is allowed at all is asked elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use slipway_domain::manifest::{Batch, Deployment, Manifest, Service};
use slipway_domain::name::ServiceName;
use slipway_domain::promotion::{Plan, ServicePlan};

/// From the start to the first change in the cluster.
const PREPARING: Duration = Duration::from_mins(1);
/// For putting `from` back, from the moment that was decided.
const RESTORING: Duration = Duration::from_mins(10);
/// What a load balancer usually takes to list a process that is ready; the limit is `health.registration`.
const USUAL_REGISTRATION: Duration = Duration::from_secs(2);

/// History events of one turn: a task leaves five, the choice after it two.
const EVENTS_PER_TURN: u64 = 7;
/// A standard execution ends by itself at this many history events.
const HISTORY_EVENTS: u64 = 25_000;
/// Turns that one execution may take, with a seventh of its history left for retries: 3,061.
pub const TURN_CAP: u64 = HISTORY_EVENTS * 6 / 7 / EVENTS_PER_TURN;
/// A turn that moves nothing returns after this window.
const WINDOW: Duration = Duration::from_secs(50);
/// Changes of phase and the last step.
const FURTHER_TURNS: u64 = 6;

/// What is to be planned.
#[derive(Clone, Copy, Debug)]
pub struct Planned<'a> {
    /// The last good release's manifest: the way back.
    pub from: Option<&'a Manifest>,
    pub to: &'a Manifest,
    /// The release stays the same: only the difference of the formations is moved.
    pub same_release: bool,
    /// The environment's, as it stands.
    pub formation: &'a BTreeMap<ServiceName, u32>,
    /// Counts that are asked for. Services that are not named keep theirs.
    pub scale: &'a BTreeMap<ServiceName, u32>,
    /// A shorter deadline than the manifest's.
    pub total_seconds: Option<u32>,
}

/// The formation has so many processes that one execution of the state machine could end before the rollout does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rollout of {processes} processes could take more turns than an execution has, at most {limit} can be moved")]
pub struct FormationTooLarge {
    pub processes: u64,
    pub limit: u64,
}

/// A plan and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    pub plan: Plan,
    pub estimate: Duration,
    /// The estimate is within the deadline.
    pub fits: bool,
}

/// Plans a promotion.
pub fn plan(planned: &Planned<'_>) -> Result<Outlook, FormationTooLarge> {
    let services = services(planned);
    let asked = planned.total_seconds.map_or(u32::MAX, |seconds| seconds.max(1));
    let total = Duration::from_secs(asked.min(planned.to.total_seconds()).min(Deployment::MAX_TOTAL_SECONDS).into());
    check_size(&services, total)?;
    let work = Work::of(&services, planned.to.strict(), planned.same_release);
    let batch = match planned.to.batch() {
        Batch::Fixed(batch) => batch.max(1),
        Batch::Auto => work.smallest_batch(total),
    };
    let estimate = work.estimate(batch);
    let plan = Plan {
        batch,
        strict: planned.to.strict(),
        preparing_ms: millis(PREPARING),
        total_ms: millis(total),
        restoring_ms: millis(RESTORING),
        services,
    };
    Ok(Outlook { plan, estimate, fits: estimate <= total })
}

/// In the order of `to`, then what only `from` has.
fn services(planned: &Planned<'_>) -> Vec<ServicePlan> {
    let before = |name: &ServiceName| {
        let service = planned.from?.service(name)?;
        Some(planned.formation.get(name).copied().unwrap_or(service.scale))
    };
    let after = |service: &Service| {
        let kept = planned.scale.get(&service.name).or_else(|| planned.formation.get(&service.name));
        kept.copied().unwrap_or(service.scale)
    };
    let moved =
        planned.to.services.iter().map(|service| service_plan(service, before(&service.name), Some(after(service))));
    let removed = planned.from.into_iter().flat_map(|from| &from.services);
    let removed = removed.filter(|service| planned.to.service(&service.name).is_none());
    moved.chain(removed.map(|service| service_plan(service, before(&service.name), None))).collect()
}

pub(crate) fn service_plan(service: &Service, before: Option<u32>, after: Option<u32>) -> ServicePlan {
    ServicePlan {
        name: service.name.clone(),
        before,
        after,
        ports: !service.ports.is_empty(),
        health_timeout_ms: u64::from(service.health.timeout_seconds) * 1000,
        registration_ms: u64::from(service.health.registration_seconds) * 1000,
        bake_ms: u64::from(service.health.bake_seconds) * 1000,
        minimum_percent: service.deployment.minimum_percent,
        stopping_ms: millis(service.drain_pause()) + u64::from(service.termination_seconds) * 1000,
    }
}

/// Each process may be moved twice, there and back, in a turn of its own; windows in which nothing moved add to that.
fn check_size(services: &[ServicePlan], total: Duration) -> Result<(), FormationTooLarge> {
    let processes =
        services.iter().map(|service| u64::from(service.before.unwrap_or(0).max(service.after.unwrap_or(0)))).sum();
    let windows = (PREPARING + total + RESTORING).as_secs().div_ceil(WINDOW.as_secs());
    let limit = (TURN_CAP - windows - FURTHER_TURNS) / 2;
    if processes > limit { Err(FormationTooLarge { processes, limit }) } else { Ok(()) }
}

/// How much there is to move and how long one step of it takes.
struct Work {
    processes: u32,
    step: Duration,
}

impl Work {
    fn of(services: &[ServicePlan], strict: bool, same_release: bool) -> Self {
        let moved = |service: &ServicePlan| {
            let (before, after) = (service.before.unwrap_or(0), service.after.unwrap_or(0));
            if same_release { before.abs_diff(after) } else { after }
        };
        let moving = services.iter().filter(|service| moved(service) > 0);
        Self {
            processes: moving.clone().map(moved).sum(),
            step: moving.map(|service| step(service, strict)).max().unwrap_or_default(),
        }
    }

    fn estimate(&self, batch: u32) -> Duration {
        self.step * self.processes.div_ceil(batch.max(1))
    }

    /// 1, or the smallest that fits; where none does, the one with the shortest estimate.
    fn smallest_batch(&self, total: Duration) -> u32 {
        let steps = u32::try_from(total.as_millis() / self.step.as_millis().max(1)).unwrap_or(u32::MAX);
        self.processes.div_ceil(steps.max(1)).max(1)
    }
}

/// From asking for one process to being free to ask for the next: an old one stops while the new one starts, unless
/// the cluster has no room for both.
fn step(service: &ServicePlan, strict: bool) -> Duration {
    let registration = if service.ports { millis(USUAL_REGISTRATION).min(service.registration_ms) } else { 0 };
    let start = service.health_timeout_ms + registration + service.bake_ms;
    let step = if strict { start + service.stopping_ms } else { start.max(service.stopping_ms) };
    Duration::from_millis(step)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
