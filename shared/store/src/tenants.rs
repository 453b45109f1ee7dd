//! The tenant, its key for digests, and its tokens.

use slipway_domain::release::TenantKey;
use slipway_domain::time::Time;

use crate::error::{Result, StoreError};
use crate::records::{Change, Tenant, Token};
use crate::store::Scoped;
use crate::token_id::TokenId;

impl Scoped {
    /// Writes the tenant with a fresh key of its own. `Exists(Tenant)`: draw another id.
    pub async fn create_tenant(&self, change: &Change, tenant: &Tenant) -> Result<()> {
        let _ = (change, tenant);
        Err(StoreError::Misuse(String::new()))
    }

    /// The tenant of this scope.
    pub async fn tenant(&self) -> Result<Option<Tenant>> {
        Err(StoreError::Misuse(String::new()))
    }

    /// The key of its digests and fingerprints. `Missing(Tenant)`.
    pub async fn tenant_key(&self) -> Result<TenantKey> {
        Err(StoreError::Misuse(String::new()))
    }

    /// The id must begin with this tenant's. `Exists(Token)`: draw another id.
    pub async fn create_token(&self, change: &Change, token: &Token) -> Result<()> {
        let _ = (change, token);
        Err(StoreError::Misuse(String::new()))
    }

    /// A consistent read: a revoked token is seen as revoked at once.
    pub async fn token(&self, id: &TokenId) -> Result<Option<Token>> {
        let _ = (id,);
        Err(StoreError::Misuse(String::new()))
    }

    /// All of the tenant's, by id.
    pub async fn tokens(&self) -> Result<Vec<Token>> {
        Err(StoreError::Misuse(String::new()))
    }

    /// `Missing(Token)` when there is none, `Stale(Token)` when it was revoked before.
    pub async fn revoke_token(&self, change: &Change, id: &TokenId, at: Time) -> Result<()> {
        let _ = (change, id, at);
        Err(StoreError::Misuse(String::new()))
    }
}
