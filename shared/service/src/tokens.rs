//! Tokens: who a caller is. Only a hash of a token is stored, and it is shown once.

use std::time::Duration;

use slipway_domain::error::{Error, Kind, Result};
use slipway_domain::id::TenantId;
use slipway_domain::secret::Secret;
use slipway_domain::time::Time;
use slipway_store::error::{StoreError, Subject};
use slipway_store::records::{Change, Role, Tenant, Token};
use slipway_store::token_id::TokenId;

use crate::caller::Caller;
use crate::slipway::{Slipway, not_found};
use crate::sweep::system_change;
use crate::token_text::TokenText;

pub(crate) const TOKEN_LIFE: Duration = Duration::from_hours(90 * 24);
/// A machine of one's own has nobody who could make a new token once the only one is over.
const LOCAL_TOKEN_LIFE: Duration = Duration::from_hours(10 * 365 * 24);

impl Slipway {
    /// Makes the tenant and its owner's token at the first start of a local installation. None: there is one already.
    pub async fn bootstrap_local(&self, tenant: &TenantId) -> Result<Option<Secret>> {
        let store = self.store.scoped(tenant.clone());
        let now = self.clock.now();
        let change = local_change(now, "tenant.create");
        let record = Tenant { id: tenant.clone(), name: "local".to_owned(), created_at: now };
        match store.create_tenant(&change, &record).await {
            Ok(()) | Err(StoreError::Exists(Subject::Tenant)) => {}
            Err(error) => return Err(error.into()),
        }
        // Looked for after the tenant was made: a start that was cut off between the two is completed by the next.
        if !store.tokens().await?.is_empty() {
            return Ok(None);
        }
        self.local_token(tenant, Change { action: "token.create", ..change }).await.map(Some)
    }

    /// Another owner's token of a local installation whose first one was lost. Only for who holds the data anyhow.
    /// Errors: `tenant_not_found` (404) before the first start.
    pub async fn renew_local(&self, tenant: &TenantId) -> Result<Secret> {
        if self.store.scoped(tenant.clone()).tenant().await?.is_none() {
            return Err(not_found("tenant_not_found", format!("the tenant {tenant}")));
        }
        self.local_token(tenant, local_change(self.clock.now(), "token.create")).await
    }

    async fn local_token(&self, tenant: &TenantId, change: Change) -> Result<Secret> {
        let (text, token) = self.draw_token(tenant, "local", Role::Owner, LOCAL_TOKEN_LIFE)?;
        self.store.scoped(tenant.clone()).create_token(&change, &token).await?;
        Ok(text)
    }

    /// Another token of the caller's tenant, shown this once. Nobody gives more than they have. Right: administer.
    pub async fn create_token(&self, caller: &Caller, name: &str, role: Role) -> Result<(Token, Secret)> {
        caller.needs(crate::caller::Right::Administer)?;
        if name.trim().is_empty() {
            return Err(Error::invalid(
                "invalid_token",
                "/name",
                "name the token, so that histories can tell who it was",
            ));
        }
        crate::request::check_text("invalid_token", "/name", Some(name), 100)?;
        let (text, token) = self.draw_token(caller.tenant(), name, role, TOKEN_LIFE)?;
        self.of(caller).create_token(&self.change(caller, "token.create"), &token).await?;
        Ok((token, text))
    }

    pub(crate) fn draw_token(
        &self,
        tenant: &TenantId,
        name: &str,
        role: Role,
        life: Duration,
    ) -> Result<(Secret, Token)> {
        let secret = [self.entropy.draw(), self.entropy.draw()];
        let text = TokenText::new(role.as_str(), tenant, self.entropy.draw(), secret);
        let created_at = self.clock.now();
        let token = Token {
            id: text.id().parse().map_err(|_| Error::internal("a new token has no valid id"))?,
            name: name.to_owned(),
            sha256: text.hash(),
            role,
            created_at,
            expires_at: created_at.plus(life),
            revoked_at: None,
        };
        Ok((text.into_secret(), token))
    }

    /// Makes the proof that every use case takes. A mistyped token is refused without a read. Errors: `unauthenticated`
    /// (401), the same for a token that is malformed, unknown, expired or revoked.
    pub async fn authenticate(&self, token: &str, request_id: &str) -> Result<Caller> {
        let text = TokenText::parse(token).ok_or_else(unauthenticated)?;
        let tenant = text.tenant().ok_or_else(unauthenticated)?;
        let id: TokenId = text.id().parse().map_err(|_| unauthenticated())?;
        let known = self.store.token(&id).await?.ok_or_else(unauthenticated)?;
        let live = known.revoked_at.is_none() && self.clock.now() < known.expires_at;
        if !text.matches(&known.sha256) || !live {
            return Err(unauthenticated());
        }
        Ok(Caller::new(tenant, known.name, text.id().to_owned(), known.role, request_id))
    }
}

fn local_change(now: Time, action: &'static str) -> Change {
    Change { request_id: "local".to_owned(), ..system_change(now, action) }
}

fn unauthenticated() -> Error {
    let message = "send a valid token as `Authorization: Bearer slp_…`; log in again if yours is over or was revoked";
    Error::new(Kind::Unauthenticated, "unauthenticated", message)
}
