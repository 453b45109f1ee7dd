//! Ids: one letter for the kind and ten random letters, as in `RBCDEFGHIJ` read aloud over a telephone.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::checked_text;

/// How many letters follow the prefix. 26^10 ≈ 1.4 × 10^14 values; a collision is refused by the store and drawn again.
const LETTERS: usize = 10;

/// The text is no id of the kind that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {prefix} followed by {LETTERS} letters from A to Z")]
pub struct ParseIdError {
    prefix: char,
}

/// The ten letters that `entropy` stands for. 128 bits taken modulo 26^10 are uniform to within 10^-24.
fn letters(entropy: u128) -> impl Iterator<Item = char> {
    let mut rest = entropy;
    (0..LETTERS).map(move |_| {
        let digit = u8::try_from(rest % 26).unwrap_or(0);
        rest /= 26;
        char::from(b'A' + digit)
    })
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub const PREFIX: char = $prefix;

            /// Makes an id of 128 bits from a cryptographic random source.
            pub fn from_entropy(entropy: u128) -> Self {
                Self(std::iter::once($prefix).chain(letters(entropy)).collect())
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let rest = text.strip_prefix($prefix).ok_or(ParseIdError { prefix: $prefix })?;
                if rest.len() == LETTERS && rest.bytes().all(|byte| byte.is_ascii_uppercase()) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(ParseIdError { prefix: $prefix })
                }
            }
        }

        checked_text!($name);
    };
}

id!(
    /// A customer. Of fixed length, so that no tenant's key prefix is the beginning of another's.
    TenantId,
    'T'
);
id!(
    /// An immutable image and where it came from.
    BuildId,
    'B'
);
id!(
    /// One build frozen with one set of variables and one manifest.
    ReleaseId,
    'R'
);
id!(
    /// One attempt to make a release the active one.
    PromotionId,
    'P'
);
id!(
    /// A one-off process. `J` as in job: `R` is taken.
    RunId,
    'J'
);
