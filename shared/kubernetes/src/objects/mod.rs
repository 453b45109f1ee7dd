//! What we ask the cluster for, as values: a [`Template`](slipway_service::ports::Template) goes in, objects come out.
//!
//! Values of variables are in the Secret and nowhere else: a process gets each by reference. What a manifest says in the
//! open, such as a command or a host name, is in the open here, too.

pub mod deployment;
pub mod network;
mod pod;
pub mod run;
mod secret;

pub use secret::secret;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use slipway_service::ports::Namespace;

/// Name, namespace and labels.
fn meta(namespace: &Namespace, name: String, labels: BTreeMap<String, String>) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(namespace.to_string()),
        labels: Some(labels),
        ..ObjectMeta::default()
    }
}

/// Says to whom an object belongs: the cluster collects it with its owner.
#[derive(Clone, Copy, Debug)]
pub enum Owner<'a> {
    Deployment { name: &'a str, uid: &'a str },
    Pod { name: &'a str, uid: &'a str },
}

impl Owner<'_> {
    fn reference(self) -> OwnerReference {
        let (api_version, kind, name, uid) = match self {
            Self::Deployment { name, uid } => ("apps/v1", "Deployment", name, uid),
            Self::Pod { name, uid } => ("v1", "Pod", name, uid),
        };
        OwnerReference {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            uid: uid.to_owned(),
            ..OwnerReference::default()
        }
    }
}

#[cfg(test)]
mod tests;
