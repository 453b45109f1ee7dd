//! Tokens: `slp_<kind>_<id>_<32 base62><6 CRC32>`. Only a hash is stored.

use slipway_domain::error::Result;
use slipway_domain::id::TenantId;
use slipway_domain::secret::Secret;

use crate::caller::Caller;
use crate::slipway::Slipway;

impl Slipway {
    /// Makes the tenant and its owner's token at the first start of a local installation. None: there is one already.
    pub async fn bootstrap_local(&self, tenant: &TenantId) -> Result<Option<Secret>> {
        unimplemented!()
    }

    /// Makes the proof that every use case takes. A mistyped token is refused without a read. Errors: `unauthenticated`
    /// (401), the same for a token that is malformed, unknown, expired or revoked.
    pub async fn authenticate(&self, token: &str, request_id: &str) -> Result<Caller> {
        unimplemented!()
    }
}
