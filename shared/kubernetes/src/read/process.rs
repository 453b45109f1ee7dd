//! A pod as a process.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod, PodSpec};
use slipway_domain::promotion::DeploymentKey;
use slipway_domain::time::Time;
use slipway_rollout::observation::{Process, Readiness};

use super::{Listed, count, events, exit, label, readiness, stage, time, uid};
use crate::names;

/// What a pod is read beside.
pub struct Context<'a> {
    pub listed: &'a Listed,
    pub deployment: &'a Deployment,
    pub key: &'a DeploymentKey,
}

pub fn read(context: &Context<'_>, pod: &Pod) -> Process {
    let main = main_status(pod);
    let init_failures = stage::init_failures(pod);
    let readiness = readiness::read(pod, main);
    let ready = matches!(readiness, Readiness::Ready { .. });
    Process {
        name: pod.metadata.name.clone().unwrap_or_default(),
        uid: uid(&pod.metadata).to_owned(),
        genuine: is_genuine(context, pod),
        stopping_since: stopping_since(pod),
        stage: stage::read(pod, main),
        readiness,
        registered: readiness::is_registered(context, pod),
        restarts: main.map_or(0, |main| count(main.restart_count)),
        init_failures,
        last_exit: main.and_then(exit::last).map(exit::of),
        probe_error: if ready { None } else { events::probe_error(&context.listed.events, pod, main) },
    }
}

/// The state of the container that runs the service. Others may have been added by the tenant's webhooks.
pub fn main_status(pod: &Pod) -> Option<&ContainerStatus> {
    let containers = pod.status.as_ref()?.container_statuses.as_ref()?;
    containers.iter().find(|container| container.name == names::MAIN_CONTAINER)
}

/// When it was told to stop: the stamp of a deletion is the end of the time it was given.
fn stopping_since(pod: &Pod) -> Option<Time> {
    let end = time(pod.metadata.deletion_timestamp.as_ref()?);
    let given = u64::try_from(pod.metadata.deletion_grace_period_seconds.unwrap_or(0)).unwrap_or(0);
    let given = i64::try_from(Duration::from_secs(given).as_millis()).unwrap_or(i64::MAX);
    Some(Time::from_millis(end.as_millis().saturating_sub(given)))
}

/// Of the same release and the same digest as its Deployment. A tag is no digest, and names nothing.
fn is_genuine(context: &Context<'_>, pod: &Pod) -> bool {
    let template = context.deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let asked = template.and_then(digest);
    label(&pod.metadata, names::RELEASE) == Some(context.key.release.as_str())
        && label(&pod.metadata, names::SERVICE) == Some(context.key.service.as_str())
        && asked.is_some()
        && pod.spec.as_ref().and_then(digest) == asked
}

fn digest(spec: &PodSpec) -> Option<&str> {
    let image = main(spec)?.image.as_deref()?;
    image.split_once('@').map(|(_, digest)| digest)
}

fn main(spec: &PodSpec) -> Option<&Container> {
    spec.containers.iter().find(|container| container.name == names::MAIN_CONTAINER)
}
