//! Rights that end where the tenant ends: what reaches the table and the keys on behalf of one tenant alone.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use slipway_domain::id::TenantId;

use crate::keys::Keys;

/// The table and the keys, with credentials that are good for one tenant's part of them.
pub struct Narrowed {
    pub client: Client,
    pub keys: Arc<dyn Keys>,
}

/// Makes them. Called for each scope: what is costly is kept by whoever implements it.
pub trait Narrow: Send + Sync {
    fn narrow(&self, tenant: &TenantId) -> Narrowed;
}
