//! Variables: read keys, reveal values, and change them, which makes a release.

use slipway_domain::error::Result;
use slipway_domain::id::ReleaseId;
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::release::{Fingerprint, ReleaseRef, Tag};
use slipway_domain::secret::Secret;
use slipway_domain::variables::{VariableKey, Variables};

use crate::caller::Caller;
use crate::releases::{Base, BaseChoice, ReleaseView};
use crate::request::{Idempotency, Posted};
use crate::slipway::Slipway;

/// A variable without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableView {
    pub key: VariableKey,
    /// HMAC of the value under a key of the tenant, bound to the variable's key.
    pub fingerprint: Fingerprint,
}

/// The variables of one release, by key.
#[derive(Clone, Debug)]
pub struct VariablesView {
    /// None: the environment has no release and so no variables.
    pub release: Option<ReleaseId>,
    pub variables: Vec<VariableView>,
}

/// The values of one release.
#[derive(Clone, Debug)]
pub struct Revealed {
    pub release: ReleaseId,
    pub variables: Variables,
}

/// What is to become of the variables. Keys and values are checked by the use case, so that every bad one is told.
#[derive(Clone, Debug)]
pub enum VariableChange {
    /// A value sets, none unsets; keys that are not named stay as they are.
    Patch(Vec<(String, Option<Secret>)>),
    /// These and no others.
    Replace(Vec<(String, Secret)>),
}

/// How a change of variables was asked for.
#[derive(Clone, Debug)]
pub struct ChangeVariables {
    pub change: VariableChange,
    pub base: BaseChoice,
    /// Only if the base is still this release.
    pub if_base: Option<ReleaseId>,
    /// At most 500 characters. None: `env add:… change:… remove:…`.
    pub description: Option<String>,
    /// Unique in the app.
    pub tag: Option<Tag>,
}

/// What came of a change of variables.
#[derive(Clone, Debug)]
pub enum VariablesChanged {
    /// Everything was so already: no release was made.
    Unchanged { release: ReleaseId },
    Released { release: ReleaseView, base: Base },
}

impl Slipway {
    /// Keys and fingerprints of the newest release, or of another. Right: read. Errors: `app_not_found`,
    /// `environment_not_found`, `release_not_found` (404).
    pub async fn variables(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        of: &BaseChoice,
    ) -> Result<VariablesView> {
        unimplemented!()
    }

    /// The values, after an audit row was written. Right: reveal. Errors: `release_not_found` (404).
    pub async fn reveal_variables(&self, caller: &Caller, app: &AppName, release: &ReleaseRef) -> Result<Revealed> {
        unimplemented!()
    }

    /// Right: deploy. Errors: `no_release` (409: build first), `base_changed` (409), `invalid_variables` (422, a field
    /// per variable), `tag_taken` (409).
    pub async fn change_variables(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        change: ChangeVariables,
        idempotency: Option<&Idempotency>,
    ) -> Result<Posted<VariablesChanged>> {
        unimplemented!()
    }
}
