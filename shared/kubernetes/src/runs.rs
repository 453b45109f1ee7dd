//! One-off processes: each a pod of its own that is started once, and the Secret with its variables, which it owns.
//!
//! The pod comes first, because a Secret without an owner would be left behind by a worker that dies between the two;
//! the kubelet waits for it. A run whose pod still waits for its Secret is [`RunState::Half`]: to start it again brings
//! what is missing and nothing else.

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod, Secret, Service};
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{DeleteParams, ListParams, Preconditions};
use serde_json::Value;
use slipway_domain::id::RunId;
use slipway_domain::name::ServiceName;
use slipway_domain::promotion::Exit;
use slipway_domain::time::Time;
use slipway_service::ports::{ClusterError, LogLine, LogQuery, Namespace, NewRun, Processes, RunLog, RunState};

use crate::act::{foreign, refused};
use crate::client::{KubernetesCluster, request};
use crate::names;
use crate::objects::run;
use crate::read::{exit, time};

/// The kubelet's word for a container that lacks a part of its configuration.
const CONFIGURATION: &str = "CreateContainerConfigError";
/// The kubelet's word for a pod whose time was over.
const DEADLINE: &str = "DeadlineExceeded";

#[async_trait]
impl Processes for KubernetesCluster {
    async fn start(&self, namespace: &Namespace, new: &NewRun) -> Result<(), ClusterError> {
        self.check_namespace(namespace).await?;
        let own = namespace.to_string();
        let image = self.images.reference(namespace, &new.template.image);
        let made = match self.post(&own, &run::pod(namespace, new, &image)).await.map_err(refused)? {
            Some(made) => made,
            // Another worker made it, or an earlier attempt of ours.
            None => self.run_pod(namespace, &new.id).await?.ok_or(ClusterError::Conflict)?,
        };
        let uid = made.metadata.uid.as_deref().unwrap_or_default();
        self.post::<Secret>(&own, &run::variables(namespace, new, uid)).await.map_err(refused)?;
        Ok(())
    }

    async fn run(&self, namespace: &Namespace, id: &RunId) -> Result<RunState, ClusterError> {
        let pod = self.run_pod(namespace, id).await?;
        Ok(pod.as_ref().map_or(RunState::Unknown, state))
    }

    async fn run_log(&self, namespace: &Namespace, id: &RunId, after: u64) -> Result<RunLog, ClusterError> {
        self.log_after(namespace, id, after).await
    }

    async fn logs(&self, namespace: &Namespace, query: &LogQuery) -> Result<Vec<LogLine>, ClusterError> {
        self.newest_lines(namespace, query).await
    }

    /// An Ingress's host name, `http://shop.example.com`; else the Service's name in the cluster,
    /// `http://web.shop--production.svc:3000`, which only what runs there can reach.
    async fn address(&self, namespace: &Namespace, service: &ServiceName) -> Result<Option<String>, ClusterError> {
        let (own, name) = (namespace.to_string(), names::service(service));
        let ingress: Option<Ingress> = self.get(&own, &name).await.map_err(refused)?;
        let ours = ingress.filter(|ingress| names::is_ours(namespace, ingress.metadata.labels.as_ref()));
        if let Some(url) = ours.as_ref().and_then(outside) {
            return Ok(Some(url));
        }
        let service: Option<Service> = self.get(&own, &name).await.map_err(refused)?;
        let ours = service.filter(|service| names::is_ours(namespace, service.metadata.labels.as_ref()));
        Ok(ours.as_ref().and_then(|service| inside(&own, service)))
    }

    async fn collect_runs(&self, namespace: &Namespace, over: &[RunId]) -> Result<Vec<RunId>, ClusterError> {
        let selector = format!("{},{}", names::selector(namespace), names::RUN);
        let pods = self.list::<Pod>(&namespace.to_string(), &ListParams::default().labels(&selector)).await;
        let mut kept = Vec::new();
        for pod in pods.map_err(refused)?.items {
            let Some(id) = id(&pod).filter(|_| matches!(state(&pod), RunState::Ended { .. })) else { continue };
            if over.contains(&id) {
                self.forget(namespace, &id, &pod).await?;
            } else {
                kept.push(id);
            }
        }
        Ok(kept)
    }
}

impl KubernetesCluster {
    /// None: there is none, or what bears its name is not that run.
    pub(crate) async fn run_pod(&self, namespace: &Namespace, id: &RunId) -> Result<Option<Pod>, ClusterError> {
        let name = run::name(id);
        let found: Option<Pod> = self.get(&namespace.to_string(), &name).await.map_err(refused)?;
        let ours =
            |pod: &Pod| names::is_ours(namespace, pod.metadata.labels.as_ref()) && self::id(pod).as_ref() == Some(id);
        match found {
            Some(pod) if !ours(&pod) => Err(foreign("Pod", &name)),
            found => Ok(found),
        }
    }

    /// The cluster collects the Secret with its pod.
    async fn forget(&self, namespace: &Namespace, id: &RunId, pod: &Pod) -> Result<(), ClusterError> {
        let conditions = Preconditions { uid: pod.metadata.uid.clone(), resource_version: None };
        let params = DeleteParams::background().preconditions(conditions);
        let request = request::<Pod>(&namespace.to_string()).delete(&run::name(id), &params);
        match self.ask::<Value>(request).await {
            Ok(_) => Ok(()),
            // Gone already, or another one of its name.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            Err(error) => Err(refused(error)),
        }
    }
}

fn id(pod: &Pod) -> Option<RunId> {
    pod.metadata.labels.as_ref()?.get(names::RUN)?.parse().ok()
}

/// What the cluster says of a run's pod.
pub(crate) fn state(pod: &Pod) -> RunState {
    let status = pod.status.clone().unwrap_or_default();
    let timed_out = status.reason.as_deref() == Some(DEADLINE);
    let container =
        status.container_statuses.iter().flatten().find(|container| container.name == names::MAIN_CONTAINER);
    if let Some(ended) = container.and_then(|container| exit::terminated(container.state.as_ref())) {
        let at = ended.finished_at.as_ref().map_or_else(|| began(pod), time);
        return RunState::Ended { exit: exit::of(ended), at, timed_out };
    }
    if matches!(status.phase.as_deref(), Some("Failed" | "Succeeded")) {
        // It never started, or its node is gone: nobody saw how its container ended.
        let exit = Exit {
            code: None,
            signal: None,
            reason: status.reason.unwrap_or_else(|| "Lost".to_owned()),
            message: status.message.unwrap_or_default(),
        };
        let latest = status.conditions.iter().flatten().filter_map(|condition| condition.last_transition_time.as_ref());
        let at = latest.map(time).max().unwrap_or_else(|| began(pod));
        return RunState::Ended { exit, at, timed_out };
    }
    if container.is_some_and(|container| lacks_secret(container, pod)) { RunState::Half } else { RunState::Running }
}

fn began(pod: &Pod) -> Time {
    pod.metadata.creation_timestamp.as_ref().map_or_else(Time::default, time)
}

/// The kubelet waits for the Secret of the pod's own name.
fn lacks_secret(container: &ContainerStatus, pod: &Pod) -> bool {
    let Some(ContainerState { waiting: Some(waiting), .. }) = &container.state else { return false };
    let secret = format!("secret \"{}\" not found", pod.metadata.name.as_deref().unwrap_or_default());
    waiting.reason.as_deref() == Some(CONFIGURATION)
        && waiting.message.as_deref().is_some_and(|message| message.contains(&secret))
}

fn outside(ingress: &Ingress) -> Option<String> {
    let rules = ingress.spec.as_ref()?.rules.as_ref()?;
    rules.iter().find_map(|rule| rule.host.as_ref()).map(|host| format!("http://{host}"))
}

fn inside(namespace: &str, service: &Service) -> Option<String> {
    let port = service.spec.as_ref()?.ports.as_ref()?.first()?.port;
    let name = service.metadata.name.as_deref()?;
    let port = if port == 80 { String::new() } else { format!(":{port}") };
    Some(format!("http://{name}.{namespace}.svc{port}"))
}

#[cfg(test)]
mod tests;
