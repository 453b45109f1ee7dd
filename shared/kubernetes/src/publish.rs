//! Where a service is reached: brought up to date before the first Deployment that needs it.
//!
//! Service and Ingress belong to the service and not to one release. Ports are only ever added. They bear the epoch of
//! the promotion that wrote them last, and a worker of an older one leaves them alone.

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};
use slipway_domain::promotion::Epoch;
use slipway_service::ports::{ClusterError, Namespace, NewDeployment};

use crate::act::{foreign, refused};
use crate::client::{Kind, KubernetesCluster};
use crate::names;
use crate::objects::network;

impl KubernetesCluster {
    /// Fails unless the namespace is there and bears this tenant's, app's and environment's labels.
    pub(crate) async fn check_namespace(&self, namespace: &Namespace) -> Result<(), ClusterError> {
        let own = namespace.to_string();
        let found = self.get_namespace(&own).await.map_err(refused)?;
        let Some(found) = found else {
            let text = format!(
                "there is no namespace {own}: apply what `slipway clusters access {} {}` prints",
                namespace.app, namespace.environment
            );
            return Err(ClusterError::Refused(text));
        };
        let labels = found.metadata.labels.unwrap_or_default();
        let differs = names::owner_labels(namespace).into_iter().find(|(key, value)| labels.get(key) != Some(value));
        match differs {
            None => Ok(()),
            Some((key, value)) => {
                let text = match labels.get(&key) {
                    Some(other) => {
                        format!("the namespace {own} belongs to another: its label {key} is {other}, not {value}")
                    }
                    None => format!(
                        "the namespace {own} lacks the label {key}={value}: apply what `slipway clusters access {} {}` prints",
                        namespace.app, namespace.environment
                    ),
                };
                Err(ClusterError::Refused(text))
            }
        }
    }

    /// Makes the service reachable at the ports and host names of a release.
    pub(crate) async fn publish(&self, namespace: &Namespace, new: &NewDeployment) -> Result<(), ClusterError> {
        let own = namespace.to_string();
        let name = names::service(&new.key.service);
        if let Some(first) = network::service(namespace, &new.template, &[]) {
            let present =
                self.present::<Service>(namespace, "Service", &name, new.epoch, &stamped(first, new.epoch)).await?;
            if let Some(present) = present {
                let ports = present.spec.as_ref().and_then(|spec| spec.ports.clone()).unwrap_or_default();
                if let Some(wanted) = network::service(namespace, &new.template, &ports) {
                    self.update(&own, &name, &present, &stamped(wanted, new.epoch)).await?;
                }
            }
        }
        if let Some(wanted) = network::ingress(namespace, &new.template) {
            let wanted = stamped(wanted, new.epoch);
            if let Some(present) = self.present(namespace, "Ingress", &name, new.epoch, &wanted).await? {
                self.update(&own, &name, &present, &wanted).await?;
            }
        }
        Ok(())
    }

    /// Creates the object unless it is there. Some: it is, it is ours, and of no greater epoch.
    async fn present<K: Kind>(
        &self,
        namespace: &Namespace,
        kind: &str,
        name: &str,
        epoch: Epoch,
        wanted: &K,
    ) -> Result<Option<K>, ClusterError> {
        let own = namespace.to_string();
        let mut found = self.get::<K>(&own, name).await.map_err(refused)?;
        if found.is_none() {
            if self.post(&own, wanted).await.map_err(refused)?.is_some() {
                return Ok(None);
            }
            found = self.get(&own, name).await.map_err(refused)?;
        }
        let found = found.ok_or(ClusterError::Conflict)?;
        if !names::is_ours(namespace, found.meta().labels.as_ref()) {
            return Err(foreign(kind, name));
        }
        let bears = found.meta().annotations.as_ref().and_then(|all| all.get(names::EPOCH)?.parse().ok());
        Ok((Epoch(bears.unwrap_or_default()) <= epoch).then_some(found))
    }

    /// Compare-and-set, and only if something is not as wanted.
    async fn update<K: Kind>(&self, own: &str, name: &str, present: &K, wanted: &K) -> Result<(), ClusterError> {
        let spec = |object: &K| json!(object).get("spec").cloned().unwrap_or(Value::Null);
        if contains(&spec(present), &spec(wanted)) {
            return Ok(());
        }
        let meta = present.meta();
        let patch = json!({
            "metadata": {
                "uid": meta.uid,
                "resourceVersion": meta.resource_version,
                "annotations": wanted.meta().annotations,
            },
            "spec": spec(wanted),
        });
        self.patch::<K>(own, name, &patch).await.map_err(refused)?.ok_or(ClusterError::Conflict)?;
        Ok(())
    }
}

fn stamped<K: Kind>(mut object: K, epoch: Epoch) -> K {
    object.meta_mut().annotations.get_or_insert_default().insert(names::EPOCH.to_owned(), epoch.to_string());
    object
}

/// Whether all that is wanted is stored, whatever the server added to it.
fn contains(stored: &Value, wanted: &Value) -> bool {
    match (stored, wanted) {
        (Value::Object(stored), Value::Object(wanted)) => {
            wanted.iter().all(|(key, value)| stored.get(key).is_some_and(|stored| contains(stored, value)))
        }
        (Value::Array(stored), Value::Array(wanted)) => {
            stored.len() == wanted.len() && stored.iter().zip(wanted).all(|(stored, wanted)| contains(stored, wanted))
        }
        _ => stored == wanted,
    }
}
