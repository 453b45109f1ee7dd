//! What is running now, and what it wrote.

use std::collections::BTreeSet;

use slipway_domain::error::{Error, Kind, Result};
use slipway_domain::id::ReleaseId;
use slipway_domain::name::{AppName, EnvironmentName, ServiceName};
use slipway_domain::promotion::Environment;
use slipway_domain::time::Time;
use slipway_rollout::observation::{Deployment, Process, Readiness, Stage};
use slipway_store::Scoped;

use crate::caller::{Caller, Right};
use crate::draft::own;
use crate::ports::{LogLine, LogQuery};
use crate::promotions::checks::cluster_error;
use crate::slipway::{Slipway, find_environment, namespace};

/// What a process is doing, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessState {
    Pending,
    Starting,
    Running,
    /// Its container ended and will be started again.
    Crashed,
    Stopping,
    Ended,
}

impl ProcessState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Crashed => "crashed",
            Self::Stopping => "stopping",
            Self::Ended => "ended",
        }
    }
}

/// One process of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessView {
    pub name: String,
    pub service: ServiceName,
    pub release: ReleaseId,
    pub state: ProcessState,
    /// Its containers are ready.
    pub ready: bool,
    pub restarts: u32,
    pub started_at: Option<Time>,
    /// Why it is not running, in the cluster's words.
    pub message: Option<String>,
}

/// How many log lines one answer has at most.
const MAX_LINES: usize = 1000;

impl Slipway {
    /// By service, release and name. Right: read. Errors: `app_not_found`, `environment_not_found` (404),
    /// `cluster_unreachable` (503), `cluster_unauthorized`, `cluster_refused` (409).
    pub async fn processes(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
    ) -> Result<Vec<ProcessView>> {
        caller.needs(Right::Read)?;
        find_environment(&self.of(caller), app, environment).await?;
        let seen = self.cluster.observe(&namespace(caller, app, environment)).await;
        let seen = seen.map_err(|error| cluster_error(&error))?;
        let views = |deployment: &Deployment| {
            deployment.processes.iter().map(|process| view(deployment, process)).collect::<Vec<_>>()
        };
        let mut views: Vec<ProcessView> = seen.deployments.iter().flat_map(views).collect();
        views.sort_by(|a, b| (&a.service, &a.release, &a.name).cmp(&(&b.service, &b.release, &b.name)));
        Ok(views)
    }

    /// Oldest first, at most `query.limit` (≤ 1,000). Right: read. Errors: `app_not_found`, `environment_not_found`,
    /// `service_not_found` (404), `cluster_unreachable` (503), `cluster_unauthorized`, `cluster_refused` (409).
    pub async fn logs(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        query: &LogQuery,
    ) -> Result<Vec<LogLine>> {
        caller.needs(Right::Read)?;
        let store = self.of(caller);
        let found = find_environment(&store, app, environment).await?;
        if let Some(service) = &query.service {
            known(&services(&store, &found).await?, service, environment)?;
        }
        let query = LogQuery { limit: query.limit.clamp(1, MAX_LINES), ..query.clone() };
        let lines = self.processes.logs(&namespace(caller, app, environment), &query).await;
        lines.map_err(|error| cluster_error(&error))
    }
}

/// The services that an environment has or had lately: of its active and newest release, of the one that a promotion is
/// bringing, and those with a formation.
pub(crate) async fn services(store: &Scoped, environment: &Environment) -> Result<BTreeSet<ServiceName>> {
    let promotion = match &environment.promotion {
        Some(id) => store.promotion(&environment.app, id).await?,
        None => None,
    };
    let coming = promotion.map(|promotion| promotion.to);
    let releases = [environment.active.as_ref(), environment.newest.as_ref(), coming.as_ref()];
    let mut services: BTreeSet<ServiceName> = environment.formation.keys().cloned().collect();
    for id in releases.into_iter().flatten().collect::<BTreeSet<_>>() {
        let release = own(store, &environment.app, id).await?;
        services.extend(release.manifest.services.into_iter().map(|service| service.name));
    }
    Ok(services)
}

/// `service_not_found` (404) unless the service is one of those that there are.
pub(crate) fn known(
    services: &BTreeSet<ServiceName>,
    service: &ServiceName,
    environment: &EnvironmentName,
) -> Result<()> {
    if services.contains(service) {
        return Ok(());
    }
    let names: Vec<&str> = services.iter().map(ServiceName::as_str).collect();
    let there = if names.is_empty() { "none yet: build first".to_owned() } else { names.join(", ") };
    let message = format!("{environment} has no service {service}; it has {there}");
    Err(Error::new(Kind::NotFound, "service_not_found", message).field("service", "is none of the services"))
}

fn view(deployment: &Deployment, process: &Process) -> ProcessView {
    let (state, started_at, message) = match &process.stage {
        Stage::Unscheduled(words) => (ProcessState::Pending, None, words.clone()),
        Stage::Waiting { reason, message } => {
            let crashed = process.last_exit.is_some() || reason == "CrashLoopBackOff";
            let state = if crashed { ProcessState::Crashed } else { ProcessState::Starting };
            (state, None, told(reason, message))
        }
        Stage::Running { started_at } => (ProcessState::Running, Some(*started_at), process.probe_error.clone()),
        Stage::Exited(exit) => (ProcessState::Crashed, None, told(&exit.reason, &exit.message)),
        Stage::Over { reason } => (ProcessState::Ended, None, told(reason, "")),
    };
    ProcessView {
        name: process.name.clone(),
        service: deployment.key.service.clone(),
        release: deployment.key.release.clone(),
        state: if process.is_stopping() { ProcessState::Stopping } else { state },
        ready: matches!(process.readiness, Readiness::Ready { .. }),
        restarts: process.restarts,
        started_at,
        message,
    }
}

fn told(reason: &str, message: &str) -> Option<String> {
    match (reason.is_empty(), message.is_empty()) {
        (true, true) => None,
        (false, true) => Some(reason.to_owned()),
        (true, false) => Some(message.to_owned()),
        (false, false) => Some(format!("{reason}: {message}")),
    }
}
