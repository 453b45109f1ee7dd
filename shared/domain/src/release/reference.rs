//! The ways to name a release: by id, by number, by tag.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::checked_text;

use crate::id::ReleaseId;

/// A name for a release, unique in its app: 1 to 64 characters, a letter or digit first, then also `.`, `_` and `-`.
/// What reads as an id or as a number is no tag, nor are `newest` and `active`, so that every place that takes a release
/// can tell them apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

checked_text!(Tag);

/// Why a tag is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseTagError {
    #[error("must be 1 to 64 letters, digits, dots, underscores and hyphens, and start with a letter or digit")]
    Characters,
    #[error("must not look like the id of a release")]
    Id,
    #[error("must not look like the number of a release, such as v42")]
    Number,
    #[error("must not be newest or active, which stand for a release of the environment")]
    Word,
}

impl Tag {
    pub const MAX_LENGTH: usize = 64;
}

/// `v` or `V` and digits only, whether or not they make a number that a release can have.
fn looks_like_number(text: &str) -> bool {
    let digits = text.strip_prefix(['v', 'V']);
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

impl FromStr for Tag {
    type Err = ParseTagError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let starts = text.starts_with(|first: char| first.is_ascii_alphanumeric());
        let rest = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        if !starts || !rest || text.len() > Self::MAX_LENGTH {
            return Err(ParseTagError::Characters);
        }
        if text.parse::<ReleaseId>().is_ok() {
            return Err(ParseTagError::Id);
        }
        if looks_like_number(text) {
            return Err(ParseTagError::Number);
        }
        if matches!(text, "newest" | "active") { Err(ParseTagError::Word) } else { Ok(Self(text.to_owned())) }
    }
}

/// A release as people name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReleaseRef {
    /// `RBCDEFGHIJK`
    Id(ReleaseId),
    /// `v42`
    Number(u64),
    /// `2026-03-15-fix`
    Tag(Tag),
}

/// The text names no release in any of the three ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the id of a release, its number such as v42, or its tag")]
pub struct ParseReferenceError;

impl FromStr for ReleaseRef {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        if looks_like_number(text) {
            // Numbers begin at 1; one beyond 64 bits names nothing.
            let number = text.trim_start_matches(['v', 'V']).parse().ok().filter(|number| *number > 0);
            return number.map(Self::Number).ok_or(ParseReferenceError);
        }
        text.parse().map(Self::Tag).map_err(|_| ParseReferenceError)
    }
}

impl fmt::Display for ReleaseRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Number(number) => write!(f, "v{number}"),
            Self::Tag(tag) => tag.fmt(f),
        }
    }
}
