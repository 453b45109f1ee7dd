//! An embedded database and the clients that talk to it.

use std::path::Path;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, StalledStreamProtectionConfig};
use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};
use dynoxide::Database;

use crate::connector::{Connector, Place};
use crate::faults::Faults;

/// The engine could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the embedded database: {0}")]
pub struct OpenError(String);

/// A DynamoDB of one process. Clones share the data.
#[derive(Clone)]
pub struct Embedded {
    database: Database,
    place: Place,
    faults: Option<Arc<dyn Faults>>,
}

impl Embedded {
    /// An empty database that is gone with its last clone.
    pub fn memory() -> Result<Self, OpenError> {
        let database = Database::memory().map_err(|error| OpenError(error.to_string()))?;
        Ok(Self { database, place: Place::Memory, faults: None })
    }

    /// The database in this file, created when absent. One process at a time.
    pub fn file(path: &Path) -> Result<Self, OpenError> {
        let text = path.to_str().ok_or_else(|| OpenError(format!("{} is not valid UTF-8", path.display())))?;
        let database = Database::new(text).map_err(|error| OpenError(format!("{text}: {error}")))?;
        Ok(Self { database, place: Place::File, faults: None })
    }

    /// The same data, seen through these faults by clients made from the result.
    #[must_use]
    pub fn with_faults(mut self, faults: Arc<dyn Faults>) -> Self {
        self.faults = Some(faults);
        self
    }

    /// The engine itself, to serve it on a socket.
    pub fn database(&self) -> Database {
        self.database.clone()
    }

    /// A client that never retries by itself: each call of the engine is one that the caller made, so that faults are
    /// met where they are aimed. Calls are numbered from 1 in every client.
    pub fn client(&self) -> Client {
        let connector = Connector::new(self.database.clone(), self.place, self.faults.clone());
        let connector = SharedHttpConnector::new(connector);
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("local"))
            .endpoint_url("http://embedded.invalid")
            .allow_no_auth()
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(http_client_fn(move |_settings, _components| connector.clone()))
            .build();
        Client::from_conf(config)
    }
}
