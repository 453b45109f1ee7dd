//! Repositories that images are pushed to from outside.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use slipway_domain::cluster::place::Account;
use slipway_domain::error::Result;
use slipway_domain::id::TenantId;
use slipway_domain::name::AppName;
use slipway_domain::repository::{RegistryAddress, Repository};
use slipway_service::builds::intake::{Login, Repositories};

/// Repositories of one registry, how one logs in there as the test says, and who may pull. An error is about both.
pub struct MemoryRepositories(pub Mutex<Result<Login>>, pub Mutex<BTreeMap<AppName, Vec<Account>>>);

impl Default for MemoryRepositories {
    fn default() -> Self {
        Self(Mutex::new(Ok(Login::Open)), Mutex::default())
    }
}

#[async_trait]
impl Repositories for MemoryRepositories {
    fn repository(&self, tenant: &TenantId, app: &AppName) -> Repository {
        "registry.example.com".parse::<RegistryAddress>().unwrap().repository(tenant, app)
    }

    async fn login(&self, _tenant: &TenantId, _app: &AppName) -> Result<Login> {
        self.0.lock().unwrap().clone()
    }

    async fn let_pull(&self, _tenant: &TenantId, app: &AppName, accounts: Vec<Account>) -> Result<()> {
        self.0.lock().unwrap().clone()?;
        self.1.lock().unwrap().insert(app.clone(), accounts);
        Ok(())
    }
}
