//! Runs: one-off processes.

use slipway_domain::id::RunId;
use slipway_domain::name::{AppName, EnvironmentName};

use crate::error::{Result, StoreError};
use crate::records::{Change, Listed, Page, Run, RunEnd};
use crate::store::Scoped;

impl Scoped {
    /// Listed as due when its time limit is over, until it ends. `Exists(Run)`: draw another id.
    pub async fn create_run(&self, change: &Change, run: &Run) -> Result<()> {
        let _ = (change, run);
        Err(StoreError::Misuse(String::new()))
    }

    /// Records how it ended, once: `Stale(Run)` when that is known already.
    pub async fn finish_run(&self, run: &Run, end: &RunEnd) -> Result<()> {
        let _ = (run, end);
        Err(StoreError::Misuse(String::new()))
    }

    /// A consistent read.
    pub async fn run(&self, app: &AppName, id: &RunId) -> Result<Option<Run>> {
        let _ = (app, id);
        Err(StoreError::Misuse(String::new()))
    }

    /// Newest first.
    pub async fn runs(&self, app: &AppName, environment: &EnvironmentName, page: &Page) -> Result<Listed<Run>> {
        let _ = (app, environment, page);
        Err(StoreError::Misuse(String::new()))
    }
}
