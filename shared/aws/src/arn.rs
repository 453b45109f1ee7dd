//! Names of the things that policies speak of. None of them can hold a wildcard.

use std::fmt;
use std::str::FromStr;

use slipway_domain::repository::Repository;

use slipway_domain::cluster::place::{Account, ParseAccountError, ParseRegionError, Partition, Region};

/// Why a text is no ARN of what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseArnError {
    #[error("must be like arn:aws:dynamodb:eu-central-1:123456789012:table/slipway")]
    Form,
    #[error("{0}")]
    Region(#[from] ParseRegionError),
    #[error("{0}")]
    Account(#[from] ParseAccountError),
    #[error("must name the partition {partition} for the region {region}", partition = .0.partition().as_str(), region = .0)]
    Partition(Region),
    #[error("must name a table of 3 to {max} letters, digits, . - and _", max = TableArn::MAX_NAME)]
    Table,
    #[error("must be like arn:aws:kms:eu-central-1:123456789012:key/0d1f2a3b-4c5d-6e7f-8091-a2b3c4d5e6f7")]
    Key,
}

/// Where it is. The partition has to be that of the region.
fn place(partition: &str, region: &str, account: &str) -> Result<(Region, Account), ParseArnError> {
    let (region, account): (Region, Account) = (region.parse()?, account.parse()?);
    if region.partition().as_str() == partition {
        return Ok((region, account));
    }
    Err(ParseArnError::Partition(region))
}

/// `arn:aws:dynamodb:eu-central-1:123456789012:table/slipway`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableArn(String);

impl TableArn {
    const MAX_NAME: usize = 255;
}

impl FromStr for TableArn {
    type Err = ParseArnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", partition, "dynamodb", region, account, resource] = parts.as_slice() else {
            return Err(ParseArnError::Form);
        };
        let (region, account) = place(partition, region, account)?;
        let name = resource.strip_prefix("table/").ok_or(ParseArnError::Form)?;
        let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if !(3..=Self::MAX_NAME).contains(&name.len()) || !name.bytes().all(character) {
            return Err(ParseArnError::Table);
        }
        Ok(Self(format!("arn:{partition}:dynamodb:{region}:{account}:table/{name}")))
    }
}

impl fmt::Display for TableArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `arn:aws:kms:eu-central-1:123456789012:key/0d1f2a3b-4c5d-6e7f-8091-a2b3c4d5e6f7`. Never an alias: it could be moved to
/// another key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyArn {
    region: Region,
    account: Account,
    id: String,
}

impl KeyArn {
    const MAX_ID: usize = 64;

    pub fn region(&self) -> &Region {
        &self.region
    }

    pub fn account(&self) -> &Account {
        &self.account
    }
}

impl FromStr for KeyArn {
    type Err = ParseArnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", partition, "kms", region, account, resource] = parts.as_slice() else {
            return Err(ParseArnError::Key);
        };
        let (region, account) = place(partition, region, account)?;
        let id = resource.strip_prefix("key/").ok_or(ParseArnError::Key)?;
        let character = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if !(1..=Self::MAX_ID).contains(&id.len()) || !id.bytes().all(character) {
            return Err(ParseArnError::Key);
        }
        Ok(Self { region, account, id: id.to_owned() })
    }
}

impl fmt::Display for KeyArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { region, account, id } = self;
        write!(f, "arn:{}:kms:{region}:{account}:key/{id}", region.partition().as_str())
    }
}

/// The repository is in no registry of ECR.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the registry {0} is not one of ECR: it must be like 123456789012.dkr.ecr.eu-central-1.amazonaws.com")]
pub struct NotEcrError(pub(crate) String);

/// `arn:aws:ecr:eu-central-1:123456789012:repository/tbcdefghijk/shop`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepositoryArn(String);

impl TryFrom<&Repository> for RepositoryArn {
    type Error = NotEcrError;

    /// The registry's name says account and region. A path of a [`Repository`] has no characters but those of ECR.
    fn try_from(repository: &Repository) -> Result<Self, Self::Error> {
        let registry = repository.registry();
        let (account, region) = ecr_registry(registry).ok_or_else(|| NotEcrError(registry.to_owned()))?;
        let partition = region.partition().as_str();
        Ok(Self(format!("arn:{partition}:ecr:{region}:{account}:repository/{}", repository.path())))
    }
}

impl fmt::Display for RepositoryArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The account and region of a registry of ECR: `123456789012.dkr.ecr.eu-central-1.amazonaws.com`.
pub(crate) fn ecr_registry(registry: &str) -> Option<(Account, Region)> {
    let (account, rest) = registry.split_once(".dkr.ecr.")?;
    let (region, domain) = rest.split_once('.')?;
    let (account, region): (Account, Region) = (account.parse().ok()?, region.parse().ok()?);
    (domain == region.partition().domain()).then_some((account, region))
}

/// Everybody in an account to whom it gives the right, as policies name them.
pub fn account_root(partition: Partition, account: &Account) -> String {
    format!("arn:{}:iam::{account}:root", partition.as_str())
}

#[cfg(test)]
mod tests {
    use slipway_domain::repository::RegistryAddress;

    use super::*;

    #[test]
    fn a_table_is_named_whole_or_not_at_all() {
        let arn = |region: &str, name: &str| format!("arn:aws:dynamodb:{region}:123456789012:table/{name}");
        let good = [
            arn("eu-central-1", "slipway"),
            arn("eu-central-1", &"a".repeat(255)),
            "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/slip_way.2-b".to_owned(),
        ];
        for text in good {
            assert_eq!(text.parse::<TableArn>().unwrap().to_string(), text);
        }
        let china: Region = "cn-north-1".parse().unwrap();
        let bad = [
            (String::new(), ParseArnError::Form),
            ("slipway".to_owned(), ParseArnError::Form),
            (arn("eu-central-1", "slipway").replace("dynamodb", "s3"), ParseArnError::Form),
            (arn("eu-central-1", "slipway").replace("table/", ""), ParseArnError::Form),
            (arn("eu-central-1", "a:b"), ParseArnError::Form),
            (arn("*", "slipway"), ParseArnError::Region(ParseRegionError::Form("*".to_owned()))),
            (arn("cn-north-1", "slipway"), ParseArnError::Partition(china)),
            (arn("eu-central-1", "slipway").replace("123456789012", "*"), ParseArnError::Account(ParseAccountError)),
            (arn("eu-central-1", "*"), ParseArnError::Table),
            (arn("eu-central-1", "slipway/index/due"), ParseArnError::Table),
            (arn("eu-central-1", "ab"), ParseArnError::Table),
            (arn("eu-central-1", &"a".repeat(256)), ParseArnError::Table),
        ];
        for (text, error) in bad {
            assert_eq!(text.parse::<TableArn>(), Err(error), "{text}");
        }
        let wrong = arn("cn-north-1", "slipway").parse::<TableArn>().unwrap_err();
        assert_eq!(wrong.to_string(), "must name the partition aws-cn for the region cn-north-1");
    }

    #[test]
    fn a_key_is_named_by_its_id() {
        let arn = "arn:aws:kms:eu-central-1:123456789012:key/0d1f2a3b-4c5d-6e7f-8091-a2b3c4d5e6f7";
        assert_eq!(arn.parse::<KeyArn>().unwrap().to_string(), arn);
        let bad = [
            String::new(),
            arn.replace("key/", "alias/"),
            arn.replace("key/", "key/*"),
            arn.replace("kms", "dynamodb"),
            format!("{arn}/more"),
            arn.replace("0d1f2a3b-4c5d-6e7f-8091-a2b3c4d5e6f7", ""),
        ];
        for text in bad {
            assert_eq!(text.parse::<KeyArn>(), Err(ParseArnError::Key), "{text}");
        }
    }

    #[test]
    fn a_repository_of_ecr_has_the_account_and_region_of_its_registry() {
        let of = |address: &str| {
            let address: RegistryAddress = address.parse().unwrap();
            let repository = address.repository(&"TBCDEFGHIJK".parse().unwrap(), &"shop".parse().unwrap());
            RepositoryArn::try_from(&repository).map(|arn| arn.to_string())
        };
        let good = [
            (
                "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
                "arn:aws:ecr:eu-central-1:123456789012:repository/tbcdefghijk/shop",
            ),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/slipway",
                "arn:aws-cn:ecr:cn-north-1:123456789012:repository/slipway/tbcdefghijk/shop",
            ),
            (
                "123456789012.dkr.ecr.us-gov-west-1.amazonaws.com",
                "arn:aws-us-gov:ecr:us-gov-west-1:123456789012:repository/tbcdefghijk/shop",
            ),
        ];
        for (address, arn) in good {
            assert_eq!(of(address), Ok(arn.to_owned()));
        }
        for address in [
            "registry.example.com",
            "123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.example",
            "123456789012.dkr.ecr.eu-central-1.amazonaws.com.cn",
            "123456789012.dkr.ecr.eu-central-1.amazonaws.com:5000",
            "12345.dkr.ecr.eu-central-1.amazonaws.com",
            "evil.123456789012.dkr.ecr.eu-central-1.amazonaws.com",
        ] {
            assert_eq!(of(address), Err(NotEcrError(address.to_owned())));
        }
    }
}
