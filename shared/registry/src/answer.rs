//! What a registry's answer means, in one table, and what a caller of the API is told of it.

use reqwest::StatusCode;
use slipway_domain::error::{Error, Kind};
use slipway_domain::repository::Repository;

/// Between two tries, in seconds.
const RETRY_AFTER: u32 = 5;

/// Why a registry did not say whether it holds an image.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It wants other credentials than ours.
    #[error("refused our credentials with {0}")]
    Denied(StatusCode),
    /// It wants credentials, and we have none.
    #[error("asks for credentials")]
    Anonymous,
    /// No answer, or one that says "later".
    #[error("did not answer: {0}")]
    Away(String),
    /// It speaks, but not as a registry does.
    #[error("does not speak as a registry: {0}")]
    Unusable(String),
}

/// What was found out with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Held,
    Absent,
    /// It asks for a proof first.
    Challenged,
}

impl Found {
    /// The table.
    pub fn of(status: StatusCode) -> Result<Self, Fault> {
        match status {
            StatusCode::OK => Ok(Self::Held),
            StatusCode::NOT_FOUND => Ok(Self::Absent),
            StatusCode::UNAUTHORIZED => Ok(Self::Challenged),
            StatusCode::FORBIDDEN => Err(Fault::Denied(status)),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(Fault::Away(status.to_string())),
            _ if status.is_server_error() => Err(Fault::Away(status.to_string())),
            _ => Err(Fault::Unusable(status.to_string())),
        }
    }
}

impl Fault {
    /// A request that brought no answer. What it says of the address is for the log.
    pub fn unanswered(error: &reqwest::Error) -> Self {
        if error.is_builder() { Self::Unusable(chain(error)) } else { Self::Away(chain(error)) }
    }

    /// For a caller of the API: `registry_unauthorized`, `registry_unusable` (409), `registry_unreachable` (503).
    pub fn about(self, repository: &Repository) -> Error {
        let registry = repository.registry();
        let context = format!("registry {registry}, repository {}: {self}", repository.path());
        let error = match self {
            Self::Denied(_) => {
                let message = format!(
                    "the registry {registry} refused our access to {}: check the credentials that the server was \
                     started with",
                    repository.path()
                );
                Error::conflict("registry_unauthorized", message)
            }
            Self::Anonymous => {
                let message = format!(
                    "the registry {registry} asks for credentials to read {}: start the server with some",
                    repository.path()
                );
                Error::conflict("registry_unauthorized", message)
            }
            Self::Away(_) => {
                let message = format!("the registry {registry} did not answer, and nothing was changed: try again");
                let mut error = Error::new(Kind::Unavailable, "registry_unreachable", message);
                error.retry_after_seconds = Some(RETRY_AFTER);
                error
            }
            Self::Unusable(_) => {
                let message = format!(
                    "what answers at {registry} is no OCI registry: check the address that the server was started with"
                );
                Error::conflict("registry_unusable", message)
            }
        };
        error.because(context)
    }
}

/// The error with its causes; reqwest's own text stops at "error sending request".
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_means_one_thing() {
        let said = |status: u16| match Found::of(StatusCode::from_u16(status).unwrap()) {
            Ok(found) => format!("{found:?}"),
            Err(Fault::Denied(_)) => "denied".to_owned(),
            Err(Fault::Anonymous) => "anonymous".to_owned(),
            Err(Fault::Away(_)) => "away".to_owned(),
            Err(Fault::Unusable(_)) => "unusable".to_owned(),
        };
        for status in 100..=599 {
            let expected = match status {
                200 => "Held",
                404 => "Absent",
                401 => "Challenged",
                403 => "denied",
                408 | 429 | 500..=599 => "away",
                _ => "unusable",
            };
            assert_eq!(said(status), expected, "{status}");
        }
    }
}
