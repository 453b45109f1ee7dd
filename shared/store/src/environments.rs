//! Environments: written as a whole under their version; `newest` moves only with a release.

use slipway_domain::id::ReleaseId;
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::promotion::Environment;
use slipway_domain::time::Time;
use std::collections::BTreeMap;

use crate::error::{Result, StoreError};
use crate::records::{Activation, Change, Listed, Page, ReleaseHistory};
use crate::store::Scoped;

impl Scoped {
    /// `Exists(Environment)` when the name is taken, `Missing(App)` when there is no such app.
    pub async fn create_environment(&self, change: &Change, environment: &Environment) -> Result<()> {
        let _ = (change, environment);
        Err(StoreError::Misuse(String::new()))
    }

    /// A consistent read.
    pub async fn environment(&self, app: &AppName, name: &EnvironmentName) -> Result<Option<Environment>> {
        let _ = (app, name);
        Err(StoreError::Misuse(String::new()))
    }

    /// All of the app's, by name.
    pub async fn environments(&self, app: &AppName) -> Result<Vec<Environment>> {
        let _ = (app,);
        Err(StoreError::Misuse(String::new()))
    }

    /// Replaces it if its version is still `expected_version`; `environment.version` is one more. `newest` is left as it
    /// is stored, whatever the value says: only a new release moves it. `Stale(Environment)` otherwise.
    pub async fn save_environment(
        &self,
        change: &Change,
        environment: &Environment,
        expected_version: u64,
    ) -> Result<()> {
        let _ = (change, environment, expected_version);
        Err(StoreError::Misuse(String::new()))
    }

    /// Ended promotions, newest first; with `until`, only those that ended then or before: the first of them that
    /// `activated()` says what was running at that time.
    pub async fn activations(
        &self,
        app: &AppName,
        environment: &EnvironmentName,
        until: Option<Time>,
        page: &Page,
    ) -> Result<Listed<Activation>> {
        let _ = (app, environment, until, page);
        Err(StoreError::Misuse(String::new()))
    }

    /// What became of these releases (at most 100); one that had no ended promotion is absent.
    pub async fn history(
        &self,
        app: &AppName,
        environment: &EnvironmentName,
        releases: &[ReleaseId],
    ) -> Result<BTreeMap<ReleaseId, ReleaseHistory>> {
        let _ = (app, environment, releases);
        Err(StoreError::Misuse(String::new()))
    }
}
