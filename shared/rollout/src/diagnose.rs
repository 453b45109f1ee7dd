//! What is wrong with the processes of an environment now, whether a promotion is running or not.
//!
//! A promotion asks of a new process whether it may serve, and [`classify`] answers. Here the same is asked of every
//! process, however old it is. What a promotion remembers of a process from look to look is not known, so the process
//! itself has to tell: see `remembered`. Nothing here decides what a rollout does.

use std::collections::BTreeMap;
use std::time::Duration;

use slipway_domain::id::ReleaseId;
use slipway_domain::manifest::{Health, Manifest};
use slipway_domain::name::ServiceName;
use slipway_domain::promotion::{Cause, DeploymentKey, Exit, Memory, ProcessMemory, ServicePlan};
use slipway_domain::time::Time;

use crate::classify::{Verdict, classify, ended};
use crate::observation::{Deployment, Observation, Process, Readiness, Refusal, Stage, Visibility};
use crate::plan::service_plan;

/// Ready for so long without a break, a process has left its restarts behind: a kubelet takes back its back-off, too.
const SETTLED: Duration = Duration::from_mins(10);
/// So many restarts are told however long ago the last one was: they will go on.
const RESTARTS_TOLD: u32 = 5;

/// What the processes are measured by.
#[derive(Clone, Debug)]
pub struct Expected<'a> {
    /// Of the releases that were seen. Processes of another release are judged without the times of a manifest.
    pub manifests: BTreeMap<&'a ReleaseId, &'a Manifest>,
    /// What has to run. None while a promotion is moving it, or when nothing is active.
    pub standing: Option<Standing<'a>>,
    /// What the running promotion remembers of the processes.
    pub memory: Option<&'a Memory>,
}

/// A release at rest.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    pub release: &'a ReleaseId,
    /// Processes per service.
    pub formation: &'a BTreeMap<ServiceName, u32>,
}

/// The state of health of an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// By service and release; those that neither run nor should are left out.
    pub wards: Vec<Ward>,
    /// By service, release and process; what concerns a whole service comes first.
    pub findings: Vec<Finding>,
}

/// The processes of one service of one release, counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ward {
    pub key: DeploymentKey,
    /// How many there should be.
    pub asked: u32,
    pub healthy: u32,
    /// Still within the times that their manifest gives them.
    pub starting: u32,
    /// With a finding each.
    pub sick: u32,
}

/// One thing that is wrong, and what shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub key: DeploymentKey,
    /// None: it concerns the service as a whole.
    pub process: Option<String>,
    pub cause: Cause,
    /// What is seen, in a few words.
    pub message: String,
    /// How the process ended the last time.
    pub exit: Option<Exit>,
    /// The last answer of a failing health check.
    pub probe_error: Option<String>,
    pub restarts: u32,
    /// Since when it runs; none when it does not.
    pub running_since: Option<Time>,
    /// It passes its health check all the same.
    pub ready: bool,
}

/// Judges every process that was seen, and misses those that were not.
pub fn diagnose(seen: &Observation, expected: &Expected<'_>) -> Diagnosis {
    let mut diagnosis = Diagnosis::default();
    for deployment in seen.deployments.iter().filter(|deployment| deployment.is_in_use()) {
        diagnosis.visit(deployment, expected, seen.at);
    }
    diagnosis.miss(expected);
    diagnosis.wards.sort_by(|a, b| a.key.cmp(&b.key));
    diagnosis.findings.sort_by(|a, b| (&a.key, &a.process).cmp(&(&b.key, &b.process)));
    diagnosis
}

/// How one process does.
enum Condition {
    Healthy,
    Starting,
    Sick(Cause, String),
}

impl Diagnosis {
    fn visit(&mut self, deployment: &Deployment, expected: &Expected<'_>, at: Time) {
        let key = &deployment.key;
        let plan = plan_of(key, expected);
        let mut ward = Ward { key: key.clone(), asked: deployment.replicas, healthy: 0, starting: 0, sick: 0 };
        for process in deployment.live() {
            let known = expected.memory.and_then(|memory| memory.processes.get(&process.uid));
            match condition(process, &plan, known, at) {
                Condition::Healthy => ward.healthy += 1,
                Condition::Starting => ward.starting += 1,
                Condition::Sick(cause, words) => {
                    ward.sick += 1;
                    self.findings.push(of_process(key, process, cause, words));
                }
            }
        }
        self.findings.extend(refused(deployment));
        if !deployment.intact {
            let words = "its Deployment is not as Slipway wrote it".to_owned();
            self.findings.push(of_service(key, Cause::Drifted, words));
        }
        if ward.healthy < ward.asked {
            self.findings.extend(taken_away(deployment));
        }
        self.wards.push(ward);
    }

    /// What should run and is not even asked for was taken away behind our back.
    fn miss(&mut self, expected: &Expected<'_>) {
        let Some(standing) = expected.standing else { return };
        let Some(manifest) = expected.manifests.get(standing.release) else { return };
        for service in &manifest.services {
            let key = DeploymentKey { service: service.name.clone(), release: standing.release.clone() };
            let wanted = standing.formation.get(&service.name).copied().unwrap_or(service.scale);
            let asked = self.wards.iter().find(|ward| ward.key == key).map_or(0, |ward| ward.asked);
            if asked >= wanted {
                continue;
            }
            let words = format!("should run {}, and the cluster is asked for {asked}", processes(wanted));
            self.findings.push(of_service(&key, Cause::Drifted, words));
            match self.wards.iter_mut().find(|ward| ward.key == key) {
                Some(ward) => ward.asked = wanted,
                None => self.wards.push(Ward { key, asked: wanted, healthy: 0, starting: 0, sick: 0 }),
            }
        }
    }
}

fn processes(count: u32) -> String {
    if count == 1 { "1 process".to_owned() } else { format!("{count} processes") }
}

/// By the manifest; where that is not known, by the defaults of a service without ports, which condemn the fewest.
fn plan_of(key: &DeploymentKey, expected: &Expected<'_>) -> ServicePlan {
    let service = expected.manifests.get(&key.release).and_then(|manifest| manifest.service(&key.service));
    if let Some(service) = service {
        return service_plan(service, None, None);
    }
    let health = Health::default();
    ServicePlan {
        name: key.service.clone(),
        before: None,
        after: None,
        ports: false,
        health_timeout_ms: u64::from(health.timeout_seconds) * 1000,
        registration_ms: u64::from(health.registration_seconds) * 1000,
        bake_ms: u64::from(health.bake_seconds) * 1000,
        minimum_percent: 100,
        stopping_ms: 0,
    }
}

fn condition(process: &Process, plan: &ServicePlan, known: Option<&ProcessMemory>, at: Time) -> Condition {
    let running = matches!(process.stage, Stage::Running { .. });
    // The failures of an init container that has succeeded since are history, too.
    let init_failures = if running { 0 } else { process.init_failures };
    let process = &Process { init_failures, ..process.clone() };
    match classify(process, plan, &remembered(process, known, at), at) {
        Verdict::Fine => unspoken(process, plan),
        Verdict::Waiting(cause, words)
        | Verdict::SecondTime(cause, words)
        | Verdict::Replace(cause, words)
        | Verdict::Doomed(cause, words) => Condition::Sick(cause, words),
    }
}

/// What a promotion would know. Every restart counts that the process has not left behind, and an end for lack of memory
/// always does, since the next one is only a matter of time; losses of readiness are known of a promotion that is
/// running alone.
fn remembered(process: &Process, known: Option<&ProcessMemory>, at: Time) -> ProcessMemory {
    let settled = matches!(process.readiness, Readiness::Ready { since } if at.since(since) >= SETTLED);
    let starved = process.last_exit.as_ref().is_some_and(|exit| exit.reason == "OOMKilled");
    let behind = settled && !starved && process.restarts < RESTARTS_TOLD;
    ProcessMemory {
        first_restarts: if behind { process.restarts } else { 0 },
        lost: known.map_or(0, |known| known.lost),
        ..ProcessMemory::default()
    }
}

/// A process that a rollout would go on with, or wait for.
fn unspoken(process: &Process, plan: &ServicePlan) -> Condition {
    if !process.genuine {
        return Condition::Sick(Cause::Drifted, "runs another image than its release".to_owned());
    }
    match (&process.stage, process.readiness) {
        (Stage::Exited(_), _) => {
            let words = format!("the process ended{} and is about to be started again", ended(process));
            Condition::Sick(Cause::CrashLoop, words)
        }
        (Stage::Running { .. }, Readiness::Ready { .. }) if process.registered || !plan.ports => Condition::Healthy,
        _ => Condition::Starting,
    }
}

fn of_process(key: &DeploymentKey, process: &Process, cause: Cause, message: String) -> Finding {
    let (running_since, exit) = match &process.stage {
        Stage::Running { started_at } => (Some(*started_at), process.last_exit.clone()),
        Stage::Exited(exit) => (None, Some(exit.clone())),
        _ => (None, process.last_exit.clone()),
    };
    Finding {
        process: Some(process.name.clone()),
        exit,
        probe_error: process.probe_error.clone(),
        restarts: process.restarts,
        running_since,
        ready: running_since.is_some() && matches!(process.readiness, Readiness::Ready { .. }),
        ..of_service(key, cause, message)
    }
}

fn of_service(key: &DeploymentKey, cause: Cause, message: String) -> Finding {
    Finding {
        key: key.clone(),
        process: None,
        cause,
        message,
        exit: None,
        probe_error: None,
        restarts: 0,
        running_since: None,
        ready: false,
    }
}

/// The cluster does not create what it is asked for.
fn refused(deployment: &Deployment) -> Option<Finding> {
    let Visibility::Refused(refusal) = &deployment.visibility else { return None };
    let (cause, words) = match refusal {
        Refusal::Quota(words) => (Cause::Quota, words),
        Refusal::Admission(words) => (Cause::AdmissionDenied, words),
        Refusal::Other(words) => (Cause::ConfigError, words),
    };
    let there = deployment.live().count();
    let asked = processes(deployment.replicas);
    Some(of_service(&deployment.key, cause, format!("{there} of {asked} could be created: {words}")))
}

/// Evicted, preempted, its node gone: of interest while its place is not filled.
fn taken_away(deployment: &Deployment) -> Option<Finding> {
    let over = |process: &&Process| !process.is_stopping() && matches!(process.stage, Stage::Over { .. });
    let process = deployment.processes.iter().rfind(over)?;
    let Stage::Over { reason } = &process.stage else { return None };
    let words = format!("the cluster took the process away: {reason}");
    Some(of_process(&deployment.key, process, Cause::Infrastructure, words))
}
