//! From what the API server lists to an [`Observation`]. Pure: nothing in here asks anybody.
//!
//! ```text
//! Deployment ◄─uid─ ReplicaSet ◄─uid─ Pod ◄─uid─ EndpointSlice, Event
//! ```
//!
//! Objects belong together by the uid of their owner, never by their name: a Deployment that was deleted and created
//! again has none of the processes of its predecessor. What is missing or unreadable counts as not known yet, never as
//! good.

mod deployment;
pub mod events;
pub(crate) mod exit;
mod process;
mod readiness;
mod stage;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time as Stamp};
use slipway_domain::promotion::DeploymentKey;
use slipway_domain::time::Time;
use slipway_rollout::observation::{Observation, Stranger};

use crate::{drift, names};

/// What was listed for one look, each kind consistently, in the order of the fields: a process that is found missing
/// was not there after its ReplicaSet was read, and so the ReplicaSet's word about it is no newer.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The API server's clock in its answer to the list of pods, or before: a readiness seen there lasted until then.
    pub at: Time,
    pub deployments: Vec<Deployment>,
    pub replica_sets: Vec<ReplicaSet>,
    pub pods: Vec<Pod>,
    /// Those of our Services; they bear a Service's labels.
    pub slices: Vec<EndpointSlice>,
    /// About pods, of any reason; also none at all, when nobody needs the words of a health check.
    pub events: Vec<Event>,
}

/// Everything of ours among what was listed. A Deployment that lacks our labels or bears them under another name than
/// ours is somebody else's. One that was only half created is left out: whoever needs it creates it again.
pub fn observation(listed: &Listed) -> Observation {
    let mut deployments: Vec<_> = listed
        .deployments
        .iter()
        .filter(|deployment| !drift::is_half_created(deployment))
        .filter_map(|deployment| Some(deployment::read(listed, deployment, key(&deployment.metadata)?)))
        .collect();
    deployments.sort_by(|one, other| one.key.cmp(&other.key));
    let known =
        |pod: &&Pod| deployments.iter().any(|known| known.processes.iter().any(|own| own.uid == uid(&pod.metadata)));
    let mut strangers: Vec<_> = listed.pods.iter().filter(|pod| !known(pod)).filter_map(stranger).collect();
    strangers.sort();
    Observation { at: listed.at, deployments, strangers }
}

/// A process that none of our Deployments has, and that our Service selects all the same.
fn stranger(pod: &Pod) -> Option<Stranger> {
    let meta = &pod.metadata;
    if meta.deletion_timestamp.is_some() || label(meta, names::MANAGED_BY) != Some(names::SLIPWAY) {
        return None;
    }
    let service = label(meta, names::SERVICE)?.parse().ok()?;
    Some(Stranger { service, process: meta.name.clone()? })
}

/// None: not one of ours.
fn key(meta: &ObjectMeta) -> Option<DeploymentKey> {
    if label(meta, names::MANAGED_BY) != Some(names::SLIPWAY) {
        return None;
    }
    let service = label(meta, names::SERVICE)?.parse().ok()?;
    let release = label(meta, names::RELEASE)?.parse().ok()?;
    let key = DeploymentKey { service, release };
    (meta.name.as_ref() == Some(&names::deployment(&key))).then_some(key)
}

fn label<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.labels.as_ref()?.get(key).map(String::as_str)
}

/// The owner that controls an object has this uid.
fn is_controlled_by(meta: &ObjectMeta, uid: &str) -> bool {
    let owners = meta.owner_references.iter().flatten();
    owners.filter(|owner| owner.controller == Some(true)).any(|owner| owner.uid == uid)
}

fn uid(meta: &ObjectMeta) -> &str {
    meta.uid.as_deref().unwrap_or_default()
}

pub(crate) fn time(stamp: &Stamp) -> Time {
    Time::from_millis(stamp.0.as_millisecond())
}

/// A count as the API has it, which is never negative when the API server has checked it.
fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
