//! Keys that encrypt keys: the port to KMS, or to a key file of this machine.

pub mod envelope;
pub mod file;

use async_trait::async_trait;
use slipway_domain::id::{ReleaseId, TenantId};
use slipway_domain::name::{AppName, EnvironmentName};
use zeroize::Zeroizing;

/// A key of AES-256 in plain, wiped when dropped.
pub type PlainKey = Zeroizing<[u8; 32]>;

/// A fresh data key, in plain for now and wrapped for keeping.
pub struct DataKey {
    pub plain: PlainKey,
    pub wrapped: Vec<u8>,
}

/// What a ciphertext or a key is for. Two purposes never share a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The values of a release's variables.
    Variables,
    /// The tenant's key for digests and fingerprints.
    Digests,
}

impl Purpose {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Variables => "variables",
            Self::Digests => "digests",
        }
    }
}

/// Where something encrypted belongs. It is authenticated with the ciphertext, so that nothing decrypts elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyContext {
    pub tenant: TenantId,
    /// None: it belongs to the whole tenant.
    pub release: Option<(AppName, EnvironmentName, ReleaseId)>,
    pub purpose: Purpose,
}

impl KeyContext {
    /// The context as names and values, in the form of a KMS encryption context.
    pub fn pairs(&self) -> Vec<(&'static str, &str)> {
        let mut pairs = vec![("tenant", self.tenant.as_str())];
        if let Some((app, environment, release)) = &self.release {
            pairs.push(("app", app.as_str()));
            pairs.push(("environment", environment.as_str()));
            pairs.push(("release", release.as_str()));
        }
        pairs.push(("purpose", self.purpose.as_str()));
        pairs
    }

    /// The additional data of the encryption: each name and value with its length before it, so that no two contexts
    /// have one encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, value) in self.pairs() {
            for part in [name, value] {
                bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
                bytes.extend_from_slice(part.as_bytes());
            }
        }
        bytes
    }
}

/// Why a key could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key service does not answer; try again.
    #[error("the key service did not answer: {0}")]
    Unavailable(String),
    /// The wrapped key or the ciphertext was made for another context or with another key, or is damaged.
    #[error("the key or the ciphertext does not belong here")]
    Refused,
    /// The key file cannot be used as it is.
    #[error("{0}")]
    Unusable(String),
}

/// Makes and opens data keys.
#[async_trait]
pub trait Keys: Send + Sync {
    /// A fresh data key, wrapped for this context.
    async fn data_key(&self, context: &KeyContext) -> Result<DataKey, KeyError>;

    /// Opens a key that was wrapped for this very context.
    async fn unwrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<PlainKey, KeyError>;
}
