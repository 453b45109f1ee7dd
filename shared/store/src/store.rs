//! The ways in: by tenant, and by what is due.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use slipway_domain::id::TenantId;
use slipway_domain::time::Time;

use crate::error::{Result, StoreError};
use crate::keys::Keys;
use crate::layout::Layout;
use crate::records::{Due, DueKind};

/// The table. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    table: String,
    keys: Arc<dyn Keys>,
}

impl Store {
    pub fn new(client: Client, table: impl Into<String>, keys: Arc<dyn Keys>) -> Self {
        Self { shared: Arc::new(Shared { client, table: table.into(), keys }) }
    }

    /// Creates the table unless it is there, and returns once it can be used. For local use and tests: on AWS the
    /// template makes it.
    pub async fn ensure_table(&self) -> Result<()> {
        Err(StoreError::Misuse(String::new()))
    }

    /// Everything of one tenant, and nothing of any other.
    pub fn scoped(&self, tenant: TenantId) -> Scoped {
        Scoped { shared: self.shared.clone(), layout: Layout::new(tenant) }
    }

    /// What is due, of all tenants. For the relay and the sweep.
    pub fn system(&self) -> System {
        System { shared: self.shared.clone() }
    }
}

/// The store of one tenant. Its functions are in the modules of what they are about.
#[derive(Clone)]
pub struct Scoped {
    shared: Arc<Shared>,
    layout: Layout,
}

/// Reads the index of what is due: ids only, eventually consistent.
#[derive(Clone)]
pub struct System {
    shared: Arc<Shared>,
}

impl System {
    /// What is due up to and including `until`, the longest due first, at most `limit` of it.
    pub async fn due(&self, kind: DueKind, until: Time, limit: usize) -> Result<Vec<Due>> {
        let _ = (kind, until, limit);
        Err(StoreError::Misuse(String::new()))
    }
}
