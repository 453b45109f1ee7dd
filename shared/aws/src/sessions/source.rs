//! Of what sessions are made.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use slipway_domain::id::TenantId;

use crate::arn::{KeyArn, TableArn};
use crate::policy;
use crate::sts::{AssumeError, Sts};
use slipway_domain::cluster::role::{ExternalId, RoleArn};

/// Makes sessions, each from its key and nothing else.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    type Key: Clone + Debug + Eq + Hash + Send + Sync + 'static;

    async fn session(&self, key: &Self::Key) -> Result<Credentials, AssumeError>;
}

/// Sessions of a role of ours, each narrowed to one tenant's part of the table and to its data keys.
pub struct TenantTable {
    pub sts: Arc<Sts>,
    pub role: RoleArn,
    pub table: TableArn,
    pub key: KeyArn,
}

#[async_trait]
impl Source for TenantTable {
    type Key = TenantId;

    async fn session(&self, tenant: &TenantId) -> Result<Credentials, AssumeError> {
        let policy = policy::tenant(&self.table, &self.key, tenant);
        self.sts.narrow(tenant, &self.role, &policy).await
    }
}

/// A role in a tenant's account that was accepted when its cluster was connected.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    pub tenant: TenantId,
    pub role: RoleArn,
    pub external_id: ExternalId,
}

/// Sessions of tenants' own roles.
pub struct TenantRoles {
    pub sts: Arc<Sts>,
}

#[async_trait]
impl Source for TenantRoles {
    type Key = Connection;

    async fn session(&self, key: &Connection) -> Result<Credentials, AssumeError> {
        self.sts.assume(&key.tenant, &key.role, &key.external_id).await
    }
}
