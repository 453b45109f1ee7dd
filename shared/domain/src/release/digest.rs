//! Digests: of an image as the registry made it, of a release and of a value under the tenant's key.
//!
//! A digest of a release is an HMAC-SHA-256, so that it can be compared by everybody and guessed by nobody. What goes
//! in is a list of parts, each with its length before it, and a purpose first: no two inputs give the same bytes, and a
//! fingerprint is never the digest of something else.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};

use crate::text::checked_text;
use zeroize::Zeroizing;

use crate::manifest::Manifest;
use crate::secret::Secret;
use crate::variables::{VariableKey, Variables, encode};

/// How many hexadecimal digits people are shown.
const SHORT: usize = 12;

/// The text is no digest of the kind that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseDigestError {
    #[error("must be sha256: followed by 64 lower-case hexadecimal digits")]
    Image,
    #[error("must be 64 lower-case hexadecimal digits")]
    Hex,
}

fn is_hex(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $error:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {

            /// The 64 digits alone.
            pub fn hex(&self) -> &str {
                self.0.strip_prefix($prefix).unwrap_or(&self.0)
            }

            /// The first 12 digits, for people.
            pub fn short(&self) -> &str {
                self.hex().get(..SHORT).unwrap_or_default()
            }
        }

        impl FromStr for $name {
            type Err = ParseDigestError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let hex = text.strip_prefix($prefix).ok_or(ParseDigestError::$error)?;
                if is_hex(hex) { Ok(Self(text.to_owned())) } else { Err(ParseDigestError::$error) }
            }
        }

        checked_text!($name);
    };
}

digest!(
    /// An image by content: `sha256:` and 64 hexadecimal digits.
    ImageDigest,
    "sha256:",
    Image
);
digest!(
    /// A release by content, under the tenant's key: 64 hexadecimal digits.
    ReleaseDigest,
    "",
    Hex
);
digest!(
    /// A value by content, under the tenant's key and bound to its variable: 64 hexadecimal digits.
    Fingerprint,
    "",
    Hex
);

impl ImageDigest {
    /// From the 32 bytes of a SHA-256.
    pub fn from_sha256(bytes: &[u8; 32]) -> Self {
        Self(format!("sha256:{}", hex::encode(bytes)))
    }
}

/// The secret of a tenant that digests and fingerprints are made under.
#[derive(Clone)]
pub struct TenantKey(Zeroizing<[u8; 32]>);

impl TenantKey {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for TenantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The digest of what a release runs. Warnings of the manifest run nothing and do not count.
pub fn digest(key: &TenantKey, image: &ImageDigest, manifest: &Manifest, variables: &Variables) -> ReleaseDigest {
    let manifest = Manifest { warnings: Vec::new(), ..manifest.clone() }.to_json();
    let variables = encode(variables);
    let parts = [image.as_str().as_bytes(), manifest.as_bytes(), &variables];
    ReleaseDigest(authenticate(key, "slipway release 1", &parts))
}

/// The fingerprint of one value. Bound to its key: the same value under two keys does not show.
pub fn fingerprint(key: &TenantKey, variable: &VariableKey, value: &Secret) -> Fingerprint {
    let parts = [variable.as_str().as_bytes(), value.reveal().as_bytes()];
    Fingerprint(authenticate(key, "slipway variable 1", &parts))
}

/// The fingerprints of all variables.
pub fn fingerprints(key: &TenantKey, variables: &Variables) -> BTreeMap<VariableKey, Fingerprint> {
    variables.iter().map(|(name, value)| (name.clone(), fingerprint(key, name, value))).collect()
}

/// The tenant's key for the cursors of its lists.
pub fn cursor_key(key: &TenantKey) -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new([0; 32]);
    bytes.copy_from_slice(tag(key, "slipway cursors 1", &[]).as_ref());
    bytes
}

fn authenticate(key: &TenantKey, purpose: &str, parts: &[&[u8]]) -> String {
    hex::encode(tag(key, purpose, parts))
}

fn tag(key: &TenantKey, purpose: &str, parts: &[&[u8]]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key.0.as_slice()));
    for part in std::iter::once(&purpose.as_bytes()).chain(parts) {
        let length = u64::try_from(part.len()).expect("no platform has lengths beyond 64 bits");
        context.update(&length.to_be_bytes());
        context.update(part);
    }
    context.sign()
}
