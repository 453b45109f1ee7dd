//! Variables: keys with secret values, how they change, and the bytes that are encrypted.
//!
//! Nothing here shows a value: errors and descriptions name keys only.

mod change;
mod encoding;
mod key;

use std::collections::BTreeMap;

pub use self::change::{Change, ChangeSummary};
pub use self::encoding::{decode, encode};
pub use self::key::{PORT, ParseKeyError, RESERVED, VariableKey};
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;

/// Per value: 64 KiB.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;

/// Per release.
pub const MAX_VARIABLES: usize = 512;

/// All keys and values of a release together: 256 KiB.
pub const MAX_TOTAL_BYTES: usize = 256 * 1024;

/// The variables of one release, within the limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<VariableKey, Secret>);

impl Variables {
    /// Checks every limit; the error points to each variable that breaks one.
    pub fn new(values: BTreeMap<VariableKey, Secret>) -> Result<Self> {
        let mut error = refusal();
        for (key, value) in &values {
            if let Some(message) = refuse(key, value) {
                error = error.field(pointer(key.as_str()), message);
            }
        }
        if values.len() > MAX_VARIABLES {
            let message =
                format!("at most {MAX_VARIABLES} variables are kept, and these are {}: unset some", values.len());
            error = error.field("/variables", message);
        }
        let total: usize = values.iter().map(|(key, value)| key.as_str().len() + value.reveal().len()).sum();
        if total > MAX_TOTAL_BYTES {
            let message = format!(
                "keys and values are at most {MAX_TOTAL_BYTES} bytes together, and these are {total}: \
                 keep large values elsewhere"
            );
            error = error.field("/variables", message);
        }
        finish(error).map_or(Ok(Self(values)), Err)
    }

    pub fn get(&self, key: &VariableKey) -> Option<&Secret> {
        self.0.get(key)
    }

    /// In the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&VariableKey, &Secret)> {
        self.0.iter()
    }

    pub fn keys(&self) -> impl Iterator<Item = &VariableKey> {
        self.0.keys()
    }

    pub fn contains(&self, key: &VariableKey) -> bool {
        self.0.contains_key(key)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn refuse(key: &VariableKey, value: &Secret) -> Option<String> {
    let bytes = value.reveal().len();
    if key.is_reserved() {
        Some(format!("{key} is set by Slipway for every process: choose another name"))
    } else if bytes > MAX_VALUE_BYTES {
        Some(format!("the value of {key} is at most {MAX_VALUE_BYTES} bytes, and this is {bytes}: shorten it"))
    } else if value.reveal().contains('\0') {
        Some(format!("the value of {key} must not contain NUL, which no process can be given: encode it"))
    } else {
        None
    }
}

/// `/variables/KEY` as a JSON pointer.
fn pointer(key: &str) -> String {
    format!("/variables/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// An error that is one only once it has fields.
fn refusal() -> Error {
    Error::new(Kind::Unprocessable, "invalid_variables", "")
}

/// The error with the text of its first field, or none when it has no fields.
fn finish(mut error: Error) -> Option<Error> {
    let first = error.fields.first()?;
    error.message = match error.fields.len() - 1 {
        0 => first.message.clone(),
        more => format!("{} (and {more} more)", first.message),
    };
    Some(error)
}

#[cfg(test)]
mod tests;
