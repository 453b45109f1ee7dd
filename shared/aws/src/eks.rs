//! Where a tenant's cluster is, as EKS itself says: the only source of an address and a certificate authority that we take.
//!
//! The credentials of the tenant's role ask, so that an answer is about the tenant's own account.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_eks::Client;
use aws_sdk_eks::config::Builder;
use aws_sdk_eks::types::{Cluster, ClusterStatus};

use crate::endpoint::{Endpoint, EndpointError};
use crate::fault::{Failure, Fault};
use crate::limits::Limits;
use slipway_domain::cluster::EksPlace;
use slipway_domain::cluster::place::EksName;

const LIMITS: Limits = Limits { attempt: Duration::from_secs(3), whole: Duration::from_secs(7), attempts: 3 };

/// What EKS answers when the role lacks the right.
const REFUSED: &str = "AccessDeniedException";

/// Why it is not known where a cluster is, or not believed. Each names what has to be mended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DescribeError {
    #[error("the role that we take on may not look at the cluster: give it eks:DescribeCluster on {arn}")]
    Denied { arn: String, words: String },
    #[error("there is no cluster {name} in {region} of the account {account}: check name and region", name = .0.name, region = .0.region, account = .0.account)]
    Missing(EksPlace),
    #[error("the cluster {name} is {status}: connect it once it is active")]
    NotActive { name: EksName, status: String },
    #[error("EKS answered with {found} when asked for {arn}: nothing was connected")]
    Other { arn: String, found: String },
    #[error("{0}")]
    Endpoint(#[from] EndpointError),
    #[error("EKS did not answer when asked for the cluster {name}: try again")]
    Away { name: EksName, words: String },
    #[error("EKS was asked for too much in that account: try again in a few seconds")]
    Throttled { words: String },
    #[error("the request for the cluster {name} cannot succeed, which is ours to mend")]
    Invalid { name: EksName, words: String },
}

/// EKS, asked with other credentials each time.
pub struct Eks {
    client: Client,
}

impl Eks {
    /// `config` needs neither region nor credentials; limits of time and attempts are those of this module.
    pub fn new(config: Builder) -> Self {
        let config = config.timeout_config(LIMITS.timeouts()).retry_config(LIMITS.retries()).build();
        Self { client: Client::from_conf(config) }
    }

    /// Address and certificate authority of an active cluster, which is the one that was asked for.
    pub async fn describe(&self, place: &EksPlace, credentials: Credentials) -> Result<Endpoint, DescribeError> {
        let region = aws_sdk_eks::config::Region::new(place.region.to_string());
        let own = Builder::new().region(region).credentials_provider(credentials);
        let request = self.client.describe_cluster().name(place.name.as_str()).customize().config_override(own);
        let answer = Box::pin(request.send()).await.map_err(|error| failed(place, Failure::of(&error)))?;
        let lacking =
            || DescribeError::Away { name: place.name.clone(), words: "the answer has no cluster".to_owned() };
        endpoint(place, answer.cluster.ok_or_else(lacking)?)
    }
}

fn failed(place: &EksPlace, failure: Failure) -> DescribeError {
    let (name, words) = (place.name.clone(), failure.words);
    match failure.fault {
        _ if failure.code == REFUSED => DescribeError::Denied { arn: place.arn(), words },
        Fault::Missing => DescribeError::Missing(place.clone()),
        Fault::Away => DescribeError::Away { name, words },
        Fault::Throttled => DescribeError::Throttled { words },
        // Credentials that are not taken were made by us a moment ago.
        Fault::Denied | Fault::Invalid => DescribeError::Invalid { name, words },
    }
}

fn endpoint(place: &EksPlace, cluster: Cluster) -> Result<Endpoint, DescribeError> {
    let (arn, found) = (place.arn(), cluster.arn.unwrap_or_default());
    if arn != found {
        return Err(DescribeError::Other { arn, found });
    }
    // One that is being updated serves all the while.
    if !matches!(cluster.status, Some(ClusterStatus::Active | ClusterStatus::Updating)) {
        let status =
            cluster.status.map_or_else(|| "of unknown status".to_owned(), |status| status.as_str().to_lowercase());
        return Err(DescribeError::NotActive { name: place.name.clone(), status });
    }
    let authority = cluster.certificate_authority.and_then(|authority| authority.data).unwrap_or_default();
    Ok(Endpoint::new(&cluster.endpoint.unwrap_or_default(), &authority, &place.region)?)
}

#[cfg(test)]
mod tests;
