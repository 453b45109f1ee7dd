//! What a sick process said last, without the values of its variables.

use std::collections::BTreeMap;

use slipway_domain::id::ReleaseId;
use slipway_domain::promotion::{DeploymentKey, Exit, Failure};
use slipway_domain::release::Release;
use slipway_domain::secret::Secret;
use slipway_rollout::diagnose::Finding;
use slipway_store::Scoped;

use crate::mask::{mask, newest, secrets};
use crate::ports::{Cluster, Namespace};
use crate::template::template;

/// The last lines of a process that are shown.
const LINES: usize = 20;
/// Of one process together, in bytes.
const BYTES: usize = 16 * 1024;
/// Processes of one service and release whose lines are shown: sick ones of a kind say the same.
const LOGS_PER_SERVICE: u32 = 3;
/// In one answer.
const LOGS: u32 = 12;

/// In place of words that may hold values.
const UNREADABLE: &str = "what was said is left out, since the values to be masked in it cannot be read now";

/// Logs, and the values to be taken out of them. What cannot be masked is not shown.
pub(super) struct Evidence<'a> {
    store: &'a Scoped,
    cluster: &'a dyn Cluster,
    namespace: &'a Namespace,
    releases: &'a BTreeMap<ReleaseId, Release>,
    /// None: the values cannot be had.
    values: BTreeMap<DeploymentKey, Option<Vec<Secret>>>,
    read: BTreeMap<DeploymentKey, u32>,
}

impl<'a> Evidence<'a> {
    pub(super) fn new(
        store: &'a Scoped,
        cluster: &'a dyn Cluster,
        namespace: &'a Namespace,
        releases: &'a BTreeMap<ReleaseId, Release>,
    ) -> Self {
        Self { store, cluster, namespace, releases, values: BTreeMap::new(), read: BTreeMap::new() }
    }

    /// Masks what a finding says, and gives the last log lines of its process.
    pub(super) async fn of(&mut self, finding: &mut Finding) -> Vec<String> {
        let values = self.values(&finding.key).await;
        for text in said(&mut finding.exit, &mut finding.probe_error) {
            *text = values.as_ref().map(|values| mask(text, values)).unwrap_or_default();
        }
        finding.message = values.as_ref().map_or(UNREADABLE.to_owned(), |values| mask(&finding.message, values));
        let Some(values) = values else { return Vec::new() };
        let Some(process) = &finding.process else { return Vec::new() };
        if !self.may_read(&finding.key) {
            return Vec::new();
        }
        // A process that never started has no log, and one that is gone has none any more.
        let lines = self.cluster.tail(self.namespace, process, LINES).await.unwrap_or_default();
        newest(lines.iter().map(|line| mask(line, &values)).collect(), LINES, BYTES)
    }

    /// Masks what a promotion of the release says.
    pub(super) async fn hide(&mut self, release: &ReleaseId, failure: &mut Failure) {
        let Some(service) = failure.service.clone() else { return };
        let values = self.values(&DeploymentKey { service, release: release.clone() }).await;
        for text in said(&mut failure.exit, &mut None) {
            *text = values.as_ref().map(|values| mask(text, values)).unwrap_or_default();
        }
        failure.message = values.map_or(UNREADABLE.to_owned(), |values| mask(&failure.message, &values));
    }

    async fn values(&mut self, key: &DeploymentKey) -> Option<Vec<Secret>> {
        if let Some(values) = self.values.get(key) {
            return values.clone();
        }
        let values = self.unseal(key).await;
        self.values.insert(key.clone(), values.clone());
        values
    }

    async fn unseal(&self, key: &DeploymentKey) -> Option<Vec<Secret>> {
        let release = self.releases.get(&key.release)?;
        let variables = self.store.variables(release).await.ok()?;
        let template = template(release, &variables, &key.service).ok()?;
        Some(secrets(&template).into_iter().cloned().collect())
    }

    fn may_read(&mut self, key: &DeploymentKey) -> bool {
        let all: u32 = self.read.values().sum();
        let own = self.read.entry(key.clone()).or_default();
        let may = all < LOGS && *own < LOGS_PER_SERVICE;
        *own += u32::from(may);
        may
    }
}

/// The words of a process itself, which may be anything.
fn said<'a>(exit: &'a mut Option<Exit>, probe_error: &'a mut Option<String>) -> impl Iterator<Item = &'a mut String> {
    exit.iter_mut().map(|exit| &mut exit.message).chain(probe_error)
}
