//! Waiting for a change: one watch per kind of object, which goes on from where the last look ended.
//!
//! A namespace is watched from its first look until nobody has looked for a while or the cluster breaks a watch off. Each
//! look notes how many changes had been told before it began; the wait that follows ends with the next one. So nothing
//! that happens between a look and its wait is missed, and a wait costs no request.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::{TryStreamExt, pin_mut};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::WatchParams;
use kube::core::{NamespaceResourceScope, WatchEvent};
use serde::de::DeserializeOwned;
use slipway_rollout::observation::Observation;
use slipway_service::ports::Namespace;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::client::{REQUEST_LIMIT, within};
use crate::names;

/// The server ends a watch after so long, in seconds, and it is begun anew: before a connection counts as dead because
/// nothing was said on it.
const RENEWED_SECONDS: u32 = 45;
/// Nothing at all was told for so long, not even the end: the connection is dead.
const SILENCE: Duration = Duration::from_secs(RENEWED_SECONDS as u64 + 10);
/// A namespace that nobody looks at is watched for so long.
const KEPT: Duration = Duration::from_mins(2);
/// Changes come in bunches, of a Deployment, its ReplicaSet and a pod: one look is enough for all of them.
const BUNCH: Duration = Duration::from_millis(10);
/// Between two looks while nothing tells of changes.
const BLIND: Duration = Duration::from_millis(250);

/// From where the watches of a namespace go on.
pub(crate) struct Versions {
    pub deployments: String,
    pub replica_sets: String,
    pub pods: String,
    pub slices: String,
}

/// All namespaces that are watched.
#[derive(Default)]
pub(crate) struct Watches {
    by_namespace: Mutex<HashMap<String, Entry>>,
}

struct Entry {
    /// How many changes were told. The sender is gone when a watch has ended.
    changes: watch::Receiver<u64>,
    task: AbortHandle,
    used: Arc<Mutex<Instant>>,
    /// The last look, and the changes that had been told when it began.
    seen: Option<(Observation, u64)>,
}

impl Drop for Watches {
    fn drop(&mut self) {
        for entry in lock(&self.by_namespace).values() {
            entry.task.abort();
        }
    }
}

impl Watches {
    /// To be asked before a look begins.
    pub fn count(&self, namespace: &str) -> Option<u64> {
        let entries = lock(&self.by_namespace);
        let entry = entries.get(namespace)?;
        let count = *entry.changes.borrow();
        entry.changes.has_changed().is_ok().then_some(count)
    }

    /// Notes a look that began when `count` changes had been told, and sees to it that the namespace is watched from
    /// there on.
    pub fn looked(
        &self,
        client: &kube::Client,
        namespace: &Namespace,
        seen: &Observation,
        count: Option<u64>,
        versions: Versions,
    ) {
        let name = namespace.to_string();
        let mut entries = lock(&self.by_namespace);
        // A watch that ended in the meantime is begun at the next look.
        if let (Some(count), Some(entry)) = (count, entries.get_mut(&name)) {
            entry.seen = Some((seen.clone(), count));
            *lock(&entry.used) = Instant::now();
            return;
        }
        entries.retain(|_, entry| entry.changes.has_changed().is_ok());
        if let Some(before) = entries.remove(&name) {
            before.task.abort();
        }
        let (told, changes) = watch::channel(0);
        let used = Arc::new(Mutex::new(Instant::now()));
        let task = follow_all(client.clone(), namespace.clone(), versions, told, Arc::clone(&used));
        let task = tokio::spawn(task).abort_handle();
        entries.insert(name, Entry { changes, task, used, seen: Some((seen.clone(), 0)) });
    }

    /// Returns with the first change after the look at `seen`, or after `limit`.
    pub async fn changed(&self, namespace: &str, seen: &Observation, limit: Duration) {
        let waiting = {
            let mut entries = lock(&self.by_namespace);
            let entry = entries.get_mut(namespace);
            entry.and_then(|entry| {
                let (last, count) = entry.seen.as_ref()?;
                (last == seen).then(|| (entry.changes.clone(), *count))
            })
        };
        // Somebody else has looked since: what was seen may be old.
        let Some((mut changes, count)) = waiting else { return sleep(BLIND.min(limit)).await };
        let told = timeout(limit, changes.wait_for(|told| *told != count)).await.map(|told| told.is_ok());
        match told {
            Err(_) => {}
            Ok(true) => sleep(BUNCH.min(limit)).await,
            Ok(false) => sleep(BLIND.min(limit)).await,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Watches until one of the watches cannot go on, or nobody looks any more.
async fn follow_all(
    client: kube::Client,
    namespace: Namespace,
    versions: Versions,
    told: watch::Sender<u64>,
    used: Arc<Mutex<Instant>>,
) {
    let follow = Follow { client: &client, namespace: &namespace, told: &told, used: &used };
    let end = tokio::select! {
        end = follow.kind::<Deployment>(versions.deployments) => end,
        end = follow.kind::<ReplicaSet>(versions.replica_sets) => end,
        end = follow.kind::<Pod>(versions.pods) => end,
        end = follow.kind::<EndpointSlice>(versions.slices) => end,
    };
    if let Err(error) = end {
        tracing::debug!(namespace = %namespace, error = %error, "a watch ended");
    }
}

struct Follow<'a> {
    client: &'a kube::Client,
    namespace: &'a Namespace,
    told: &'a watch::Sender<u64>,
    used: &'a Mutex<Instant>,
}

impl Follow<'_> {
    async fn kind<K>(&self, mut version: String) -> Result<(), kube::Error>
    where
        K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    {
        let objects: Api<K> = Api::namespaced(self.client.clone(), &self.namespace.to_string());
        let params = WatchParams::default().labels(&names::selector(self.namespace)).timeout(RENEWED_SECONDS);
        while lock(self.used).elapsed() < KEPT {
            let events = within(REQUEST_LIMIT, objects.watch_metadata(&params, &version)).await?;
            pin_mut!(events);
            while let Some(event) = within(SILENCE, events.try_next()).await? {
                let (seen, is_change) = match event {
                    WatchEvent::Added(object) | WatchEvent::Modified(object) | WatchEvent::Deleted(object) => {
                        (object.metadata.resource_version, true)
                    }
                    WatchEvent::Bookmark(mark) => (Some(mark.metadata.resource_version), false),
                    WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
                };
                version = seen.unwrap_or(version);
                if is_change {
                    self.told.send_modify(|count| *count += 1);
                }
            }
        }
        Ok(())
    }
}
