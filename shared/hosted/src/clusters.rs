//! The [`Clusters`] port over STS, EKS and Kubernetes.
//!
//! Nothing that a tenant says is ever dialled: the address comes from EKS in the tenant's own account, has to be one of
//! EKS's, is resolved once, and what it resolved to is what is dialled.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use slipway_aws::eks::{DescribeError, Eks};
use slipway_aws::eks_token::{self, EksToken};
use slipway_aws::endpoint::{Endpoint, EndpointError};
use slipway_aws::sessions::{Connection, Sessions, TenantRoles};
use slipway_aws::sts::{AssumeError, Sts};
use slipway_domain::cluster::Cluster;
use slipway_domain::cluster::role::ExternalId;
use slipway_domain::id::TenantId;
use slipway_domain::name::ClusterName;
use slipway_domain::time::Time;
use slipway_kubernetes::access::{self, KubernetesAccess};
use slipway_kubernetes::client::{ImageSource, KubernetesCluster};
use slipway_kubernetes::connect::{self, ConnectError, Server};
use slipway_service::clusters::{Clusters, NotConnected, Reached, Setup};
use slipway_service::ports::{Clock, ClusterError, Namespace};

use crate::private::PrivateClusters;
use crate::setup::setup;

/// The port of every API server of EKS.
const HTTPS: u16 = 443;
/// What is left of a token's life when it is no longer used: more than a turn of a rollout lasts.
const MARGIN: Duration = Duration::from_mins(2);
/// Clusters that are kept open, and sessions that are kept, at most.
const KEPT: usize = 500;

/// Whom to ask for clusters, and what is said about all of them.
pub struct EksService {
    pub sts: Arc<Sts>,
    pub eks: Eks,
    pub images: ImageSource,
    /// The ARNs of the roles that our functions have.
    pub principals: Vec<String>,
    pub private: PrivateClusters,
}

/// Tenants' clusters on EKS.
pub struct EksClusters {
    service: EksService,
    sessions: Sessions<TenantRoles>,
    clock: Arc<dyn Clock>,
    kept: Mutex<HashMap<Kept, (Reached, Time)>>,
}

/// A cluster that is connected anew under its name is another one.
type Kept = (TenantId, ClusterName, ExternalId);

/// Why a cluster is not reached.
#[derive(Debug, thiserror::Error)]
enum Unreached {
    #[error("{0}")]
    Role(#[from] AssumeError),
    #[error("{0}")]
    Describe(#[from] DescribeError),
    #[error("{0}")]
    Endpoint(#[from] EndpointError),
    #[error("the host {0} of the cluster could not be looked up: {1}")]
    Lookup(String, std::io::Error),
    #[error("{0}")]
    Token(#[from] eks_token::EksTokenError),
    #[error("{0}")]
    Server(#[from] ConnectError),
}

impl EksClusters {
    pub fn new(service: EksService, clock: Arc<dyn Clock>) -> Self {
        let roles = TenantRoles { sts: Arc::clone(&service.sts) };
        let sessions = Sessions::new(roles, Arc::clone(&clock), KEPT);
        Self { service, sessions, clock, kept: Mutex::default() }
    }

    /// How the API server is dialled, and until when.
    async fn server(&self, cluster: &Cluster, credentials: &Credentials) -> Result<(Server, Time), Unreached> {
        let place = &cluster.place;
        let endpoint = self.service.eks.describe(place, credentials.clone()).await?;
        let address = self.address(&endpoint).await?;
        let EksToken { token, expires_at } =
            eks_token::token(credentials, &place.region, &place.name, self.clock.now())?;
        let (host, authority) = (endpoint.host().to_owned(), endpoint.authority().to_owned());
        Ok((Server { host, address, authority, token }, expires_at))
    }

    async fn address(&self, endpoint: &Endpoint) -> Result<IpAddr, Unreached> {
        let host = endpoint.host();
        let found = tokio::net::lookup_host((host, HTTPS)).await;
        let found = found.map_err(|error| Unreached::Lookup(host.to_owned(), error))?;
        let found: Vec<IpAddr> = found.map(|address| address.ip()).collect();
        dialled(endpoint, &found, &self.service.private).map_err(Unreached::Endpoint)
    }

    fn kept(&self, key: &Kept) -> Option<Reached> {
        let now = self.clock.now();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (_, end)| now.plus(MARGIN) < *end);
        kept.get(key).map(|(reached, _)| reached.clone())
    }

    async fn open(&self, tenant: &TenantId, cluster: &Cluster) -> Result<(Reached, Time), Unreached> {
        let role =
            Connection { tenant: tenant.clone(), role: cluster.role(tenant), external_id: cluster.external_id.clone() };
        let credentials = self.sessions.credentials(&role).await?;
        let (server, end) = self.server(cluster, &credentials).await?;
        let client = connect::client(&server).await?;
        let reached = Arc::new(KubernetesCluster::new(client.clone(), self.service.images.clone()));
        let access = Arc::new(KubernetesAccess::new(client, None));
        Ok((Reached { processes: Arc::clone(&reached) as _, cluster: reached, access }, end))
    }

    async fn look(&self, tenant: &TenantId, cluster: &Cluster, another: &ExternalId) -> Result<Vec<String>, Unreached> {
        let role = cluster.role(tenant);
        let credentials = self.service.sts.accept(tenant, &role, &cluster.external_id, another).await?;
        let (server, _) = self.server(cluster, &credentials).await?;
        let connection = connect::connect_to(&server).await?;
        let group = Cluster::group(tenant);
        let mut wrong = Vec::new();
        if !connection.groups.contains(&group) {
            wrong.push(format!(
                "the cluster does not put {role} into the group {group}: make its access entry as `slipway clusters \
                 setup {}` prints it",
                cluster.name
            ));
        }
        match access::excess(&connection.client).await {
            Ok(excess) if excess.is_empty() => {}
            Ok(excess) => wrong.push(format!(
                "the role may do more than it has to in the whole cluster ({}): take those rights from it",
                excess.join("; ")
            )),
            Err(error) => wrong.push(format!("the cluster does not tell what the role may do: {error}")),
        }
        Ok(wrong)
    }
}

/// Of the addresses that a host was resolved to, the one to dial. Each has to be public, or allowed by name.
fn dialled(endpoint: &Endpoint, found: &[IpAddr], private: &PrivateClusters) -> Result<IpAddr, EndpointError> {
    let doubtful: Vec<IpAddr> = found.iter().copied().filter(|address| !private.allows(*address)).collect();
    if found.is_empty() || !doubtful.is_empty() {
        endpoint.check_addresses(&doubtful)?;
    }
    found.first().copied().ok_or_else(|| EndpointError::NoAddress(endpoint.host().to_owned()))
}

#[async_trait]
impl Clusters for EksClusters {
    fn manifest(&self, namespace: &Namespace) -> String {
        access::manifest(namespace, &Cluster::group(&namespace.tenant))
    }

    fn setup(&self, tenant: &TenantId, cluster: &Cluster) -> Setup {
        setup(tenant, cluster, &self.service.principals)
    }

    async fn check(&self, tenant: &TenantId, cluster: &Cluster, another: &ExternalId) -> Result<(), NotConnected> {
        let wrong = self.look(tenant, cluster, another).await.map_err(|unreached| {
            let words = unreached.to_string();
            if is_away(&unreached) { NotConnected::Away(words) } else { NotConnected::Refused(words) }
        })?;
        if wrong.is_empty() { Ok(()) } else { Err(NotConnected::Refused(wrong.join(". "))) }
    }

    async fn reach(&self, tenant: &TenantId, cluster: &Cluster) -> Result<Reached, ClusterError> {
        let key = (tenant.clone(), cluster.name.clone(), cluster.external_id.clone());
        if let Some(reached) = self.kept(&key) {
            return Ok(reached);
        }
        let (reached, end) = self.open(tenant, cluster).await.map_err(|unreached| told(&unreached))?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.insert(key, (reached.clone(), end));
        }
        Ok(reached)
    }
}

/// Whether to try again is all that can be done.
fn is_away(unreached: &Unreached) -> bool {
    match unreached {
        Unreached::Role(error) => {
            matches!(error, AssumeError::Away { .. } | AssumeError::Throttled { .. } | AssumeError::Invalid { .. })
        }
        Unreached::Describe(error) => matches!(
            error,
            DescribeError::Away { .. } | DescribeError::Throttled { .. } | DescribeError::Invalid { .. }
        ),
        Unreached::Server(error) => matches!(error, ConnectError::Unreachable { .. }),
        Unreached::Lookup(..) | Unreached::Token(_) => true,
        Unreached::Endpoint(_) => false,
    }
}

/// For a rollout: only a door that was shut on us is the end of it; whatever else is wrong may be put right in time.
fn told(unreached: &Unreached) -> ClusterError {
    let words = unreached.to_string();
    match unreached {
        Unreached::Role(AssumeError::Refused { .. })
        | Unreached::Describe(DescribeError::Denied { .. })
        | Unreached::Server(ConnectError::Unauthenticated { .. }) => ClusterError::Unauthorized(words),
        _ => ClusterError::Unreachable(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "https://A.gr7.eu-central-1.eks.amazonaws.com";
    // "-----BEGIN CERTIFICATE-----" in base64.
    const AUTHORITY: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t";

    fn endpoint() -> Endpoint {
        Endpoint::new(HOST, AUTHORITY, &"eu-central-1".parse().unwrap()).unwrap()
    }

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_private_address_is_dialled_only_where_it_is_allowed() {
        let (none, some) = (PrivateClusters::default(), PrivateClusters::parse("dev", "127.0.0.0/8").unwrap());
        let public = addresses(&["3.120.0.1", "3.120.0.2"]);
        assert_eq!(dialled(&endpoint(), &public, &none), Ok(public[0]));
        let loopback = addresses(&["127.18.208.1"]);
        assert!(matches!(dialled(&endpoint(), &loopback, &none), Err(EndpointError::Address { .. })));
        assert_eq!(dialled(&endpoint(), &loopback, &some), Ok(loopback[0]));
        for bait in [["3.120.0.1", "10.0.0.1"], ["127.0.0.1", "169.254.169.254"]] {
            let refused = dialled(&endpoint(), &addresses(&bait), &some);
            assert!(matches!(refused, Err(EndpointError::Address { .. })), "{bait:?}: {refused:?}");
        }
        assert!(matches!(dialled(&endpoint(), &[], &some), Err(EndpointError::NoAddress(_))));
    }

    #[test]
    fn only_a_door_that_was_shut_is_the_end_of_a_rollout() {
        let role: slipway_domain::cluster::role::RoleArn = "arn:aws:iam::123456789012:role/slipway-a".parse().unwrap();
        let words = String::new;
        let refused =
            AssumeError::Refused { role: role.clone(), external_id: ExternalId::from_entropy([1, 2]), words: words() };
        assert!(matches!(told(&refused.into()), ClusterError::Unauthorized(_)));
        let away: Unreached = AssumeError::Away { role, words: words() }.into();
        assert!(matches!(told(&away), ClusterError::Unreachable(_)) && is_away(&away));
        let private: Unreached = EndpointError::NoAddress(HOST.to_owned()).into();
        assert!(matches!(told(&private), ClusterError::Unreachable(_)) && !is_away(&private));
    }
}
