//! Puts the adapters of this machine behind the ports.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use slipway_domain::error::{Error, Result};
use slipway_embedded::embedded::Embedded;
use slipway_service::ports::Clock;
use slipway_service::slipway::Slipway;
use slipway_service::system::{SystemClock, SystemEntropy};
use slipway_service::turn::StoreRecords;
use slipway_store::Store;
use slipway_store::keys::file::FileKeys;

use super::backend::{Backend, Ports};
use super::images::Images;
use crate::disk;
use crate::rollout::{LocalWorkflows, StepFunction};
use crate::workflow::rollout_definition;
use crate::workflow::runner::Runner;

/// The name of the one table.
const TABLE: &str = "slipway";

/// Everything of one folder, ready to serve.
pub struct Installation {
    pub slipway: Arc<Slipway>,
    pub runner: Arc<Runner>,
    images: Images,
}

impl Installation {
    /// Takes over the folder. `origin` is where the API will be reached.
    pub async fn open(data: &Path, origin: &str, backend: Backend) -> Result<Self> {
        let keys = Arc::new(FileKeys::open(&data.join("key")).map_err(Error::internal)?);
        // The engine keeps the mode of a file that is there, and gives it to those beside it.
        disk::private_log(&database(data)).map_err(Error::internal)?;
        let database = Embedded::file(&database(data)).map_err(Error::internal)?;
        let store = Store::new(database.client(), TABLE, keys);
        store.ensure_table().await?;
        let Ports { cluster, processes, access, images } = backend.ports(data, origin).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let step = StepFunction {
            records: Arc::new(StoreRecords::new(store.clone())),
            cluster: Arc::clone(&cluster),
            clock: Arc::clone(&clock),
        };
        let executions = data.join("executions");
        let runner = Runner::new(rollout_definition(), &executions, Arc::new(step), Arc::clone(&clock));
        let runner = Arc::new(runner.map_err(Error::internal)?);
        let slipway = Slipway {
            store,
            cluster,
            processes,
            access,
            clusters: None,
            operator: None,
            workflows: Arc::new(LocalWorkflows(Arc::clone(&runner))),
            registry: Arc::clone(&images.registry),
            objects: Arc::clone(&images.objects),
            builder: Arc::clone(&images.builder),
            intake: images.intake.clone(),
            clock,
            entropy: Arc::new(SystemEntropy),
        };
        Ok(Self { slipway: Arc::new(slipway), runner, images })
    }

    /// The API, and the addresses that uploads go to.
    pub fn router(&self) -> Router {
        slipway_web::router(Arc::clone(&self.slipway)).merge(self.images.routes())
    }
}

fn database(data: &Path) -> PathBuf {
    data.join("slipway.db")
}
