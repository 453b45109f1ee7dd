//! The variables of a Deployment or a run.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use slipway_service::ports::{Namespace, Template};

use super::{Owner, meta};

/// All variables of a template, immutable, with `labels` of its owner. Our rights on Secrets end with its creation.
pub fn secret(
    namespace: &Namespace,
    name: &str,
    labels: BTreeMap<String, String>,
    owner: Owner<'_>,
    template: &Template,
) -> Secret {
    let data = variables(template).map(|(key, value)| (key, ByteString(value.into_bytes()))).collect();
    Secret {
        metadata: ObjectMeta {
            owner_references: Some(vec![owner.reference()]),
            ..meta(namespace, name.to_owned(), labels)
        },
        immutable: Some(true),
        data: Some(data),
        ..Secret::default()
    }
}

/// What a process finds in its environment, besides its own name. `PORT` is what the manifest says, whatever else
/// somebody set it to: the Service and the check are made for that one.
pub(super) fn variables(template: &Template) -> impl Iterator<Item = (String, String)> {
    let port = template.ports.first().map(|port| ("PORT".to_owned(), port.container.to_string()));
    let taken: Vec<&str> = port.iter().map(|(key, _)| key.as_str()).chain([super::pod::PROCESS]).collect();
    let own = template.variables.iter().filter(|(key, _)| !taken.contains(&key.as_str()));
    let own: Vec<_> = own.map(|(key, value)| (key.clone(), value.reveal().to_owned())).collect();
    own.into_iter().chain(port)
}
