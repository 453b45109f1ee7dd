//! Variables: keys and fingerprints; values only on the way in, and in the one answer that reveals them.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use slipway_domain::secret::Secret;
use slipway_domain::variables as values;
use slipway_service::variables::{self as service, VariableView, VariablesView};
use utoipa::ToSchema;

use super::release::{Base, Release};
use super::texts;
use crate::extract::body::{Body, MAX_VARIABLES_BODY};

/// A variable without its value.
#[derive(Serialize, ToSchema)]
pub struct Variable {
    pub key: String,
    /// HMAC of the value under a key of the tenant: the same value of the same key has the same one.
    pub fingerprint: String,
}

impl From<&VariableView> for Variable {
    fn from(view: &VariableView) -> Self {
        Self { key: view.key.to_string(), fingerprint: view.fingerprint.to_string() }
    }
}

/// The variables of one release, by key.
#[derive(Serialize, ToSchema)]
pub struct Variables {
    /// Null: the environment has no release yet.
    pub release: Option<String>,
    pub variables: Vec<Variable>,
}

impl From<&VariablesView> for Variables {
    fn from(view: &VariablesView) -> Self {
        Self {
            release: view.release.as_ref().map(ToString::to_string),
            variables: view.variables.iter().map(Variable::from).collect(),
        }
    }
}

/// Variables to set and to unset; the others stay.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchVariables {
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    pub set: BTreeMap<String, Secret>,
    #[serde(default)]
    pub unset: Vec<String>,
    /// What the new release forks from: `newest` (unless given), `active`, or a release by id, number or tag.
    pub base: Option<String>,
    /// Refuse unless the base is still this release, by id.
    pub if_base: Option<String>,
    /// `env add:… change:… remove:…` unless given.
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// Unique in the app.
    #[schema(min_length = 1, max_length = 64)]
    pub tag: Option<String>,
}

/// All variables anew; those that are not named are unset.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplaceVariables {
    #[schema(value_type = BTreeMap<String, String>)]
    pub variables: BTreeMap<String, Secret>,
    /// What the new release forks from: `newest` (unless given), `active`, or a release by id, number or tag.
    pub base: Option<String>,
    /// Refuse unless the base is still this release, by id.
    pub if_base: Option<String>,
    /// `env add:… change:… remove:…` unless given.
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// Unique in the app.
    #[schema(min_length = 1, max_length = 64)]
    pub tag: Option<String>,
}

impl Body for PatchVariables {
    const LIMIT: usize = MAX_VARIABLES_BODY;
}

impl Body for ReplaceVariables {
    const LIMIT: usize = MAX_VARIABLES_BODY;
}

/// What came of a change of variables.
#[derive(Serialize, ToSchema)]
pub struct VariablesChanged {
    /// False: everything was so already, and no release was made.
    pub changed: bool,
    /// Id of the new release, or of the one that has these variables already.
    pub release: String,
    /// The new release.
    pub created: Option<Release>,
    /// What it forked from.
    pub base: Option<Base>,
    /// Of the keys that were set, those that the release's manifest does not declare for any service: no process gets
    /// them. Services that declare nothing get all.
    pub unused: Vec<String>,
}

impl From<&service::VariablesChanged> for VariablesChanged {
    fn from(change: &service::VariablesChanged) -> Self {
        match change {
            service::VariablesChanged::Unchanged { release } => {
                Self { changed: false, release: release.to_string(), created: None, base: None, unused: Vec::new() }
            }
            service::VariablesChanged::Released { release, base, unused } => Self {
                changed: true,
                release: release.release.id.to_string(),
                created: Some(release.as_ref().into()),
                base: Some(base.as_ref().into()),
                unused: texts(unused),
            },
        }
    }
}

/// Whose values are to be seen.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reveal {
    /// `newest` (unless given), `active`, or a release by id, number or tag.
    pub release: Option<String>,
}

impl Body for Reveal {
    fn empty() -> Option<Self> {
        Some(Self::default())
    }
}

/// Values of variables, in the clear. That they were seen is in the audit log.
#[derive(Serialize, ToSchema)]
pub struct Revealed {
    pub release: String,
    #[serde(serialize_with = "in_the_clear")]
    #[schema(value_type = BTreeMap<String, String>)]
    pub variables: values::Variables,
}

impl From<service::Revealed> for Revealed {
    fn from(revealed: service::Revealed) -> Self {
        Self { release: revealed.release.to_string(), variables: revealed.variables }
    }
}

/// The only place of the API that writes values; the use case that they come from wrote the audit row before.
fn in_the_clear<S: Serializer>(variables: &values::Variables, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for (key, value) in variables.iter() {
        map.serialize_entry(key.as_str(), value.reveal())?;
    }
    map.end()
}
