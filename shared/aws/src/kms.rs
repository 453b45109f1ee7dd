//! The `Keys` port over KMS: data keys that KMS makes, and opens again for the very context that they were made for.
//!
//! The context goes to KMS as its encryption context, so that KMS itself refuses a key that was moved, and names in the
//! account's log whose key was used. It holds ids and names alone.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::{Builder, IdentityCache, SharedCredentialsProvider};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use slipway_store::keys::{DataKey, KeyContext, KeyError, Keys, PlainKey};
use zeroize::Zeroizing;

use crate::fault::{Failure, Fault};
use crate::limits::Limits;

/// A caller of the API waits for a key.
const LIMITS: Limits = Limits { attempt: Duration::from_secs(1), whole: Duration::from_secs(3), attempts: 3 };

/// Wraps data keys under one symmetric key of KMS.
pub struct KmsKeys {
    client: Client,
    key: String,
}

impl KmsKeys {
    /// `config` says where and as whom; limits of time and attempts are those of this module. `key` is an ARN: an alias
    /// could be moved to a key that opens nothing of what was wrapped.
    pub fn new(config: Builder, key: impl Into<String>) -> Self {
        let config = config.timeout_config(LIMITS.timeouts()).retry_config(LIMITS.retries()).build();
        Self { client: Client::from_conf(config), key: key.into() }
    }

    /// The same with other credentials, which their provider keeps for their life.
    pub fn with_credentials(config: Builder, credentials: SharedCredentialsProvider, key: &str) -> Self {
        Self::new(config.credentials_provider(credentials).identity_cache(IdentityCache::no_cache()), key)
    }

    fn error(&self, failure: &Failure) -> KeyError {
        let unusable = |why: &str| KeyError::Unusable(format!("the KMS key {} {why}: {}", self.key, failure.words));
        match (failure.code.as_str(), failure.fault) {
            ("InvalidCiphertextException" | "IncorrectKeyException", _) => KeyError::Refused,
            ("DisabledException" | "KMSInvalidStateException", _) => {
                unusable("is disabled or about to be deleted: enable it again")
            }
            (_, Fault::Away | Fault::Throttled) => KeyError::Unavailable(failure.words.clone()),
            (_, Fault::Denied) => {
                unusable("is refused to us: give the function's role kms:GenerateDataKey and kms:Decrypt on it")
            }
            (_, Fault::Missing) => unusable("is not there: correct the ARN that the function is given"),
            (_, Fault::Invalid) => unusable("cannot be used so: it has to be a symmetric key for encryption"),
        }
    }

    fn plain(&self, plain: Option<Blob>) -> Result<PlainKey, KeyError> {
        let bytes = Zeroizing::new(plain.map(Blob::into_inner).unwrap_or_default());
        let key = <[u8; 32]>::try_from(bytes.as_slice());
        key.map(Zeroizing::new).map_err(|_| {
            KeyError::Unusable(format!("the KMS key {} gave a data key of {} bytes, not of 32", self.key, bytes.len()))
        })
    }
}

#[async_trait]
impl Keys for KmsKeys {
    async fn data_key(&self, context: &KeyContext) -> Result<DataKey, KeyError> {
        let request = self.client.generate_data_key().key_id(&self.key).key_spec(DataKeySpec::Aes256);
        let request = request.set_encryption_context(Some(pairs(context)));
        let answer = Box::pin(request.send()).await.map_err(|error| self.error(&Failure::of(&error)))?;
        let plain = self.plain(answer.plaintext)?;
        let wrapped = answer.ciphertext_blob.map(Blob::into_inner).unwrap_or_default();
        if wrapped.is_empty() {
            return Err(KeyError::Unusable(format!(
                "the KMS key {} gave a data key without its wrapped form",
                self.key
            )));
        }
        Ok(DataKey { plain, wrapped })
    }

    /// Under our key alone, whatever key a wrapped one says that it is under.
    async fn unwrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<PlainKey, KeyError> {
        let request = self.client.decrypt().key_id(&self.key).ciphertext_blob(Blob::new(wrapped));
        let request = request.set_encryption_context(Some(pairs(context)));
        let answer = Box::pin(request.send()).await.map_err(|error| self.error(&Failure::of(&error)))?;
        self.plain(answer.plaintext)
    }
}

fn pairs(context: &KeyContext) -> HashMap<String, String> {
    context.pairs().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests;
