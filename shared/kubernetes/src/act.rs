//! What a rollout does to the cluster: create, write, remove. Each is one compare-and-set, or harmless when repeated.
//!
//! **Create** makes a Deployment at 0, then its Secret, which the Deployment owns, and then adds the fingerprint that
//! makes it whole. A worker may die in between. What it leaves runs nothing and is not observed, so that the next turn
//! asks for the creation again: the half is deleted, by uid and resourceVersion, and made afresh with a Secret of
//! another name. A sleeper that wakes up in the middle of that finds another uid and gives up.
//!
//! **Write** reads the Deployment, refuses unless it is the one that was observed and bears no greater epoch, and sends
//! one patch with uid and resourceVersion: count and stamps together. Is the template not the one that we wrote, the
//! same patch puts it right from the copy that the Deployment carries.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{DeleteParams, Preconditions};
use serde_json::{Value, json};
use slipway_domain::promotion::Epoch;
use slipway_rollout::fence::{Stamp, admits};
use slipway_service::ports::{ClusterError, Namespace, NewDeployment, Removal, Write};

use crate::client::{Kind, KubernetesCluster, request};
use crate::failure::failure;
use crate::objects::deployment;
use crate::{drift, names};

/// Random part of a Secret's name: a creation never meets the Secret of an earlier one of the same epoch, which the
/// cluster may be about to collect.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

impl KubernetesCluster {
    pub(crate) async fn make(&self, namespace: &Namespace, new: &NewDeployment) -> Result<(), ClusterError> {
        self.check_namespace(namespace).await?;
        self.publish(namespace, new).await?;
        let own = namespace.to_string();
        let secret = secret_name(new);
        let image = self.images.reference(namespace, &new.template.image);
        let wanted = deployment::deployment(namespace, new, &image, &secret);
        let made = match self.post(&own, &wanted).await.map_err(refused)? {
            Some(made) => made,
            None if self.is_whole(namespace, new).await? => return Ok(()),
            None => self.post(&own, &wanted).await.map_err(refused)?.ok_or(ClusterError::Conflict)?,
        };
        let uid = made.metadata.uid.as_deref().unwrap_or_default();
        let variables = deployment::variables(namespace, new, &secret, uid);
        self.post::<Secret>(&own, &variables).await.map_err(refused)?;
        self.seal(&own, &made, uid).await
    }

    /// Whether the Deployment that exists was created to its end. If not, it is gone afterwards.
    async fn is_whole(&self, namespace: &Namespace, new: &NewDeployment) -> Result<bool, ClusterError> {
        let (own, name) = (namespace.to_string(), names::deployment(&new.key));
        let Some(present) = self.get::<Deployment>(&own, &name).await.map_err(refused)? else { return Ok(false) };
        if !names::is_ours(namespace, present.metadata.labels.as_ref()) {
            return Err(foreign("Deployment", &name));
        }
        if !drift::is_half_created(&present) {
            return Ok(true);
        }
        if stamp(&present).epoch > new.epoch {
            return Err(ClusterError::Conflict);
        }
        let Stamp { uid, resource_version, .. } = stamp(&present);
        self.delete::<Deployment>(&own, &name, uid, Some(resource_version)).await?;
        Ok(false)
    }

    /// Adds the fingerprint of what was stored, to this very object.
    async fn seal(&self, own: &str, stored: &Deployment, uid: &str) -> Result<(), ClusterError> {
        let name = stored.metadata.name.as_deref().unwrap_or_default();
        let patch =
            json!({ "metadata": { "uid": uid, "annotations": { names::TEMPLATE: drift::fingerprint(stored) } } });
        self.patch::<Deployment>(own, name, &patch).await.map_err(refused)?.ok_or(ClusterError::Conflict)?;
        Ok(())
    }

    pub(crate) async fn set(&self, namespace: &Namespace, write: &Write) -> Result<(), ClusterError> {
        let (own, name) = (namespace.to_string(), names::deployment(&write.key));
        let present: Deployment = self.get(&own, &name).await.map_err(refused)?.ok_or(ClusterError::Conflict)?;
        if !names::is_ours(namespace, present.metadata.labels.as_ref()) {
            return Err(foreign("Deployment", &name));
        }
        let observed = Stamp { uid: &write.uid, resource_version: &write.resource_version, epoch: write.epoch };
        if !admits(stamp(&present), observed) {
            return Err(ClusterError::Conflict);
        }
        let patch = patch(&present, write);
        let stored: Deployment =
            self.patch(&own, &name, &patch).await.map_err(refused)?.ok_or(ClusterError::Conflict)?;
        let put_right = patch.pointer("/spec/template").is_some();
        if put_right && !drift::is_intact(&stored) {
            self.seal(&own, &stored, &write.uid).await?;
        }
        Ok(())
    }

    pub(crate) async fn delete_seen(&self, namespace: &Namespace, removal: &Removal) -> Result<(), ClusterError> {
        let own = namespace.to_string();
        match removal {
            Removal::Deployment { key, uid, resource_version } => {
                let name = names::deployment(key);
                self.delete::<Deployment>(&own, &name, uid, Some(resource_version)).await
            }
            Removal::Process { name, uid } => match self.delete::<Pod>(&own, name, uid, None).await {
                // Another process bears the name: the one that was meant is gone.
                Err(ClusterError::Conflict) => Ok(()),
                done => done,
            },
        }
    }

    /// "Already gone" is success. What belongs to the object is collected by the cluster.
    async fn delete<K: Kind>(
        &self,
        own: &str,
        name: &str,
        uid: &str,
        resource_version: Option<&str>,
    ) -> Result<(), ClusterError> {
        let conditions =
            Preconditions { uid: Some(uid.to_owned()), resource_version: resource_version.map(str::to_owned) };
        let params = DeleteParams::background().preconditions(conditions);
        match self.ask::<Value>(request::<K>(own).delete(name, &params)).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            Err(error) => Err(failure(&error)),
        }
    }
}

/// The one patch of a write.
fn patch(present: &Deployment, write: &Write) -> Value {
    let mut patch = json!({
        "metadata": {
            "uid": write.uid,
            "resourceVersion": write.resource_version,
            "annotations": { names::EPOCH: write.epoch.to_string(), names::TURN: write.turn.to_string() },
        },
    });
    if let Some(replicas) = write.replicas {
        patch["spec"]["replicas"] = json!(replicas);
    }
    if !drift::is_intact(present)
        && let Some(applied) = drift::applied(present)
    {
        let stored = json!(present.spec.as_ref().map(|spec| &spec.template));
        patch["spec"]["template"] = drift::patch_between(&stored, &applied);
    }
    patch
}

/// What a stored Deployment bears. One without a readable epoch was stamped by nobody.
fn stamp(deployment: &Deployment) -> Stamp<'_> {
    let epoch = drift::annotation(deployment, names::EPOCH).and_then(|text| text.parse().ok());
    Stamp {
        uid: deployment.metadata.uid.as_deref().unwrap_or_default(),
        resource_version: deployment.metadata.resource_version.as_deref().unwrap_or_default(),
        epoch: Epoch(epoch.unwrap_or_default()),
    }
}

fn secret_name(new: &NewDeployment) -> String {
    let random: String = (0..6).map(|_| char::from(LETTERS[rand::random_range(0..LETTERS.len())])).collect();
    format!("{}-{}-{random}", names::deployment(&new.key), new.epoch)
}

pub(crate) fn foreign(kind: &str, name: &str) -> ClusterError {
    ClusterError::Refused(format!(
        "a {kind} called {name} is there already and is not Slipway's: remove it, or give the service another name"
    ))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
pub(crate) fn refused(error: kube::Error) -> ClusterError {
    failure(&error)
}
