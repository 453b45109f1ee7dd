//! Addresses that clusters may have although they are not public: for trials. No installation that others use takes any,
//! for a tenant could have us dial whatever is reached from where the functions run.

use std::net::IpAddr;

use ipnet::IpNet;

/// Why the setting is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrivateError {
    #[error("SLIPWAY_PRIVATE_CLUSTERS must be ranges like 10.0.0.0/8, separated by commas, and not {0:?}")]
    Form(String),
    #[error("SLIPWAY_PRIVATE_CLUSTERS must be empty in the stage prod: the clusters of tenants have public addresses")]
    Prod,
}

/// The ranges; none is the rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrivateClusters(Vec<IpNet>);

impl PrivateClusters {
    /// `stage` is that of the installation: `prod` takes no range.
    pub fn parse(stage: &str, text: &str) -> Result<Self, PrivateError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let ranges: Result<Vec<IpNet>, _> =
            parts.map(|part| part.parse().map_err(|_| PrivateError::Form(part.to_owned()))).collect();
        match ranges? {
            ranges if stage == "prod" && !ranges.is_empty() => Err(PrivateError::Prod),
            ranges => Ok(Self(ranges)),
        }
    }

    pub fn allows(&self, address: IpAddr) -> bool {
        self.0.iter().any(|range| range.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_taken_anywhere_but_in_production() {
        let dev = PrivateClusters::parse("dev", "127.0.0.0/8, 10.1.0.0/16").unwrap();
        let allowed = ["127.18.0.1", "10.1.2.3"].map(|text| dev.allows(text.parse().unwrap()));
        let refused = ["10.2.0.1", "192.168.0.1", "::1"].map(|text| dev.allows(text.parse().unwrap()));
        assert_eq!((allowed, refused), ([true; 2], [false; 3]));
        assert_eq!(PrivateClusters::parse("prod", "127.0.0.0/8"), Err(PrivateError::Prod));
        assert_eq!(PrivateClusters::parse("prod", ""), Ok(PrivateClusters::default()));
        for text in ["10.0.0.1", "10.0.0.0/33", "all"] {
            assert_eq!(PrivateClusters::parse("dev", text), Err(PrivateError::Form(text.to_owned())));
        }
    }
}
