//! A release: one build frozen with one set of variables and one manifest. Written once, never changed.
//!
//! The struct holds no values of variables, only fingerprints of them; the values are kept encrypted beside it.

mod diff;
mod digest;
mod reference;
mod state;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::diff::{Changed, Diff, ServiceChange, ServicesDiff, SettingChange, VariablesDiff, diff};
pub use self::digest::{
    Fingerprint, ImageDigest, ParseDigestError, ReleaseDigest, TenantKey, cursor_key, digest, fingerprint, fingerprints,
};
pub use self::reference::{ParseReferenceError, ParseTagError, ReleaseRef, Tag};
pub use self::state::{ReleaseState, Standing, state};
use crate::build::Commit;
use crate::id::{BuildId, ReleaseId};
use crate::manifest::Manifest;
use crate::name::{AppName, EnvironmentName};
use crate::time::Time;
use crate::variables::VariableKey;

/// One release as it is stored, and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    pub id: ReleaseId,
    /// Counts up in the app: `v42`.
    pub number: u64,
    pub app: AppName,
    pub environment: EnvironmentName,
    pub build: BuildId,
    pub digest: ReleaseDigest,
    pub description: String,
    /// Unique in the app.
    pub tag: Option<Tag>,
    /// The release that it was made from.
    pub parent: Option<ReleaseId>,
    /// The release that it is a copy of: a roll-back, a restart, or one taken from another environment.
    pub copied_from: Option<ReleaseId>,
    /// The number that counts for its age: a copy is as old as its original.
    pub original_number: u64,
    pub created_at: Time,
    pub created_by: String,
    pub reason: Option<String>,
    pub manifest: Manifest,
    pub image: ImageDigest,
    pub commit: Option<Commit>,
    /// Of each variable, so that two releases can be compared without their values.
    pub fingerprints: BTreeMap<VariableKey, Fingerprint>,
}

impl Release {
    /// Whether promoting it would be a step back from `active`: then a roll-back is what is meant.
    pub fn is_older_than(&self, active: &Self) -> bool {
        self.original_number < active.original_number
    }

    /// Declared variables without a default that it lacks, each with the services that declare it.
    pub fn missing_variables(&self) -> BTreeMap<VariableKey, Vec<crate::name::ServiceName>> {
        self.manifest.missing(|key| self.fingerprints.contains_key(key))
    }
}

#[cfg(test)]
mod tests;
