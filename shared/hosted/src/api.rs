//! The use cases as the api function serves them.

use std::sync::Arc;

use async_trait::async_trait;
use slipway_aws::ecr::{Ecr, Encryption, Settings as EcrSettings};
use slipway_domain::error::{Error, Result as Answer};
use slipway_domain::id::TenantId;
use slipway_domain::name::AppName;
use slipway_domain::release::ImageDigest;
use slipway_service::builds::intake::{Intake, NoBuilder};
use slipway_service::clusters::Clusters;
use slipway_service::ports::Registry;
use slipway_service::slipway::Slipway;
use slipway_service::system::SystemEntropy;
use slipway_store::Store;

use crate::host::Host;
use crate::narrow::TenantSessions;
use crate::settings::SettingsError;

/// Why a function does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{0}")]
    Settings(#[from] SettingsError),
    #[error("{0}")]
    Registry(#[from] slipway_aws::ecr::SettingsError),
}

/// For requests of tenants and operators: the table is narrowed to the caller's tenant.
pub fn api(host: &Host) -> Result<Slipway, StartError> {
    let images = EcrSettings {
        address: host.settings.registry()?,
        encryption: Encryption::Aes256,
        push_role: host.settings.parsed("SLIPWAY_PUSH_ROLE")?,
    };
    let ecr = Arc::new(Ecr::new((&host.sdk).into(), Arc::clone(&host.sts), images)?);
    Ok(Slipway {
        operator: Some(host.settings.parsed("SLIPWAY_OPERATOR_SHA256")?),
        registry: Arc::clone(&ecr) as _,
        intake: Intake::External(ecr),
        ..with(host, host.store.narrowed(Arc::new(TenantSessions::new(host)?)))?
    })
}

/// For the sweep, which acts for all tenants and takes no requests.
pub fn sweep(host: &Host) -> Result<Slipway, StartError> {
    Ok(with(host, host.store.clone())?)
}

fn with(host: &Host, store: Store) -> Result<Slipway, SettingsError> {
    let clusters = host.clusters()?;
    let cluster = host.cluster_of(&store, &clusters);
    Ok(Slipway {
        store,
        processes: Arc::clone(&cluster) as _,
        access: Arc::clone(&cluster) as _,
        cluster,
        clusters: Some(clusters as Arc<dyn Clusters>),
        operator: None,
        workflows: host.workflows()?,
        registry: Arc::new(NoRegistry),
        objects: Arc::new(NoBuilder),
        builder: Arc::new(NoBuilder),
        intake: Intake::Archives,
        clock: Arc::clone(&host.clock),
        entropy: Arc::new(SystemEntropy),
    })
}

/// The sweep ends builds, and completes none.
struct NoRegistry;

#[async_trait]
impl Registry for NoRegistry {
    async fn holds(&self, _: &TenantId, app: &AppName, image: &ImageDigest) -> Answer<bool> {
        Err(Error::internal(format!("the sweep was asked for the image {image} of {app}")))
    }
}
