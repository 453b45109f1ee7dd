//! When what a watch told was first enough to know that a release is doomed.
//!
//! It is judged by the product's own tables, which say what dooms a process, and not by its step, which is measured.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use slipway_domain::promotion::{ProcessMemory, ServicePlan};
use slipway_domain::time::Time;
use slipway_kubernetes::read::{Listed, observation};
use slipway_rollout::classify::{Verdict, classify};
use slipway_rollout::observation::{Deployment as Seen, Refusal, Visibility};

use crate::journal::{Entry, Object};

/// What exists, by uid.
#[derive(Default)]
struct Present {
    deployments: BTreeMap<String, Deployment>,
    sets: BTreeMap<String, ReplicaSet>,
    pods: BTreeMap<String, Pod>,
}

/// The first moment at which a process of the release is doomed, or its creation refused for good.
pub fn doomed(entries: &[Entry], release: &str, plan: &ServicePlan) -> Option<Time> {
    let mut present = Present::default();
    entries.iter().find_map(|entry| {
        present.take(entry);
        present.is_doomed(entry.at, release, plan).then_some(entry.at)
    })
}

impl Present {
    fn take(&mut self, entry: &Entry) {
        match &entry.object {
            Object::Deployment(found) => put(&mut self.deployments, found.metadata.uid.as_ref(), found, entry.gone),
            Object::ReplicaSet(found) => put(&mut self.sets, found.metadata.uid.as_ref(), found, entry.gone),
            Object::Pod(found) => put(&mut self.pods, found.metadata.uid.as_ref(), found, entry.gone),
        }
    }

    fn is_doomed(&self, at: Time, release: &str, plan: &ServicePlan) -> bool {
        let seen = observation(&Listed {
            at,
            deployments: self.deployments.values().cloned().collect(),
            replica_sets: self.sets.values().cloned().collect(),
            pods: self.pods.values().cloned().collect(),
            slices: Vec::new(),
            events: Vec::new(),
        });
        seen.deployments
            .iter()
            .filter(|deployment| deployment.key.release.as_str() == release)
            .any(|deployment| is_refused(deployment) || has_doomed(deployment, at, plan))
    }
}

fn put<T: Clone>(present: &mut BTreeMap<String, T>, uid: Option<&String>, found: &T, gone: bool) {
    let uid = uid.cloned().unwrap_or_default();
    if gone {
        present.remove(&uid);
    } else {
        present.insert(uid, found.clone());
    }
}

fn is_refused(deployment: &Seen) -> bool {
    matches!(deployment.visibility, Visibility::Refused(Refusal::Admission(_)))
}

fn has_doomed(deployment: &Seen, at: Time, plan: &ServicePlan) -> bool {
    let fresh = ProcessMemory::default();
    deployment.live().any(|process| matches!(classify(process, plan, &fresh, at), Verdict::Doomed(..)))
}
