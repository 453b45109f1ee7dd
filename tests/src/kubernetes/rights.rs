//! The namespace of a stage, with the rights of the committed manifest in it.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace as NamespaceObject, ServiceAccount};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{Api, PostParams};
use serde::de::DeserializeOwned;
use slipway_domain::cluster::Cluster;
use slipway_kubernetes::access::{KubernetesAccess, manifest};
use slipway_service::ports::{Access, Namespace};

/// Applies the manifest, and waits until the cluster acts on it.
pub async fn grant(admin: &kube::Client, ours: &kube::Client, namespace: &Namespace) {
    let text = manifest(namespace, &Cluster::group(&namespace.tenant));
    let [space, role, binding] = text.split("\n---\n").collect::<Vec<_>>().try_into().expect("three objects");
    let (own, now) = (namespace.to_string(), PostParams::default());
    let spaces: Api<NamespaceObject> = Api::all(admin.clone());
    spaces.create(&now, &read(space)).await.expect("the namespace is new");
    let roles: Api<Role> = Api::namespaced(admin.clone(), &own);
    roles.create(&now, &read(role)).await.expect("the role is taken");
    let bindings: Api<RoleBinding> = Api::namespaced(admin.clone(), &own);
    bindings.create(&now, &read(binding)).await.expect("the binding is taken");
    wait_until_ready(admin, ours, namespace).await;
}

/// Nothing can be made in a namespace before it has its service account.
async fn wait_until_ready(admin: &kube::Client, ours: &kube::Client, namespace: &Namespace) {
    let accounts: Api<ServiceAccount> = Api::namespaced(admin.clone(), &namespace.to_string());
    let access = KubernetesAccess::new(ours.clone(), None);
    for _ in 0..500 {
        let account = accounts.get_opt("default").await.is_ok_and(|account| account.is_some());
        if account && access.missing(namespace).await.is_ok_and(|missing| missing.is_empty()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the namespace did not get its service account and its rights within 10 s");
}

fn read<T: DeserializeOwned>(text: &str) -> T {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("the manifest is not what it should be: {error}"))
}
