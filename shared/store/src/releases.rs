//! Releases: written once, each with its number, its tag and its encrypted variables.

use slipway_domain::id::ReleaseId;
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::release::{Release, ReleaseRef};
use slipway_domain::variables::Variables;

use crate::error::{Result, StoreError};
use crate::records::{Change, Listed, Page};
use crate::store::Scoped;

/// A release to be written, and what must still be so. The number is `release_count` of the app as it was read, plus
/// one; the newest release of the environment as it was read is the base.
#[derive(Clone, Debug)]
pub struct NewRelease {
    pub release: Release,
    pub variables: Variables,
    pub expected_newest: Option<ReleaseId>,
}

impl Scoped {
    /// `Stale(ReleaseCount)` or `Stale(Newest)`: read app and environment again and retry. `Exists(Tag)`,
    /// `Exists(Release)` (draw another id), `Missing(App)`, `Missing(Environment)`.
    pub async fn create_release(&self, change: &Change, new: &NewRelease) -> Result<()> {
        let _ = (change, new);
        Err(StoreError::Misuse(String::new()))
    }

    /// By id, number or tag.
    pub async fn release(&self, app: &AppName, reference: &ReleaseRef) -> Result<Option<Release>> {
        let _ = (app, reference);
        Err(StoreError::Misuse(String::new()))
    }

    /// Newest first; of one environment, or of the whole app.
    pub async fn releases(
        &self,
        app: &AppName,
        environment: Option<&EnvironmentName>,
        page: &Page,
    ) -> Result<Listed<Release>> {
        let _ = (app, environment, page);
        Err(StoreError::Misuse(String::new()))
    }

    /// Decrypts the values. Whoever shows them to a person writes an audit row first.
    pub async fn variables(&self, release: &Release) -> Result<Variables> {
        let _ = (release,);
        Err(StoreError::Misuse(String::new()))
    }
}
