//! The processes of one service of one release.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{PodTemplateSpec, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use slipway_service::ports::{Namespace, NewDeployment};

use super::{Owner, meta, pod, secret};
use crate::{drift, names};

/// The cluster's own deadline for progress is ours to set, never its: the largest value switches it off.
const NO_DEADLINE_SECONDS: i32 = i32::MAX;

/// A Deployment at 0, stamped. Its template never changes, so that the strategy counts only when somebody else changed
/// it: then the cluster goes on as carefully as it can. Half created until the fingerprint is added.
pub fn deployment(namespace: &Namespace, new: &NewDeployment, image: &str, secret: &str) -> Deployment {
    let labels = names::deployment_labels(namespace, &new.key);
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels.clone()), ..ObjectMeta::default() }),
        spec: Some(pod::serving(&new.template, image, secret)),
    };
    let annotations = [
        (names::EPOCH, new.epoch.to_string()),
        (names::TURN, "0".to_owned()),
        (names::SECRET, secret.to_owned()),
        (names::APPLIED, drift::pack(&template)),
    ];
    Deployment {
        metadata: ObjectMeta {
            annotations: Some(annotations.map(|(key, value)| (key.to_owned(), value)).into()),
            ..meta(namespace, names::deployment(&new.key), labels.clone())
        },
        spec: Some(DeploymentSpec {
            replicas: Some(0),
            selector: LabelSelector { match_labels: Some(labels), match_expressions: None },
            template,
            strategy: Some(DeploymentStrategy {
                type_: Some("RollingUpdate".to_owned()),
                rolling_update: Some(RollingUpdateDeployment {
                    max_surge: Some(IntOrString::Int(1)),
                    max_unavailable: Some(IntOrString::Int(0)),
                }),
            }),
            progress_deadline_seconds: Some(NO_DEADLINE_SECONDS),
            revision_history_limit: Some(0),
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

/// The Secret that the template of a Deployment refers to.
pub fn variables(namespace: &Namespace, new: &NewDeployment, name: &str, uid: &str) -> Secret {
    let labels: BTreeMap<_, _> = names::deployment_labels(namespace, &new.key);
    let owner = Owner::Deployment { name: &names::deployment(&new.key), uid };
    secret(namespace, name, labels, owner, &new.template)
}
