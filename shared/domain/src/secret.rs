//! A value that must not be seen: no `Display`, no `Serialize`, `***` in debug output, wiped when dropped. There is one
//! way to look inside, so that a search for it finds every place that does.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// A secret text, such as the value of a variable. It can be read from a request and never written to an answer.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The one way to see the value. Who calls this for a person writes an audit row first.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self::new(value.to_owned())
    }
}

/// Takes the same time wherever two values of one length differ.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), other.0.as_bytes()).is_ok()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Whoever gives a secret one of these stops the tests from compiling.
    static_assertions::assert_not_impl_any!(Secret: fmt::Display, serde::Serialize, AsRef<str>, std::ops::Deref);

    #[test]
    fn debug_output_hides_the_value() {
        let secret = Secret::from("sk-live-abc123");
        assert_eq!(format!("{secret:?} {:?}", vec![Some(secret.clone())]), "*** [Some(***)]");
        assert_eq!(secret.reveal(), "sk-live-abc123");
    }

    #[test]
    fn equality_compares_the_values() {
        assert_eq!(Secret::from("a"), Secret::from("a"));
        assert_ne!(Secret::from("a"), Secret::from("b"));
        assert_ne!(Secret::from("a"), Secret::from("aa"));
    }

    #[test]
    fn a_secret_is_read_from_json() {
        let secret: Secret = serde_json::from_str(r#""vier\u00e4ugig""#).unwrap();
        assert_eq!(secret.reveal(), "vieräugig");
    }
}
