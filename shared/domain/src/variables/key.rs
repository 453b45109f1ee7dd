//! Names of variables.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::checked_text;

/// The port that a process must listen on. Users may set and declare it, since many manifests do; a service with ports
/// is given its own one all the same.
pub const PORT: &str = "PORT";

/// What every process is told by Slipway. Setting one of them is refused: it would be overwritten, and a value that
/// silently does nothing is worse than a refusal.
pub const RESERVED: [&str; 6] = ["APP", "BUILD", "ENVIRONMENT", "PROCESS", "RELEASE", "SERVICE"];

/// The key of a variable: `[A-Za-z_][A-Za-z0-9_]{0,127}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VariableKey(String);

checked_text!(VariableKey);

/// The text is no key of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {} letters, digits and underscores, and not start with a digit", VariableKey::MAX_LENGTH)]
pub struct ParseKeyError;

impl VariableKey {
    pub const MAX_LENGTH: usize = 128;

    /// Set by Slipway and by nobody else.
    pub fn is_reserved(&self) -> bool {
        RESERVED.contains(&self.as_str())
    }
}

impl FromStr for VariableKey {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let starts = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        let rest = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if starts && rest && text.len() <= Self::MAX_LENGTH { Ok(Self(text.to_owned())) } else { Err(ParseKeyError) }
    }
}
