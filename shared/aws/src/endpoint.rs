//! The address and certificate authority of an EKS cluster, checked before anybody connects to it. Pure.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::address::special;
use slipway_domain::cluster::place::Region;

/// Longer than any chain that a cluster has.
const MAX_AUTHORITY: usize = 64 * 1024;

const PEM: &str = "-----BEGIN CERTIFICATE-----";

/// Why a cluster is not connected to at the address that it is said to have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("the address {0:?} of the cluster must begin with https://")]
    Scheme(String),
    #[error("the address {0:?} of the cluster must be a host alone, without user, port or path")]
    Form(String),
    #[error(
        "the host {host} of the cluster must end with {suffix}: only clusters of EKS in their own region are connected"
    )]
    Host { host: String, suffix: String },
    #[error("the certificate authority of the cluster is no certificate in PEM: {0}")]
    Authority(&'static str),
    #[error("the host {0} has no address: check that the cluster's endpoint is public")]
    NoAddress(String),
    #[error("the host {host} has the address {address}, which is {what}: make the cluster's endpoint public")]
    Address { host: String, address: IpAddr, what: &'static str },
}

/// A cluster that may be connected to, once its addresses are known to be public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    authority: String,
}

impl Endpoint {
    /// Checks what EKS answered: `https://<id>.gr7.eu-central-1.eks.amazonaws.com`, and PEM in base64.
    pub fn new(url: &str, authority: &str, region: &Region) -> Result<Self, EndpointError> {
        Ok(Self { host: host(url, region)?, authority: pem(authority)? })
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    /// `https://<host>`
    pub fn url(&self) -> String {
        format!("https://{}", self.host)
    }

    /// The certificate authority in PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether the host may be dialled at these addresses, which are all that it was resolved to. One that is not public
    /// refuses them all: the others could be its bait.
    pub fn check_addresses(&self, addresses: &[IpAddr]) -> Result<(), EndpointError> {
        if addresses.is_empty() {
            return Err(EndpointError::NoAddress(self.host.clone()));
        }
        let refused = addresses.iter().find_map(|address| special(*address).map(|what| (*address, what)));
        match refused {
            Some((address, what)) => Err(EndpointError::Address { host: self.host.clone(), address, what }),
            None => Ok(()),
        }
    }
}

fn host(url: &str, region: &Region) -> Result<String, EndpointError> {
    let Some((scheme, rest)) = url.split_at_checked("https://".len()) else {
        return Err(EndpointError::Scheme(url.to_owned()));
    };
    if !scheme.eq_ignore_ascii_case("https://") {
        return Err(EndpointError::Scheme(url.to_owned()));
    }
    let host = rest.strip_suffix('/').unwrap_or(rest).to_ascii_lowercase();
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if host.len() > 253 || !host.split('.').all(label) {
        return Err(EndpointError::Form(url.to_owned()));
    }
    let suffix = format!(".{region}.eks.{}", region.partition().domain());
    if host.ends_with(&suffix) { Ok(host) } else { Err(EndpointError::Host { host, suffix }) }
}

fn pem(authority: &str) -> Result<String, EndpointError> {
    if authority.len() > MAX_AUTHORITY {
        return Err(EndpointError::Authority("it is too long"));
    }
    let bytes = STANDARD.decode(authority.trim()).map_err(|_| EndpointError::Authority("it is not base64"))?;
    let text = String::from_utf8(bytes).map_err(|_| EndpointError::Authority("it is not text"))?;
    if text.trim_start().starts_with(PEM) {
        Ok(text)
    } else {
        Err(EndpointError::Authority("it does not begin as one"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://0123456789ABCDEF0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com";

    fn authority() -> String {
        STANDARD.encode(format!("{PEM}\nMIIB\n-----END CERTIFICATE-----\n"))
    }

    fn made(url: &str, region: &str) -> Result<Endpoint, EndpointError> {
        Endpoint::new(url, &authority(), &region.parse().unwrap())
    }

    #[test]
    fn a_cluster_of_eks_in_its_region_is_taken() {
        let endpoint = made(URL, "eu-central-1").unwrap();
        let host = "0123456789abcdef0123456789abcdef.gr7.eu-central-1.eks.amazonaws.com";
        assert_eq!((endpoint.host(), endpoint.url()), (host, format!("https://{host}")));
        assert!(endpoint.authority().starts_with(PEM));
        for (url, region) in [
            ("https://A.sk1.cn-north-1.eks.amazonaws.com.cn", "cn-north-1"),
            ("https://A.us-gov-west-1.eks.amazonaws.com/", "us-gov-west-1"),
        ] {
            assert!(made(url, region).is_ok(), "{url}");
        }
    }

    #[test]
    fn any_other_address_is_refused_by_name() {
        let scheme = |url: &str| EndpointError::Scheme(url.to_owned());
        let form = |url: &str| EndpointError::Form(url.to_owned());
        let host = |host: &str| EndpointError::Host {
            host: host.to_owned(),
            suffix: ".eu-central-1.eks.amazonaws.com".to_owned(),
        };
        let table = [
            ("", scheme("")),
            ("http://a.gr7.eu-central-1.eks.amazonaws.com", scheme("http://a.gr7.eu-central-1.eks.amazonaws.com")),
            ("a.gr7.eu-central-1.eks.amazonaws.com", scheme("a.gr7.eu-central-1.eks.amazonaws.com")),
            ("https://", form("https://")),
            ("https://u@a.eu-central-1.eks.amazonaws.com", form("https://u@a.eu-central-1.eks.amazonaws.com")),
            ("https://u:p@a.eu-central-1.eks.amazonaws.com", form("https://u:p@a.eu-central-1.eks.amazonaws.com")),
            ("https://a.eu-central-1.eks.amazonaws.com:443", form("https://a.eu-central-1.eks.amazonaws.com:443")),
            ("https://a.eu-central-1.eks.amazonaws.com/x", form("https://a.eu-central-1.eks.amazonaws.com/x")),
            (
                "https://evil.example/.eu-central-1.eks.amazonaws.com",
                form("https://evil.example/.eu-central-1.eks.amazonaws.com"),
            ),
            (
                "https://evil.example?.eu-central-1.eks.amazonaws.com",
                form("https://evil.example?.eu-central-1.eks.amazonaws.com"),
            ),
            (
                "https://evil.example#.eu-central-1.eks.amazonaws.com",
                form("https://evil.example#.eu-central-1.eks.amazonaws.com"),
            ),
            (
                "https://evil.example\\.eu-central-1.eks.amazonaws.com",
                form("https://evil.example\\.eu-central-1.eks.amazonaws.com"),
            ),
            ("https://[::1]", form("https://[::1]")),
            ("https://.eu-central-1.eks.amazonaws.com", form("https://.eu-central-1.eks.amazonaws.com")),
            ("https://a.eu-central-1.eks.amazonaws.com.", form("https://a.eu-central-1.eks.amazonaws.com.")),
            ("https://10.0.0.1", host("10.0.0.1")),
            ("https://evil.example", host("evil.example")),
            (
                "https://a.eu-central-1.eks.amazonaws.com.evil.example",
                host("a.eu-central-1.eks.amazonaws.com.evil.example"),
            ),
            ("https://a.eu-central-1.evileks.amazonaws.com", host("a.eu-central-1.evileks.amazonaws.com")),
            ("https://eu-central-1.eks.amazonaws.com", host("eu-central-1.eks.amazonaws.com")),
            ("https://a.eu-west-1.eks.amazonaws.com", host("a.eu-west-1.eks.amazonaws.com")),
            ("https://a.eu-central-1.eks.amazonaws.com.cn", host("a.eu-central-1.eks.amazonaws.com.cn")),
        ];
        for (url, error) in table {
            assert_eq!(made(url, "eu-central-1"), Err(error), "{url}");
        }
    }

    #[test]
    fn a_certificate_authority_is_pem_in_base64() {
        let table = [
            ("-----BEGIN CERTIFICATE-----".to_owned(), "it is not base64"),
            (STANDARD.encode([0xff, 0xfe]), "it is not text"),
            (STANDARD.encode("MIIB"), "it does not begin as one"),
            (String::new(), "it does not begin as one"),
            ("A".repeat(MAX_AUTHORITY + 1), "it is too long"),
        ];
        for (authority, why) in table {
            let made = Endpoint::new(URL, &authority, &"eu-central-1".parse().unwrap());
            assert_eq!(made, Err(EndpointError::Authority(why)));
        }
    }

    #[test]
    fn one_address_that_is_not_public_refuses_the_host() {
        let endpoint = made(URL, "eu-central-1").unwrap();
        let check = |addresses: &[&str]| {
            let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
            endpoint.check_addresses(&addresses)
        };
        assert_eq!(check(&["3.120.1.2", "2600:1f14::1"]), Ok(()));
        assert_eq!(check(&[]), Err(EndpointError::NoAddress(endpoint.host().to_owned())));
        for (address, what) in
            [("10.1.2.3", "private"), ("169.254.169.254", "link-local"), ("::ffff:3.120.1.2", "IPv4-mapped")]
        {
            let error = check(&["3.120.1.2", address]).unwrap_err();
            let words = format!(
                "the host {} has the address {address}, which is {what}: make the cluster's endpoint public",
                endpoint.host()
            );
            assert_eq!(error.to_string(), words);
        }
    }
}
