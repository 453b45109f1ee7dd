//! Ids of tokens. They begin with their tenant's id, so that a token leads to its tenant without a search.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use slipway_domain::id::TenantId;

/// Length of a tenant's id: the prefix and ten letters.
const TENANT_LENGTH: usize = 11;

/// How many letters follow the tenant's id.
const LETTERS: usize = 10;

/// A tenant's id followed by ten letters from A to Z.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TokenId {
    tenant: TenantId,
    text: String,
}

/// The text is no id of a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a tenant's id followed by {LETTERS} letters from A to Z")]
pub struct ParseTokenIdError;

impl TokenId {
    /// Makes an id of 128 bits from a cryptographic random source.
    pub fn from_entropy(tenant: &TenantId, entropy: u128) -> Self {
        let mut text = tenant.to_string();
        let mut rest = entropy;
        for _ in 0..LETTERS {
            text.push(char::from(b'A' + u8::try_from(rest % 26).unwrap_or(0)));
            rest /= 26;
        }
        Self { tenant: tenant.clone(), text }
    }

    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for TokenId {
    type Err = ParseTokenIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (tenant, letters) = text.split_at_checked(TENANT_LENGTH).ok_or(ParseTokenIdError)?;
        let tenant = tenant.parse().map_err(|_| ParseTokenIdError)?;
        if letters.len() == LETTERS && letters.bytes().all(|byte| byte.is_ascii_uppercase()) {
            Ok(Self { tenant, text: text.to_owned() })
        } else {
            Err(ParseTokenIdError)
        }
    }
}

impl TryFrom<String> for TokenId {
    type Error = ParseTokenIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TokenId> for String {
    fn from(id: TokenId) -> Self {
        id.text
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
