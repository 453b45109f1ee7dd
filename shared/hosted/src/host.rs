//! What every function is made of: its settings, clients, the table, the clock.

use std::sync::Arc;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client as http;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use slipway_aws::kms::KmsKeys;
use slipway_aws::sessions::Sessions;
use slipway_aws::step_functions::StepFunctions;
use slipway_aws::sts::Sts;
use slipway_aws::table;
use slipway_kubernetes::client::ImageSource;
use slipway_service::clusters::{ByEnvironment, Clusters};
use slipway_service::ports::Clock;
use slipway_service::system::SystemClock;
use slipway_store::Store;

use crate::clusters::{EksClusters, EksService};
use crate::settings::{Settings, SettingsError};
use crate::telemetry;

/// Made once per instance of a function. Nothing is asked of anybody until the first request.
pub struct Host {
    pub settings: Settings,
    pub clock: Arc<dyn Clock>,
    /// The table, with the function's own rights.
    pub store: Store,
    pub sts: Arc<Sts>,
    pub(crate) sdk: SdkConfig,
}

impl Host {
    /// Starts the log, and reads what the template sets.
    pub async fn start() -> Result<Self, SettingsError> {
        telemetry::start();
        let settings = Settings::from_environment().inspect_err(|error| tracing::error!("{error}"))?;
        Ok(Self::new(settings, sdk().await))
    }

    pub fn new(settings: Settings, sdk: SdkConfig) -> Self {
        let keys = KmsKeys::new((&sdk).into(), settings.key.to_string());
        let store = Store::new(table::client((&sdk).into()), settings.table.clone(), Arc::new(keys));
        let sts = Arc::new(Sts::new((&sdk).into()));
        Self { settings, clock: Arc::new(SystemClock), store, sts, sdk }
    }

    /// Tenants' clusters.
    pub fn clusters(&self) -> Result<Arc<EksClusters>, SettingsError> {
        let eks = EksService {
            sts: Arc::clone(&self.sts),
            eks: slipway_aws::eks::Eks::new((&self.sdk).into()),
            images: ImageSource::new(self.settings.registry()?),
            principals: self.settings.principals(),
            private: self.settings.private_clusters()?,
        };
        Ok(Arc::new(EksClusters::new(eks, Arc::clone(&self.clock))))
    }

    /// Whichever cluster an environment is in.
    pub fn cluster_of(&self, store: &Store, clusters: &Arc<EksClusters>) -> Arc<ByEnvironment> {
        let clusters = Arc::clone(clusters) as Arc<dyn Clusters>;
        Arc::new(ByEnvironment::new(store.clone(), clusters, Arc::clone(&self.clock)))
    }

    pub fn workflows(&self) -> Result<Arc<StepFunctions>, SettingsError> {
        let machine = self.settings.text("SLIPWAY_STATE_MACHINE")?;
        Ok(Arc::new(StepFunctions::new((&self.sdk).into(), machine).traced(telemetry::trace)))
    }
}

/// What the runtime says of region and credentials, and one pool of connections for all clients: without it each would
/// open its own, and one is made for each scope.
async fn sdk() -> SdkConfig {
    let connections = http::Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https();
    aws_config::defaults(BehaviorVersion::latest()).http_client(connections).load().await
}

/// How many tenants' sessions one instance keeps.
const KEPT: usize = 1000;

pub(crate) fn sessions<S: slipway_aws::sessions::Source>(source: S, clock: &Arc<dyn Clock>) -> Arc<Sessions<S>> {
    Arc::new(Sessions::new(source, Arc::clone(clock), KEPT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_clients_have_their_connections_from_one_pool() {
        assert!(sdk().await.http_client().is_some(), "else each client makes a pool of its own");
    }
}
