//! A Deployment, and whether what was asked of it last has happened.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use slipway_domain::promotion::{DeploymentKey, Epoch};
use slipway_rollout::observation::{Deployment as Seen, Refusal, Visibility};

use super::process::{self, Context};
use super::{Listed, count, is_controlled_by, uid};
use crate::{drift, names};

pub fn read(listed: &Listed, deployment: &Deployment, key: DeploymentKey) -> Seen {
    let meta = &deployment.metadata;
    let sets: Vec<&ReplicaSet> = listed
        .replica_sets
        .iter()
        .filter(|set| !uid(meta).is_empty() && is_controlled_by(&set.metadata, uid(meta)))
        .collect();
    let ours = listed.pods.iter().filter(|pod| sets.iter().any(|set| owns(set, pod)));
    let mut pods: Vec<&Pod> = ours.filter(|pod| !is_gone(pod)).collect();
    pods.sort_by_key(|pod| (pod.metadata.creation_timestamp.clone(), pod.metadata.name.clone()));
    let context = Context { listed, deployment, key: &key };
    Seen {
        uid: uid(meta).to_owned(),
        resource_version: meta.resource_version.clone().unwrap_or_default(),
        generation: meta.generation.and_then(|count| u64::try_from(count).ok()).unwrap_or_default(),
        replicas: replicas(deployment),
        epoch: epoch(deployment),
        turn: turn(deployment),
        intact: drift::is_intact(deployment),
        visibility: visibility(deployment, &sets, &pods),
        processes: pods.iter().map(|pod| process::read(&context, pod)).collect(),
        key,
    }
}

fn owns(set: &ReplicaSet, pod: &Pod) -> bool {
    !uid(&set.metadata).is_empty() && is_controlled_by(&pod.metadata, uid(&set.metadata))
}

/// It was told to stop and has stopped. The kubelet takes a moment longer to clear up after it, which concerns nobody.
fn is_gone(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_some() && matches!(phase, Some("Succeeded" | "Failed"))
}

fn replicas(deployment: &Deployment) -> u32 {
    count(deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1))
}

/// A stamp that cannot be read was not written by us: never stamped.
fn epoch(deployment: &Deployment) -> Epoch {
    let stamp = drift::annotation(deployment, names::EPOCH).and_then(|text| text.parse().ok());
    Epoch(stamp.unwrap_or(0))
}

fn turn(deployment: &Deployment) -> u64 {
    drift::annotation(deployment, names::TURN).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn visibility(deployment: &Deployment, sets: &[&ReplicaSet], pods: &[&Pod]) -> Visibility {
    let observed = deployment.status.as_ref().and_then(|status| status.observed_generation);
    let asked = replicas(deployment);
    let passed_on = sets.iter().map(|set| set_replicas(set)).fold(0, u32::saturating_add);
    if deployment.metadata.deletion_timestamp.is_some()
        || !has_observed(deployment.metadata.generation, observed)
        || sets.is_empty()
        || !sets.iter().all(|set| has_observed_set(set))
        || passed_on != asked
    {
        return Visibility::Pending;
    }
    let live = u32::try_from(pods.iter().filter(|pod| counts(pod)).count()).unwrap_or(u32::MAX);
    if live == asked {
        return Visibility::Visible;
    }
    match sets.iter().find_map(|set| creation_failure(set)) {
        Some(message) if live < asked => Visibility::Refused(refusal(message)),
        _ => Visibility::Pending,
    }
}

fn has_observed(generation: Option<i64>, observed: Option<i64>) -> bool {
    matches!((generation, observed), (Some(generation), Some(observed)) if observed >= generation)
}

fn has_observed_set(set: &ReplicaSet) -> bool {
    let observed = set.status.as_ref().and_then(|status| status.observed_generation);
    set.metadata.deletion_timestamp.is_none() && has_observed(set.metadata.generation, observed)
}

fn set_replicas(set: &ReplicaSet) -> u32 {
    count(set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1))
}

/// As the ReplicaSet counts its pods.
fn counts(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_none() && !matches!(phase, Some("Failed" | "Succeeded"))
}

fn creation_failure(set: &ReplicaSet) -> Option<&str> {
    let conditions = set.status.as_ref()?.conditions.as_ref()?;
    let failed = conditions.iter().find(|condition| {
        condition.type_ == "ReplicaFailure"
            && condition.status == "True"
            && condition.reason.as_deref() != Some("FailedDelete")
    })?;
    Some(failed.message.as_deref().unwrap_or_default())
}

/// Words of the API server's own plug-ins: a quota that is used up may have room later, a rule stays. What nobody
/// refused, such as a webhook that does not answer, may be over the next time.
fn refusal(message: &str) -> Refusal {
    const QUOTA: [&str; 2] = ["exceeded quota", "status unknown for quota"];
    const RULES: [&str; 10] = [
        "denied the request",
        "denied request",
        "violates podsecurity",
        "failed quota",
        "insufficient quota to match",
        "maximum cpu usage",
        "maximum memory usage",
        "minimum cpu usage",
        "minimum memory usage",
        "limit to request ratio",
    ];
    let words = message.to_ascii_lowercase();
    let contains = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
    let message = message.to_owned();
    if contains(&QUOTA) {
        Refusal::Quota(message)
    } else if contains(&RULES) {
        Refusal::Admission(message)
    } else {
        Refusal::Other(message)
    }
}
