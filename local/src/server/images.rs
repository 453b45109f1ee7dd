//! Where the server's images come from: from its own builds, or from a registry that they are pushed to.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use slipway_domain::error::{Error, Result};
use slipway_registry::OciRegistry;
use slipway_service::builds::intake::{Intake, NoBuilder};
use slipway_service::ports::{Builder, Objects, Registry};

use crate::builds::builder::LocalBuilder;
use crate::builds::registry::LocalRegistry;
use crate::builds::uploads::LocalObjects;

/// The ports that have to do with images.
pub struct Images {
    pub registry: Arc<dyn Registry>,
    pub objects: Arc<dyn Objects>,
    pub builder: Arc<dyn Builder>,
    pub intake: Intake,
    uploads: Router,
}

impl Images {
    /// Built here, from archives that are uploaded to `origin`, into the folder `data`. They run on this machine alone.
    pub fn of_this_machine(data: &Path, origin: &str) -> Result<Self> {
        let registry = LocalRegistry::new(data);
        let builder = LocalBuilder::open(data, registry.clone()).map_err(Error::internal)?;
        let objects = LocalObjects::new(data, origin.to_owned());
        Ok(Self {
            registry: Arc::new(registry),
            uploads: objects.routes(),
            objects: Arc::new(objects),
            builder: Arc::new(builder),
            intake: Intake::Archives,
        })
    }

    /// Built elsewhere and pushed to the registry, from where a cluster pulls them.
    pub fn in_registry(registry: OciRegistry) -> Self {
        let registry = Arc::new(registry);
        Self {
            registry: Arc::clone(&registry) as _,
            objects: Arc::new(NoBuilder),
            builder: Arc::new(NoBuilder),
            intake: Intake::External(registry),
            uploads: Router::new(),
        }
    }

    /// The addresses that uploads go to.
    pub fn routes(&self) -> Router {
        self.uploads.clone()
    }
}
