//! What the template tells a function, read once and checked whole.

use std::fmt;
use std::str::FromStr;

use slipway_aws::arn::{KeyArn, TableArn};
use slipway_domain::repository::RegistryAddress;

use crate::private::PrivateClusters;

/// A variable that is missing or wrong. The stack sets them all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("{0} is missing: the template sets it, so deploy the stack again")]
    Missing(&'static str),
    #[error("{name} is {value:?}, and {problem}: correct it in the template, and deploy the stack again")]
    Wrong { name: &'static str, value: String, problem: String },
}

/// What all functions are told, and where the rest is asked for.
pub struct Settings {
    pub stage: String,
    pub table: String,
    pub key: KeyArn,
    variables: Box<Variables>,
}

/// How a variable is looked up.
type Variables = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Settings {
    pub fn from_environment() -> Result<Self, SettingsError> {
        Self::new(|name| std::env::var(name).ok())
    }

    pub fn new(variables: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Result<Self, SettingsError> {
        let variables = Box::new(variables);
        let text = |name| variables(name).filter(|value| !value.is_empty()).ok_or(SettingsError::Missing(name));
        let (stage, table) = (text("SLIPWAY_STAGE")?, text("SLIPWAY_TABLE")?);
        let key = parse("SLIPWAY_KEY", &text("SLIPWAY_KEY")?)?;
        Ok(Self { stage, table, key, variables })
    }

    pub fn text(&self, name: &'static str) -> Result<String, SettingsError> {
        (self.variables)(name).filter(|value| !value.is_empty()).ok_or(SettingsError::Missing(name))
    }

    pub fn parsed<T: FromStr<Err: fmt::Display>>(&self, name: &'static str) -> Result<T, SettingsError> {
        parse(name, &self.text(name)?)
    }

    /// The table is in the account and region of its key.
    pub fn table_arn(&self) -> Result<TableArn, SettingsError> {
        let (region, account) = (self.key.region(), self.key.account());
        let partition = region.partition().as_str();
        let arn = format!("arn:{partition}:dynamodb:{region}:{account}:table/{}", self.table);
        arn.parse().map_err(|error| wrong("SLIPWAY_TABLE", &self.table, &error))
    }

    /// `123456789012.dkr.ecr.eu-central-1.amazonaws.com/slipway/dev`
    pub fn registry(&self) -> Result<RegistryAddress, SettingsError> {
        let (region, account) = (self.key.region(), self.key.account());
        let domain = region.partition().domain();
        let address = format!("{account}.dkr.ecr.{region}.{domain}/slipway/{}", self.stage);
        address.parse().map_err(|error| wrong("SLIPWAY_STAGE", &self.stage, &error))
    }

    /// The roles of our functions that reach tenants' clusters, as the template names them: tenants' roles trust these.
    pub fn principals(&self) -> Vec<String> {
        let (region, account, stage) = (self.key.region(), self.key.account(), &self.stage);
        let partition = region.partition().as_str();
        let role = |function| format!("arn:{partition}:iam::{account}:role/slipway-{stage}-{region}-{function}");
        ["api", "rollout", "sweep"].map(role).to_vec()
    }

    pub fn private_clusters(&self) -> Result<PrivateClusters, SettingsError> {
        let name = "SLIPWAY_PRIVATE_CLUSTERS";
        let text = (self.variables)(name).unwrap_or_default();
        PrivateClusters::parse(&self.stage, &text).map_err(|error| wrong(name, &text, &error))
    }
}

fn parse<T: FromStr<Err: fmt::Display>>(name: &'static str, value: &str) -> Result<T, SettingsError> {
    value.parse().map_err(|error| wrong(name, value, &error))
}

fn wrong(name: &'static str, value: &str, problem: &dyn fmt::Display) -> SettingsError {
    SettingsError::Wrong { name, value: value.to_owned(), problem: problem.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "arn:aws-cn:kms:cn-north-1:123456789012:key/0d1f2a3b-4c5d-6e7f-8091-a2b3c4d5e6f7";

    fn settings(changes: &'static [(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::new(move |name| {
            let all = [("SLIPWAY_STAGE", "prod"), ("SLIPWAY_TABLE", "slipway-1"), ("SLIPWAY_KEY", KEY)];
            let found = changes.iter().chain(&all).find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn everything_is_in_the_account_and_region_of_the_key() {
        let settings = settings(&[]).unwrap();
        let table = settings.table_arn().unwrap().to_string();
        assert_eq!(table, "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/slipway-1");
        let registry = settings.registry().unwrap();
        assert_eq!(registry.to_string(), "https://123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/slipway/prod");
        let first = &settings.principals()[0];
        assert_eq!(first, "arn:aws-cn:iam::123456789012:role/slipway-prod-cn-north-1-api");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let problem = |changes| settings(changes).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(problem(&[("SLIPWAY_TABLE", "")]).starts_with("SLIPWAY_TABLE is missing"));
        assert!(problem(&[("SLIPWAY_KEY", "alias/slipway")]).starts_with("SLIPWAY_KEY is \"alias/slipway\""));
        let prod = settings(&[("SLIPWAY_PRIVATE_CLUSTERS", "127.0.0.0/8")]).unwrap();
        let refused = prod.private_clusters().unwrap_err().to_string();
        assert!(refused.starts_with("SLIPWAY_PRIVATE_CLUSTERS is"), "{refused}");
        assert!(refused.contains("must be empty in the stage prod"), "{refused}");
        assert_eq!(prod.text("SLIPWAY_UPLOADS"), Err(SettingsError::Missing("SLIPWAY_UPLOADS")));
    }
}
