//! What a registry asks for with its 401: `Basic`, or a `Bearer` token of the service that it names.

use http_auth::parser::ChallengeParser;
use reqwest::Url;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use slipway_domain::repository::{Repository, Transport};

use crate::answer::Fault;

/// The proof that is asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Challenge {
    Basic,
    /// A token from there, by a GET.
    Bearer(Url),
}

impl Challenge {
    /// Of several, a token is taken: it is good for one repository alone. A token service without TLS is asked only on
    /// behalf of a registry without TLS: credentials must not leave by a worse way than they were given for.
    pub fn of(headers: &HeaderMap, repository: &Repository, transport: Transport) -> Result<Self, Fault> {
        let mut basic = false;
        let lines = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|line| line.to_str().ok());
        for challenge in lines.flat_map(|line| ChallengeParser::new(line).filter_map(Result::ok)) {
            let value = |name: &str| {
                let parameter = challenge.params.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
                parameter.map(|(_, value)| value.to_unescaped())
            };
            if challenge.scheme.eq_ignore_ascii_case("bearer") {
                return token_service(value("realm"), value("service"), repository, transport).map(Self::Bearer);
            }
            basic |= challenge.scheme.eq_ignore_ascii_case("basic");
        }
        if basic { Ok(Self::Basic) } else { Err(Fault::Unusable("401 without a challenge that is known".to_owned())) }
    }
}

/// We ask for what we need, whatever the registry suggests: to pull from the one repository.
fn token_service(
    realm: Option<String>,
    service: Option<String>,
    repository: &Repository,
    transport: Transport,
) -> Result<Url, Fault> {
    let realm = realm.ok_or_else(|| Fault::Unusable("a bearer challenge without a realm".to_owned()))?;
    let unusable = |why: &dyn std::fmt::Display| Fault::Unusable(format!("the token service {realm:?}: {why}"));
    let mut url: Url = realm.parse().map_err(|error| unusable(&error))?;
    match (url.scheme(), transport) {
        ("https", _) | ("http", Transport::Http) => {}
        _ => return Err(unusable(&"is not reached over https")),
    }
    let mut query = url.query_pairs_mut();
    if let Some(service) = service {
        query.append_pair("service", &service);
    }
    query.append_pair("scope", &format!("repository:{}:pull", repository.path()));
    drop(query);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use slipway_domain::repository::RegistryAddress;

    use super::*;

    fn asked(lines: &[&'static str], transport: Transport) -> Result<Challenge, String> {
        let address: RegistryAddress = "registry.example.com".parse().unwrap();
        let repository = address.repository(&"TBCDEFGHIJK".parse().unwrap(), &"shop".parse().unwrap());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(WWW_AUTHENTICATE, line.parse().unwrap());
        }
        Challenge::of(&headers, &repository, transport).map_err(|fault| fault.to_string())
    }

    fn bearer(url: &str) -> Challenge {
        Challenge::Bearer(url.parse().unwrap())
    }

    #[test]
    fn a_token_is_asked_for_one_repository_and_to_pull_alone() {
        let scope = "scope=repository%3Atbcdefghijk%2Fshop%3Apull";
        let line = r#"Bearer realm="https://auth.example.com/token",service="registry",scope="repository:*:pull,push""#;
        let expected = bearer(&format!("https://auth.example.com/token?service=registry&{scope}"));
        assert_eq!(asked(&[line], Transport::Https).as_ref(), Ok(&expected));
        assert_eq!(asked(&[r#"Basic realm="x""#, line], Transport::Https).as_ref(), Ok(&expected));
        let both = r#"Basic realm="x", bearer realm="https://auth.example.com/token?a=b""#;
        let expected = bearer(&format!("https://auth.example.com/token?a=b&{scope}"));
        assert_eq!(asked(&[both], Transport::Https).as_ref(), Ok(&expected));
    }

    #[test]
    fn a_token_service_without_tls_serves_only_a_registry_without_tls() {
        let line = r#"Bearer realm="http://10.0.0.1:5001/token""#;
        assert!(asked(&[line], Transport::Http).is_ok());
        assert!(asked(&[line], Transport::Https).unwrap_err().contains("https"));
        let file = r#"Bearer realm="file:///etc/passwd""#;
        assert!(asked(&[file], Transport::Http).unwrap_err().contains("https"));
    }

    #[test]
    fn what_is_no_challenge_is_not_guessed_at() {
        assert_eq!(asked(&[r#"Basic realm="x""#], Transport::Https), Ok(Challenge::Basic));
        for lines in [&[][..], &["Negotiate abc="], &[r#"Bearer service="x""#], &[r#"Bearer realm="::""#], &["\"\"\""]]
        {
            assert!(asked(lines, Transport::Https).is_err(), "{lines:?}");
        }
    }
}
