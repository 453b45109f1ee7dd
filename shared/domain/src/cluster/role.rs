//! Roles that we take on, and the ids by which a tenant's role knows that we act for that tenant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::place::{Account, Partition};
use crate::text::checked_text;

/// Why a role is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    #[error("must be the ARN of a role, like arn:aws:iam::123456789012:role/slipway")]
    Form,
    #[error("the role is in the account {found}, and the account {pinned} was given: correct the one that is wrong")]
    OtherAccount { found: Account, pinned: Account },
}

/// `arn:aws:iam::123456789012:role/slipway`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoleArn {
    partition: Partition,
    account: Account,
    path: String,
}

impl RoleArn {
    /// Of the path and name together.
    const MAX_PATH: usize = 512 + 64;

    pub const fn partition(&self) -> Partition {
        self.partition
    }

    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// `name` is one that IAM takes.
    pub(super) fn of(partition: Partition, account: &Account, name: &str) -> Self {
        Self { partition, account: account.clone(), path: name.to_owned() }
    }

    /// The same role, if it is in this account.
    pub fn pinned(self, account: &Account) -> Result<Self, RoleError> {
        if self.account == *account {
            return Ok(self);
        }
        Err(RoleError::OtherAccount { found: self.account, pinned: account.clone() })
    }
}

impl FromStr for RoleArn {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", partition, "iam", "", account, resource] = parts.as_slice() else {
            return Err(RoleError::Form);
        };
        let known = [Partition::Aws, Partition::China, Partition::GovCloud];
        let partition = known.into_iter().find(|known| known.as_str() == *partition).ok_or(RoleError::Form)?;
        let account = account.parse().map_err(|_| RoleError::Form)?;
        let path = resource.strip_prefix("role/").ok_or(RoleError::Form)?;
        let character = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
        let word = |word: &str| !word.is_empty() && word.bytes().all(character);
        if path.len() > Self::MAX_PATH || !path.split('/').all(word) {
            return Err(RoleError::Form);
        }
        Ok(Self { partition, account, path: path.to_owned() })
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:{}:iam::{}:role/{}", self.partition.as_str(), self.account, self.path)
    }
}

/// The text is no external id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an external id must be 16 to 128 letters, digits and hyphens")]
pub struct ParseExternalIdError;

/// What a tenant's role asks for before it lets us in. Made by us, one per connection, never used again: who knows another
/// tenant's role still cannot have us take it on. It is no secret.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExternalId(String);

impl ExternalId {
    /// Makes one of two draws of a cryptographic random source.
    pub fn from_entropy(entropy: [u128; 2]) -> Self {
        Self(format!("slipway-{:032x}{:032x}", entropy[0], entropy[1]))
    }
}

impl FromStr for ExternalId {
    type Err = ParseExternalIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let formed =
            (16..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if formed { Ok(Self(text.to_owned())) } else { Err(ParseExternalIdError) }
    }
}

checked_text!(ExternalId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_one_role_of_one_account() {
        let longest = format!("arn:aws:iam::123456789012:role/{}/{}", "p".repeat(511), "n".repeat(64));
        for text in [
            "arn:aws:iam::123456789012:role/slipway",
            "arn:aws-cn:iam::123456789012:role/teams/a+b=c,d.e@f_g-h",
            "arn:aws-us-gov:iam::123456789012:role/slipway",
            &longest,
        ] {
            assert_eq!(text.parse::<RoleArn>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "slipway",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/*",
            "arn:aws:iam::123456789012:role/a//b",
            "arn:aws:iam::123456789012:role//a",
            "arn:aws:iam::123456789012:role/a/",
            "arn:aws:iam::123456789012:user/slipway",
            "arn:aws:iam::123456789012:root",
            "arn:aws:iam:eu-central-1:123456789012:role/slipway",
            "arn:aws:iam::12345678901:role/slipway",
            "arn:aws:iam::*:role/slipway",
            "arn:aws-iso:iam::123456789012:role/slipway",
            "arn:aws:sts::123456789012:assumed-role/slipway/x",
            &format!("{longest}n"),
        ] {
            assert_eq!(text.parse::<RoleArn>(), Err(RoleError::Form), "{text}");
        }
    }

    #[test]
    fn a_role_of_another_account_than_the_one_given_is_refused() {
        let role: RoleArn = "arn:aws:iam::123456789012:role/slipway".parse().unwrap();
        assert_eq!(role.clone().pinned(&"123456789012".parse().unwrap()), Ok(role.clone()));
        let error = role.pinned(&"210987654321".parse().unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the role is in the account 123456789012, and the account 210987654321 was given: correct the one that is \
             wrong"
        );
    }

    #[test]
    fn an_external_id_cannot_be_guessed_or_misread() {
        let (shortest, longest) = ("a".repeat(16), "Z9-".repeat(42) + "aa");
        for text in [&shortest, &longest] {
            assert_eq!(text.parse::<ExternalId>().unwrap().as_str(), text);
        }
        for text in ["", &shortest[1..], &format!("{longest}a"), "aaaaaaaaaaaaaaa*", "aaaaaaaaaaaaaaa a"] {
            assert_eq!(text.parse::<ExternalId>(), Err(ParseExternalIdError), "{text}");
        }
    }
}
