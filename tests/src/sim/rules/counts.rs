//! Rules 1 and 2: how many processes may be taken away, and how many may be asked for.

use slipway_domain::name::ServiceName;
use slipway_domain::promotion::{DeploymentKey, Phase, Promotion, ServicePlan};
use slipway_domain::time::Time;
use slipway_rollout::observation::{Deployment, Observation, Process, Readiness, Stage};
use slipway_service::ports::Write;
use std::time::Duration;

use super::Rules;
use crate::sim::cluster::Cluster;
use crate::sim::ledger::Ledger;
use crate::sim::state::Look;

/// Ready and running, not told to stop.
pub fn is_ready(process: &Process) -> bool {
    process.stopping_since.is_none()
        && matches!(process.stage, Stage::Running { .. })
        && matches!(process.readiness, Readiness::Ready { .. })
}

/// Ready behind the load balancer.
fn is_healthy(process: &Process, service: &ServicePlan) -> bool {
    is_ready(process) && (process.registered || !service.ports)
}

/// Healthy for the whole bake, and what it was made to be.
pub fn is_verified(process: &Process, service: &ServicePlan, at: Time) -> bool {
    let Readiness::Ready { since } = process.readiness else { return false };
    let baked = at.since(since) >= Duration::from_millis(service.bake_ms);
    is_healthy(process, service) && process.genuine && baked
}

/// The healthy processes of a service that remain when each Deployment has so many left: the cluster takes what is not
/// ready first.
fn healthy(service: &ServicePlan, promotion: &Promotion, seen: &Observation, writes: &[&Write]) -> u32 {
    let of_service = seen.deployments.iter().filter(|deployment| deployment.key.service == service.name);
    of_service
        .map(|deployment| {
            let baking = promotion.phase != Phase::Restoring && deployment.key.release == promotion.to;
            let known = |process: &&Process| {
                let initial = promotion.memory.processes.get(&process.uid).is_some_and(|known| known.initial);
                if baking && !initial { is_verified(process, service, seen.at) } else { is_healthy(process, service) }
            };
            count(deployment.processes.iter().filter(known)).min(replicas_after(deployment, writes))
        })
        .sum()
}

fn count<'a>(processes: impl Iterator<Item = &'a Process>) -> u32 {
    u32::try_from(processes.count()).unwrap_or(u32::MAX)
}

fn replicas_after(deployment: &Deployment, writes: &[&Write]) -> u32 {
    let written = writes.iter().rev().filter(|write| write.key == deployment.key).find_map(|write| write.replicas);
    written.unwrap_or(deployment.replicas)
}

fn share(count: u32, percent: u32) -> u32 {
    (count * percent).div_ceil(100)
}

/// The healthy processes of a service that a worker has to leave. None: every one.
fn minimum(service: &ServicePlan, promotion: &Promotion) -> Option<u32> {
    match promotion.phase {
        Phase::Preparing | Phase::Ended => None,
        Phase::Rolling | Phase::Settling => Some(share(service.after?, service.minimum_percent)),
        Phase::Restoring => {
            let Some(before) = service.before else { return Some(0) };
            let known = promotion.healthy_before.as_ref().and_then(|healthy| healthy.get(&service.name));
            Some(share(before.min(known.copied().unwrap_or(before)), service.minimum_percent))
        }
    }
}

impl Rules {
    /// Rule 1.
    pub(super) fn check_minimum(&mut self, look: &Look, write: &Write, ledger: &Ledger) {
        let (Some(promotion), Some(seen)) = (&look.promotion, &look.seen) else {
            return self.check_cleanup(look, write, ledger);
        };
        let Some(service) = promotion.plan.service(&write.key.service) else { return };
        let earlier: Vec<&Write> = look.writes.iter().collect();
        let all: Vec<&Write> = look.writes.iter().chain([write]).collect();
        let (before, after) = (healthy(service, promotion, seen, &earlier), healthy(service, promotion, seen, &all));
        let enough = minimum(service, promotion).is_some_and(|minimum| after >= minimum);
        if after < before && !enough {
            let (phase, key) = (promotion.phase, &write.key);
            self.break_(1, || {
                format!("{key} went down while {phase}: {before} healthy processes became {after} of {service:?}")
            });
        }
    }

    /// A clean-up takes nothing away from what is active.
    fn check_cleanup(&mut self, look: &Look, write: &Write, ledger: &Ledger) {
        let (Some(environment), Some(seen)) = (&look.environment, &look.seen) else { return };
        let Some(wanted) = environment.formation.get(&write.key.service).copied() else { return };
        let active = |key: &DeploymentKey| Some(&key.release) == environment.active.as_ref();
        let ready = |ours: bool| {
            let deployments = seen.deployments.iter().filter(|found| found.key.service == write.key.service);
            let processes = deployments.filter(|found| active(&found.key) == ours).flat_map(|found| &found.processes);
            count(processes.filter(|process| is_ready(process)))
        };
        let known = environment.active.as_ref().is_some_and(|active| ledger.releases.contains_key(active));
        if known && ready(false) > 0 && ready(true) < wanted {
            let key = &write.key;
            self.break_(1, || format!("a clean-up stopped {key}, and the active release is not healthy"));
        }
    }

    /// Rule 2, upwards: judged on what is there when the write lands.
    pub(super) fn check_bound(&mut self, look: &Look, write: &Write, cluster: &Cluster, now: Time) {
        let Some(promotion) = &look.promotion else { return };
        let Some(service) = promotion.plan.service(&write.key.service) else { return };
        let larger = service.before.unwrap_or(0).max(service.after.unwrap_or(0));
        let strict = promotion.plan.strict && promotion.phase != Phase::Restoring;
        let stopping = if strict { stopping_now(cluster, service, now) } else { 0 };
        let ours = cluster.deployments.iter().filter(|(key, _)| key.service == service.name);
        let asked: u32 = ours.map(|(_, deployment)| deployment.replicas).sum();
        if asked + stopping > larger + promotion.plan.batch && self.meddled.is_none() {
            let (key, batch) = (&write.key, promotion.plan.batch);
            self.break_(2, || {
                format!(
                    "{key} was raised: {asked} asked for and {stopping} stopping of {larger} with a batch of {batch}"
                )
            });
        }
    }

    /// Rule 2, across the formation: what is on its way at once.
    pub(super) fn check_in_flight(&mut self, look: &Look, write: &Write, cluster: &Cluster) {
        let (Some(promotion), Some(seen)) = (&look.promotion, &look.seen) else { return };
        let forward = matches!(promotion.phase, Phase::Rolling | Phase::Settling);
        if !forward || write.key.release != promotion.to || self.meddled.is_some() {
            return;
        }
        let flying: u32 =
            promotion.plan.services.iter().map(|service| in_flight(service, promotion, seen, cluster)).sum();
        if flying > promotion.plan.batch {
            let (key, batch) = (&write.key, promotion.plan.batch);
            self.break_(2, || {
                format!("{key} was raised, and {flying} processes are in flight with a batch of {batch}")
            });
        }
    }

    /// Rule 2, downwards.
    pub(super) fn check_stopping(&mut self, look: &Look, write: &Write) {
        let (Some(promotion), Some(seen)) = (&look.promotion, &look.seen) else { return };
        if !matches!(promotion.phase, Phase::Rolling | Phase::Settling) {
            return;
        }
        let Some(service) = promotion.plan.service(&write.key.service) else { return };
        let writes: Vec<&Write> = look.writes.iter().chain([write]).collect();
        let of_service = seen.deployments.iter().filter(|deployment| deployment.key.service == service.name);
        let stopping: u32 = of_service
            .map(|deployment| {
                let stopping = deployment.processes.iter().filter(|process| is_stopping(process, service, seen.at));
                count(stopping) + count(deployment.live()).saturating_sub(replicas_after(deployment, &writes))
            })
            .sum();
        if stopping > promotion.plan.batch {
            let (key, batch) = (&write.key, promotion.plan.batch);
            self.break_(2, || format!("{key} went down, and leaves {stopping} stopping with a batch of {batch}"));
        }
    }
}

/// Processes of the target that are asked for now, and were not verified in the look that was decided on.
fn in_flight(service: &ServicePlan, promotion: &Promotion, seen: &Observation, cluster: &Cluster) -> u32 {
    let key = DeploymentKey { service: service.name.clone(), release: promotion.to.clone() };
    let asked = cluster.deployments.get(&key).map_or(0, |deployment| deployment.replicas);
    let landed = seen.deployment(&key).into_iter().flat_map(Deployment::live).filter(|process| {
        let initial = promotion.memory.processes.get(&process.uid).is_some_and(|known| known.initial);
        initial || is_verified(process, service, seen.at)
    });
    asked.saturating_sub(count(landed))
}

fn limit(service: &ServicePlan) -> Duration {
    Duration::from_millis(service.stopping_ms) + Duration::from_secs(30)
}

fn is_stopping(process: &Process, service: &ServicePlan, at: Time) -> bool {
    process.stopping_since.is_some_and(|since| at.since(since) < limit(service))
}

fn stopping_now(cluster: &Cluster, service: &ServicePlan, now: Time) -> u32 {
    let is_of = |key: &DeploymentKey, name: &ServiceName| &key.service == name;
    let deployments = cluster.deployments.iter().filter(|(key, _)| is_of(key, &service.name));
    let stopping = deployments.flat_map(|(_, deployment)| &deployment.processes).filter(|process| {
        // The worker saw a moment ago; a second of rounding is the stamps'.
        process.stopping.is_some_and(|since| now.since(since) + Duration::from_secs(2) <= limit(service))
    });
    u32::try_from(stopping.count()).unwrap_or(u32::MAX)
}
