//! Whether a process passes its health check, and whether the load balancer has taken it.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodCondition};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use slipway_domain::time::Time;
use slipway_rollout::observation::Readiness;

use super::process::Context;
use super::{label, time, uid};
use crate::names;

/// The containers' own readiness. The pod's waits for the load balancer's gates as well, which is a matter of
/// [`is_registered`].
pub fn read(pod: &Pod, main: Option<&ContainerStatus>) -> Readiness {
    let Some(condition) = condition(pod, "ContainersReady") else { return Readiness::Never };
    let Some(since) = condition.last_transition_time.as_ref().map(time) else { return Readiness::Never };
    let started = main.and_then(started_at);
    if condition.status == "True" {
        // One that was started again without being seen unready is no longer ready since then.
        return Readiness::Ready { since: started.map_or(since, |started| started.max(since)) };
    }
    if !was_ready(pod, since) {
        return Readiness::Never;
    }
    match (main, started) {
        // Started again within the second in which it ended: the end came before the start.
        (Some(main), Some(started)) if main.restart_count > 0 && started == since => {
            Readiness::Lost { since: Time::from_millis(since.as_millis() - 1) }
        }
        _ => Readiness::Lost { since },
    }
}

/// The kubelet writes the first "not ready" together with the time at which it took the pod on. A later one is the
/// end of a readiness.
fn was_ready(pod: &Pod, since: Time) -> bool {
    let taken_on = pod.status.as_ref().and_then(|status| status.start_time.as_ref()).map(time);
    taken_on.is_some_and(|taken_on| since > taken_on)
}

fn started_at(main: &ContainerStatus) -> Option<Time> {
    main.state.as_ref()?.running.as_ref()?.started_at.as_ref().map(time)
}

/// Listed as ready by an EndpointSlice of its service, and every readiness gate holds.
pub fn is_registered(context: &Context<'_>, pod: &Pod) -> bool {
    let slices = context.listed.slices.iter();
    let mut slices = slices
        .filter(|slice| label(&slice.metadata, names::SERVICE) == Some(context.key.service.as_str()))
        .filter(|slice| slice.metadata.deletion_timestamp.is_none());
    slices.any(|slice| lists(slice, uid(&pod.metadata))) && unmet_gates(pod).next().is_none()
}

fn lists(slice: &EndpointSlice, uid: &str) -> bool {
    let names_it = |endpoint: &&Endpoint| {
        endpoint.target_ref.as_ref().and_then(|target| target.uid.as_deref()) == Some(uid) && !uid.is_empty()
    };
    slice.endpoints.iter().filter(names_it).any(|endpoint| {
        endpoint.conditions.as_ref().is_some_and(|conditions| {
            conditions.ready == Some(true) && conditions.serving != Some(false) && conditions.terminating != Some(true)
        })
    })
}

/// Readiness gates of a pod that do not hold.
pub fn unmet_gates(pod: &Pod) -> impl Iterator<Item = &str> {
    let gates = pod.spec.as_ref().and_then(|spec| spec.readiness_gates.as_ref());
    let met: BTreeSet<&str> = conditions(pod)
        .filter(|condition| condition.status == "True")
        .map(|condition| condition.type_.as_str())
        .collect();
    let gates = gates.into_iter().flatten().map(|gate| gate.condition_type.as_str());
    gates.filter(move |gate| !met.contains(gate))
}

pub fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<&'a PodCondition> {
    conditions(pod).find(|condition| condition.type_ == kind)
}

fn conditions(pod: &Pod) -> impl Iterator<Item = &PodCondition> {
    pod.status.as_ref().and_then(|status| status.conditions.as_ref()).into_iter().flatten()
}
