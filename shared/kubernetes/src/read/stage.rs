//! What a pod is doing, told by the container that runs the service.

use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod};
use slipway_rollout::observation::Stage;

use super::readiness::{condition, unmet_gates};
use super::{count, exit, time};

/// While an init container is at work.
const INITIALIZING: &str = "PodInitializing";

pub fn read(pod: &Pod, main: Option<&ContainerStatus>) -> Stage {
    if let Some(reason) = over(pod, main) {
        return Stage::Over { reason };
    }
    if pod.spec.as_ref().is_none_or(|spec| spec.node_name.is_none()) {
        return Stage::Unscheduled(scheduler_words(pod));
    }
    let state = main.and_then(|main| main.state.as_ref());
    if let Some(running) = state.and_then(|state| state.running.as_ref()) {
        // The stamp is always there; without it the process would have all the time it wants.
        let started = running.started_at.as_ref().or(pod.metadata.creation_timestamp.as_ref());
        return Stage::Running { started_at: started.map(time).unwrap_or_default() };
    }
    if let Some(ended) = exit::terminated(state) {
        return Stage::Exited(exit::of(ended));
    }
    if let Some(stage) = initializing(pod) {
        return stage;
    }
    let waiting = state.and_then(|state| state.waiting.as_ref());
    Stage::Waiting {
        reason: waiting.and_then(|waiting| waiting.reason.clone()).unwrap_or_default(),
        message: waiting.and_then(|waiting| waiting.message.clone()).unwrap_or_default(),
    }
}

/// Why the pod as a whole is over. Processes are started again for ever, so none ends by itself: it was evicted,
/// preempted, its node went away, or its time was over.
fn over(pod: &Pod, main: Option<&ContainerStatus>) -> Option<String> {
    let status = pod.status.as_ref()?;
    let disrupted = condition(pod, "DisruptionTarget").filter(|condition| condition.status == "True");
    if let Some(phase @ ("Failed" | "Succeeded")) = status.phase.as_deref() {
        let reason = status.reason.as_deref().or_else(|| disrupted.and_then(|condition| condition.reason.as_deref()));
        let message = status.message.as_deref().or_else(|| disrupted.and_then(|target| target.message.as_deref()));
        return Some(told(reason.unwrap_or(phase), message));
    }
    let running = main.and_then(|main| main.state.as_ref()).is_some_and(|state| state.running.is_some());
    if let (Some(condition), false) = (disrupted, running) {
        return Some(told(condition.reason.as_deref().unwrap_or("DisruptionTarget"), condition.message.as_deref()));
    }
    is_cut_off(pod).then(|| "NodeNotReady".to_owned())
}

/// The kubelet always writes both conditions; only the controller that misses the node's heart-beat sets one of them.
fn is_cut_off(pod: &Pod) -> bool {
    let holds = |kind, wanted: &str| condition(pod, kind).is_some_and(|condition| condition.status == wanted);
    holds("Ready", "False") && holds("ContainersReady", "True") && unmet_gates(pod).next().is_none()
}

fn told(reason: &str, message: Option<&str>) -> String {
    match message.map(str::trim) {
        Some(message) if !message.is_empty() => format!("{reason}: {message}"),
        _ => reason.to_owned(),
    }
}

/// The scheduler's words, once it has looked for a node and found none.
fn scheduler_words(pod: &Pod) -> Option<String> {
    let refused = condition(pod, "PodScheduled").filter(|condition| condition.status == "False")?;
    Some(refused.message.clone().or_else(|| refused.reason.clone()).unwrap_or_default())
}

/// How often an init container failed. Its restarts are ends of it, and so is its present end.
pub fn init_failures(pod: &Pod) -> u32 {
    inits(pod).map(failures).max().unwrap_or(0)
}

fn failures(init: &ContainerStatus) -> u32 {
    if exit::last(init).is_none_or(|ended| ended.exit_code == 0) {
        return 0;
    }
    let runs = init.state.as_ref().is_some_and(|state| state.running.is_some());
    count(init.restart_count).saturating_add(u32::from(!runs))
}

/// What holds up the init containers. Their own ends are counted as failures and are no crash loop of the process.
fn initializing(pod: &Pod) -> Option<Stage> {
    let waiting = inits(pod).find_map(|init| init.state.as_ref()?.waiting.as_ref())?;
    let reason = waiting.reason.as_deref().unwrap_or_default();
    let own = matches!(reason, "CrashLoopBackOff" | "RunContainerError");
    let reason = if own { INITIALIZING } else { reason };
    Some(Stage::Waiting { reason: reason.to_owned(), message: waiting.message.clone().unwrap_or_default() })
}

/// States of the containers that must end before the process starts; not of those that run beside it for ever.
fn inits(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let asked: Vec<&Container> =
        pod.spec.as_ref().and_then(|spec| spec.init_containers.as_ref()).into_iter().flatten().collect();
    let states = pod.status.as_ref().and_then(|status| status.init_container_statuses.as_ref());
    states.into_iter().flatten().filter(move |state| {
        let asked = asked.iter().find(|container| container.name == state.name);
        asked.is_none_or(|container| container.restart_policy.as_deref() != Some("Always"))
    })
}
