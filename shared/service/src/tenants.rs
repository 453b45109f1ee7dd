//! Tenants of a hosted installation: made by its operator, who has no right inside them.

use aws_lc_rs::digest::{SHA256, digest};
use slipway_domain::error::{Error, Kind, Result};
use slipway_domain::id::TenantId;
use slipway_domain::secret::Secret;
use slipway_store::error::{StoreError, Subject};
use slipway_store::records::{Change, Role, Tenant};

use crate::request::{Idempotency, Posted, check_text};
use crate::slipway::Slipway;
use crate::token_text::TokenText;

/// The longest name of a tenant, in characters.
const MAX_NAME: usize = 100;

/// The text is no hash of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the SHA-256 of the operator's token, as 64 lower-case hexadecimal digits")]
pub struct ParseOperatorError;

/// Who runs the installation: known by the hash of a token that is stored nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    sha256: String,
}

impl std::str::FromStr for Operator {
    type Err = ParseOperatorError;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let formed = text.len() == 64 && text.bytes().all(digit);
        if formed { Ok(Self { sha256: text.to_owned() }) } else { Err(ParseOperatorError) }
    }
}

/// Proof that the operator's token was presented.
#[derive(Clone, Debug)]
pub struct OperatorCaller {
    credential: String,
    request_id: String,
}

/// A tenant, and the token of its first owner, which is shown this once.
#[derive(Debug)]
pub struct NewTenant {
    pub tenant: Tenant,
    pub token: Secret,
}

/// A new operator's token with what the installation is given of it.
#[derive(Debug)]
pub struct OperatorToken {
    pub token: Secret,
    pub sha256: String,
}

impl OperatorToken {
    /// Of two draws for the secret and one for its name, from a cryptographic random source.
    pub fn new(secret: [u128; 2], id: u128) -> Self {
        let text = TokenText::new("operator", &TenantId::from_entropy(id), id, secret);
        Self { sha256: text.hash(), token: text.into_secret() }
    }
}

impl Slipway {
    /// Errors: `unauthenticated` (401), the same where there is no operator at all.
    pub fn authenticate_operator(&self, token: &str, request_id: &str) -> Result<OperatorCaller> {
        let text = TokenText::parse(token);
        let known = self.operator.as_ref().zip(text).filter(|(operator, text)| text.matches(&operator.sha256));
        let (_, text) = known.ok_or_else(|| {
            let message = "send the operator's token as `Authorization: Bearer slp_operator_…`";
            Error::new(Kind::Unauthenticated, "unauthenticated", message)
        })?;
        Ok(OperatorCaller { credential: text.id().to_owned(), request_id: request_id.to_owned() })
    }

    /// Makes a tenant and its first owner's token. Repeated under one key it is the same tenant, with another token: what
    /// was shown once is not kept. Errors: `invalid_tenant` (422), `idempotency_key_reused` (422).
    pub async fn create_tenant(
        &self,
        operator: &OperatorCaller,
        name: &str,
        idempotency: &Idempotency,
    ) -> Result<Posted<NewTenant>> {
        if name.trim().is_empty() {
            return Err(Error::invalid("invalid_tenant", "/name", "name the tenant, so that lists can tell who it is"));
        }
        check_text("invalid_tenant", "/name", Some(name), MAX_NAME)?;
        // No tenant is there yet whose partition could keep the key: the id itself remembers it.
        let id = id_of(&operator.credential, idempotency);
        let store = self.store.scoped(id.clone());
        let change = Change {
            actor: "operator".to_owned(),
            credential: operator.credential.clone(),
            ..Change::system(self.clock.now(), "tenant.create", operator.request_id.clone())
        };
        let made = Tenant { id: id.clone(), name: name.to_owned(), created_at: change.now };
        let (tenant, replayed) = match store.create_tenant(&change, &made).await {
            Ok(()) => (made, false),
            Err(StoreError::Exists(Subject::Tenant)) => {
                let known = store.tenant().await?.ok_or_else(|| Error::internal("a tenant that exists is gone"))?;
                if known.name != name {
                    let message = "the idempotency key was used for another tenant, take a new one";
                    return Err(Error::new(Kind::Unprocessable, "idempotency_key_reused", message));
                }
                (known, true)
            }
            Err(error) => return Err(error.into()),
        };
        let (token, record) = self.owner_token(&id)?;
        store.create_token(&Change { action: "token.create", ..change }, &record).await?;
        Ok(Posted { value: NewTenant { tenant, token }, replayed })
    }

    fn owner_token(&self, tenant: &TenantId) -> Result<(Secret, slipway_store::records::Token)> {
        self.draw_token(tenant, "owner", Role::Owner, crate::tokens::TOKEN_LIFE)
    }
}

/// 46 bits of a hash: like an id that was drawn, and the same for the same request.
fn id_of(credential: &str, idempotency: &Idempotency) -> TenantId {
    let hash = digest(&SHA256, format!("{credential}\n{}", idempotency.key()).as_bytes());
    let (first, _) = hash.as_ref().split_at(16);
    TenantId::from_entropy(first.iter().fold(0, |number, byte| (number << 8) | u128::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_is_known_by_a_hash_alone() {
        let OperatorToken { token, sha256 } = OperatorToken::new([1, 2], 3);
        assert!(sha256.parse::<Operator>().is_ok());
        assert!(token.reveal().starts_with("slp_operator_T"));
        for text in ["", "abc", &sha256[1..], &sha256.to_uppercase(), &format!("{sha256}0")] {
            assert_eq!(text.parse::<Operator>(), Err(ParseOperatorError), "{text}");
        }
    }
}
