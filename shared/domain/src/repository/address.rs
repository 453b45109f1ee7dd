//! The address of a registry: `registry.example.com`, `10.0.0.1:5000`, `https://registry.example.com/team`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// What is left of the 255 characters that clients take for a repository's name, after tenant and app.
const MAX_PREFIX: usize = 128;
const MAX_HOST: usize = 253;

/// How the registry is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Http,
    Https,
}

impl Transport {
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Why an address of a registry is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseAddressError {
    #[error("must name a host, such as registry.example.com or 10.0.0.1:5000")]
    Host,
    #[error("must have a dot or a port in its host: clients take a bare word for a folder of Docker Hub")]
    Bare,
    #[error("must have a port from 1 to 65535 after the colon")]
    Port,
    #[error(
        "must have a path of lower-case letters, digits and single . _ - between them, of at most {MAX_PREFIX} characters"
    )]
    Prefix,
    #[error("must not hold a user name or a password: they are given apart from the address")]
    Credentials,
    #[error("must begin with https:// or http://, or with the host itself")]
    Scheme,
    #[error("must be reached over https: plain http is taken for loopback and private addresses")]
    PlainHttp,
}

/// Where a registry is, and the folder in it that is ours. Without a scheme it is https, and plain http for loopback and
/// private addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryAddress {
    transport: Transport,
    authority: String,
    prefix: Option<String>,
}

impl RegistryAddress {
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Host and port, in lower case.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The folder in which the tenants' repositories are.
    pub fn prefix(&self) -> Option<&str> {
        self.prefix.as_deref()
    }

    /// `https://registry.example.com`
    pub fn origin(&self) -> String {
        format!("{}://{}", self.transport.scheme(), self.authority)
    }

    /// Whether it is a loopback or a private address, or `localhost`.
    pub fn is_near(&self) -> bool {
        is_near(host_of(&self.authority))
    }

    /// The same registry over plain http, wherever it is: for whoever said explicitly that its network is trusted.
    #[must_use]
    pub fn over_plain_http(self) -> Self {
        Self { transport: Transport::Http, ..self }
    }
}

impl fmt::Display for RegistryAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())?;
        self.prefix.iter().try_for_each(|prefix| write!(f, "/{prefix}"))
    }
}

impl FromStr for RegistryAddress {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (authority, prefix) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
        if authority.contains('@') {
            return Err(ParseAddressError::Credentials);
        }
        let authority = authority.to_ascii_lowercase();
        check_authority(&authority)?;
        if prefix.is_some_and(|prefix| !is_prefix(prefix)) {
            return Err(ParseAddressError::Prefix);
        }
        let near = is_near(host_of(&authority));
        let transport = match scheme {
            None | Some("http") if near => Transport::Http,
            None | Some("https") => Transport::Https,
            Some("http") => return Err(ParseAddressError::PlainHttp),
            Some(_) => return Err(ParseAddressError::Scheme),
        };
        Ok(Self { transport, authority, prefix: prefix.map(str::to_owned) })
    }
}

/// The host without its port, an IPv6 address without its brackets.
fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    }
}

fn check_authority(authority: &str) -> Result<(), ParseAddressError> {
    let host = host_of(authority);
    let bracketed = authority.starts_with('[');
    let known = match host.parse::<IpAddr>() {
        Ok(address) => address.is_ipv6() == bracketed,
        Err(_) => !bracketed && is_name(host),
    };
    if !known {
        return Err(ParseAddressError::Host);
    }
    let after_host = if bracketed { host.len() + 2 } else { host.len() };
    match authority.get(after_host..).unwrap_or_default() {
        "" if host == "localhost" || host.contains('.') || bracketed => Ok(()),
        "" => Err(ParseAddressError::Bare),
        port => match port.strip_prefix(':') {
            Some(digits) if is_port(digits) => Ok(()),
            _ => Err(ParseAddressError::Port),
        },
    }
}

fn is_port(digits: &str) -> bool {
    digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        let inside = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        !label.is_empty() && label.len() <= 63 && inside && !label.starts_with('-') && !label.ends_with('-')
    };
    host.len() <= MAX_HOST && host.split('.').all(label)
}

fn is_prefix(prefix: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let part = |part: &str| part.split(['.', '_', '-']).all(|word| !word.is_empty() && word.bytes().all(letter));
    prefix.len() <= MAX_PREFIX && prefix.split('/').all(part)
}

fn is_near(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private(),
        Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unique_local(),
        Err(_) => host == "localhost",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_registries_are_spoken_to_over_tls_and_near_ones_as_they_are_named() {
        let table = [
            ("registry.example.com", "https://registry.example.com"),
            ("Registry.Example.com:443/", "https://registry.example.com:443"),
            ("registry:5000", "https://registry:5000"),
            ("https://registry.example.com/team/ci-images", "https://registry.example.com/team/ci-images"),
            ("203.0.113.7:5000", "https://203.0.113.7:5000"),
            ("localhost", "http://localhost"),
            ("127.0.0.1:5000", "http://127.0.0.1:5000"),
            ("10.1.2.3:5000/a/b", "http://10.1.2.3:5000/a/b"),
            ("172.16.0.1", "http://172.16.0.1"),
            ("http://192.168.1.1:80", "http://192.168.1.1:80"),
            ("https://192.168.1.1", "https://192.168.1.1"),
            ("[::1]:5000", "http://[::1]:5000"),
            ("[2001:db8::1]:5000", "https://[2001:db8::1]:5000"),
        ];
        for (text, expected) in table {
            let address: RegistryAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), expected, "{text}");
            assert_eq!(address.to_string().parse(), Ok(address), "{text}");
        }
    }

    #[test]
    fn an_address_that_clients_would_misread_is_refused() {
        use ParseAddressError::{Bare, Credentials, Host, PlainHttp, Port, Prefix, Scheme};
        let table = [
            ("", Host),
            ("/team", Host),
            ("-a.example.com", Host),
            ("a..example.com", Host),
            ("exa mple.com", Host),
            ("::1", Host),
            ("[::1", Host),
            ("[10.0.0.1]:5000", Host),
            ("registry", Bare),
            ("registry/team", Bare),
            ("registry.example.com:", Port),
            ("registry.example.com:0", Port),
            ("registry.example.com:65536", Port),
            ("registry.example.com:+5", Port),
            ("registry.example.com/Team", Prefix),
            ("registry.example.com/team//ci", Prefix),
            ("registry.example.com/team/../ci", Prefix),
            ("registry.example.com/team?x", Prefix),
            ("https://user:secret@registry.example.com", Credentials),
            ("ftp://registry.example.com", Scheme),
            ("http://registry.example.com", PlainHttp),
            ("http://203.0.113.7:5000", PlainHttp),
            ("http://169.254.169.254", PlainHttp),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<RegistryAddress>(), Err(expected), "{text}");
        }
    }

    #[test]
    fn plain_http_to_a_far_registry_has_to_be_said() {
        let address: RegistryAddress = "registry.example.com:5000".parse().unwrap();
        assert!(!address.is_near());
        assert_eq!(address.over_plain_http().origin(), "http://registry.example.com:5000");
    }
}
