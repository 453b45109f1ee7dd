//! Two releases compared. Keys of variables, never values.

use serde::Serialize;
use serde_json::Value;
use slipway_domain::release as domain;
use slipway_service::releases;
use utoipa::ToSchema;

use super::build::Commit;
use super::release::ReleaseHead;
use super::texts;

/// A digest of an image on both sides.
#[derive(Serialize, ToSchema)]
pub struct ImageChange {
    pub from: String,
    pub to: String,
}

/// A commit on both sides.
#[derive(Serialize, ToSchema)]
pub struct CommitChange {
    pub from: Option<Commit>,
    pub to: Option<Commit>,
}

/// Keys, ascending.
#[derive(Serialize, ToSchema)]
pub struct VariablesDiff {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub changed: Vec<String>,
}

/// A setting of the manifest on both sides; null where it is not set.
#[derive(Serialize, ToSchema)]
pub struct SettingChange {
    /// `health.timeout_seconds`
    pub setting: String,
    pub from: Value,
    pub to: Value,
}

/// A service whose settings differ.
#[derive(Serialize, ToSchema)]
pub struct ServiceChange {
    pub service: String,
    pub settings: Vec<SettingChange>,
}

/// Services, in the order of the manifests.
#[derive(Serialize, ToSchema)]
pub struct ServicesDiff {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub changed: Vec<ServiceChange>,
}

/// What changes on the way from one release to another.
#[derive(Serialize, ToSchema)]
pub struct Diff {
    /// Nothing differs.
    pub empty: bool,
    pub image: Option<ImageChange>,
    pub commit: Option<CommitChange>,
    pub variables: VariablesDiff,
    pub services: ServicesDiff,
    /// Settings of the manifest as a whole.
    pub settings: Vec<SettingChange>,
}

/// Two releases and what the second brings relative to the first.
#[derive(Serialize, ToSchema)]
pub struct ReleaseDiff {
    pub from: ReleaseHead,
    pub to: ReleaseHead,
    pub diff: Diff,
}

impl From<&releases::ReleaseDiff> for ReleaseDiff {
    fn from(compared: &releases::ReleaseDiff) -> Self {
        Self { from: (&compared.from).into(), to: (&compared.to).into(), diff: (&compared.diff).into() }
    }
}

impl From<&domain::Diff> for Diff {
    fn from(diff: &domain::Diff) -> Self {
        let image = diff.image.as_ref();
        let commit = diff.commit.as_ref();
        Self {
            empty: diff.is_empty(),
            image: image.map(|change| ImageChange { from: change.from.to_string(), to: change.to.to_string() }),
            commit: commit.map(|change| CommitChange {
                from: change.from.as_ref().map(Commit::from),
                to: change.to.as_ref().map(Commit::from),
            }),
            variables: VariablesDiff {
                added: texts(&diff.variables.added),
                removed: texts(&diff.variables.removed),
                changed: texts(&diff.variables.changed),
            },
            services: ServicesDiff {
                added: texts(&diff.services.added),
                removed: texts(&diff.services.removed),
                changed: diff.services.changed.iter().map(ServiceChange::from).collect(),
            },
            settings: settings(&diff.settings),
        }
    }
}

impl From<&domain::ServiceChange> for ServiceChange {
    fn from(change: &domain::ServiceChange) -> Self {
        Self { service: change.service.to_string(), settings: settings(&change.settings) }
    }
}

fn settings(changes: &[domain::SettingChange]) -> Vec<SettingChange> {
    let one = |change: &domain::SettingChange| SettingChange {
        setting: change.setting.clone(),
        from: change.from.clone(),
        to: change.to.clone(),
    };
    changes.iter().map(one).collect()
}
