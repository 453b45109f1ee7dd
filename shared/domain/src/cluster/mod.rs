//! A tenant's EKS cluster, as it is connected: where it is, and under which role and external id we reach it.
//!
//! ```text
//! create ──► pending ── the tenant makes the role and lets it in ──► connect: every check holds ──► connected
//! ```

pub mod place;
pub mod role;

use serde::{Deserialize, Serialize};

use self::place::{Account, EksName, Region};
use self::role::{ExternalId, RoleArn};
use crate::id::TenantId;
use crate::name::ClusterName;
use crate::time::Time;

/// Which cluster of EKS is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EksPlace {
    pub region: Region,
    pub account: Account,
    pub name: EksName,
}

impl EksPlace {
    /// `arn:aws:eks:eu-central-1:123456789012:cluster/prod`
    pub fn arn(&self) -> String {
        let Self { region, account, name } = self;
        format!("arn:{}:eks:{region}:{account}:cluster/{name}", region.partition().as_str())
    }
}

/// A cluster of the tenant's. What it is called here never changes, nor does where it is: another place is another
/// cluster, with an external id of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    pub name: ClusterName,
    pub place: EksPlace,
    pub external_id: ExternalId,
    pub created_at: Time,
    pub created_by: String,
    /// When every check held for the first time. None: nothing runs there yet.
    pub connected_at: Option<Time>,
    /// Grows with every change.
    pub version: u64,
}

impl Cluster {
    /// The role that we take on to reach it. Its name follows from ours for the cluster, so that nobody can have us take
    /// on another one: `slipway-tabcdefghij-prod`.
    pub fn role(&self, tenant: &TenantId) -> RoleArn {
        let EksPlace { region, account, .. } = &self.place;
        RoleArn::of(region.partition(), account, &self.role_name(tenant))
    }

    /// The name of that role in the tenant's account.
    pub fn role_name(&self, tenant: &TenantId) -> String {
        format!("slipway-{}-{}", tenant.as_str().to_ascii_lowercase(), self.name)
    }

    /// The Kubernetes group that the role is put into there, and that rights are granted to.
    pub fn group(tenant: &TenantId) -> String {
        format!("slipway:{}", tenant.as_str().to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_follows_from_the_names() {
        let tenant = TenantId::from_entropy(7);
        let cluster = Cluster {
            name: "c".repeat(30).parse().unwrap(),
            place: EksPlace {
                region: "cn-north-1".parse().unwrap(),
                account: "123456789012".parse().unwrap(),
                name: "Prod_1".parse().unwrap(),
            },
            external_id: ExternalId::from_entropy([1, 2]),
            created_at: Time::from_millis(0),
            created_by: "ana".to_owned(),
            connected_at: None,
            version: 1,
        };
        assert_eq!(cluster.place.arn(), "arn:aws-cn:eks:cn-north-1:123456789012:cluster/Prod_1");
        let role = cluster.role(&tenant);
        assert_eq!(role.to_string().parse(), Ok(role.clone()));
        assert!(role.to_string().starts_with("arn:aws-cn:iam::123456789012:role/slipway-thaaaaaaaaa-ccc"), "{role}");
        // IAM takes names of at most 64 characters.
        assert!(cluster.role_name(&tenant).len() <= 64);
        let text = serde_json::to_string(&cluster).unwrap();
        assert_eq!(serde_json::from_str::<Cluster>(&text).unwrap(), cluster);
    }
}
