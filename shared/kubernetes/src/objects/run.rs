//! A command that runs once, in a pod of its own that no Service selects.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, Secret};
use slipway_domain::id::RunId;
use slipway_service::ports::{Namespace, NewRun};

use super::{Owner, meta, secret};
use crate::names;

/// The pod, and the Secret, of a run: its id in lower case.
pub fn name(run: &RunId) -> String {
    run.as_str().to_ascii_lowercase()
}

/// Starts once, is never started again, and is ended by the cluster when its time is over.
pub fn pod(namespace: &Namespace, run: &NewRun, image: &str) -> Pod {
    let name = name(&run.id);
    let spec = super::pod::once(&run.template, image, &name, &run.command, run.time_limit);
    Pod { metadata: meta(namespace, name, labels(namespace, run)), spec: Some(spec), status: None }
}

/// Owned by the pod with this uid.
pub fn variables(namespace: &Namespace, run: &NewRun, uid: &str) -> Secret {
    let name = name(&run.id);
    secret(namespace, &name, labels(namespace, run), Owner::Pod { name: &name, uid }, &run.template)
}

fn labels(namespace: &Namespace, run: &NewRun) -> BTreeMap<String, String> {
    let mut labels = names::labels(namespace);
    labels.insert(names::RELEASE.to_owned(), run.template.release.as_str().to_owned());
    labels.insert(names::RUN.to_owned(), run.id.as_str().to_owned());
    labels
}
