//! The second wall between tenants: what a request does in the table, it does with credentials that are good for its
//! tenant alone.

use std::sync::Arc;

use aws_credential_types::provider::SharedCredentialsProvider;
use slipway_aws::kms::KmsKeys;
use slipway_aws::sessions::{Sessions, TenantTable};
use slipway_aws::table;
use slipway_domain::id::TenantId;
use slipway_store::narrow::{Narrow, Narrowed};

use crate::host::{Host, sessions};
use crate::settings::SettingsError;

/// Sessions of the tenant role, each kept for its life. A client around one costs next to nothing: the connections are
/// shared by all.
pub struct TenantSessions {
    sessions: Arc<Sessions<TenantTable>>,
    table: aws_sdk_dynamodb::Config,
    keys: aws_sdk_kms::Config,
    key: String,
}

impl TenantSessions {
    pub fn new(host: &Host) -> Result<Self, SettingsError> {
        let source = TenantTable {
            sts: Arc::clone(&host.sts),
            role: host.settings.parsed("SLIPWAY_TENANT_ROLE")?,
            table: host.settings.table_arn()?,
            key: host.settings.key.clone(),
        };
        Ok(Self {
            sessions: sessions(source, &host.clock),
            table: (&host.sdk).into(),
            keys: (&host.sdk).into(),
            key: host.settings.key.to_string(),
        })
    }
}

impl Narrow for TenantSessions {
    fn narrow(&self, tenant: &TenantId) -> Narrowed {
        let credentials = || SharedCredentialsProvider::new(self.sessions.provider(tenant.clone()));
        let client = table::client_as(self.table.to_builder(), credentials());
        let keys = Arc::new(KmsKeys::with_credentials(self.keys.to_builder(), credentials(), &self.key));
        Narrowed { client, keys }
    }
}
