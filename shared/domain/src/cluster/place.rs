//! Where things are on AWS: partitions, regions, accounts, and the names of clusters. Each is checked where it comes in:
//! what is let through here is safe in a host name, in an ARN and in a policy, where `*` and `?` would have a meaning.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::checked_text;

/// A separate AWS with regions, accounts and names of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Partition {
    Aws,
    China,
    GovCloud,
}

impl Partition {
    /// As ARNs begin: `arn:aws-cn:…`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::China => "aws-cn",
            Self::GovCloud => "aws-us-gov",
        }
    }

    /// What the names of its services' hosts end with.
    pub const fn domain(self) -> &'static str {
        match self {
            Self::Aws | Self::GovCloud => "amazonaws.com",
            Self::China => "amazonaws.com.cn",
        }
    }
}

/// Why a region is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseRegionError {
    #[error("{0:?} is no AWS region: it must be like eu-central-1")]
    Form(String),
    #[error(
        "the region {0} is in a partition that is not served: it must be one of AWS, AWS China or AWS GovCloud (US)"
    )]
    Partition(String),
}

/// `eu-central-1`. Whether there is such a region is found out by asking it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region {
    name: String,
    partition: Partition,
}

impl Region {
    /// Longer than any that exists, by far.
    pub const MAX_LENGTH: usize = 32;

    pub fn as_str(&self) -> &str {
        &self.name
    }

    pub const fn partition(&self) -> Partition {
        self.partition
    }
}

impl FromStr for Region {
    type Err = ParseRegionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('-').collect();
        let word = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
        let number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let formed = match parts.as_slice() {
            [words @ .., last] => (2..=3).contains(&words.len()) && words.iter().all(word) && number(last),
            [] => false,
        };
        if !formed || text.len() > Self::MAX_LENGTH {
            return Err(ParseRegionError::Form(text.chars().take(Self::MAX_LENGTH).collect()));
        }
        let partition = match parts.as_slice() {
            ["cn", _, _] => Partition::China,
            ["us", "gov", _, _] => Partition::GovCloud,
            [area, place, _] if area.len() == 2 && !place.starts_with("iso") => Partition::Aws,
            _ => return Err(ParseRegionError::Partition(text.to_owned())),
        };
        Ok(Self { name: text.to_owned(), partition })
    }
}

impl TryFrom<String> for Region {
    type Error = ParseRegionError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.name
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The text is no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an AWS account must be 12 digits")]
pub struct ParseAccountError;

/// The 12 digits of an account.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Account(String);

impl FromStr for Account {
    type Err = ParseAccountError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let formed = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        if formed { Ok(Self(text.to_owned())) } else { Err(ParseAccountError) }
    }
}

checked_text!(Account);

/// The text is no name of an EKS cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of an EKS cluster must be letters, digits, - and _, begin with a letter or digit, and be at most {max} \
     characters long",
    max = EksName::MAX_LENGTH
)]
pub struct ParseEksNameError;

/// What an EKS cluster is called in its account and region.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EksName(String);

impl EksName {
    pub const MAX_LENGTH: usize = 100;
}

impl FromStr for EksName {
    type Err = ParseEksNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let begins = text.starts_with(|first: char| first.is_ascii_alphanumeric());
        let rest = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        let formed = begins && rest && text.len() <= Self::MAX_LENGTH;
        if formed { Ok(Self(text.to_owned())) } else { Err(ParseEksNameError) }
    }
}

checked_text!(EksName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_tells_its_partition() {
        let table = [
            ("eu-central-1", "aws", "amazonaws.com"),
            ("ap-southeast-5", "aws", "amazonaws.com"),
            ("mx-central-1", "aws", "amazonaws.com"),
            ("cn-northwest-1", "aws-cn", "amazonaws.com.cn"),
            ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ];
        for (name, partition, domain) in table {
            let region: Region = name.parse().unwrap();
            assert_eq!((region.as_str(), region.partition().as_str()), (name, partition));
            assert_eq!(region.partition().domain(), domain, "{name}");
        }
    }

    #[test]
    fn what_is_no_region_is_refused() {
        let long = format!("eu-{}-1", "a".repeat(28));
        for text in
            ["", "eu", "eu-1", "eu-central", "EU-central-1", "eu-central-x", "eu--1", "eu-*-1", "eu.x-central-1", &long]
        {
            assert_eq!(text.parse::<Region>(), Err(ParseRegionError::Form(text.chars().take(32).collect())), "{text}");
        }
        for text in ["us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "eusc-de-east-1", "xy-zoo-west-1"] {
            assert_eq!(text.parse::<Region>(), Err(ParseRegionError::Partition(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn an_account_is_twelve_digits() {
        assert_eq!("012345678901".parse::<Account>().unwrap().to_string(), "012345678901");
        for text in ["", "12345678901", "1234567890123", "12345678901a", "*", "１２３４", "123456789012 "] {
            assert_eq!(text.parse::<Account>(), Err(ParseAccountError), "{text}");
        }
    }

    #[test]
    fn a_cluster_has_a_name_that_eks_takes() {
        let (longest, longer) = ("a".repeat(100), "a".repeat(101));
        for text in ["prod", "2-Prod_eu", &longest] {
            assert_eq!(text.parse::<EksName>().unwrap().as_str(), text);
        }
        for text in ["", "-prod", "_prod", "prod.eu", "prod\r\nhost: x", "pröd", &longer] {
            assert_eq!(text.parse::<EksName>(), Err(ParseEksNameError), "{text}");
        }
    }
}
