//! What requests have in common: idempotency, pages, waiting.

use std::time::Duration;

use slipway_domain::error::{Error, Kind, Result};

/// The longest that an answer is held back for news.
pub const MAX_WAIT: Duration = Duration::from_secs(25);

/// Makes a repeated request have one effect. Bound by the store to the tenant and the credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The caller's key: 1 to 255 printable ASCII characters.
    key: String,
    /// Which operation, with its path: `POST /v1/apps/shop/builds`.
    route: String,
    /// SHA-256 of the body, in hexadecimal.
    fingerprint: String,
}

impl Idempotency {
    /// `invalid_idempotency_key` (400) when the key is empty, too long or not printable ASCII.
    pub fn new(key: &str, route: impl Into<String>, body: &[u8]) -> Result<Self> {
        let printable = key.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
        if key.is_empty() || key.len() > 255 || !printable {
            let message = "send an idempotency key of 1 to 255 printable ASCII characters without spaces";
            return Err(Error::new(Kind::Malformed, "invalid_idempotency_key", message).field("Idempotency-Key", message));
        }
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body);
        Ok(Self { key: key.to_owned(), route: route.into(), fingerprint: hex::encode(digest) })
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    pub fn route(&self) -> &str {
        &self.route
    }

    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

/// The answer to a change.
#[derive(Clone, Debug)]
pub struct Posted<T> {
    pub value: T,
    /// The idempotency key was used before with the same body: nothing was changed now.
    pub replayed: bool,
}

impl<T> Posted<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value, replayed: false }
    }

    pub(crate) fn replay(value: T) -> Self {
        Self { value, replayed: true }
    }
}

/// Which part of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// 1 to 100.
    pub limit: u32,
    /// The opaque end of the page before, as [`Paged::next`] gave it.
    pub after: Option<String>,
}

impl Default for Page {
    fn default() -> Self {
        Self { limit: 50, after: None }
    }
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Paged<T> {
    pub items: Vec<T>,
    /// Where the next page begins. None: this is the last.
    pub next: Option<String>,
}
