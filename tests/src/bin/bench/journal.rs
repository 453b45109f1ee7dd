//! What happens in a namespace of the cluster, as a watch of our own is told it, and when.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{TryStreamExt, pin_mut};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, WatchParams};
use kube::core::{NamespaceResourceScope, WatchEvent};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use slipway_domain::time::Time;
use slipway_tests::server::{Result, failed};
use tokio::task::AbortHandle;

use crate::machine::now;

/// The longest that the server keeps a watch, in seconds; it is begun anew.
const RENEWED_SECONDS: u32 = 290;
/// Before a watch that broke off is begun anew.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Clone, Debug)]
pub enum Object {
    Deployment(Box<Deployment>),
    ReplicaSet(Box<ReplicaSet>),
    Pod(Box<Pod>),
}

impl From<Deployment> for Object {
    fn from(deployment: Deployment) -> Self {
        Self::Deployment(Box::new(deployment))
    }
}

impl From<ReplicaSet> for Object {
    fn from(set: ReplicaSet) -> Self {
        Self::ReplicaSet(Box::new(set))
    }
}

impl From<Pod> for Object {
    fn from(pod: Pod) -> Self {
        Self::Pod(Box::new(pod))
    }
}

/// One thing that was told.
#[derive(Clone, Debug)]
pub struct Entry {
    /// By this machine's clock.
    pub at: Time,
    pub object: Object,
    /// It does not exist any more.
    pub gone: bool,
}

/// Everything told of a namespace since it was opened, in order. It is kept until it is dropped.
pub struct Journal {
    entries: Arc<Mutex<Vec<Entry>>>,
    watches: Vec<AbortHandle>,
}

impl Journal {
    /// Begins with what is there.
    pub async fn open(client: &Client, namespace: &str) -> Result<Self> {
        let mut journal = Self { entries: Arc::default(), watches: Vec::new() };
        journal.add::<Deployment>(client, namespace).await?;
        journal.add::<ReplicaSet>(client, namespace).await?;
        journal.add::<Pod>(client, namespace).await?;
        Ok(journal)
    }

    /// A copy of what was told so far.
    pub fn entries(&self) -> Vec<Entry> {
        lock(&self.entries).clone()
    }

    /// When the first entry like this was told.
    pub fn first(&self, test: impl Fn(&Entry) -> bool) -> Option<Time> {
        lock(&self.entries).iter().find(|entry| test(entry)).map(|entry| entry.at)
    }

    async fn add<K>(&mut self, client: &Client, namespace: &str) -> Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
        K: Into<Object> + Send + 'static,
    {
        let objects: Api<K> = Api::namespaced(client.clone(), namespace);
        let listed = objects.list(&ListParams::default()).await.map_err(failed("list what is in the namespace"))?;
        let at = now();
        let present = listed.items.into_iter().map(|object| Entry { at, object: object.into(), gone: false });
        lock(&self.entries).extend(present);
        let version = listed.metadata.resource_version.ok_or("a list without a version")?;
        let task = tokio::spawn(follow(objects, version, Arc::clone(&self.entries)));
        self.watches.push(task.abort_handle());
        Ok(())
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        for watch in &self.watches {
            watch.abort();
        }
    }
}

/// Goes on from where it was when a watch breaks off.
async fn follow<K>(objects: Api<K>, mut version: String, entries: Arc<Mutex<Vec<Entry>>>)
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Into<Object>,
{
    let params = WatchParams::default().timeout(RENEWED_SECONDS);
    loop {
        if let Ok(events) = objects.watch(&params, &version).await {
            pin_mut!(events);
            while let Ok(Some(event)) = events.try_next().await {
                let (object, gone) = match event {
                    WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, false),
                    WatchEvent::Deleted(object) => (object, true),
                    WatchEvent::Bookmark(mark) => {
                        version = mark.metadata.resource_version;
                        continue;
                    }
                    WatchEvent::Error(_) => break,
                };
                version = object.meta().resource_version.clone().unwrap_or(version);
                lock(&entries).push(Entry { at: now(), object: object.into(), gone });
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
