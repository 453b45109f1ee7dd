//! The tenant, its key for digests, and its tokens.

use slipway_domain::id::TenantId;
use slipway_domain::release::TenantKey;
use slipway_domain::time::Time;

use crate::error::{Result, StoreError, Subject};
use crate::item::{self, BODY, Item};
use crate::keys::{DataKey, KeyContext, Purpose};
use crate::reasons::Meaning;
use crate::records::{Change, Page, Tenant, Token};
use crate::store::Scoped;
use crate::token_id::TokenId;
use crate::transaction::{Edit, When};

/// The tenant's key, as the key service wrapped it.
const WRAPPED: &str = "wrapped_key";

/// When a token was revoked, in milliseconds; absent while it is good.
const REVOKED_AT: &str = "revoked_at";

impl Scoped {
    /// Writes the tenant with a fresh key of its own. `Exists(Tenant)`: draw another id.
    pub async fn create_tenant(&self, change: &Change, tenant: &Tenant) -> Result<()> {
        if &tenant.id != self.tenant_id() {
            return Err(StoreError::Misuse("a tenant is created in its own scope".to_owned()));
        }
        let DataKey { wrapped, .. } = self.keys().data_key(&digests(&tenant.id)).await?;
        let row = item::row([(BODY, item::json(Subject::Tenant, tenant)?), (WRAPPED, item::bytes(wrapped))]);
        let mut transaction = self.begin();
        transaction.create(Subject::Tenant, &self.layout().tenant(), row)?;
        self.sign(&mut transaction, change, "tenant")?;
        self.commit(transaction).await
    }

    /// The tenant of this scope.
    pub async fn tenant(&self) -> Result<Option<Tenant>> {
        let item = self.database().get(&self.layout().tenant()).await?;
        item.map(|item| item::record(Subject::Tenant, &item, BODY)).transpose()
    }

    /// The key of its digests and fingerprints. `Missing(Tenant)`.
    pub async fn tenant_key(&self) -> Result<TenantKey> {
        let item = self.database().get(&self.layout().tenant()).await?.ok_or(StoreError::Missing(Subject::Tenant))?;
        let wrapped = item::get_bytes(Subject::Tenant, &item, WRAPPED)?;
        let key = self.keys().unwrap(wrapped, &digests(self.tenant_id())).await?;
        Ok(TenantKey::new(*key))
    }

    /// The id must begin with this tenant's. `Exists(Token)`: draw another id.
    pub async fn create_token(&self, change: &Change, token: &Token) -> Result<()> {
        if token.id.tenant() != self.tenant_id() {
            return Err(StoreError::Misuse("a token's id begins with its tenant's".to_owned()));
        }
        let row = item::row([(BODY, item::json(Subject::Token, token)?)]);
        let mut transaction = self.begin();
        transaction.create(Subject::Token, &self.layout().token(&token.id), row)?;
        self.sign(&mut transaction, change, &target(&token.id))?;
        self.commit(transaction).await
    }

    /// For [`crate::Store::token`].
    pub(crate) async fn token(&self, id: &TokenId) -> Result<Option<Token>> {
        self.database().get(&self.layout().token(id)).await?.as_ref().map(read).transpose()
    }

    /// All of the tenant's, by id.
    pub async fn tokens(&self) -> Result<Vec<Token>> {
        let mut tokens = Vec::new();
        let mut page = Page::first(Page::MAX_LIMIT);
        loop {
            let listed = self.list(self.layout().tokens(), false, &page).await?.read(read)?;
            tokens.extend(listed.items);
            page.after = listed.next;
            if page.after.is_none() {
                return Ok(tokens);
            }
        }
    }

    /// `Missing(Token)` when there is none, `Stale(Token)` when it was revoked before.
    pub async fn revoke_token(&self, change: &Change, id: &TokenId, at: Time) -> Result<()> {
        let edit = Edit {
            set: vec![(REVOKED_AT, item::count(at.as_millis().max(0).unsigned_abs()))],
            when: vec![When::Has(BODY), When::Lacks(REVOKED_AT)],
            ..Edit::default()
        };
        let mut transaction = self.begin();
        transaction.update(Subject::Token, &self.layout().token(id), &edit, Meaning::Stale(Subject::Token))?;
        self.sign(&mut transaction, change, &target(id))?;
        self.commit(transaction).await
    }
}

fn digests(tenant: &TenantId) -> KeyContext {
    KeyContext { tenant: tenant.clone(), release: None, purpose: Purpose::Digests }
}

fn read(item: &Item) -> Result<Token> {
    let mut token: Token = item::record(Subject::Token, item, BODY)?;
    let revoked = item::find_count(item, REVOKED_AT).and_then(|millis| i64::try_from(millis).ok());
    token.revoked_at = revoked.map(Time::from_millis);
    Ok(token)
}

fn target(id: &TokenId) -> String {
    format!("tokens/{id}")
}
