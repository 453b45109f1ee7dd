//! Apps: create, list, read.

use slipway_domain::app::App;
use slipway_domain::error::Result;
use slipway_domain::name::AppName;
use slipway_domain::promotion::Environment;

use crate::caller::Caller;
use crate::request::{Idempotency, Page, Paged, Posted};
use crate::slipway::Slipway;

/// An app with its environments, `production` first.
#[derive(Clone, Debug)]
pub struct AppView {
    pub app: App,
    pub environments: Vec<Environment>,
}

impl Slipway {
    /// Makes an app with the environment `production`. Right: administer. Errors: `app_exists` (409).
    pub async fn create_app(
        &self,
        caller: &Caller,
        name: &AppName,
        idempotency: Option<&Idempotency>,
    ) -> Result<Posted<AppView>> {
        unimplemented!()
    }

    /// All apps of the tenant by name. Right: read.
    pub async fn apps(&self, caller: &Caller, page: &Page) -> Result<Paged<AppView>> {
        unimplemented!()
    }

    /// Right: read. Errors: `app_not_found` (404).
    pub async fn app(&self, caller: &Caller, app: &AppName) -> Result<AppView> {
        unimplemented!()
    }
}
