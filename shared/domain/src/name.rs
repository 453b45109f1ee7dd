//! Names that people choose: apps, services, environments. They become names of Kubernetes objects, hence the limits.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::checked_text;

/// Why a name is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseNameError {
    #[error("must not be empty")]
    Empty,
    #[error("must be at most {0} characters long")]
    TooLong(usize),
    #[error("must be lower-case letters, digits and single hyphens, and start with a letter and not end with a hyphen")]
    Characters,
}

/// The rule of all names: `[a-z][a-z0-9]*(-[a-z0-9]+)*`. Two hyphens in a row separate an app from its environment in
/// the name of a namespace and are therefore in no name.
fn check(text: &str, limit: usize) -> Result<(), ParseNameError> {
    if text.is_empty() {
        return Err(ParseNameError::Empty);
    }
    if text.len() > limit {
        return Err(ParseNameError::TooLong(limit));
    }
    let characters = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let starts = text.starts_with(|first: char| first.is_ascii_lowercase());
    if characters && starts && !text.ends_with('-') && !text.contains("--") {
        Ok(())
    } else {
        Err(ParseNameError::Characters)
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $limit:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub const MAX_LENGTH: usize = $limit;
        }

        impl FromStr for $name {
            type Err = ParseNameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                check(text, $limit)?;
                Ok(Self(text.to_owned()))
            }
        }

        checked_text!($name);
    };
}

name!(
    /// An app's name, unique in its tenant. At most 30 characters.
    AppName,
    30
);
name!(
    /// A service's name, unique in its manifest. At most 30 characters.
    ServiceName,
    30
);
name!(
    /// An environment's name, unique in its app. At most 20 characters.
    EnvironmentName,
    20
);
name!(
    /// What a tenant calls a cluster of theirs. At most 30 characters.
    ClusterName,
    30
);

impl EnvironmentName {
    /// The environment that every app has from the start.
    pub fn production() -> Self {
        Self("production".to_owned())
    }
}
