//! Who did what, what is to be told, and what was asked for before.

use crate::error::{Result, StoreError};
use crate::records::{AuditRow, Change, IdempotencyRecord, Listed, Notice, Page};
use crate::store::Scoped;
use slipway_domain::time::Time;

impl Scoped {
    /// Writes an audit row alone: for what is seen rather than changed, such as values of variables, before it is shown.
    pub async fn record(&self, change: &Change, target: &str) -> Result<()> {
        let _ = (change, target);
        Err(StoreError::Misuse(String::new()))
    }

    /// Newest first.
    pub async fn audit(&self, page: &Page) -> Result<Listed<AuditRow>> {
        let _ = (page,);
        Err(StoreError::Misuse(String::new()))
    }

    /// Undelivered notices, oldest first.
    pub async fn notices(&self, page: &Page) -> Result<Listed<Notice>> {
        let _ = (page,);
        Err(StoreError::Misuse(String::new()))
    }

    /// Takes a notice out of the outbox. Gone already is success.
    pub async fn delivered(&self, id: &str) -> Result<()> {
        let _ = (id,);
        Err(StoreError::Misuse(String::new()))
    }

    /// The record of a request with this key that is not older than 24 hours.
    pub async fn idempotency(&self, scope: &str, key: &str, now: Time) -> Result<Option<IdempotencyRecord>> {
        let _ = (scope, key, now);
        Err(StoreError::Misuse(String::new()))
    }
}
