//! Apps.

use slipway_domain::app::App;
use slipway_domain::name::AppName;
use slipway_domain::promotion::Environment;

use crate::error::{Result, StoreError};
use crate::records::{Change, Listed, Page};
use crate::store::Scoped;

impl Scoped {
    /// Creates an app with its first environment. `Exists(App)` when the name is taken.
    pub async fn create_app(&self, change: &Change, app: &App, environment: &Environment) -> Result<()> {
        let _ = (change, app, environment);
        Err(StoreError::Misuse(String::new()))
    }

    /// None: there is no such app. `release_count` is the present one.
    pub async fn app(&self, name: &AppName) -> Result<Option<App>> {
        let _ = (name,);
        Err(StoreError::Misuse(String::new()))
    }

    /// By name.
    pub async fn apps(&self, page: &Page) -> Result<Listed<App>> {
        let _ = (page,);
        Err(StoreError::Misuse(String::new()))
    }
}
